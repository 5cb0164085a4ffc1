import { chart, colours, type Spec } from "../chart";
import { codePanel } from "../code";
import { select, several } from "../controls";
import { table, theIndex, type Row } from "../data";
import { h } from "../dom";
import { isNull, number } from "../format";
import { grid } from "../grid";
import { notice, stage, unique, type View } from "../view";

export const predictions: View = {
  id: "predictions", name: "Predictions", title: "Predicted against actual", needs: "predictions",
  about: "On the diagonal a prediction is right; bars are its interval. How each table was made is in predictions.saved.",
  show(root, p) {
    const tables = theIndex().tables.filter((t) => t.schema === "predictions" && t.name !== "saved").map((t) => t.name);
    const controls = h("div", { class: "controls" });
    const place = stage();
    const drawn = chart("Predicted against actual");
    root.append(controls, place.element);
    const draw = () => place.run(async () => {
      const name = p.oneOf("table", tables);
      const answer = await table("predictions", name);
      const has = (c: string) => answer.columns.some((x) => x.name === c);
      const whole = (rows: Row[]) => grid({ name: `predictions ${name}`, answer: { ...answer, rows }, height: "46vh" });
      controls.replaceChildren(select("Table", tables, name, (v) => { p.set("table", v); p.set("model", null); p.set("target", null); void draw(); }));
      if (!has("actual") || !has("predicted")) return [notice("This table has no columns actual and predicted.", "It is shown as it is."), whole(answer.rows), codePanel(answer.query)];
      const values = (c: string) => (has(c) ? unique(answer.rows.map((r) => String(r[c]))).sort() : []);
      const targets = values("target"), models = values("model");
      const target = p.oneOf("target", targets);
      const chosen = p.list("model") ?? models.slice(0, 4);
      if (targets.length > 1) controls.append(select("Target", targets, target, (v) => { p.set("target", v); void draw(); }));
      if (models.length > 1) controls.append(several("Models", models, chosen, (v) => { p.set("model", v); void draw(); }));
      const rows = answer.rows.filter((r) => (targets.length < 2 || String(r.target) === target) && (models.length < 2 || chosen.includes(String(r.model))));
      const known = rows.filter((r) => typeof r.actual === "number" && typeof r.predicted === "number").map((r) => ({ ...r, lower: r.lower ?? r.lower_90, upper: r.upper ?? r.upper_90, model: String(r.model ?? "model") })); // ddcore.predict gives two intervals
      if (!known.length) return [notice("There is no prediction with an actual value here.", "Choose another model."), whole(rows)];
      await drawn.update(specOf(known, unique(known.map((r) => r.model)).sort(), name + (targets.length > 1 ? `: ${target}` : "")));
      const narrowed = { ...(targets.length > 1 && { target }), ...(chosen.length < models.length && { model: chosen }) };
      return [drawn.element, scores(known), h("details", { class: "data" }, h("summary", {}, "Table"), whole(rows)), codePanel(answer.query, narrowed)];
    });
    return draw();
  },
};

/** The errors of each model, from the rows that are drawn. */
function scores(rows: Row[]): HTMLElement {
  const line = (model: string) => {
    const own = rows.filter((r) => r.model === model);
    const errors = own.map((r) => r.predicted - r.actual);
    const inside = own.filter((r) => !isNull(r.lower) && !isNull(r.upper));
    const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;
    return h("tr", {}, h("th", { scope: "row" }, model), h("td", {}, String(own.length)), h("td", {}, number(mean(errors.map(Math.abs)))), h("td", {}, number(Math.sqrt(mean(errors.map((e) => e * e))))), h("td", {}, number(mean(errors))),
      h("td", {}, inside.length ? `${Math.round((100 * inside.filter((r) => r.lower <= r.actual && r.actual <= r.upper).length) / inside.length)} %` : "N/A"));
  };
  return h("table", { class: "small" }, h("caption", {}, "Errors of what is drawn"), h("thead", {}, h("tr", {}, ...["model", "n", "mean absolute error", "root mean squared error", "bias", "inside the interval"].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, ...unique(rows.map((r) => String(r.model))).map(line)));
}

function specOf(rows: Row[], models: string[], title: string): Spec {
  const values = rows.flatMap((r) => [r.actual as number, r.predicted as number]);
  const domain = [Math.min(...values), Math.max(...values)];
  const scale = { zero: false, domain, nice: true };
  const x = { field: "actual", type: "quantitative", title: "Actual", scale };
  const y = { field: "predicted", type: "quantitative", title: "Predicted", scale };
  const color = { field: "model", type: "nominal", title: "Model", sort: models, scale: colours(models) };
  const ranges = rows.filter((r) => !isNull(r.lower) && !isNull(r.upper));
  const kept = ["recipe", "params", "seed", "task", "target", "fold"].filter((c) => c in rows[0]);
  return {
    title: { text: `Predicted against actual, ${title}`, subtitle: `${rows.length.toLocaleString("en-US")} predictions` },
    layer: [
      { data: { values: [{ a: domain[0] }, { a: domain[1] }] }, mark: { type: "line", strokeDash: [4, 4], color: "#888" }, encoding: { x: { field: "a", type: "quantitative" }, y: { field: "a", type: "quantitative" } } },
      ...(ranges.length ? [{ data: { values: ranges }, mark: { type: "rule", opacity: 0.3, clip: true }, encoding: { x, y: { ...y, field: "lower" }, y2: { field: "upper" }, color } }] : []),
      { data: { values: rows }, mark: { type: "point", filled: true, size: 50, opacity: 0.85 }, encoding: { x, y, color, tooltip: [{ field: "model" }, ...kept.map((field) => ({ field })), ...["actual", "predicted", "lower", "upper"].filter((c) => c in rows[0]).map((field) => ({ field, type: "quantitative", format: ".4~g" }))] } },
    ],
  };
}
