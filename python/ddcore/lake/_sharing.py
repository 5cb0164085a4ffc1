"""The methods of a lake that set it beside others: published, or compared."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import _arguments
from ..progress import Show, bar
from ._base import Base, place

if TYPE_CHECKING:
    import pyarrow as pa

    from . import Lake


class Sharing(Base):
    """To others, and against others."""

    def publish(
        self,
        to: str | os.PathLike[str],
        *,
        tables: str | Iterable[str] | None = None,
        url: str | None = None,
        forbid: str | Iterable[str] | None = None,
        allow: str | Iterable[str] | None = None,
        clean: bool = False,
        progress: Show = True,
    ) -> pa.Table:
        """Copy the curated tables, checked, to a lake that others can read: in a folder, on S3, over HTTPS.

        Raw data never leave the lake. Contracts are checked again, and each text is searched for personal
        data. Files that are there already are not copied again; the catalog is replaced last, so that readers
        see the old version or the new one. `ddcore.open` reads it from the folder, from "s3://..." or from
        the "https://..." address at which a web server gives the folder.

        Args:
            to: A folder, or "s3://bucket/prefix".
            tables: Names in main, or schema.name; a view that is named becomes a table. Default: all tables of
                main, features and predictions.
            url: The address at which others will find it, for DuckDB without ddcore.
            forbid: Texts that must stand in no table, such as names of people.
            allow: Rules of redaction whose shapes may stand in the tables, e.g. "email".
            clean: Delete the files of former publications there; readers who have one open lose it.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per table: schema_name, table_name, n_rows, n_files, n_new_files, n_bytes.

        Raises:
            ContractError: A table breaks its contract, or holds what looks like personal data or a forbidden
                text: see its table and column. Nothing is published.
            NotFoundError: There is no such lake or table.
            InvalidError: The place cannot be published to.
            StorageError: The place cannot be written; what was published before is as it was.

        Example:
            >>> lake.publish("public.lake", tables=["evals", "recipes"], progress=False)["n_rows"].to_pylist()[1]
            25
            >>> ddcore.open("public.lake").table("recipes").num_rows
            25
        """
        arguments = {
            "to": place(to),
            "tables": _arguments.names(tables),
            "url": url,
            "forbid": _arguments.names(forbid),
            "allow": _arguments.names(allow),
            "clean": clean,
        }
        with bar("publish", progress) as report:
            return self._read("publish", arguments, report)

    def diff(
        self,
        other: Lake | str | os.PathLike[str] | None = None,
        *,
        other_snapshot: int | None = None,
        tables: str | Iterable[str] | None = None,
        examples: int | None = None,
        progress: Show = True,
    ) -> pa.Table:
        """Compare the lake with another one, or with another snapshot: tables, columns, rows, values.

        This lake is before, the other one after. Values are compared exactly: no float is rounded, NaN equals
        NaN, and null equals null. Curated tables are compared row by row of their grain, others as bags of rows.

        Args:
            other: The lake to compare with; default: this lake at other_snapshot.
            other_snapshot: Compare with this snapshot of the other lake; default: its newest.
            tables: Names in main, or schema.name; default: all tables of main, features and predictions.
            examples: The most examples of a difference to give; default: 3.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per difference: schema_name, table_name, column_name, kind (table added, table removed,
            column added, column removed, type, rows added, rows removed, changed), n, examples. No rows:
            they are equal.

        Raises:
            NotFoundError: There is no such lake, snapshot or table.
            InvalidError: There is nothing to compare with.

        Example:
            >>> lake.diff(lake, tables="evals", progress=False).num_rows
            0
        """
        if isinstance(other, Base) and other_snapshot is None:
            other_snapshot = other.snapshot
        arguments = {
            "other": "" if other is None else other.path if isinstance(other, Base) else place(other),
            "other_snapshot": None if other_snapshot is None else operator.index(other_snapshot),
            "tables": _arguments.names(tables),
            "examples": _arguments.count(examples, "examples"),
        }
        with bar("diff", progress) as report:
            return self._read("diff", arguments, report)

    def drift(
        self,
        since: int | None = None,
        *,
        tables: str | Iterable[str] | None = None,
        max_rows_lost: float | None = None,
        max_nulls: float | None = None,
        max_shift: float | None = None,
        progress: Show = True,
    ) -> pa.Table:
        """Compare the curated tables of two snapshots: schema, rows, nulls and means.

        Args:
            since: The snapshot to compare with; default: the one before the newest.
            tables: Tables of main; default: all but views, which hold no rows of their own.
            max_rows_lost: The share of its rows that a table may lose; default: 0.
            max_nulls: By how much the share of nulls in a column may grow; default: 0.05.
            max_shift: By how many of its standard deviations (before) a column's mean may move; default: 1. A
                constant column that changes has moved infinitely far. NaN and infinite values do not count.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per difference: table_name, column_name (null for whole tables), check (table, rows, column,
            type, nulls, mean), before, after, change, limit, is_breach: whether it is more than the limit. New
            tables, columns and rows are none; tables and columns that are gone always are.

        Raises:
            InvalidError: The snapshot is not before the newest, or the one that this lake reads.
            NotFoundError: There is no such snapshot or table.

        Example:
            >>> lake.drift(0, tables="recipes").to_pylist()[0]["check"]
            'table'
        """
        arguments = {
            "since": None if since is None else operator.index(since),
            "tables": _arguments.names(tables),
            "max_rows_lost": max_rows_lost,
            "max_nulls": max_nulls,
            "max_shift": max_shift,
        }
        with bar("drift", progress) as report:
            return self._read("drift", arguments, report)
