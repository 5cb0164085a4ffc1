"""The methods of a lake that tell what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _arguments
from ._base import Base

if TYPE_CHECKING:
    import pyarrow as pa


class Listing(Base):
    """What there is: tables, columns, snapshots, files."""

    def tables(self) -> pa.Table:
        """List the tables of the lake.

        Returns:
            One row per table: schema_name (main: curated, raw: as ingested), table_name, n_rows (null for
            views whose rows are not counted), n_columns, n_bytes, summary.

        Raises:
            NotFoundError: There is no lake.

        Example:
            >>> "full_eval" in lake.tables()["table_name"].to_pylist()
            True
        """
        return self._read("tables")

    def describe(self, name: str) -> pa.Table:
        """Show what a table's columns mean.

        Args:
            name: The table: a name in main, or schema.name.

        Returns:
            One row per column: column_name, type, unit, range, is_grain (whether it helps to identify
            a row), meaning.

        Raises:
            NotFoundError: There is no such table; the message holds near names.

        Example:
            >>> lake.describe("evals").slice(4, 1).to_pylist()[0]["unit"]
            'tokens'
        """
        return self._read("describe", {"name": name})

    def snapshots(self) -> pa.Table:
        """List the lake's snapshots: every ingest and every build leaves one.

        Returns:
            One row per snapshot, oldest first: snapshot, created_at (UTC), message.

        Raises:
            NotFoundError: There is no lake.

        Example:
            >>> lake.snapshots()["message"].to_pylist()[1]
            'ingest: 69 added'
        """
        return self._read("snapshots")

    def files(self) -> pa.Table:
        """List the raw files that the lake holds.

        Returns:
            One row per file: file_id, source, raw_table, path, n_bytes, sha256, n_rows, n_rejects,
            ingested_at (UTC), snapshot.

        Raises:
            NotFoundError: There is no lake.

        Example:
            >>> sorted(set(lake.files()["source"].to_pylist()))
            ['hf', 'instances', 'ladder', 'olmes', 'wandb']
        """
        return self._read("files")

    def rejects(self, *, limit: int | None = None) -> pa.Table:
        """List raw rows that no curated table can use.

        Args:
            limit: The most rows to give; default: all.

        Returns:
            One row per rejected row: path of its file, row in it (from 0), reason, text.

        Raises:
            NotFoundError: There is no lake.
            InvalidError: limit is less than 1.

        Example:
            >>> lake.rejects().num_rows
            0
        """
        return self._read("rejects", {"limit": _arguments.count(limit, "limit")})

    def redactions(self) -> pa.Table:
        """Count the personal data that pseudonyms stand for.

        Returns:
            One row per raw file, raw table and rule of the policy: path, raw_table, rule, n.

        Raises:
            NotFoundError: There is no lake.

        Example:
            >>> lake.redactions().column_names
            ['path', 'raw_table', 'rule', 'n']
        """
        return self._read("redactions")
