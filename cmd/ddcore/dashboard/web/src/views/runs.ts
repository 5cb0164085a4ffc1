import { chart, colours, type Spec } from "../chart";
import { codePanel } from "../code";
import { segments, toggle } from "../controls";
import { isThere, table, type Query, type Row } from "../data";
import { h } from "../dom";
import { grid } from "../grid";
import { notice, scaleOf, short, stage, type View } from "../view";

const most = 8; // more lines cannot be told apart
const measures = { train_loss: "Training loss", learning_rate: "Learning rate", seen_tokens: "Tokens seen" } as const;
type Measure = keyof typeof measures;
const key = (r: Row): string => `${r.project}/${r.run_id}`;
const split = (k: string): [string, string] => [k.slice(0, k.indexOf("/")), k.slice(k.indexOf("/") + 1)];

export const runs: View = {
  id: "runs", name: "Runs", title: "Fine-tuning runs: histories and gaps", needs: "runs",
  about: `Choose up to ${most} runs in the table. Shaded: steps that a history lacks.`,
  show(root, p) {
    const controls = h("div", { class: "controls" });
    const place = stage(), list = stage();
    const drawn = chart("Run histories");
    root.append(controls, place.element, list.element);
    const state = () => ({ measure: p.oneOf("y", Object.keys(measures)) as Measure, log: p.get("logy") === "yes" });
    const build = () => {
      const s = state();
      controls.replaceChildren(
        segments("Show", Object.entries(measures).map(([value, label]) => ({ value, label })), s.measure, (v) => { p.set("y", v); void draw(); }),
        toggle("log y", s.log, (v) => { p.set("logy", v ? "yes" : null); void draw(); }));
    };
    let all: Row[] = [];
    const chosen = (): string[] => p.list("run") ?? all.filter((r) => r.n_rows > 1 && isThere("history", r.project, r.run_id)).slice(0, 3).map(key);
    const draw = () => place.run(async () => {
      const keys = chosen();
      if (!keys.length) return [notice("No run is chosen.", "Click a run in the table.")];
      const histories = await Promise.all(keys.map((k) => table("history", ...split(k))));
      const s = state();
      const rows = histories.flatMap((a, i) => a.rows.filter((r) => r[s.measure] !== null).map((r) => ({ ...r, run: split(keys[i])[1], entry: `${split(keys[i])[1]} ${r.occurrence}` })));
      const lost = keys.map((k) => all.find((r) => key(r) === k)).filter((r): r is Row => !!r && r.is_complete === false);
      const words = lost.length > 0 && h("div", { class: "notice" }, ...lost.map((r) => h("p", {}, h("strong", {}, r.run_id), ": ", r.gaps ?? "incomplete")));
      if (!rows.length) return [notice(`The histories that were chosen hold no ${measures[s.measure].toLowerCase()}.`), words];
      await drawn.update(specOf(rows, keys.map((k) => split(k)[1]), s, keys.flatMap((k, i) => holes(histories[i].rows, all.find((r) => key(r) === k)))));
      return [drawn.element, words, h("details", { class: "data" }, h("summary", {}, "Table"), grid({ name: "run history", answer: { ...histories[0], columns: [{ name: "run", isNumber: false, isTime: false, unit: "", meaning: "W&B run id" }, ...histories[0].columns], rows } })), codePanel(together(histories.map((a) => a.query), keys))];
    });
    build();
    return list.run(async () => {
      const answer = await table("runs");
      all = answer.rows;
      await draw();
      return [grid({ name: "runs", answer, height: "46vh", selected: (r) => chosen().includes(key(r)), sort: p.get("sort"), onSort: (v) => p.set("sort", v || null), onPick: (r) => {
        const now = chosen();
        p.set("run", now.includes(key(r)) ? now.filter((k) => k !== key(r)) : [...now.slice(-(most - 1)), key(r)]);
        void draw();
      } }), codePanel(answer.query)];
    });
  },
};

/** One query for the histories of several runs. */
const together = (queries: Query[], keys: string[]): Query => ({ verb: "sql", args: { sql: queries.map((q, i) => `SELECT '${split(keys[i])[1].replaceAll("'", "''")}' AS run, * FROM (\n${q.args.sql}\n)`).join("\nUNION ALL\n") } });

/** Stretches of steps much longer than the usual distance between entries, and what is missing at the end. */
function holes(rows: Row[], run: Row | undefined): Row[] {
  const steps = rows.map((r) => r.step as number);
  const distances = steps.slice(1).map((s, i) => s - steps[i]).filter((d) => d > 0).sort((a, b) => a - b);
  const usual = distances[distances.length >> 1] ?? Infinity;
  const out = steps.slice(1).map((s, i) => ({ from: steps[i], to: s })).filter((g) => g.to - g.from > 2.5 * usual);
  const last = steps.at(-1);
  if (run && last !== undefined && run.expected_last_step > last + 2.5 * usual) out.push({ from: last, to: run.expected_last_step });
  return out;
}

function specOf(rows: Row[], names: string[], s: { measure: Measure; log: boolean }, gaps: Row[]): Spec {
  const log = s.log && rows.every((r) => r[s.measure] > 0);
  return {
    title: { text: `${measures[s.measure]} by step`, subtitle: `${names.length} ${names.length === 1 ? "run" : "runs"}; at most 1,000 entries of each` },
    layer: [
      ...(gaps.length ? [{ data: { values: gaps }, mark: { type: "rect", opacity: 0.13, color: "#d55e00" }, encoding: { x: { field: "from", type: "quantitative" }, x2: { field: "to" } } }] : []),
      { data: { values: rows.map(({ logged_at: _, ...r }) => r) }, mark: { type: "line", strokeWidth: 1.8, point: rows.length < 400 ? { size: 18 } : false }, encoding: {
        x: { field: "step", type: "quantitative", title: "Step", axis: { grid: false, labelExpr: short } },
        y: { field: s.measure, type: "quantitative", title: measures[s.measure], scale: scaleOf(log, { padding: 8 }), axis: s.measure === "learning_rate" ? { format: ".1~e" } : { labelExpr: short } },
        color: { field: "run", type: "nominal", title: "Run", scale: colours(names), sort: names, legend: { orient: "bottom", direction: "vertical", labelLimit: Math.min(560, innerWidth - 120) } },
        detail: { field: "entry" },
        tooltip: [{ field: "run" }, { field: "step", format: ",", type: "quantitative" }, ...Object.keys(measures).map((field) => ({ field, format: ".4~g", type: "quantitative" }))],
      } },
    ],
  };
}
