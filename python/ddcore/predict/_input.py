"""A lake with the arguments of `features`, or a table: what is asked for, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import _arguments
from ..lake import Lake
from ._baselines import Size
from ._data import Data, read
from ._numbers import invalid


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the rows are from.

    Attributes:
        table: All of them.
        size: Parameters and tokens of the size that the target is taken at, if it is another one.
        is_shared: Whether the target is of another size; None: told by the values.
        arguments: What was asked for, as JSON can hold it.
        snapshot: The lake's snapshot; None: a table was given.
    """

    table: Any
    size: Size
    is_shared: bool | None
    arguments: dict[str, Any]
    snapshot: int | None

    def data(self, target: str | None) -> Data:
        """Give the rows that have a target."""
        return read(self.table, target, self.is_shared)


def source(given: Any, target: str | None, features: Mapping[str, Any]) -> Source:
    """Read the features of a lake at one snapshot; of a table, itself."""
    if not isinstance(target, (str, type(None))):
        raise invalid(f"the target is {target!r}", "name one, as text; for several, one call each", "target")
    if not isinstance(given, Lake):
        if features:
            raise invalid(
                f"{', '.join(sorted(features))}: arguments of features, but a table was given", "pass the lake"
            )
        return Source(given, None, None, {}, None)
    if target is None:
        raise invalid("there is no target", "name one, e.g. target='arc_easy'", "target")
    if features.get("save") or features.get("long"):
        raise invalid("long and save are not for predictions", "call lake.features with them", "save")
    snapshot = given.snapshot
    if snapshot is None:
        snapshot = max(s["snapshot"] for s in given.snapshots().to_pylist())
    lake = given.at(snapshot)
    table = lake.features(target=target, **features)
    at = features.get("target_params")
    return Source(table, None if at is None else _size(lake, at), at is not None, plain(features), snapshot)


def plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give arguments as JSON can hold them."""
    out: dict[str, Any] = {}
    for name, value in arguments.items():
        value = _arguments.plain(value)
        if isinstance(value, Mapping):
            out[name] = plain({str(k): v for k, v in value.items()})
        elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            out[name] = [v if isinstance(v, (bool, int, float, str)) else str(v) for v in value]
        else:
            out[name] = value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
    return out


def _size(lake: Lake, params: str) -> Size:
    sizes: pa.Table = lake.table("model_sizes", columns=["params", "params_exact", "total_tokens"])
    row = sizes.filter(pc.equal(sizes["params"], params)).to_pylist()[0]
    known = row["params_exact"] is not None and row["total_tokens"] is not None
    return (float(row["params_exact"]), float(row["total_tokens"])) if known else None
