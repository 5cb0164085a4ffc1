"""A table of features as numbers: what is predicted, from what, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import near_names
from ._numbers import Array, invalid

IDS = ("recipe", "params", "seed", "project", "run_id", "run")
GROUPS = (
    "family", "run_type", "method", "ckpt_recipe", "ckpt_params", "ckpt_seed", "matched_group_name", "size", "multiple"
)  # fmt: skip
#: The end of a window, or the place of a target, in percent of a run: 20pct, 10to20pct, 12p5pct.
PERCENT = re.compile(r"(?<![A-Za-z0-9])(?:[\dp]+to)?(\d+(?:p\d+)?)pct(?![A-Za-z0-9])")


@dataclasses.dataclass(frozen=True)
class Data:
    """The rows that have a target.

    Attributes:
        table: All their columns.
        ids: Names of the columns that identify a row.
        names: One name per column of x: that of a number, or "<column>=<value>" for a value of a text.
        x: What is predicted from; NaN is null.
        target: The column that is predicted.
        y: Its values.
        left_out: Columns that have no value in any row.
        n_without_target: Rows that were left out, because their target is null.
        is_shared: Whether all sizes of a recipe have one target, that of another size.
    """

    table: pa.Table
    ids: list[str]
    names: list[str]
    x: Array
    target: str
    y: Array
    left_out: list[str]
    n_without_target: int
    is_shared: bool

    def labels(self, column: str) -> list[str]:
        """Give a column as text, e.g. to group by."""
        if column not in self.table.column_names or column == self.target:
            known = [f.name for f in self.table.schema if role(f) in ("id", "group")]
            raise invalid(f"there is no column {column!r} to group by", near_names(column, known), column)
        values = self.table[column].to_pylist()
        if None in values:
            raise invalid(
                f"{column} is null in row {values.index(None)}: the row belongs to no group",
                f"leave such rows out (of a lake: where='{column} IS NOT NULL'), or group by another column", column,
                (str(values.index(None)),),
            )  # fmt: skip
        return [str(v) for v in values]

    def numbers(self, column: str) -> Array | None:
        """Give a column as numbers with NaN for null; None if there is none."""
        return column_numbers(self.table, column) if column in self.table.column_names else None


def as_table(data: Any) -> pa.Table:
    """Take any table: Arrow, pandas, Polars, a dictionary of columns."""
    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
        # Polars' texts are views, which pyarrow cannot filter yet.
        texts = [pa.field(f.name, pa.string(), metadata=f.metadata) if is_text(f.type) else f for f in table.schema]
        return table.cast(pa.schema(texts, table.schema.metadata))
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise invalid(
            f"{type(data).__name__} is neither a lake nor a table: {error}", "pass a lake, or lake.features(...)"
        ) from error


def role(field: pa.Field) -> str:
    """Tell what a column is for: as `features` wrote it, or by its name."""
    if field.metadata and b"role" in field.metadata:
        return str(field.metadata[b"role"].decode())
    if field.name in IDS:
        return "id"
    if field.name in GROUPS:
        return "group"
    return "target" if field.name.startswith("target_") else "feature"


def read(data: Any, target: str | None, is_shared: bool | None = None) -> Data:
    """Take the columns of a table, and refuse what nothing can be learnt from.

    Args:
        data: The table.
        target: The column to predict, whole or as `features` was asked for it; None: the only one.
        is_shared: Whether the target is of another size; None: told by the values.
    """
    table = as_table(data)
    if {"series", "window"} <= set(table.column_names):
        raise invalid("the table has a row per series and window", "call features without long=True")
    name = _find_target(table, target)
    values = _target_values(table, name)
    known = ~np.isnan(values)
    if not known.any():
        raise invalid(
            f"{name} is null in all {table.num_rows} rows", "ingest the final checkpoints, or set target_at", name
        )
    rows, y = table.filter(pa.array(known)), values[known]
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        raise invalid(
            f"{name} is {y[0]:g} in all {len(y)} rows: there is nothing to tell", "choose another target", name
        )
    names, left_out = _inputs(rows, name)
    out = Data(
        rows, [f.name for f in rows.schema if role(f) == "id" and f.name != name], names, matrix(rows, names), name, y,
        left_out, int((~known).sum()), _shares(rows, y) if is_shared is None else is_shared,
    )  # fmt: skip
    _refuse_leaks(out)
    return out


def matrix(table: pa.Table, names: list[str]) -> Array:
    """Give columns as numbers, one name per column of the result; NaN is null."""
    columns = []
    for name in names:
        if name in table.column_names:
            columns.append(column_numbers(table, name))
            continue
        column, _, value = name.partition("=")
        equal = np.array([v == value for v in map(str, table[column].to_pylist())], dtype=float)
        columns.append(equal)
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def column_numbers(table: pa.Table, name: str) -> Array:
    """Give one column as numbers; infinite values are refused."""
    column = table[name]
    if not is_number(column.type):
        raise invalid(f"column {name} is {column.type}, no number", f"cast {name} to double, or leave it out", name)
    numbers = np.array(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
    if np.isinf(numbers).any():
        row = int(np.flatnonzero(np.isinf(numbers))[0])
        raise invalid(f"{name} is {numbers[row]} in row {row}", "make it null, or leave the row out", name, (str(row),))
    return numbers


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column can be read as numbers."""
    t = pa.types
    return bool(t.is_floating(kind) or t.is_integer(kind) or t.is_boolean(kind) or t.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column's values are names."""
    t = pa.types
    view = getattr(t, "is_string_view", lambda _: False)
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_dictionary(kind) or view(kind))


def _find_target(table: pa.Table, target: str | None) -> str:
    of_role = [f.name for f in table.schema if role(f) == "target"]
    if target is None:
        if len(of_role) == 1:
            return str(of_role[0])
        raise invalid(
            f"the table has {len(of_role)} targets: {', '.join(of_role) or 'no column target_…'}",
            "name one with target=" if of_role else "call features with target=", "target",
        )  # fmt: skip
    if target in table.column_names:
        return target
    starts = (f"target_{target}__", f"target_{target}_primary_metric__")
    meant = [n for n in of_role if n.startswith(starts)]
    if not meant:
        raise invalid(f"the table has no target {target!r}", near_names(target, of_role), "target")
    if len(meant) > 1:
        raise invalid(f"{len(meant)} columns are the target {target!r}", f"name one of {', '.join(meant)}", "target")
    return str(meant[0])


def _target_values(table: pa.Table, name: str) -> Array:
    column = table[name]
    if not is_number(column.type):
        raise invalid(f"the target {name} is {column.type}, no number", "choose a target that is a number", name)
    values = np.array(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
    wrong = np.flatnonzero(~np.isfinite(values) & np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False)))
    if wrong.size:
        raise invalid(
            f"the target {name} is {values[wrong[0]]} in row {wrong[0]} ({wrong.size} of {len(values)} rows)",
            "leave those rows out, or make them null", name, tuple(str(i) for i in wrong[:3]),
        )  # fmt: skip
    return values


def _inputs(table: pa.Table, target: str) -> tuple[list[str], list[str]]:
    """Name the columns to predict from, and those that have no value at all."""
    names: list[str] = []
    left_out: list[str] = []
    for f in table.schema:
        if role(f) not in ("feature", "metadata") or f.name == target:
            continue
        if table[f.name].null_count == table.num_rows:
            left_out.append(f.name)
        elif is_number(f.type):
            (left_out if np.isnan(column_numbers(table, f.name)).all() else names).append(f.name)
        elif is_text(f.type):
            values = sorted({str(v) for v in table[f.name].to_pylist() if v is not None})
            names += [f"{f.name}={v}" for v in values]
        else:
            raise invalid(f"column {f.name} is {f.type}: neither number nor text", f"leave {f.name} out", f.name)
    if not names:
        raise invalid(
            f"none of {len(left_out)} features has a value in any row" if left_out else "the table has no features",
            "take a longer window, other stats or tasks", left_out[0] if left_out else "",
        )  # fmt: skip
    return names, left_out


def _shares(table: pa.Table, y: Array) -> bool:
    """Tell whether the rows of each recipe have one target, though they are of several sizes."""
    if not {"recipe", "params"} <= set(table.column_names):
        return False
    of: dict[Any, set[tuple[Any, float]]] = {}
    for recipe, params, value in zip(table["recipe"].to_pylist(), table["params"].to_pylist(), y, strict=True):
        of.setdefault(recipe, set()).add((params, float(value)))
    several = [pairs for pairs in of.values() if len({p for p, _ in pairs}) > 1]
    return bool(several) and all(len({v for _, v in pairs}) == 1 for pairs in several)


def _refuse_leaks(data: Data) -> None:
    """Refuse features that hold the target."""
    for j, name in enumerate(data.names):
        if np.array_equal(data.x[:, j], data.y):
            raise invalid(
                f"{name} is the target {data.target}, value by value", "leave it out, or end the window earlier", name
            )
    if data.is_shared:
        return
    at = "100" if data.target.endswith("__final") else _percent(data.target)
    for name in data.names:
        end = _percent(name)
        if at and end and float(end) >= float(at):
            raise invalid(
                f"the window of {name} reaches the target {data.target}",
                "end the window earlier, set target_at later, or predict another size with target_params", name,
            )  # fmt: skip


def _percent(name: str) -> str | None:
    """Read the greatest percentage of a run that a column's name tells."""
    found = [n.replace("p", ".") for n in PERCENT.findall(name)]
    return max(found, key=float) if found else None
