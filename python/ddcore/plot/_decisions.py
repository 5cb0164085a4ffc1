"""Charts of decision accuracy: by task and size, and against compute."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import altair as alt

from .. import _arguments
from ._chart import OPAQUE, SIZES, distinct, drawable, level, titled, tooltips

if TYPE_CHECKING:
    import pyarrow as pa

    from ..lake import Lake


def decision_heatmap(
    lake: Lake,
    metric: str = "primary_metric",
    *,
    target: str = "1B",
    small: str | Iterable[str] | None = None,
    task: str | Iterable[str] | None = None,
    step: str | float = "last",
    target_metric: str | None = None,
    seeds: str = "mean",
    bootstrap: int = 1000,
    random_seed: int = 0,
) -> alt.LayerChart:
    """Draw how often small models order two recipes as the target size does, by task and small size.

    Args:
        lake: The lake.
        metric: The small models' metric, of `evals` or a perplexity.
        target: The size to predict.
        small: The small sizes; default: all that are smaller than the target.
        task: Tasks; default: all, of MMLU the average only; perplexities have none.
        step: As in `Lake.decision_accuracy`, but for "all": one checkpoint a size.
        target_metric: The metric at the target; default: the same.
        seeds: "mean" over seeds, or "single".
        bootstrap: Resamples for the intervals in the tooltips; 0 for none.
        random_seed: Of the resamples.

    Returns:
        A chart of the rows of `Lake.decision_accuracy` that have an answer, the best task first. Blue is
        better than a coin, red worse.

    Raises:
        NotFoundError: The lake has no such size, or there is no such metric or task.
        InvalidError: No row has an answer: too few recipes, or no step in common; or step is "all".

    Example:
        >>> ddcore.plot.decision_heatmap(lake, target="20M", task=["piqa", "boolq"], bootstrap=0).data.num_rows
        2
    """
    if step == "all":
        raise _arguments.invalid(
            "decision_heatmap: step: a cell holds one checkpoint", 'for all of them draw "frontier"'
        )
    asked = lake.decision_accuracy(
        small,
        target,
        metric,
        _main_tasks(lake) if task is None and _has_tasks(metric, target_metric) else task,
        step=step,
        target_metric=target_metric,
        seeds=seeds,
        bootstrap=bootstrap,
        random_seed=random_seed,
    )
    answered = asked.filter(asked["refusal"].is_null())
    data = drawable(answered, "decision_heatmap", "no row has an answer", "choose other sizes or tasks")
    sizes = _sizes(lake, distinct(data, "small"))
    best_first = alt.EncodingSortField("decision_accuracy", op="mean", order="descending")
    base = alt.Chart().encode(
        x=alt.X("small:N", sort=sizes, title="Small size", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("task:N", sort=best_first, title=None),
        tooltip=tooltips(
            {"task": "N", "small": "N", "step": ",d", "decision_accuracy": ".3f", "low": ".3f", "high": ".3f"}
            | {"n_correct": "Q", "n_ties": "Q", "n_pairs": "Q", "n_recipes": "Q", "recipe_noise": ".4f"}
        ),
    )
    cells = base.mark_rect(stroke="white").encode(
        color=alt.Color(
            "decision_accuracy:Q",
            scale=alt.Scale(scheme="redblue", domain=[0, 1], domainMid=0.5),
            legend=alt.Legend(title=["Decision", "accuracy"], format=".1f"),
        )
    )
    dark = "datum.decision_accuracy > 0.83 || datum.decision_accuracy < 0.17"
    numbers = base.mark_text(fontSize=11).encode(
        text=alt.Text("decision_accuracy:Q", format=".2f"),
        color=alt.condition(dark, alt.value("white"), alt.value("#222")),
    )
    to = f"{metric} for {target}" + (f"'s {target_metric}" if target_metric not in (None, metric) else "")
    chart = titled(
        alt.LayerChart(data=data, layer=[cells, numbers]),
        f"Decision accuracy by task and size, {to}",
        "share of pairs of recipes that both sizes order alike; white is a coin",
    )
    return chart.properties(width=max(260, 46 * len(sizes)), height=alt.Step(24))


def frontier(
    lake: Lake,
    task: str | None = None,
    metric: str = "primary_metric",
    *,
    target: str = "1B",
    small: str | Iterable[str] | None = None,
    target_metric: str | None = None,
    seeds: str = "mean",
    bootstrap: int = 1000,
    random_seed: int = 0,
) -> alt.LayerChart:
    """Draw decision accuracy against the compute of the small models, and its frontier.

    Args:
        lake: The lake.
        task: The task; default: olmes_10_macro_avg; perplexities have none.
        metric: The small models' metric, of `evals` or a perplexity.
        target: The size to predict.
        small: The small sizes; default: all that are smaller than the target.
        target_metric: The metric at the target; default: the same.
        seeds: "mean" over seeds, or "single".
        bootstrap: Resamples for the interval of the frontier; 0 for none.
        random_seed: Of the resamples.

    Returns:
        A chart of one row per small size and trained checkpoint: decision_accuracy, compute in FLOPs and
        as a share of the target's; and the best accuracy that no more compute has, frontier, with the 95 %
        interval of the row that has it, frontier_low to frontier_high. The best of many noisy rows flatters.

    Raises:
        NotFoundError: The lake has no such size, or there is no such metric or task, or no trained checkpoint.
        InvalidError: No row has an answer: too few recipes, or no step in common.

    Example:
        >>> chart = ddcore.plot.frontier(lake, "piqa", target="20M")
        >>> chart.data["frontier"].to_pylist() == sorted(chart.data["frontier"].to_pylist())
        True
    """
    how: dict[str, Any] = {"target_metric": target_metric, "seeds": seeds}
    if task is None and _has_tasks(metric, target_metric):
        task = "olmes_10_macro_avg"
    every = lake.decision_accuracy(small, target, metric, task, step="all", bootstrap=0, **how)
    best = lake.compute_frontier(
        small, target, metric, task, bootstrap=bootstrap, random_seed=random_seed, **how
    ).to_pylist()
    data = drawable(_with_frontier(every, best), "frontier", "there is no trained checkpoint", "choose other sizes")
    share = alt.X(
        "compute_fraction:Q",
        scale=alt.Scale(type="log", nice=False),
        title=f"Compute, as a share of {target}'s (log scale)",
        axis=alt.Axis(format="~p", grid=False),
    )
    accuracy = alt.Y("decision_accuracy:Q", scale=alt.Scale(zero=False), title="Decision accuracy")
    by_size = alt.Color(
        "small:O", sort=_sizes(lake, distinct(data, "small")), scale=SIZES, title="Small size", legend=OPAQUE
    )
    shown = tooltips({"small": "N", "step": ",d", "compute": ".2e", "decision_accuracy": ".3f", "frontier": ".3f"})
    base = alt.Chart().encode(x=share)
    checkpoints = base.encode(y=accuracy, color=by_size, tooltip=shown)
    layers = [
        base.mark_area(color="grey", opacity=0.15, interpolate="step-after").encode(
            y="frontier_low:Q", y2="frontier_high:Q"
        ),
        level(0.5),
        checkpoints.mark_line(opacity=0.6, strokeWidth=1.5),
        checkpoints.mark_point(filled=True, size=28, opacity=0.9),
        base.mark_line(color="black", strokeWidth=2.5, interpolate="step-after").encode(y="frontier:Q"),
    ]
    interval = "; band: its 95 % interval" if any(row["low"] is not None for row in best) else ""
    return titled(
        alt.LayerChart(data=data, layer=layers),
        f"Decision accuracy against compute, {task or metric}",
        f"measured by {metric}, for {target}; dashed: a coin",
        f"black: the best so far{interval}",
    ).properties(width=560, height=360)


def _has_tasks(*metrics: str | None) -> bool:
    """Tell whether a metric is one of tasks; perplexities are those of whole checkpoints."""
    return not all(m is None or m.endswith("-valppl") for m in metrics)


def _main_tasks(lake: Lake) -> list[str]:
    """Give all tasks but the subjects of MMLU, which stand behind their average."""
    tasks: list[str] = lake.sql(
        "SELECT DISTINCT task FROM evals WHERE NOT starts_with(task, 'mmlu_') OR task = 'mmlu_average' ORDER BY task"
    )["task"].to_pylist()
    return tasks


def _sizes(lake: Lake, there: list[str]) -> list[str]:
    """Give the sizes that are there, the smallest first."""
    ordered = lake.table("model_sizes", columns=["params"], order_by="params")["params"].to_pylist()
    return [size for size in ordered if size in there]


def _with_frontier(every: pa.Table, best: list[dict[str, Any]]) -> pa.Table:
    """Add to each trained checkpoint, by compute, the best row of no more compute than its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trained = every.filter(pc.greater(every["compute"], 0)).sort_by("compute")
    at = [row["compute"] for row in best]
    holds = [best[bisect.bisect_right(at, c) - 1] for c in trained["compute"].to_pylist()]
    for name, column in (("frontier", "decision_accuracy"), ("frontier_low", "low"), ("frontier_high", "high")):
        trained = trained.append_column(name, pa.array([row[column] for row in holds], pa.float64()))
    return trained.drop_columns(["low", "high"])
