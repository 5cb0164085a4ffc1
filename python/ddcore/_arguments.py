"""Turns what Python users pass into what a request to the core can carry."""

from __future__ import annotations

import contextlib
import math
import operator
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from . import errors

# How NumPy, pandas, Polars and pyarrow give their values as plain ones.
PLAIN_METHODS = ("tolist", "to_list", "to_pylist", "as_py")


def path(value: str | os.PathLike[str]) -> str:
    """Give a path as text; ``~`` is the home folder."""
    return os.path.expanduser(os.fspath(value))


def paths(value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Give one path or several as a list."""
    if isinstance(value, (str, os.PathLike)):
        return [path(value)]
    return [path(p) for p in value]


def names(value: str | Iterable[str] | None) -> list[str] | None:
    """Give one name or several as a list; None stays None."""
    if value is None:
        return None
    return [value] if isinstance(value, str) else [str(plain(v)) for v in value]


def count(value: int | None, name: str) -> int | None:
    """Give a limit, which is at least 1."""
    if value is None:
        return None
    number = operator.index(value)
    if number < 1:
        raise invalid(f"{name}: {number} is less than 1", f"leave {name} out for all rows")
    return number


def values(given: Iterable[object], name: str) -> list[Any]:
    """Give the values for the ``?`` of a query."""
    several = plain(given)
    if not is_list(several):
        raise invalid(f"{name}: {given!r} is no list", "pass a list, also for one value: [value]")
    return [scalar(plain(v), f"{name}[{i}]") for i, v in enumerate(several)]


def all_filters(given: Mapping[str, object]) -> dict[str, Any]:
    """Give filters as scalars and lists: any series, array or set is a list."""
    out: dict[str, Any] = {}
    for column, value in given.items():
        value = plain(value)
        if is_list(value):
            out[column] = [scalar(plain(v), column) for v in value]
        else:
            out[column] = scalar(value, column)
    return out


def once(filters: Mapping[str, object] | None, equal: Mapping[str, object], where: str) -> dict[str, Any]:
    """Give the filters of both spellings, each column once."""
    twice = sorted(set(filters or {}) & set(equal))
    if twice:
        raise invalid(f"{where}: {', '.join(twice)} is given twice", "once in filters and once by name")
    return all_filters({**(filters or {}), **equal})


def select(
    name: str,
    filters: Mapping[str, object] | None,
    where: str | None,
    columns: str | Iterable[str] | None,
    order_by: str | Iterable[str] | None,
    limit: int | None,
    equal: Mapping[str, object],
) -> dict[str, Any]:
    """Give a selection of rows and columns: the core's SelectArgs."""
    return {
        "name": name,
        "filters": once(filters, equal, f"table {name}"),
        "where": where,
        "columns": names(columns),
        "order_by": names(order_by),
        "limit": count(limit, "limit"),
    }


def compared(
    small: str | Iterable[str] | None, metric: str | Iterable[str], task: str | Iterable[str] | None, step: str | float
) -> dict[str, Any]:
    """Give what the verbs about decisions look at."""
    return {"small": names(small), "metric": names(metric), "task": names(task), "step": str(plain(step))}


def targeted(
    target: str, target_metric: str | None, seeds: str, bootstrap: int, random_seed: int
) -> dict[str, int | str | None]:
    """Give what decisions are compared with, and how."""
    return {
        "target": target,
        "target_metric": target_metric,
        "seeds": seeds,
        "bootstrap": operator.index(bootstrap),
        "random_seed": operator.index(random_seed),
    }


def meant(error: errors.NotFoundError, equal: Mapping[str, object]) -> errors.NotFoundError:
    """Name the argument that a keyword which is no column may have meant."""
    import difflib

    near = difflib.get_close_matches(error.column, ("filters", "where", "columns", "order_by", "limit", "format"), 1)
    if error.column not in equal or not near or not error.table:
        return error
    hint = f"did you mean the argument {near[0]}? {error.hint}"
    out = errors.NotFoundError(str(error).replace(f"({error.hint})", f"({hint})"))
    out.__dict__.update(error.__dict__, hint=hint)
    return out


def is_list(value: object) -> TypeGuard[Iterable[object]]:
    """Tell whether a value is several: text and dictionaries are not."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def plain(value: object) -> object:
    """Give a value of a data library as Python's own."""
    if value is None or isinstance(value, (bool, int, float, str, list, tuple)):
        return value
    for method in PLAIN_METHODS:
        if hasattr(value, method):
            return getattr(value, method)()
    return value


def scalar(value: object, name: str) -> bool | int | float | str | None:
    """Give one value that JSON can carry, or say that it cannot."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"{name}: {value} cannot be passed", "None is null; for nan and inf write SQL, e.g. isnan(x)")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise invalid(f"{name}: {value} is beyond 64 bits", "write it into the SQL")
    if isinstance(value, (int, float)):
        return value
    if type(value).__name__ == "NAType":  # pandas' missing value
        return None
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise invalid(f"{name}: a value of type {kind} cannot be passed", "pass None, bool, int, float or str")


def invalid(problem: str, hint: str) -> errors.InvalidError:
    """Make the error for a wrong argument, with the core's wording."""
    error = errors.InvalidError(f"{problem} ({hint})")
    error.hint = hint
    return error


@contextlib.contextmanager
def as_file(table: Any) -> Iterator[str]:
    """Give the path of a file with the table in it: the user's, or a passing one."""
    if isinstance(table, (str, os.PathLike)):
        yield path(table)
        return
    import tempfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="ddcore-") as folder:
        file = os.path.join(folder, "table.parquet")
        pq.write_table(pa.table(table), file)
        yield file
