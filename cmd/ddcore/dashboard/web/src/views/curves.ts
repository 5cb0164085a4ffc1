import { chart, colours, ordered, type Spec } from "../chart";
import { codePanel } from "../code";
import { segments, select, several, toggle } from "../controls";
import { isThere, table, theIndex, type Answer, type Metric, type Row } from "../data";
import { h } from "../dom";
import { grid } from "../grid";
import { axisTitle, notice, scaleOf, short, stage, taskOptions, unique, type View } from "../view";

const axes = {
  size: { field: "n_params", title: "Model size (non-embedding parameters)" },
  tokens: { field: "tokens", title: "Tokens seen" },
  compute: { field: "compute", title: "Training compute (FLOPs)" },
} as const;
type X = keyof typeof axes;
const perplexity = "perplexity";

export const curves: View = {
  id: "curves", name: "Curves", title: "Metrics over size, tokens and compute", needs: "curve",
  about: "A line is the mean over the seeds of a recipe; its band or bar reaches from the lowest seed to the highest. Over size: at each recipe's last checkpoint of a size.",
  show(root, p) {
    const index = theIndex();
    const sizes = index.sizes.map((s) => s.params);
    const allRecipes = index.recipes.map((r) => r.recipe);
    const families = new Map(index.recipes.map((r) => [r.recipe, r.family]));
    const controls = h("div", { class: "controls" });
    const place = stage();
    const drawn = chart("Curves");
    root.append(controls, place.element);

    const state = () => {
      const task = p.oneOf("task", [perplexity, ...index.tasks]);
      const metrics = (task === perplexity ? index.perplexities : index.metrics).filter((m) => isThere("curve", task, m.name));
      const metric = p.oneOf("metric", metrics.map((m) => m.name), task === perplexity ? "pile-valppl" : "primary_metric");
      const x = p.oneOf("x", Object.keys(axes)) as X;
      return { task, metrics, metric, x, recipes: p.list("recipe") ?? allRecipes, params: p.list("params") ?? (x === "tokens" ? sizes.slice(-1) : sizes),
        by: p.oneOf("by", ["recipe", "family", "size"], allRecipes.length > 12 && !p.list("recipe") ? "family" : "recipe"), step: p.get("step"),
        logX: p.oneOf("logx", ["yes", "no"], x === "tokens" ? "no" : "yes") === "yes", logY: p.oneOf("logy", ["yes", "no"], task === perplexity ? "yes" : "no") === "yes" };
    };
    const set = (name: string, value: string | string[] | null, rebuild = false) => { p.set(name, value); if (rebuild) build(); draw(); };
    const build = () => {
      const s = state();
      controls.replaceChildren(
        select("Task", [{ value: perplexity, label: "validation perplexity" }, ...taskOptions().filter((t) => index.metrics.some((m) => isThere("curve", t.value, m.name)))], s.task, (v) => { p.set("metric", null); p.set("logy", null); set("task", v, true); }),
        select("Metric", s.metrics.map((m) => ({ value: m.name, title: m.meaning })), s.metric, (v) => set("metric", v)),
        segments("Against", [{ value: "size", label: "size" }, { value: "tokens" }, { value: "compute" }], s.x, (v) => { p.set("logx", null); set("x", v, true); }),
        several("Recipes", index.recipes.map((r) => ({ value: r.recipe, title: r.family })), s.recipes, (v) => set("recipe", v.length === allRecipes.length ? null : v)),
        several("Sizes", sizes, s.params, (v) => set("params", v)),
        segments("Colour", [{ value: "recipe" }, { value: "family" }, { value: "size" }], s.by, (v) => set("by", v)),
        toggle("log x", s.logX, (v) => set("logx", v ? "yes" : "no")), toggle("log y", s.logY, (v) => set("logy", v ? "yes" : "no")),
        ...(s.x === "size" ? [h("div", { class: "control" }, h("label", { for: "until" }, "Checkpoint"), h("input", { id: "until", type: "number", min: "0", step: "1", placeholder: "last", value: s.step, title: "the last one up to this step", onchange: (e: Event) => set("step", (e.target as HTMLInputElement).value || null) }))] : []),
      );
    };
    const draw = () => place.run(async () => {
      const s = state();
      const metric = s.metrics.find((m) => m.name === s.metric)!;
      if (!metric) return [notice("This page's files have no metric of this task.")];
      const answer = await table("curve", s.task, s.metric);
      let rows = answer.rows.filter((r) => s.recipes.includes(r.recipe) && s.params.includes(r.params));
      if (s.x === "size") rows = lastOf(rows, s.step ? Number(s.step) : Infinity);
      else if (s.logX) rows = rows.filter((r) => r[axes[s.x].field] > 0);
      if (!rows.length) return [notice(`There is no value of ${s.metric} here.`, "Choose other recipes or sizes, or a later checkpoint.")];
      const shown: Answer = { ...answer, rows };
      const narrowed = { ...(s.recipes.length < allRecipes.length && { recipe: s.recipes }), ...(s.params.length < sizes.length && { params: s.params }) };
      await drawn.update(specOf(rows, s, metric, families));
      return [drawn.element, h("details", { class: "data" }, h("summary", {}, "Table"), grid({ name: `curves ${s.task} ${s.metric}`, answer: shown, height: "50vh" })), codePanel(answer.query, narrowed)];
    });
    build();
    return draw();
  },
};

// On a log axis powers of ten are labelled: others would stand in each other's way.
const powers = (log: boolean): string => {
  const label = "replace(format(datum.value, '.2~e'), '+', '')";
  return log ? `abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6 ? ${label} : ''` : label;
};

/** The last row of each recipe and size that is not after a step. */
function lastOf(rows: Row[], step: number): Row[] {
  const last = new Map<string, Row>();
  for (const r of rows) if (r.step <= step) last.set(`${r.recipe}\n${r.params}`, r); // rows are in the order of steps
  return [...last.values()];
}

interface Seen { task: string; metric: string; x: X; by: string; logX: boolean; logY: boolean }

function specOf(rows: Row[], s: Seen, metric: Metric, families: Map<string, string>): Spec {
  const isSize = s.x === "size";
  const sizes = unique(rows.map((r) => r.n_params as number)).sort((a, b) => a - b);
  const label = new Map(rows.map((r) => [r.n_params as number, r.params as string]));
  const field = { recipe: "recipe", family: "family", size: "params" }[s.by]!;
  const names = s.by === "size" ? sizes.map((n) => label.get(n)!) : s.by === "family" ? unique([...families.values()]).sort().filter((f) => rows.some((r) => r.family === f)) : unique(rows.map((r) => r.recipe as string)).sort();
  const positive = rows.every((r) => r.low > 0);
  const x = {
    field: axes[s.x].field, type: "quantitative", title: axes[s.x].title + (s.logX && innerWidth >= 600 ? ", log scale" : ""),
    scale: scaleOf(s.logX, { padding: isSize ? 16 : 4 }),
    axis: isSize ? { values: sizes, labelExpr: `{${sizes.map((n) => `'${n}': '${label.get(n)}'`).join(", ")}}[toString(datum.value)]`, labelOverlap: "greedy", grid: false } : { labelExpr: s.x === "compute" ? powers(s.logX) : short, grid: false, tickCount: 8, labelOverlap: "greedy" },
  };
  const y = { field: "mean", type: "quantitative", title: axisTitle(metric, s.task === perplexity ? "" : s.task), scale: scaleOf(s.logY && positive, { padding: 12 }), axis: { tickCount: 6, format: "~g" } };
  const colour = { field, type: s.by === "size" ? "ordinal" : "nominal", title: { recipe: "Recipe", family: "Family", size: "Size" }[s.by], scale: s.by === "size" ? ordered(names) : colours(names), sort: names, legend: { orient: innerWidth < 700 ? "bottom" : "right", columns: innerWidth < 700 && names.every((n) => n.length < 14) ? 3 : 1, symbolType: "stroke", symbolOpacity: 1 } };
  const faded = (full: number) => ({ condition: { param: "chosen", value: full }, value: full * 0.08 });
  const detail = [{ field: "recipe" }, ...(isSize ? [] : [{ field: "params" }])];
  const tooltip = [{ field: "recipe", title: "recipe" }, { field: "params", title: "size" }, { field: "step", title: "step", format: "," }, { field: "tokens", title: "tokens", format: ",.0f" }, { field: "compute", title: "FLOPs", format: ".3~e" },
    { field: "mean", title: metric.name, format: ".5~g" }, { field: "low", title: "lowest seed", format: ".5~g" }, { field: "high", title: "highest seed", format: ".5~g" }, { field: "n_seeds", title: "seeds" }].map((t) => ({ ...t, type: ["recipe", "params"].includes(t.field) ? "nominal" : "quantitative" }));
  const most = Math.max(...rows.map((r) => r.n_seeds));
  return {
    title: { text: `${s.task === perplexity ? "" : s.task + ": "}${metric.name} by ${isSize ? "model size" : s.x === "tokens" ? "tokens seen" : "compute"}`, subtitle: [metric.meaning, most > 1 ? `mean over up to ${most} seeds, and their range` : "one seed"].filter(Boolean) },
    data: { values: rows },
    layer: [
      ...(most > 1 ? [{ transform: [{ filter: "datum.n_seeds > 1" }], mark: isSize ? { type: "rule", strokeWidth: 2, clip: true } : { type: "area", clip: true }, encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: colour, detail, opacity: faded(isSize ? 0.6 : 0.22) } }] : []),
      { mark: { type: "line", strokeWidth: 2, point: { size: isSize ? 50 : 18, filled: true }, clip: false }, params: [{ name: "chosen", select: { type: "point", fields: [field] }, bind: "legend" }], encoding: { x, y, color: colour, detail, opacity: faded(1), tooltip } },
    ],
  };
}
