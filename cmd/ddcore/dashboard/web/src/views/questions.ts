import { chart, colours, type Spec } from "../chart";
import { codePanel } from "../code";
import { segments, select, several } from "../controls";
import { isThere, table, theIndex, type Row } from "../data";
import { h } from "../dom";
import { grid } from "../grid";
import { notice, short, stage, unique, type View } from "../view";

const measures = { accuracy: "accuracy over seeds", logits_per_char_corr: "log-likelihood of the right answer, per character (nats)" } as const;

export const questions: View = {
  id: "questions", name: "Questions", title: "One question over training", needs: "instances",
  about: "What becomes of a single question: when recipes learn it, and whether they forget it again. Click a row for its curve.",
  show(root, p) {
    const index = theIndex();
    const sizes = unique(index.instances.map((i) => i.params));
    const tasksOf = (params: string) => index.instances.filter((i) => i.params === params).map((i) => i.task);
    const controls = h("div", { class: "controls" });
    const place = stage(), list = stage();
    const drawn = chart("Question over training");
    root.append(controls, place.element, list.element);
    const recipes = index.instance_recipes;
    let telling = 0; // the question to begin with
    const state = () => {
      const params = p.oneOf("params", sizes, sizes.at(-1));
      const task = p.oneOf("task", tasksOf(params), tasksOf(params).includes("arc_easy") ? "arc_easy" : tasksOf(params)[0]);
      return { params, task, doc: Math.max(0, Math.floor(Number(p.get("doc", String(telling)))) || 0), measure: p.oneOf("y", Object.keys(measures)) as keyof typeof measures, recipes: p.list("recipe") };
    };
    const build = () => {
      const s = state();
      const change = (name: string) => (v: string) => { p.set(name, v); void begin(); };
      controls.replaceChildren(
        select("Size", sizes, s.params, change("params")), select("Task", tasksOf(s.params), s.task, (v) => { p.set("doc", null); change("task")(v); }),
        h("div", { class: "control" }, h("label", { for: "doc" }, "Question"), h("input", { id: "doc", type: "number", min: "0", step: "1", value: String(s.doc), onchange: (e: Event) => { p.set("doc", (e.target as HTMLInputElement).value); void draw(); } })),
        segments("Show", [{ value: "accuracy" }, { value: "logits_per_char_corr", label: "log-likelihood" }], s.measure, (v) => { p.set("y", v); void draw(); }),
        several("Recipes", recipes, s.recipes ?? recipes, (v) => { p.set("recipe", v.length === recipes.length ? null : v); void draw(); }));
    };
    const draw = () => place.run(async () => {
      const s = state();
      const block = Math.floor(s.doc / index.docs_per_block);
      const answer = await table("question_curves", s.params, s.task, String(block));
      const rows = answer.rows.filter((r) => r.doc_id === s.doc && r[s.measure] !== null && (!s.recipes || s.recipes.includes(r.recipe)));
      if (!rows.length) return [notice(`${s.task} has no question ${s.doc} with results at ${s.params}.`, "Choose one of the table.")];
      await drawn.update(specOf(rows, s));
      return [drawn.element, h("details", { class: "data" }, h("summary", {}, "Table"), grid({ name: `question ${s.task} ${s.doc}`, answer: { ...answer, rows }, height: "40vh" })), codePanel(answer.query, { doc_id: s.doc, ...(s.recipes && { recipe: s.recipes }) })];
    });
    const show = () => list.run(async () => {
      const s = state();
      if (!isThere("questions", s.params, s.task)) return [notice("This page's files do not have the list of this task's questions.")];
      const answer = await table("questions", s.params, s.task);
      return [h("h2", {}, `Questions of ${s.task} at ${s.params}`), grid({ name: `questions of ${s.task}`, answer, height: "46vh", sort: p.get("sort"), onSort: (v) => p.set("sort", v || null), selected: (r) => r.doc_id === state().doc, onPick: (r) => { p.set("doc", String(r.doc_id)); build(); void draw(); } }), codePanel(answer.query)];
    });
    // The most telling one is neither always right nor always wrong.
    const begin = async () => {
      const s = state();
      if (!p.get("doc") && isThere("questions", s.params, s.task)) {
        const docs = (await table("questions", s.params, s.task)).rows;
        const apart = (r: Row) => Math.abs(r.share_right - 0.5);
        if (docs.length) telling = docs.reduce((a, b) => (apart(b) < apart(a) ? b : a)).doc_id;
        if (!isThere("question_curves", s.params, s.task, String(Math.floor(telling / index.docs_per_block)))) telling = 0;
      }
      build();
      await Promise.all([draw(), show()]);
    };
    return begin();
  },
};

function specOf(rows: Row[], s: { params: string; task: string; doc: number; measure: keyof typeof measures }): Spec {
  const names = unique(rows.map((r) => r.recipe as string)).sort();
  const most = Math.max(...rows.map((r) => r.n_seeds));
  const equal = equals(names, rows, s.measure);
  const covers = [...equal.values()].some((of) => of.length > 1);
  return {
    title: { text: `${s.task}, question ${s.doc}, at ${s.params}`, subtitle: `${measures[s.measure]}; ${most === 1 ? "one seed" : `up to ${most} seeds`}${covers ? "; dashed: equal to the curve below" : ""}` },
    data: { values: rows.map((r) => ({ ...r, place: equal.get(r.recipe)!.indexOf(r.recipe), equal: equal.get(r.recipe)!.filter((name) => name !== r.recipe).join(", ") })) },
    mark: { type: "line", strokeWidth: 2, point: { size: 45, filled: true } },
    params: [{ name: "chosen", select: { type: "point", fields: ["recipe"] }, bind: "legend" }],
    encoding: {
      x: { field: "step", type: "quantitative", title: "Pretraining step", axis: { grid: false, labelExpr: short } },
      y: { field: s.measure, type: "quantitative", title: s.measure === "accuracy" ? "Accuracy" : "Log-likelihood per character (nats)", scale: s.measure === "accuracy" ? { domain: [0, 1] } : { zero: false } },
      color: { field: "recipe", type: "nominal", title: "Recipe", sort: names, scale: colours(names), legend: { orient: innerWidth < 700 ? "bottom" : "right", columns: 1 } },
      strokeDash: { field: "place", type: "ordinal", scale: { domain: dashes.map((_, i) => i), range: dashes }, legend: null },
      opacity: { condition: { param: "chosen", value: 1 }, value: 0.1 },
      tooltip: [{ field: "recipe" }, { field: "step", format: ",", type: "quantitative" }, { field: s.measure, format: ".4~g", type: "quantitative" }, { field: "n_seeds", title: "seeds" }, ...(covers ? [{ field: "equal", title: "equal to" }] : [])],
    },
  };
}

// Of equal curves each covers a half of what the one before it shows.
const dashes = [[1, 0], [8, 8], [4, 12], [2, 14]];

/** Gives each recipe those whose curve is the same, itself among them, as they are drawn. */
function equals(names: string[], rows: Row[], measure: string): Map<string, string[]> {
  const curves = names.map((name) => JSON.stringify(rows.filter((r) => r.recipe === name).map((r) => [r.step, r[measure]])));
  return new Map(names.map((name, i) => [name, names.filter((_, j) => curves[j] === curves[i])]));
}
