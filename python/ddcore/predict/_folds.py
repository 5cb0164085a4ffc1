"""Splits by group: what is held out shares no group with what is learnt from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold

from ._data import Data
from ._numbers import Rows, Splits, invalid

SEEDS = ("seed", "ckpt_seed", "ft_seed")
INNER = {1: 4, 2: 3}  # parts of each column, by the number of columns


class Fold(NamedTuple):
    """One part that is held out."""

    name: str
    train: Rows
    test: Rows


class Groups(NamedTuple):
    """The labels that rows are split by: one list per column."""

    columns: tuple[str, ...]
    labels: list[list[str]]

    def of(self, rows: Rows) -> Groups:
        """Give those of some rows."""
        return Groups(self.columns, [[labels[i] for i in rows] for labels in self.labels])


def read(data: Data, columns: Sequence[str] | None) -> Groups:
    """Take the columns to group by, and refuse those that would leak.

    Args:
        data: The rows.
        columns: One column or two; None: what the table suggests.
    """
    columns = tuple(columns) if columns else _suggested(data)
    if not 1 <= len(columns) <= 2 or len(set(columns)) < len(columns):
        raise invalid(f"groups are {', '.join(columns)}", "name one column, or two such as ['params', 'recipe']")
    for name in columns:
        if name in SEEDS:
            raise invalid(
                f"groups by {name} would put seeds of one recipe and size on both sides", "group by recipe or params"
            )
    if data.is_shared and "recipe" not in columns:
        raise invalid(
            "all sizes of a recipe have one target, which a split by "
            f"{' and '.join(columns)} would show to the training rows",
            "group by recipe, or by ['params', 'recipe']",
        )
    groups = Groups(columns, [data.labels(name) for name in columns])
    if {"recipe", "params"} <= set(data.table.column_names):
        seen: dict[tuple[str, str], tuple[str, ...]] = {}
        pairs = zip(data.labels("recipe"), data.labels("params"), strict=True)
        for i, (pair, label) in enumerate(zip(pairs, zip(*groups.labels, strict=True), strict=True)):
            if seen.setdefault(pair, label) != label:
                raise invalid(
                    f"{' '.join(pair)} is in the groups {'/'.join(seen[pair])} and {'/'.join(label)} (row {i}): "
                    "its seeds would be on both sides", "group by recipe or params", rows=(str(i),),
                )  # fmt: skip
    return groups


def _suggested(data: Data) -> tuple[str, ...]:
    for name in ("recipe",) if data.is_shared else ("params", "size", "ckpt_recipe"):
        if name in data.table.column_names:
            return (name,)
    raise invalid("the rows have neither params, size nor ckpt_recipe to group by", "name a column with groups=")


def outer(groups: Groups, folds: int | None) -> list[Fold]:
    """Hold out each group, or k parts of the groups; of two columns each combination that has rows.

    Args:
        groups: The labels.
        folds: k; None: each group by itself.
    """
    for name, labels in zip(groups.columns, groups.labels, strict=True):
        n = len(set(labels))
        # Of the groups that are learnt from, a part is held out again, to choose a model: two at least.
        if n < 3:
            raise invalid(
                f"{name} has {n} {'group' if n == 1 else 'groups'} in the rows with a target; nested "
                "cross-validation needs 3", "add results, or group by another column", name,
            )  # fmt: skip
        if folds is not None and not 2 <= folds <= n:
            raise invalid(
                f"{folds} folds of {n} groups of {name}", f"take from 2 to {n} folds, or none for one a group", name
            )
        if folds == 2 and n < 4:
            raise invalid(f"2 folds of {n} groups of {name} leave 1 to choose a model by", "take 3 folds", name)
    made = _cut(groups, [len(set(labels)) if folds is None else folds for labels in groups.labels], folds is not None)
    short = [f for f in made if min((len(set(x)) for x in groups.of(f.train).labels), default=0) < 2]
    if short:
        raise invalid(
            f"without {short[0].name}, {len(short[0].train)} rows are left to learn from, of too few groups",
            "take more folds, or group by one column",
        )
    return made


def inner(groups: Groups) -> Splits:
    """Split training rows again, by the same columns, to choose models and to calibrate intervals."""
    most = INNER[len(groups.columns)]
    made = _cut(groups, [min(most, len(set(labels))) for labels in groups.labels], True)
    splits = [(f.train, f.test) for f in made if len(f.train) >= 2]
    if len(splits) < 2:
        raise invalid("the training rows of a fold cannot be split again by group", "group by one column")
    return splits


def _cut(groups: Groups, parts: list[int], numbered: bool) -> list[Fold]:
    """Hold out each combination of a part of each column; what shares a part is not learnt from."""
    assigned, named = [], []
    for column, labels, k in zip(groups.columns, groups.labels, parts, strict=True):
        values = sorted(set(labels))
        if numbered:
            part = _balanced(labels, k)
            named.append([f"{column} fold {i + 1}" for i in range(k)])
        else:
            part = np.array([values.index(v) for v in labels])
            named.append([f"{column} {v}" for v in values])
        assigned.append(part)
    folds = []
    for combination in itertools.product(*[range(k) for k in parts]):
        same = [part == i for part, i in zip(assigned, combination, strict=True)]
        test = np.flatnonzero(np.logical_and.reduce(same))
        if test.size:
            train = np.flatnonzero(~np.logical_or.reduce(same))
            name = ", ".join(names[i] for names, i in zip(named, combination, strict=True))
            folds.append(Fold(name, train, test))
    return folds


def _balanced(labels: list[str], k: int) -> Rows:
    """Give each row the number of its part; a group is in one, and parts are about equally large."""
    part = np.empty(len(labels), dtype=np.int64)
    for i, (_, test) in enumerate(GroupKFold(k).split(np.zeros((len(labels), 1)), groups=labels)):
        part[test] = i
    return part
