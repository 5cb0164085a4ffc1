"""Charts of results: metrics of full_eval by size, step, seed and recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

import altair as alt
import pyarrow as pa

from .. import _arguments
from ._chart import BLUE, OPAQUE, RED, by_recipe, colours, distinct, drawable, titled

if TYPE_CHECKING:
    from ..lake import Lake


OVER = {
    "tokens": ("tokens_billions", "Tokens seen (billions)", "~g"),
    "steps": ("step", "Optimiser step", ",d"),
    "compute": ("compute", "Training compute (FLOPs)", ".1e"),
}


def size_scaling(
    lake: Lake,
    metric: str = "pile-valppl",
    *,
    recipes: str | Iterable[str] | None = None,
    params: str | Iterable[str] | None = None,
) -> alt.LayerChart:
    """Draw a metric against model size, one line per recipe.

    Args:
        lake: The lake.
        metric: A column of full_eval.
        recipes: The recipes to draw, one or several; default: all.
        params: The sizes to draw, one or several; default: all.

    Returns:
        A chart of one row per recipe and size: the mean over seeds at the recipe's last checkpoint of that
        size, and the seeds' range.

    Raises:
        NotFoundError: There is no such metric, recipe or size, or no value of it.

    Example:
        >>> ddcore.plot.size_scaling(lake, "pile-valppl").data.num_rows
        4
    """
    m = _metric(lake, metric, recipes, params)
    data = _query(lake, m, _last(m) + "SELECT * FROM last ORDER BY n_params, recipe")
    sizes = {row["n_params"]: row["params"] for row in data.select(["n_params", "params"]).to_pylist()}
    x = alt.X(
        "n_params:Q",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=_size_axis(sizes),
        title="Model size (parameters, log scale)",
    )
    return _over_seeds(m, data, x, f"{m.name} by model size", "at each recipe's last checkpoint of a size")


def curves(
    lake: Lake,
    metric: str,
    *,
    params: str = "150M",
    recipes: str | Iterable[str] | None = None,
    over: str = "tokens",
    band: str = "range",
) -> alt.LayerChart:
    """Draw a metric during training, one line per recipe with a band over its seeds.

    Args:
        lake: The lake.
        metric: A column of full_eval.
        params: The model size.
        recipes: The recipes to draw, one or several; default: all.
        over: What the training is measured in: "tokens", "steps" or "compute".
        band: What the band shows: "range", from the lowest seed to the highest, or "sd", one standard
            deviation (n - 1) to each side of the mean.

    Returns:
        A chart of one row per recipe and step. Where there is one seed only, there is no band.

    Raises:
        NotFoundError: There is no such metric, recipe or size, or no value of it.
        InvalidError: over or band is none of these words.

    Example:
        >>> ddcore.plot.curves(lake, "arc_easy_primary_metric", params="4M").data.column_names[:2]
        ['recipe', 'family']
    """
    for name, given, words in (("over", over, tuple(OVER)), ("band", band, ("range", "sd"))):
        if given not in words:
            raise _arguments.invalid(f"{name}: {given!r} is unknown", "pass " + " or ".join(map(repr, words)))
    m = _metric(lake, metric, recipes, params)
    low, high = ("avg(value) - sd", "avg(value) + sd") if band == "sd" else ("min(value)", "max(value)")
    data = _query(
        lake,
        m,
        _values(m)
        + f"""
        SELECT
            recipe, family, step, any_value(tokens) / 1e9 AS tokens_billions,
            any_value(compute) AS compute, avg(value) AS mean,
            {low.replace("sd", "stddev_samp(value)")} AS low, {high.replace("sd", "stddev_samp(value)")} AS high,
            count(*) AS n_seeds
        FROM value GROUP BY recipe, family, step ORDER BY recipe, step""",
    )
    column, measured, how = OVER[over]
    x = alt.X(f"{column}:Q", title=measured, scale=alt.Scale(nice=False), axis=alt.Axis(format=how, tickCount=6))
    what = "lowest to highest seed" if band == "range" else "one standard deviation over seeds to each side"
    return _over_seeds(m, data, x, f"{m.name} during training, {params}", f"band: {what}", band=True)


def seed_noise(
    lake: Lake, metric: str, *, recipes: str | Iterable[str] | None = None, params: str | Iterable[str] | None = None
) -> alt.LayerChart:
    """Draw how far seeds differ, beside how far recipes differ, by model size.

    Args:
        lake: The lake.
        metric: A column of full_eval.
        recipes: The recipes to draw, one or several; default: all.
        params: The sizes to draw, one or several; default: all.

    Returns:
        A chart of one row per recipe and size: the standard deviation (n - 1) over seeds, at the last step
        that all the recipe's seeds of that size have; and one row per size with the standard deviation
        of the recipes' means.

    Raises:
        NotFoundError: There is no such metric, recipe or size, or nowhere a second seed.

    Example:
        >>> ddcore.plot.seed_noise(lake, "arc_easy_primary_metric").data.num_rows
        6
    """
    m = _metric(lake, metric, recipes, params)
    data = _query(
        lake,
        m,
        _values(m)
        + """, by_step AS (
            SELECT params, n_params, recipe, step, count(*) AS n_seeds, avg(value) AS mean, stddev_samp(value) AS sd
            FROM value GROUP BY params, n_params, recipe, step HAVING n_seeds > 1
        ), noise AS (
            SELECT * FROM by_step
            QUALIFY row_number() OVER (PARTITION BY params, recipe ORDER BY n_seeds DESC, step DESC) = 1
        )
        SELECT 'seeds of one recipe' AS deviation_of, params, n_params, recipe, step, n_seeds AS n, mean, sd FROM noise
        UNION ALL
        SELECT 'means of the recipes', params, n_params, NULL, NULL, count(*), avg(mean), stddev_samp(mean)
        FROM noise GROUP BY params, n_params HAVING count(*) > 1
        ORDER BY n_params, deviation_of, recipe""",
        missing="no size and recipe has two seeds with a value",
    )
    x = alt.X("params:N", sort=distinct(data, "params"), title="Model size", axis=alt.Axis(labelAngle=0))
    y = alt.Y(
        "sd:Q",
        title=f"Standard deviation of {m.name}" + (f" ({m.unit})" if m.unit else ""),
        scale=m.scale(log=m.positive and min(data["sd"].to_pylist()) > 0, zero=True),
    )
    colour = alt.Color(
        "deviation_of:N",
        title="Deviation of",
        legend=OPAQUE,
        scale=alt.Scale(domain=["seeds of one recipe", "means of the recipes"], range=[BLUE, RED]),
    )
    tooltip = ["deviation_of:N", "params:N", "recipe:N", "step:Q", "n:Q", "mean:Q", "sd:Q"]
    base = alt.Chart().encode(x=x, y=y, color=colour, tooltip=tooltip)
    seeds = base.transform_filter(alt.datum.recipe != None)  # noqa: E711 - an expression of Vega's
    means = base.transform_filter(alt.datum.recipe == None)  # noqa: E711
    dots = seeds.mark_point(filled=True, opacity=0.5, size=45)
    layers = alt.LayerChart(data=data, layer=[dots, means.mark_line(point=alt.OverlayMarkDef(size=60, filled=True))])
    title = f"{m.name}: noise of the seeds, spread of the recipes"
    return _finish(layers, m, title, "at the last step that all seeds of a run have")


def recipe_ranking(
    lake: Lake, metric: str, *, params: str = "1B", recipes: str | Iterable[str] | None = None
) -> alt.LayerChart:
    """Draw the recipes from best to worst at one model size.

    Args:
        lake: The lake.
        metric: A column of full_eval.
        params: The model size.
        recipes: The recipes to draw, one or several; default: all.

    Returns:
        A chart of one row per recipe: the mean over seeds at its last checkpoint, the seeds' range, and the
        rank (1 is best; perplexity and bits per byte are better when lower).

    Raises:
        NotFoundError: There is no such metric, recipe or size, or no value of it.

    Example:
        >>> ddcore.plot.recipe_ranking(lake, "pile-valppl", params="4M").data["rank"].to_pylist()
        [1, 2]
    """
    m = _metric(lake, metric, recipes, params)
    better = "ASC" if m.lower_is_better else "DESC"
    rank = f"SELECT *, rank() OVER (ORDER BY mean {better}) AS rank FROM last ORDER BY rank, recipe"
    data = _query(lake, m, _last(m) + rank)
    y = alt.Y("recipe:N", sort=data["recipe"].to_pylist(), title=None)
    tooltip = ["rank:Q", "recipe:N", "family:N", "mean:Q", "low:Q", "high:Q", "n_seeds:Q", "step:Q"]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    x = alt.X("mean:Q", title=m.axis, scale=alt.Scale(zero=False, padding=12))
    ranges = base.mark_rule(strokeWidth=2, opacity=0.5).encode(x=alt.X("low:Q", title=m.axis), x2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, color=alt.Color("family:N", title="Family", scale=colours(sorted(distinct(data, "family"))))
    )
    chart = alt.LayerChart(data=data, layer=[ranges, dots])
    done = _finish(
        chart, m, f"Recipes by {m.name}, {params}", "dot: mean over seeds at the last checkpoint; line: their range"
    )
    return done.properties(height=alt.Step(20))


@dataclasses.dataclass(frozen=True)
class _Metric:
    """What the contract says of a metric, and of which recipes and sizes it is drawn."""

    name: str
    meaning: str
    unit: str
    recipes: tuple[str, ...] | None
    params: tuple[str, ...] | None

    @property
    def positive(self) -> bool:
        return self.unit in ("perplexity", "bits/byte")

    @property
    def lower_is_better(self) -> bool:
        return self.positive or self.name.endswith("_no_answer")

    def scale(self, log: bool, zero: bool = False) -> alt.Scale:
        if log:
            return alt.Scale(type="log", nice=False, padding=12)
        return alt.Scale(zero=zero)

    @property
    def axis(self) -> str:
        notes = [self.unit] if self.unit and self.unit != "perplexity" else []
        notes.append("lower is better" if self.lower_is_better else "higher is better")
        return f"{self.name} ({', '.join(notes)})"


def _metric(
    lake: Lake, metric: str, recipes: str | Iterable[str] | None, params: str | Iterable[str] | None
) -> _Metric:
    """Look the metric up, and let the core refuse names that there are not."""
    chosen = {k: _names(v) for k, v in (("data", recipes), ("params", params)) if v is not None}
    field = lake.table("full_eval", filters=chosen, columns=[metric], limit=1).schema.field(0)
    if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
        raise _arguments.invalid(f"plot {metric}: it is {field.type}, no number", "name a metric of full_eval")
    facts = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return _Metric(metric, facts.get("meaning", ""), facts.get("unit", ""), chosen.get("data"), chosen.get("params"))


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _values(m: _Metric) -> str:
    """Write the start of a query: value, with one row per checkpoint that has a number."""
    column = 'e."' + m.name.replace('"', '""') + '"'
    conditions = [f"isfinite({column})", _among("data", m.recipes), _among("params", m.params)]
    return f"""
        WITH value AS (
            SELECT
                e.params, s.params_exact AS n_params, e.data AS recipe, family, seed, step, tokens,
                compute, {column} AS value
            FROM full_eval AS e
            JOIN model_sizes AS s ON s.params = e.params
            JOIN recipes AS r ON r.recipe = e.data
            WHERE {" AND ".join(f"({c})" for c in conditions)}
        )"""


def _last(m: _Metric) -> str:
    """Write the start of a query: last, with one row per recipe and size. Seeds that ended earlier do not count."""
    return (
        _values(m)
        + """, last AS (
            SELECT
                params, n_params, recipe, family, step, avg(value) AS mean, min(value) AS low, max(value) AS high,
                count(*) AS n_seeds
            FROM (SELECT * FROM value QUALIFY step = max(step) OVER (PARTITION BY params, recipe))
            GROUP BY ALL
        )
        """
    )


def _among(column: str, names: tuple[str, ...] | None) -> str:
    if names is None:
        return "true"
    quoted = ["'" + name.replace("'", "''") + "'" for name in names]
    return f"e.{column} IN ({', '.join(quoted)})" if quoted else "false"


def _query(lake: Lake, m: _Metric, sql: str, missing: str = "it has no value here") -> pa.Table:
    return drawable(lake.sql(sql), m.name, missing, "choose other recipes or sizes")


def _size_axis(sizes: dict[int, str]) -> alt.Axis:
    """Label an axis of parameter counts with the sizes' names."""
    labels = ", ".join(f"'{n}': '{label}'" for n, label in sizes.items())
    return alt.Axis(
        values=list(sizes), labelExpr=f"{{{labels}}}[toString(datum.value)]", labelOverlap="greedy", grid=False
    )


def _over_seeds(m: _Metric, data: pa.Table, x: alt.X, title: str, subtitle: str, band: bool = False) -> alt.LayerChart:
    """Draw lines of means, and the seeds' spread as a band or as bars."""
    by, colour = by_recipe(data)
    chosen = alt.selection_point(fields=[by], bind="legend")
    tooltip = [c for c in data.column_names if c != "n_params"]
    y = alt.Y("mean:Q", title=m.axis, scale=m.scale(log=m.positive))
    base = alt.Chart().encode(
        x=x,
        color=colour,
        detail="recipe:N",
        tooltip=tooltip,
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.1)),
    )
    spread = base.transform_filter(alt.datum.n_seeds > 1).encode(y=alt.Y("low:Q", title=m.axis), y2="high:Q")
    if band:
        shown = spread.mark_area().encode(opacity=alt.condition(chosen, alt.value(0.25), alt.value(0.03)))
    else:
        shown = spread.mark_rule(strokeWidth=2)
    line = base.mark_line(point=alt.OverlayMarkDef(size=25)).encode(y=y)
    layers = alt.LayerChart(data=data, layer=[shown, line.add_params(chosen)])
    most = max(data["n_seeds"].to_pylist())
    seeds = f"line: mean over up to {most} seeds" if most > 1 else "one seed"
    return _finish(layers, m, title, seeds if band and most == 1 else f"{subtitle}; {seeds}")


def _finish(chart: alt.LayerChart, m: _Metric, text: str, how: str) -> alt.LayerChart:
    return titled(chart, text, m.meaning, how)
