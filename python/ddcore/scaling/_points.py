"""Checkpoints as columns: read from any table, checked, and cut into windows."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _arguments, errors
from ._forms import Array
from .setups import SETUPS, Setup


@dataclasses.dataclass(frozen=True)
class Points:
    """Checkpoints, ordered by run and tokens.

    Attributes:
        run: Name of each one's run.
        params: Label of each one's size, or None if the table has none.
        n_params: N.
        tokens: D.
        loss: Task loss, or None.
        value: The metric, or None.
    """

    run: list[str]
    params: list[str] | None
    n_params: Array
    tokens: Array
    loss: Array | None
    value: Array | None

    def runs(self) -> list[slice]:
        """Give where each run's checkpoints stand."""
        starts = [i for i in range(len(self.run)) if i == 0 or self.run[i] != self.run[i - 1]]
        return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(self.run)], strict=True)]


@dataclasses.dataclass(frozen=True)
class Ends:
    """One point per run: its last N and D, the mean loss and value of its last checkpoints."""

    run: list[str]
    n_params: Array
    tokens: Array
    loss: Array | None
    value: Array | None


def invalid(problem: str, hint: str, column: str = "", rows: tuple[str, ...] = ()) -> errors.InvalidError:
    """Make the error for points that cannot be fitted."""
    error = _arguments.invalid(f"scaling law: {problem}", hint)
    error.op, error.column, error.rows = "scaling.fit", column, rows
    return error


def not_found(what: str, name: str, names: Iterable[str]) -> errors.NotFoundError:
    """Make the error for a name that there is not, with near ones."""
    names = list(names)
    hint = f"there are {', '.join(names)}" if name in names else errors.near_names(name, names)
    error = errors.NotFoundError(f"scaling law: no {what} {name!r} ({hint})")
    error.op, error.target, error.hint = "scaling", name, hint
    return error


def find(setup: str | Setup) -> Setup:
    """Give a set-up by its name."""
    if isinstance(setup, str) and setup not in SETUPS:
        raise not_found("set-up", setup, SETUPS)
    return SETUPS[setup] if isinstance(setup, str) else setup


def read(data: Any) -> Points:
    """Take a table's columns, and refuse what no law can be fitted to."""
    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
    except (TypeError, ValueError, pa.ArrowInvalid) as error:
        raise invalid(
            f"{type(data).__name__} is no table: {error}", "pass a table with n_params, tokens, loss, value"
        ) from error
    for name in ("n_params", "tokens"):
        if name not in table.column_names:
            raise invalid(f"there is no column {name} among {', '.join(table.column_names)}", "rename columns", name)
    if table.num_rows == 0:
        raise invalid("the table is empty", "pass one row per checkpoint")
    run = [str(r) for r in table["run"].to_pylist()] if "run" in table.column_names else None
    tokens = _numbers(table, "tokens", above=0)
    # Without run names each row is the end of a run of its own.
    names = run or [f"row {i}" for i in range(table.num_rows)]
    keys = list(zip(names, tokens.tolist(), strict=True)) if run else list(enumerate(tokens.tolist()))
    order = sorted(range(len(keys)), key=lambda i: keys[i])
    for i, j in itertools.pairwise(order):
        if keys[i] == keys[j]:
            raise invalid(
                f"run {keys[i][0]} has two rows with tokens = {keys[i][1]:g} (rows {i} and {j})",
                "keep one row per run and checkpoint", "tokens", (str(i), str(j)),
            )  # fmt: skip
    has = table.column_names
    points = Points(
        run=[names[i] for i in order],
        params=[str(p) for p in table["params"].take(order).to_pylist()] if "params" in has else None,
        n_params=_numbers(table, "n_params", above=0)[order],
        tokens=tokens[order],
        loss=_numbers(table, "loss")[order] if "loss" in has else None,
        value=_numbers(table, "value")[order] if "value" in has else None,
    )
    for part in points.runs():
        if np.unique(points.n_params[part]).size > 1:
            raise invalid(
                f"run {points.run[part.start]} has more than one n_params", "give each run its own name", "run"
            )
    return points


def _numbers(table: pa.Table, name: str, above: float | None = None) -> Array:
    column = table[name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise invalid(f"column {name} is {column.type}, no number", f"cast {name} to double", name)
    numbers = np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
    wrong = ~np.isfinite(numbers) if above is None else ~(np.isfinite(numbers) & (numbers > above))
    if wrong.any():
        rows = np.flatnonzero(wrong)
        wanted = "a finite number" if above is None else f"a finite number above {above:g}"
        condition = f"isfinite({name})" if above is None else f"isfinite({name}) AND {name} > {above:g}"
        raise invalid(
            f"{name} is {numbers[rows[0]]:g} in row {rows[0]} ({rows.size} of {numbers.size} rows are not {wanted})",
            f"leave those rows out, e.g. WHERE {condition}", name, tuple(str(r) for r in rows[:3]),
        )  # fmt: skip
    return numbers


def without_held_out(points: Points, setup: Setup) -> Points:
    """Leave out the sizes that the set-up holds out."""
    if points.params is None or not setup.held_out:
        return points
    keep = [i for i, label in enumerate(points.params) if label not in setup.held_out]
    if not keep:
        raise invalid(
            f"set-up {setup.name} holds out all rows: {', '.join(setup.held_out)}", "add smaller sizes", "params"
        )
    return take(points, keep)


def take(points: Points, rows: list[int]) -> Points:
    """Give some of the checkpoints."""
    return Points(
        run=[points.run[i] for i in rows],
        params=None if points.params is None else [points.params[i] for i in rows],
        n_params=points.n_params[rows],
        tokens=points.tokens[rows],
        loss=None if points.loss is None else points.loss[rows],
        value=None if points.value is None else points.value[rows],
    )


def ends(points: Points, setup: Setup) -> Ends:
    """Give each run's end, as `Setup.final` says."""
    runs = points.runs()
    last = [r.stop - 1 for r in runs]

    def mean(column: Array | None) -> Array | None:
        if column is None:
            return None
        return np.array([column[r.stop - _window(r.stop - r.start, setup.final) : r.stop].mean() for r in runs])

    run = [points.run[i] for i in last]
    return Ends(run, points.n_params[last], points.tokens[last], mean(points.loss), mean(points.value))


def _window(n: int, final: float) -> int:
    """Count the last checkpoints of n: a number of them, or a share."""
    wanted = final if final >= 1 else n - math.ceil((1 - final) * n)
    return max(1, min(n, int(wanted)))


def pairs(points: Points, setup: Setup, runs: list[slice]) -> tuple[Array, Array, Array]:
    """Give the losses and values that step 2 is fitted to, and the number of each one's run."""
    assert points.loss is not None
    assert points.value is not None
    x, y, owner = [], [], []
    for i, r in enumerate(runs):
        n = r.stop - r.start
        first = min(r.start + math.ceil(round((1 - setup.step_2_share) * n, 9)), r.stop - 1)
        x.append(_running_mean(points.loss[first : r.stop], setup.smooth))
        y.append(_running_mean(points.value[first : r.stop], setup.smooth))
        owner.append(np.full(r.stop - first, i, dtype=float))
    return np.concatenate(x), np.concatenate(y), np.concatenate(owner)


def _running_mean(x: Array, n: int) -> Array:
    """Average each element with up to n - 1 before it."""
    total = np.cumsum(np.concatenate([[0.0], x]))
    stop = np.arange(1, x.size + 1)
    start = np.maximum(stop - n, 0)
    return np.asarray((total[stop] - total[start]) / (stop - start), dtype=float)
