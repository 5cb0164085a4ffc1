"""How good predictions are: per group, overall, and with intervals by resampling groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from ._folds import Groups
from ._intervals import LEVELS
from ._numbers import Array, Rows

#: Scores in the order of reports; n_pairs counts what decision_accuracy is a share of.
SCORES = (
    "rmse", "mae", "r2", "spearman", "kendall", "decision_accuracy", "n_pairs",
    *(f"{name}_{100 * level:.0f}" for level in LEVELS for name in ("coverage", "width")),
)  # fmt: skip
RANKS = ("spearman", "kendall")


class Decisions:
    """The pairs of recipes that are compared: at the same size, seeds averaged.

    Args:
        what: What is compared, by row: the recipe; rows of one are averaged.
        within: Only rows that agree in this are compared: the size.
    """

    def __init__(self, what: list[str], within: list[str]) -> None:
        items = sorted(set(zip(within, what, strict=True)))
        number = {item: i for i, item in enumerate(items)}
        self.owner = np.array([number[item] for item in zip(within, what, strict=True)])
        self.size = np.array([within for within, _ in items])
        self.n = len(items)

    def right(self, actual: Array, predicted: Array, rows: Rows, weights: Array) -> tuple[float, float]:
        """Give the weights of the pairs that are predicted in their actual order, and of all pairs.

        A pair that ties in either is wrong, as in `decision_accuracy` of the lake (arXiv 2504.11393).
        """
        owner = self.owner[rows]
        total = np.bincount(owner, weights, self.n)
        here = np.flatnonzero(total > 0)
        means = [np.bincount(owner, weights * v, self.n)[here] / total[here] for v in (actual[rows], predicted[rows])]
        # A recipe that was drawn twice is compared twice, but not with itself.
        counts = total[here] / np.bincount(owner, minlength=self.n)[here]
        i, j = np.triu_indices(len(here), 1)
        same = self.size[here][i] == self.size[here][j]
        i, j = i[same], j[same]
        signs = [np.sign(v[i] - v[j]) for v in means]
        pair = counts[i] * counts[j]
        return float(pair[signs[0] * signs[1] > 0].sum()), float(pair.sum())


def scores(
    actual: Array, predicted: Array, ends: list[tuple[Array, Array]], decisions: Decisions, rows: Rows, weights: Array
) -> dict[str, float | None]:
    """Give all scores of some rows.

    Args:
        actual: The targets of all rows.
        predicted: The predictions of all rows.
        ends: The low and the high ends of each level's interval.
        decisions: The pairs.
        rows: Which rows.
        weights: How often each of them counts: whole numbers.

    Returns:
        A number per name of `SCORES`; None where the rows allow none.
    """
    a, p, total = actual[rows], predicted[rows], weights.sum()
    error = p - a
    mean = weights @ a / total
    spread = weights @ (a - mean) ** 2
    out: dict[str, float | None] = {
        "rmse": float(np.sqrt(weights @ error**2 / total)),
        "mae": float(weights @ np.abs(error) / total),
        "r2": float(1 - weights @ error**2 / spread) if spread > 1e-24 * total else None,
    }
    repeated = np.repeat(np.arange(len(rows)), weights.astype(int))
    out["spearman"] = _ranked(stats.spearmanr, a[repeated], p[repeated])
    out["kendall"] = _ranked(stats.kendalltau, a[repeated], p[repeated])
    right, pairs = decisions.right(actual, predicted, rows, weights)
    out["decision_accuracy"] = right / pairs if pairs else None
    out["n_pairs"] = pairs
    for level, (low, high) in zip(LEVELS, ends, strict=True):
        inside = (low[rows] <= a) & (a <= high[rows])
        out[f"coverage_{100 * level:.0f}"] = float(weights @ inside / total)
        out[f"width_{100 * level:.0f}"] = float(weights @ (high[rows] - low[rows]) / total)
    return out


def resampled(
    score: Callable[[Rows, Array], dict[str, float | None]], groups: Groups, n_draws: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Give each score's 95 % interval: quantiles over draws of groups with replacement.

    Of two columns each is drawn by itself and a row counts as often as both its groups (the pigeonhole
    bootstrap, Owen 2007).

    Args:
        score: Gives the scores of rows and their weights.
        groups: The labels.
        n_draws: How many draws.
        seed: Their seed.
    """
    rng = np.random.default_rng(seed)
    owners = [np.unique(labels, return_inverse=True) for labels in groups.labels]
    found: dict[str, list[float]] = {}
    for _ in range(n_draws):
        weights = np.ones(len(groups.labels[0]))
        for names, owner in owners:
            weights *= rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[owner]
        rows = np.flatnonzero(weights)
        if not rows.size:
            continue
        for name, value in score(rows, weights[rows]).items():
            if value is not None and name != "n_pairs":
                found.setdefault(name, []).append(value)
    return {
        name: tuple(np.quantile(values, (0.025, 0.975)).tolist())
        for name, values in found.items()
        if len(values) >= 0.5 * n_draws
    }


def _ranked(correlate: Callable[..., Any], a: Array, p: Array) -> float | None:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(p) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = float(correlate(a, p)[0])
    return value if np.isfinite(value) else None
