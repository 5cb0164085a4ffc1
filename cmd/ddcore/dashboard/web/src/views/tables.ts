import { codePanel } from "../code";
import { select } from "../controls";
import { isThere, sql, table, theIndex, type Answer } from "../data";
import { h } from "../dom";
import { bytes } from "../format";
import { grid } from "../grid";
import { explain, notice, stage, type View } from "../view";

const shownColumns = 60; // of a preview: some tables have two thousand

export const tables: View = {
  id: "tables", name: "Tables", title: "Tables of the lake",
  about: "What each table holds, its columns with their meaning, and its first rows.",
  show(root, p) {
    const index = theIndex();
    const names = index.tables.filter((t) => !t.name.startsWith("_")).map((t) => ({ ...t, full: `${t.schema}.${t.name}` }));
    const place = stage();
    const controls = h("div", { class: "controls" });
    root.append(...(index.sql ? [box(p.get("sql"), (v) => p.set("sql", v || null))] : []), controls, place.element);
    if (!names.length) return void root.append(notice("The lake holds no tables.", "Ingest files: ddcore ingest --lake LAKE FILES"));
    const rank = (s: string) => ["main", "features", "predictions", "raw"].indexOf(s);
    names.sort((a, b) => rank(a.schema) - rank(b.schema) || a.name.localeCompare(b.name));
    const draw = () => place.run(async () => {
      const name = p.oneOf("table", names.map((t) => t.full), names.some((t) => t.full === "main.evals") ? "main.evals" : names[0].full);
      const info = names.find((t) => t.full === name)!;
      controls.replaceChildren(select("Table", names.map((t) => ({ value: t.full, label: t.name, group: t.schema })), name, (v) => { p.set("table", v); void draw(); }));
      const facts = [info.rows === null ? "rows are not counted" : `${info.rows.toLocaleString("en-US")} rows`, `${info.columns.toLocaleString("en-US")} columns`, info.bytes ? bytes(info.bytes) : ""].filter(Boolean).join(" · ");
      const description = await table("describe", name);
      return [
        h("div", { class: "about-table" }, h("h2", {}, name), h("p", {}, info.summary), h("p", { class: "note" }, facts)),
        h("h3", {}, "Columns"), grid({ name: `columns of ${name}`, answer: description, height: "38vh", wrapped: ["meaning"] }),
        h("h3", {}, "First rows"), ...(isThere("preview", name) ? preview(name, await table("preview", name)) : [notice("The first rows are not among this page's files.")]),
      ];
    });
    return draw();
  },
};

function preview(name: string, answer: Answer): Node[] {
  const columns = answer.columns.slice(0, shownColumns);
  const more = answer.columns.length - columns.length;
  return [more > 0 ? h("p", { class: "note" }, `${more.toLocaleString("en-US")} more columns are not shown.`) : h("span"), grid({ name: `first rows of ${name}`, answer: { ...answer, columns }, height: "46vh" }), codePanel(answer.query)];
}

/** A box for a query of the user's. */
function box(first: string, remember: (text: string) => void): HTMLElement {
  const text = h("textarea", { id: "sql", rows: 4, spellcheck: false, placeholder: "SELECT recipe, avg(acc_raw) FROM evals WHERE task = 'arc_easy' GROUP BY ALL", onkeydown: (e: KeyboardEvent) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); void run(); }
  } });
  text.value = first;
  const out = h("div", { class: "stage", "aria-live": "polite" });
  let going: AbortController | null = null;
  const stop = h("button", { type: "button", hidden: true, onclick: () => going?.abort() }, "Stop");
  const run = async () => {
    going?.abort();
    const mine = (going = new AbortController());
    remember(text.value);
    stop.hidden = false;
    out.setAttribute("aria-busy", "true");
    try {
      const answer = await sql(text.value, mine.signal);
      out.replaceChildren(grid({ name: "query", answer, height: "40vh" }), codePanel(answer.query));
    } catch (e) {
      if (!mine.signal.aborted) out.replaceChildren(explain(e));
      else if (mine === going) out.replaceChildren(notice("Stopped."));
    }
    if (mine === going) { stop.hidden = true; out.removeAttribute("aria-busy"); }
  };
  if (first) void run();
  return h("details", { class: "sql", open: first !== "" }, h("summary", {}, "SQL"), h("label", { for: "sql" }, "One query that reads (DuckDB's SQL); Ctrl-Enter runs it"), text,
    h("div", { class: "row" }, h("button", { type: "button", class: "primary", onclick: () => void run() }, "Run"), stop), out);
}
