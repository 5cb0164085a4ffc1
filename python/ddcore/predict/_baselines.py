"""What a model must beat: four predictions that learn little or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ._data import PERCENT, Data
from ._numbers import Array, Rows


class UnavailableError(Exception):
    """The columns do not hold what a baseline needs."""


#: The size that the target is taken at: its parameters and its tokens.
Size: TypeAlias = "tuple[float, float] | None"
Baseline: TypeAlias = Callable[[Data, Size, Rows, Rows], Array]


def last_value(data: Data, _: Size, train: Rows, test: Rows) -> Array:
    """The target's own series at the end of the latest window; the training rows' mean where it has no value."""
    own = _own(data, "last")
    return np.where(np.isnan(own[test]), data.y[train].mean(), own[test])


def recipe_mean(data: Data, _: Size, train: Rows, test: Rows) -> Array:
    """The mean target of the recipe's other rows, of all sizes; of all rows where the recipe has none."""
    recipes = np.array(_labels(data))
    means = {r: float(data.y[train][recipes[train] == r].mean()) for r in set(recipes[train].tolist())}
    if not set(recipes[test].tolist()) & means.keys():
        raise UnavailableError("a held-out recipe has no other rows: group by params")
    whole = float(data.y[train].mean())
    return np.array([means.get(r, whole) for r in recipes[test].tolist()])


def power_law(data: Data, size: Size, train: Rows, test: Rows) -> Array:
    """The power law of the window, read at the run's end; of another size, one over compute through all sizes."""
    found = _law_of_sizes(data, size) if data.is_shared else _law_of_window(data)
    return np.where(np.isfinite(found[test]), found[test], data.y[train].mean())


def ranking(data: Data, _: Size, train: Rows, test: Rows) -> Array:
    """The order at a small size, kept.

    For the target of another size: the rank of the last value among the training rows of the same size becomes
    the same rank of their targets. For a run's own target: the recipe's mean target at the next smaller size.
    """
    return _ranks(data, train, test) if data.is_shared else _smaller(data, train, test)


BASELINES: dict[str, Baseline] = {
    "last_value": last_value, "recipe_mean": recipe_mean, "power_law": power_law, "ranking": ranking,
}  # fmt: skip


def _labels(data: Data) -> list[str]:
    for name in ("recipe", "ckpt_recipe"):
        if name in data.table.column_names:
            return ["" if v is None else str(v) for v in data.table[name].to_pylist()]
    raise UnavailableError("the table has no recipe")


def _series(data: Data) -> tuple[str, str]:
    """Split the target's name into its series and its place."""
    series, _, at = data.target.removeprefix("target_").rpartition("__")
    if not series or at == "gain":
        raise UnavailableError(f"{data.target} is no value of a series")
    return series, at


def _own(data: Data, stat: str) -> Array:
    """Read a statistic of the target's series in its latest window."""
    series, _ = _series(data)
    windows = [n for n in data.table.column_names if n.startswith(f"{series}__") and n.endswith(f"__{stat}")]
    windows = [n for n in windows if "_less_" not in n]
    if not windows:
        raise UnavailableError(f"the table has no column {series}__<window>__{stat}")
    numbers = data.numbers(max(windows, key=lambda n: (_end(n), n)))
    assert numbers is not None
    if np.isnan(numbers).all():
        raise UnavailableError(f"{series}__<window>__{stat} is null in all rows: take a longer window")
    return numbers


def _end(name: str) -> float:
    found = PERCENT.findall(name) or re.findall(r"(\d+)steps", name) or re.findall(r"(\d+(?:p\d+)?)[A-Z]?tokens", name)
    return float(found[-1].replace("p", ".")) if found else 0.0


def _number(data: Data, name: str) -> Array:
    numbers = data.numbers(name)
    if numbers is None:
        raise UnavailableError(f"the table has no column {name}")
    return numbers


def _law_of_window(data: Data) -> Array:
    """Read v = e^a tokens^b (docs/features.md) where the target stands."""
    series, at = _series(data)
    share = 1.0 if at == "final" else next((float(p.replace("p", ".")) / 100 for p in PERCENT.findall(data.target)), 0)
    if not share:
        raise UnavailableError(f"{series} at {at}: the tokens are not known")
    tokens = share * _number(data, "total_tokens")
    return np.asarray(np.exp(_own(data, "power_log_scale") + _own(data, "power_exponent") * np.log(tokens)))


def _law_of_sizes(data: Data, size: Size) -> Array:
    """Fit ln(last value) = a + b ln(6 N D) through a recipe's sizes (arXiv 2001.08361), and read it at the target's."""
    if size is None:
        raise UnavailableError("the compute of the target's size is not in the table: pass the lake")
    compute = 6 * _number(data, "params_exact") * _number(data, "total_tokens")
    own, recipes = _own(data, "last"), np.array(_labels(data))
    out = np.full(len(own), np.nan)
    for recipe in sorted(set(recipes.tolist())):
        rows = np.flatnonzero((recipes == recipe) & (own > 0) & (compute > 0))
        if np.unique(compute[rows]).size >= 2:
            b, a = np.polyfit(np.log(compute[rows]), np.log(own[rows]), 1)
            out[recipes == recipe] = np.exp(a + b * np.log(6 * size[0] * size[1]))
    return out


def _ranks(data: Data, train: Rows, test: Rows) -> Array:
    own = _own(data, "last")
    sizes = np.array(data.labels("params"))
    out = np.full(len(test), data.y[train].mean())
    for size in sorted(set(sizes[test].tolist())):
        known = train[~np.isnan(own[train])]
        same = known[sizes[known] == size]
        rows = np.flatnonzero((sizes[test] == size) & ~np.isnan(own[test]))
        # Of a size that is held out as well, the other sizes tell: values there are ranks of their own size.
        if len(same) >= 2:
            out[rows] = _mapped(own[same], data.y[same], own[test[rows]])
        elif len(known) >= 2:
            out[rows] = _mapped(own[known], data.y[known], own[test[rows]])
    return out


def _mapped(x: Array, y: Array, at: Array) -> Array:
    """Map by the line through the k-th smallest x and the k-th smallest y, for each k; beyond its ends straight on."""
    x, y = np.sort(x), np.sort(y)
    slope = (y[-1] - y[0]) / (x[-1] - x[0]) if x[-1] > x[0] else 0.0
    beyond = np.minimum(at - x[0], 0.0) + np.maximum(at - x[-1], 0.0)
    return np.asarray(np.interp(at, x, y) + slope * beyond)


def _smaller(data: Data, train: Rows, test: Rows) -> Array:
    n_params, recipes = _number(data, "params_exact"), np.array(_labels(data))
    out = np.full(len(test), data.y[train].mean())
    found = False
    for k, i in enumerate(test):
        rows = train[(recipes[train] == recipes[i]) & (n_params[train] < n_params[i])]
        if rows.size:
            near = rows[n_params[rows] == n_params[rows].max()]
            out[k], found = data.y[near].mean(), True
    if not found and len(test) and np.isin(recipes[test], recipes[train]).sum() == 0:
        raise UnavailableError("a held-out recipe has no smaller size among the training rows: group by params")
    return out
