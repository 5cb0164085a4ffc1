"""Charts of reports and forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

try:
    import altair as alt
except ImportError as error:
    raise ImportError("plots of ddcore.predict are drawn with Altair: pip install 'ddcore[plot]'") from error

if TYPE_CHECKING:
    from .forecast import Forecast
    from .report import Report

MAX_POINTS = 600  # of a panel: a chart of more is slow, and looks the same
MAX_COLOURS = 14
SIZE = 210
TITLES = {
    "rmse": "RMSE", "mae": "MAE", "r2": "R²", "spearman": "Spearman's rho", "kendall": "Kendall's tau",
    "decision_accuracy": "Decision accuracy", "coverage_50": "Coverage of 50 % intervals",
    "coverage_90": "Coverage of 90 % intervals", "width_50": "Width of 50 % intervals",
    "width_90": "Width of 90 % intervals",
}  # fmt: skip


def against_actual(report: Report) -> alt.ConcatChart:
    """Draw a panel per model: predicted against actual, intervals, and the line where they are equal."""
    table = report.predictions
    ends = np.array([pc.min_max(table[c]).as_py()[k] for c in ("actual", "predicted") for k in ("min", "max")])
    pad = 0.03 * float(np.ptp(ends))
    scale = alt.Scale(domain=[float(ends.min()) - pad, float(ends.max()) + pad], nice=False, zero=False, clamp=False)
    models = list(dict.fromkeys(table["model"].to_pylist()))
    column = next((c for c in ("params", "size", "ckpt_params") if c in table.column_names), "group")
    values = list(dict.fromkeys(str(v) for v in table[column].to_pylist()))
    colour: Any = alt.value("#4c78a8")
    if len(values) <= MAX_COLOURS:
        colour = alt.Color(
            f"{column}:N",
            sort=values,
            title=column.capitalize(),
            legend=alt.Legend(symbolOpacity=1),
            scale=alt.Scale(domain=values, scheme="viridis"),
        )
    panels = [_panel(report, table.filter(pc.equal(table["model"], m)), m, column, scale, colour) for m in models]
    title = alt.Title(
        f"Predicted against actual: {report.config['target']}",
        subtitle=f"held out: {' and '.join(report.config['groups'])}; bars are 90 % intervals",
        subtitleColor="#666",
    )
    chart: alt.ConcatChart = alt.ConcatChart(concat=panels, columns=3, title=title)
    return chart


def _panel(report: Report, rows: pa.Table, model: str, column: str, scale: alt.Scale, colour: Any) -> alt.LayerChart:
    if rows.num_rows > MAX_POINTS:
        rows = rows.take(np.unique(np.linspace(0, rows.num_rows - 1, MAX_POINTS).astype(int)))
    shown = ["group", "actual", "predicted", "lower_90", "upper_90"]
    data = rows.select(list(dict.fromkeys([*shown, *report.config["ids"], column])))
    if column != "group":
        at = data.schema.get_field_index(column)
        data = data.set_column(at, column, data[column].cast(pa.string()))
    x = alt.X("actual:Q", scale=scale, title="Actual")
    axis = alt.Axis(title="Predicted")
    base = alt.Chart(data).encode(x=x)
    bars = base.mark_rule(opacity=0.25, clip=True).encode(
        y=alt.Y("lower_90:Q", scale=scale, axis=axis), y2="upper_90:Q", color=colour
    )
    tooltip: list[Any] = [f"{c}:N" for c in (*report.config["ids"], "group")]
    tooltip += [alt.Tooltip(f"{c}:Q", format=".4f") for c in ("actual", "predicted", "lower_90", "upper_90")]
    dots = base.mark_circle(size=26, opacity=0.85, clip=True).encode(
        y=alt.Y("predicted:Q", scale=scale, axis=axis), color=colour, tooltip=tooltip
    )
    ends = pa.table({"v": scale.domain})
    line = alt.Chart(ends).mark_line(color="#888", strokeDash=[4, 3], strokeWidth=1).encode(
        x=alt.X("v:Q", scale=scale, title="Actual"), y=alt.Y("v:Q", scale=scale, axis=axis)
    )  # fmt: skip
    rmse, covered = report.overall("rmse")[model], report.overall("coverage_90")[model]
    title = alt.Title(
        model, subtitle=f"RMSE {rmse:.4f}, 90 % intervals hold {100 * covered:.0f} %", fontSize=12, subtitleFontSize=10,
        subtitleColor="#666", anchor="start",
    )  # fmt: skip
    return alt.LayerChart(layer=[line, bars, dots]).properties(width=SIZE, height=SIZE, title=title)


def over_windows(forecast: Forecast, score: str) -> alt.LayerChart:
    """Draw a score against the end of the window, a line per model; baselines are dashed."""
    rows = forecast.scores.filter(pc.equal(forecast.scores["score"], score))
    rows = rows.filter(pc.is_valid(rows["value"]))
    names = list(dict.fromkeys(rows["model"].to_pylist()))
    unit = forecast.unit
    x = alt.X("end:Q", title=f"End of the window ({unit})", scale=alt.Scale(zero=False, nice=False, padding=12))
    y = alt.Y("value:Q", title=TITLES.get(score, score), scale=alt.Scale(zero=False))
    colour = alt.Color(
        "model:N",
        sort=names,
        title="Model",
        legend=alt.Legend(symbolOpacity=1),
        scale=alt.Scale(domain=names, scheme="tableau10"),
    )
    dash = alt.StrokeDash(
        "kind:N", title=None, legend=None, scale=alt.Scale(domain=["model", "baseline"], range=[[1, 0], [4, 3]])
    )
    base = alt.Chart(rows).encode(x=x, color=colour)
    band = base.transform_filter("datum.kind == 'model'").mark_area(opacity=0.1).encode(y="low:Q", y2="high:Q")
    lines = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash)
    dots = base.mark_circle(size=45, opacity=1).encode(
        y=y, tooltip=["model:N", "window:N", *(alt.Tooltip(f"{c}:Q", format=".4f") for c in ("value", "low", "high"))]
    )
    title = alt.Title(
        f"{TITLES.get(score, score)} by window: {forecast.target}",
        subtitle=f"{forecast.n_rows} rows; bands are 95 %, by resampling {' and '.join(forecast.groups)}; "
        "dashed: baselines",
        subtitleColor="#666",
        anchor="start",
    )
    return alt.LayerChart(layer=[band, lines, dots]).properties(width=480, height=300, title=title)
