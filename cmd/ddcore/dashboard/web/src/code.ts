// The code that gives the same table: in Python, and in SQL or on the command line.
import { type Query, theIndex } from "./data";
import { h } from "./dom";

export interface Narrowed { [column: string]: string[] | number[] | string | number }

const quote = (v: string | number): string => (typeof v === "number" ? String(v) : `'${v.replaceAll("'", "''")}'`);

/** A condition in SQL. */
export function where(narrowed: Narrowed): string {
  return Object.entries(narrowed).map(([c, v]) => (Array.isArray(v) ? `${c} IN (${v.map(quote).join(", ")})` : `${c} = ${quote(v)}`)).join("\n  AND ");
}

export function sqlOf(q: Query, narrowed: Narrowed = {}): string | null {
  let text: string;
  if (q.verb === "sql") text = q.args.sql;
  else if (q.verb === "table") text = `SELECT * FROM ${q.args.name}${q.args.limit ? `\nLIMIT ${q.args.limit}` : ""}`;
  else return null;
  const condition = where(narrowed);
  return condition ? `SELECT * FROM (\n${text.replace(/^/gm, "    ")}\n)\nWHERE ${condition}` : text;
}

const py = (v: unknown): string => (Array.isArray(v) ? `[${v.map(py).join(", ")}]` : typeof v === "string" ? JSON.stringify(v) : typeof v === "boolean" ? (v ? "True" : "False") : String(v));

export function pythonOf(q: Query, narrowed: Narrowed = {}): string {
  const open = `import ddcore\n\nlake = ddcore.open(${py(theIndex().lake)})\n`;
  const condition = Object.keys(narrowed).length > 0;
  if (q.verb === "sql" || (q.verb === "table" && condition)) return `${open}table = lake.sql(\n    """\n${sqlOf(q, narrowed)!.replace(/^(?=.)/gm, "    ")}\n    """\n)\n`;
  if (q.verb === "table" || q.verb === "describe") {
    const rest = Object.entries(q.args).filter(([k]) => k !== "name").map(([k, v]) => `, ${k}=${py(v)}`).join("");
    return `${open}table = lake.${q.verb}(${py(q.args.name)}${rest})\n`;
  }
  const filter = condition ? `table = table.filter(${Object.entries(narrowed).map(([c, v]) => (Array.isArray(v) ? `pc.field(${py(c)}).isin(${py(v)})` : `(pc.field(${py(c)}) == ${py(v)})`)).join(" & ")})\n` : "";
  const imports = filter ? open.replace("import ddcore\n", "import ddcore\nimport pyarrow.compute as pc\n") : open;
  return `${imports}table = lake.${q.verb}(${Object.entries(q.args).map(([k, v]) => `${k}=${py(v)}`).join(", ")})\n${filter}`;
}

const dashed = (s: string): string => s.replaceAll("_", "-");

export function commandOf(q: Query): string {
  const lake = theIndex().lake;
  const flags = Object.entries(q.args).map(([k, v]) => ` --${dashed(k)} '${[v].flat().join(",").replaceAll("'", "'\\''")}'`).join("");
  return q.verb === "describe" ? `ddcore describe --lake '${lake}' '${q.args.name}'` : `ddcore ${dashed(q.verb)} --lake '${lake}'${flags}`;
}

/** A fold with the code. */
export function codePanel(q: Query, narrowed: Narrowed = {}): HTMLElement {
  const sql = sqlOf(q, narrowed);
  const part = (title: string, text: string) => h("div", { class: "snippet" },
    h("div", { class: "row" }, h("strong", {}, title), h("button", { type: "button", "aria-label": `Copy the ${title}`, onclick: (e: Event) => {
      void navigator.clipboard.writeText(text).then(() => { (e.target as HTMLElement).textContent = "Copied"; });
    } }, "Copy")),
    h("pre", { tabIndex: 0, "data-language": title }, h("code", {}, text)));
  return h("details", { class: "code" }, h("summary", {}, "Code for this table"), h("div", { class: "snippets" }, part("Python", pythonOf(q, narrowed)), sql ? part("SQL", sql) : part("Shell", commandOf(q))));
}
