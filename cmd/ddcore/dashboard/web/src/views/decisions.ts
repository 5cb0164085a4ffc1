import { chart, ordered, type Spec } from "../chart";
import { codePanel } from "../code";
import { select, toggle } from "../controls";
import { isThere, table, theIndex, type Row } from "../data";
import { h } from "../dom";
import { grid } from "../grid";
import { notice, scaleOf, stage, taskOptions, type View } from "../view";

export const decisions: View = {
  id: "decisions", name: "Decisions", title: "Would the small model have chosen the same recipe?", needs: "decisions",
  about: "Decision accuracy is the share of pairs of recipes that a small size orders as the target size does; 50 % is a coin.",
  show(root, p) {
    const index = theIndex();
    const sizes = index.sizes.map((s) => s.params);
    const targets = sizes.filter((t) => t !== sizes[0] && index.metrics.concat(index.perplexities).some((m) => isThere("accuracy", t, m.name)));
    if (!targets.length) return void root.append(notice("Decisions need two model sizes.", "Ingest results of another size, and curate."));
    const controls = h("div", { class: "controls" });
    const map = stage(), front = stage();
    const heat = chart("Decision accuracy"), frontier = chart("Compute frontier");
    root.append(controls, map.element, front.element);
    const tasks = taskOptions();
    const state = () => {
      const target = p.oneOf("target", targets, targets.at(-1));
      const metrics = index.metrics.concat(index.perplexities).map((m) => m.name).filter((m) => isThere("accuracy", target, m));
      return { target, metrics, metric: p.oneOf("metric", metrics, metrics.includes("primary_metric") ? "primary_metric" : metrics[0]), all: p.get("subjects") === "yes", task: p.oneOf("task", tasks.map((t) => t.value), "olmes_10_macro_avg") };
    };
    const build = () => {
      const s = state();
      const change = (name: string) => (v: string) => { p.set(name, v); build(); drawAll(); };
      controls.replaceChildren(
        select("Target size", targets, s.target, change("target")),
        select("Metric", s.metrics, s.metric, change("metric")),
        toggle("MMLU subjects", s.all, (v) => { p.set("subjects", v ? "yes" : null); drawMap(); }),
        select("Task of the frontier", tasks, s.task, (v) => { p.set("task", v); drawFrontier(); }));
    };
    const drawMap = () => map.run(async () => {
      const s = state();
      const answer = await table("accuracy", s.target, s.metric);
      const order = tasks.filter((t) => s.all || t.group !== "MMLU subjects").map((t) => t.value);
      const rows = answer.rows.filter((r) => r.decision_accuracy !== null && (order.includes(r.task) || r.task === null));
      if (!rows.length) return [notice("No pair of recipes can be compared here.", answer.rows[0]?.refusal ?? "")];
      await heat.update(heatSpec(rows, order, sizes, s.target, s.metric));
      return [heat.element, h("details", { class: "data" }, h("summary", {}, "Table"), grid({ name: "decision accuracy", answer, height: "50vh" })), codePanel(answer.query)];
    });
    const drawFrontier = () => front.run(async () => {
      const s = state();
      const isPerplexity = index.perplexities.some((m) => m.name === s.metric);
      if (isPerplexity) return [notice("The frontier is drawn for metrics of tasks.")];
      const [points, best] = await Promise.all([table("accuracy_curve", s.target, s.metric), table("frontier", s.target, s.metric)]);
      const ofTask = points.rows.filter((r) => r.task === s.task);
      const edge = best.rows.filter((r) => r.task === s.task);
      const known = ofTask.filter((r) => r.decision_accuracy !== null && r.compute > 0);
      if (!known.length) return [notice(`No pair of recipes can be compared on ${s.task}.`, ofTask[0]?.refusal ?? "")];
      await frontier.update(frontierSpec(known, edge.filter((r) => r.compute > 0), sizes, s));
      return [frontier.element, h("details", { class: "data" }, h("summary", {}, "Table of the frontier"), grid({ name: "compute frontier", answer: { ...best, rows: edge }, height: "40vh" })), codePanel(best.query, { task: s.task })];
    });
    const drawAll = async () => { await Promise.all([drawMap(), drawFrontier()]); };
    heat.onClick((d) => { if (typeof d.task === "string") { p.set("task", d.task); build(); void drawFrontier(); } });
    build();
    return drawAll();
  },
};

const percent = ".0%";

function heatSpec(rows: Row[], order: string[], sizes: string[], target: string, metric: string): Spec {
  const tasks = order.filter((t) => rows.some((r) => r.task === t));
  const labelled = tasks.length <= 24;
  const x = { field: "small", type: "nominal", sort: sizes, title: "Small size", axis: { orient: "top", labelAngle: 0, domain: false, ticks: false } };
  const y = { field: "task", type: "nominal", sort: tasks, title: null, axis: { domain: false, ticks: false, labelLimit: 260 } };
  const tooltip = [["task"], ["small", "small size"], ["decision_accuracy", "accuracy", ".1%"], ["low", "95 % from", ".1%"], ["high", "95 % to", ".1%"], ["n_recipes", "recipes"], ["n_pairs", "pairs"], ["n_ties", "ties"], ["n_seeds", "seeds"], ["step", "step", ","], ["missing", "left out"]]
    .map(([field, title, format]) => ({ field, title: title ?? field, ...(format && { format, type: "quantitative" }) }));
  return {
    title: { text: `Decision accuracy for ${target}, by ${metric}`, subtitle: ["at the last checkpoint that the recipes have in common; click a cell for its frontier", `${Math.max(...rows.map((r) => r.n_recipes))} recipes, ${Math.max(...rows.map((r) => r.n_pairs))} pairs`] },
    height: tasks.length * (labelled ? 26 : 14), data: { values: rows },
    layer: [
      { mark: { type: "rect", cornerRadius: 3, cursor: "pointer" }, encoding: { x, y, tooltip, color: { field: "decision_accuracy", type: "quantitative", title: "accuracy", scale: { scheme: "redblue", domain: [0, 0.5, 1], clamp: true }, legend: { format: percent, orient: "bottom", gradientLength: 180 } } } },
      ...(labelled ? [{ mark: { type: "text", fontSize: 11 }, encoding: { x, y, text: { field: "decision_accuracy", format: percent }, color: { condition: { test: "datum.decision_accuracy < 0.2 || datum.decision_accuracy > 0.8", value: "#fff" }, value: "#1b1f24" } } }] : []),
    ],
  };
}

function frontierSpec(points: Row[], best: Row[], sizes: string[], s: { target: string; metric: string; task: string }): Spec {
  const names = sizes.filter((n) => points.some((r) => r.small === n));
  const x = { field: "compute_fraction", type: "quantitative", title: `Compute, as a share of ${s.target}'s`, scale: scaleOf(true, { padding: 8 }), axis: { format: "~%", grid: false, tickCount: 6 } };
  const y = { field: "decision_accuracy", type: "quantitative", title: "Decision accuracy", scale: { domain: [0, 1] }, axis: { format: percent } };
  const tooltip = [["small", "small size"], ["step", "step", ","], ["decision_accuracy", "accuracy", ".1%"], ["compute_fraction", "share of compute", ".3~%"], ["n_recipes", "recipes"], ["n_pairs", "pairs"]].map(([field, title, format]) => ({ field, title, ...(format && { format, type: "quantitative" }) }));
  return {
    title: { text: `Compute frontier on ${s.task}`, subtitle: "dots: checkpoints of small sizes; line: what no cheaper one equals" },
    layer: [
      { data: { values: [{ chance: 0.5 }] }, mark: { type: "rule", strokeDash: [4, 4] }, encoding: { y: { field: "chance", type: "quantitative" } } },
      { data: { values: points }, mark: { type: "point", filled: true, size: 60, opacity: 0.9 }, encoding: { x, y, tooltip, color: { field: "small", type: "ordinal", title: "Small size", sort: names, scale: ordered(names), legend: { orient: innerWidth < 700 ? "bottom" : "right" } } } },
      { data: { values: [...best, { ...best.at(-1), compute_fraction: Math.max(...points.map((r) => r.compute_fraction)) }] }, mark: { type: "line", interpolate: "step-after", strokeWidth: 2.5, color: "#7a7f87" }, encoding: { x, y } },
    ],
  };
}
