"""From small sizes to the target's, recipe by recipe; and how well that orders the recipes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from .. import errors
from ._points import find, invalid, not_found
from .law import fit
from .setups import Setup
from .sources import checkpoints

if TYPE_CHECKING:
    from ..lake import Lake

__all__ = ["compare", "decision_accuracy", "extrapolate"]


def extrapolate(
    lake: Lake,
    task: str,
    metric: str = "primary_metric",
    setup: str | Setup = "3_param-default",
    *,
    target: str = "1B",
    loss: str = "bits_per_byte_corr",
    recipes: str | Iterable[str] | None = None,
    params: str | Iterable[str] | None = None,
    seeds: int | Iterable[int] | None = None,
    n_bootstrap: int = 0,
    seed: int = 0,
) -> pa.Table:
    """Fit each recipe's sizes below the target, and predict its last checkpoint of the target size.

    Args:
        lake: The lake.
        task: A task of `evals`.
        metric: The column of `evals` to predict; in an intermediate set-up, the one in between, and
            primary_metric is predicted.
        setup: A name of `SETUPS`, or a `Setup` of one's own.
        target: The size to predict.
        loss: The column of `evals` between size and metric, as in `checkpoints`.
        recipes: The recipes; default: all that the target size has.
        params: The sizes, with the target; default: all that the set-up does not hold out.
        seeds: The seeds that checkpoints are averaged over; default: all. The published fits take 0.
        n_bootstrap: Draws for the intervals; 0: none, and low and high are null.
        seed: The seed of the draws.

    Returns:
        One row per recipe, in the columns of `scaling_law_two_step`: recipe, task, metric, setup,
        true_loss, pred_loss, pred_value_from_true_loss (null with one step), true_value, pred_value,
        low_value, high_value, abs_error, decision_accuracy (of all rows; null for one recipe).

    Raises:
        NotFoundError: There is no such lake, task, column, recipe, size or set-up.
        InvalidError: A recipe's rows allow no fit.

    Example:
        >>> predicted = ddcore.scaling.extrapolate(
        ...     lake, "arc_easy", setup="3_param-default-helper_points", loss="surprisal_per_char"
        ... )
        >>> predicted.column_names[-2:]
        ['abs_error', 'decision_accuracy']
    """
    how = find(setup)
    between, value = (metric, "primary_metric") if how.intermediate else (loss, metric)
    if params is None:
        sizes = lake.sql("SELECT DISTINCT params FROM evals WHERE task = ?", [task])["params"].to_pylist()
        params = [p for p in sizes if p == target or p not in how.held_out]
    points = checkpoints(lake, task, value, loss=between, recipes=recipes, params=params or target, seeds=seeds)
    is_target = pc.equal(points["params"], target)
    wanted = sorted(set(points.filter(is_target)["recipe"].to_pylist()))
    if not wanted:
        raise not_found(f"checkpoint for {task} at size", target, sorted(set(points["params"].to_pylist())))
    smaller = pc.less(points["n_params"], pc.max(points.filter(is_target)["n_params"]))
    rows = []
    for recipe in wanted:
        own = pc.equal(points["recipe"], recipe)
        actual = points.filter(pc.and_(own, is_target))
        try:
            law = fit(points.filter(pc.and_(own, smaller)), how, n_bootstrap=n_bootstrap, seed=seed)
        except errors.InvalidError as problem:
            raise invalid(
                f"{recipe}, {task}: {str(problem).removeprefix('scaling law: ').removesuffix(f' ({problem.hint})')}",
                problem.hint, problem.column, problem.rows,
            ) from problem  # fmt: skip
        found = law.evaluate(actual.slice(actual.num_rows - 1)).to_pylist()[0]
        true_loss = found.get("loss")
        rows.append({
            "recipe": recipe, "task": task, "metric": metric, "setup": how.name,
            "true_loss": true_loss, "pred_loss": found.get("pred_loss"),
            "pred_value_from_true_loss": float(law.step_2.at(np.array([true_loss]))[0]) if law.step_2 else None,
            "true_value": found["value"], "pred_value": found["pred_value"],
            "low_value": found["low_value"], "high_value": found["high_value"],
            "abs_error": abs(found["error_value"]),
        })  # fmt: skip
    right = (
        decision_accuracy([r["pred_value"] for r in rows], [r["true_value"] for r in rows]) if len(rows) > 1 else None
    )
    texts = ("recipe", "task", "metric", "setup")
    types = [(n, pa.string() if n in texts else pa.float64()) for n in (*rows[0], "decision_accuracy")]
    return pa.Table.from_pylist([r | {"decision_accuracy": right} for r in rows], schema=pa.schema(types))


def decision_accuracy(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Give the share of pairs that are predicted in their actual order (arXiv 2504.11393).

    Args:
        predicted: Predicted values, one per recipe.
        actual: Actual values, in the same order.

    Returns:
        The share, of n (n - 1) / 2 pairs. Ties count as wrong.

    Raises:
        InvalidError: There are fewer than two, or not equally many, or not all numbers.

    Example:
        >>> ddcore.scaling.decision_accuracy([0.4, 0.5, 0.6], [0.3, 0.5, 0.4])
        0.6666666666666666
    """
    p, a = np.asarray(predicted, dtype=float), np.asarray(actual, dtype=float)
    if p.ndim != 1 or p.shape != a.shape or p.size < 2 or not np.isfinite([p, a]).all():
        raise invalid(
            "decision accuracy takes two equally long lists of at least two numbers", "leave out missing ones"
        )
    return float(
        np.mean([np.sign(p[i] - p[j]) * np.sign(a[i] - a[j]) > 0 for i, j in itertools.combinations(range(p.size), 2)])
    )


def compare(lake: Lake, predictions: pa.Table) -> pa.Table:
    """Put the published predictions beside ours.

    Args:
        lake: A lake with the published fits (`scaling_law_two_step`, `scaling_law_one_step`).
        predictions: What `extrapolate` gave, or several of them concatenated.

    Returns:
        The rows with published_pred_loss, published_true_value, published_pred_value,
        published_decision_accuracy and difference (pred_value - published_pred_value); null where
        nothing was published.

    Raises:
        NotFoundError: There is no lake.

    Example:
        >>> predicted = ddcore.scaling.extrapolate(lake, "piqa", loss="surprisal_per_char")
        >>> ddcore.scaling.compare(lake, predicted).column_names[-2:]
        ['published_decision_accuracy', 'difference']
    """
    columns = "recipe, task, metric, setup, true_value, pred_value, decision_accuracy"
    published = lake.sql(
        f"SELECT {columns}, pred_loss FROM scaling_law_two_step"
        f" UNION ALL SELECT {columns}, NULL FROM scaling_law_one_step"
    )
    keys = ("recipe", "task", "metric", "setup")
    by_key = {tuple(row[k] for k in keys): row for row in published.to_pylist()}
    names = ("pred_loss", "true_value", "pred_value", "decision_accuracy")
    rows: list[dict[str, float | None]] = []
    for row in predictions.to_pylist():
        # The published table calls the mean over MMLU's subjects mmlu.
        task = "mmlu" if row["task"] == "mmlu_average" else row["task"]
        theirs: dict[str, Any] = by_key.get((row["recipe"], task, row["metric"], row["setup"]), {})
        beside = {f"published_{n}": theirs.get(n) for n in names}
        rows.append(beside | {"difference": row["pred_value"] - theirs["pred_value"] if theirs else None})
    out = predictions
    for name in (*(f"published_{n}" for n in names), "difference"):
        out = out.append_column(name, pa.array([r[name] for r in rows], pa.float64()))
    return out
