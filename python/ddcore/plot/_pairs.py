"""Charts of two values of one thing against each other, with the line on which they are equal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import altair as alt

from .. import _arguments
from ..errors import near_names
from ._chart import (
    BLUE,
    HEIGHT,
    OPAQUE,
    WIDTH,
    by_recipe,
    colours,
    distinct,
    drawable,
    identity,
    missing,
    title,
    titled,
    tooltips,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from ..lake import Lake

NEEDED = ("model", "actual", "predicted")
NUMBERS = ("actual", "predicted", "lower", "upper")


def ft_vs_pt(lake: Lake, task: str = "arc_easy", *, run_types: str | Iterable[str] | None = None) -> alt.LayerChart:
    """Draw a task's primary metric after fine-tuning (ft) against that of the checkpoint before (pt).

    Args:
        lake: The lake.
        task: A task of `matched_runs`.
        run_types: Types of runs, e.g. "matched"; default: all that are known.

    Returns:
        A chart of one row per run that has both values: pt and ft, the recipe and size of its checkpoint,
        learning rate and tokens. On the dashed line fine-tuning has changed nothing.

    Raises:
        NotFoundError: There is no such task or type of runs, or no run with both values.

    Example:
        >>> ddcore.plot.ft_vs_pt(lake, "arc_easy").data.column_names[:3]
        ['run_id', 'run_type', 'recipe']
    """
    columns = lake.describe("matched_runs")["column_name"].to_pylist()
    tasks = [c[3:-15] for c in columns if c.startswith("ft_") and c.endswith("_primary_metric")]
    _known(task, tasks, "task")
    ft, pt = (f'"{stage}_{task}_primary_metric"' for stage in ("ft", "pt"))
    rows = lake.sql(
        f"""
        SELECT run_id, run_type, ckpt_recipe AS recipe, family, ckpt_params AS params, lr, ft_tok,
            {pt} AS pt, {ft} AS ft
        FROM matched_runs
        LEFT JOIN recipes ON recipes.recipe = ckpt_recipe
        LEFT JOIN model_sizes AS sizes ON sizes.params = ckpt_params
        ORDER BY params_exact, run_id"""
    )
    types = _arguments.names(run_types)
    for name in types or []:
        _known(name, distinct(rows, "run_type"), "run_type")
    if types is not None:
        rows = rows.filter([t in types for t in rows["run_type"].to_pylist()])
    both = _finite(rows, ["pt", "ft"])
    nothing = f"none of {rows.num_rows} runs has a value before and after"
    data = drawable(both, task, nothing, "matched_runs.pt_match tells why")
    scale = alt.Scale(zero=False, padding=8)
    points = alt.Chart().mark_point(filled=True, size=70, opacity=0.85)
    points = points.encode(
        x=alt.X("pt:Q", scale=scale, title=f"{task}_primary_metric before fine-tuning"),
        y=alt.Y("ft:Q", scale=scale, title="After fine-tuning"),
        color=by_recipe(data)[1],
        shape=alt.Shape("params:N", sort=distinct(data, "params"), title="Size"),
        tooltip=tooltips(
            {"run_id": "N", "run_type": "N", "recipe": "N", "params": "N"}
            | {"lr": ".2e", "ft_tok": ".3s", "pt": ".3f", "ft": ".3f"}
        ),
    )
    layers = alt.LayerChart(data=data, layer=[identity(*_ends(data, ["pt", "ft"])), points])
    better = sum(row["ft"] > row["pt"] for row in data.to_pylist())
    return titled(
        layers,
        f"{task}_primary_metric after fine-tuning against before",
        f"{better} of {data.num_rows} runs are above the dashed line: better after than before",
    )


def predicted_vs_actual(table: Any, *, columns: int = 3) -> alt.FacetChart:
    """Draw predictions against what came true, one panel per model.

    Args:
        table: A table (Arrow, Polars, pandas, a dictionary of lists, or anything with
            `__arrow_c_stream__`) of a row per model and item, with the columns model, actual and predicted;
            and if it has them lower and upper, the ends of an interval, and group, which is coloured.
        columns: Panels side by side.

    Returns:
        A chart of the rows that have both numbers, and their model's panel: its name, number of rows and
        mean absolute error. On the dashed line the prediction has come true.

    Raises:
        InvalidError: The table is none, lacks a column, a column is no number, or there are too many rows.
        NotFoundError: No row has both numbers.

    Example:
        >>> table = {"model": ["mean", "mean"], "actual": [0.5, 0.7], "predicted": [0.6, 0.6]}
        >>> ddcore.plot.predicted_vs_actual(table).data["panel"].to_pylist()[0]
        'mean: n = 2, mean absolute error 0.1'
    """
    import pyarrow as pa

    rows = _predictions(table)
    both = _finite(rows, ["actual", "predicted"])
    data = drawable(both, "predictions", f"none of {rows.num_rows} rows has both numbers", "fill actual and predicted")
    data = data.append_column("panel", pa.array(_panels(data)))
    has = set(data.column_names)
    scale = alt.Scale(zero=False, padding=8)
    x, y = alt.X("actual:Q", scale=scale, title="Actual"), alt.Y("predicted:Q", scale=scale, title="Predicted")
    colour: Any = alt.value(BLUE)
    if "group" in has:
        colour = alt.Color("group:N", title="Group", scale=colours(distinct(data, "group")), legend=OPAQUE)
    base = alt.Chart().encode(x=x, color=colour, tooltip=[c for c in data.column_names if c != "panel"])
    layers = [identity(*_ends(data, ["actual", "predicted"]))]
    if with_interval := {"lower", "upper"} <= has:
        ends = {"y": alt.Y("lower:Q", scale=scale, title="Predicted"), "y2": "upper:Q"}
        layers.append(base.mark_rule(opacity=0.35, strokeWidth=1.5).encode(**ends))
    layers.append(base.mark_point(filled=True, size=45, opacity=0.8).encode(y=y))
    models = distinct(data, "panel")
    across = min(columns, len(models))
    side = HEIGHT if across == 1 else max(160, int(1.5 * WIDTH / across))
    chart = alt.LayerChart(layer=layers).properties(width=side, height=side)
    panel = alt.Facet(
        "panel:N", sort=models, title=None, header=alt.Header(labelFontWeight="bold", labelAnchor="start")
    )
    lost = rows.num_rows - data.num_rows
    heading = title(
        "Predicted against actual",
        "dashed: as predicted" + ("; bar: interval of the prediction" if with_interval else ""),
        f"{lost} rows without both numbers are left out" if lost else "",
    )
    return chart.facet(panel, data=data, columns=columns).properties(title=heading)


def _predictions(table: Any) -> pa.Table:
    """Give the table as Arrow, or say what it lacks."""
    import pyarrow as pa

    try:
        rows = pa.table(table)
    except (TypeError, ValueError, pa.ArrowInvalid) as error:
        hint = "pass an Arrow, Polars or pandas table, or a dictionary of lists"
        raise _arguments.invalid(f"predicted_vs_actual: {type(table).__name__} is no table: {error}", hint) from None
    for name in NEEDED:
        if name not in rows.column_names:
            near = near_names(name, rows.column_names)
            problem = f"predicted_vs_actual: the table has no column {name!r}; {near}"
            raise _arguments.invalid(problem, f"rename one to {name!r}")
    for name in set(NUMBERS) & set(rows.column_names):
        kind = rows.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise _arguments.invalid(f"predicted_vs_actual: the column {name!r} is {kind}", "it must be a number")
    # What Polars makes of text cannot be filtered by pyarrow.
    views = [f.with_type(pa.string()) if str(f.type) == "string_view" else f for f in rows.schema]
    return rows.cast(pa.schema(views))


def _panels(data: pa.Table) -> list[str]:
    """Give each row the heading of its model's panel."""
    errors: dict[Any, list[float]] = {}
    for model, actual, predicted in zip(*(data[c].to_pylist() for c in NEEDED), strict=True):
        errors.setdefault(model, []).append(abs(predicted - actual))
    names = {
        model: f"{model}: n = {len(off)}, mean absolute error {sum(off) / len(off):.3g}"
        for model, off in errors.items()
    }
    return [names[model] for model in data["model"].to_pylist()]


def _known(name: str, names: list[str], what: str) -> None:
    """Refuse a name that there is not."""
    if name not in names:
        raise missing(f"there is no {what} {name!r}", "matched_runs", near_names(name, names))


def _finite(rows: pa.Table, columns: list[str]) -> pa.Table:
    """Give the rows that have a number in each of the columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in columns:
        rows = rows.filter(pc.is_finite(rows[column].cast(pa.float64())))
    return rows


def _ends(data: pa.Table, columns: list[str]) -> tuple[float, float]:
    """Give the least and the greatest number of several columns."""
    numbers = [v for column in columns for v in data[column].to_pylist()]
    return min(numbers), max(numbers)
