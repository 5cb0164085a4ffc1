"""The methods of a lake that give its rows, in memory, in batches or as a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .. import _arguments, errors
from ..progress import Show, bar
from ._base import Base

if TYPE_CHECKING:
    import pyarrow as pa


class Reading(Base):
    """Rows out."""

    def table(
        self,
        name: str,
        /,
        *,
        filters: Mapping[str, object] | None = None,
        where: str | None = None,
        columns: str | Iterable[str] | None = None,
        order_by: str | Iterable[str] | None = None,
        limit: int | None = None,
        **equal: object,
    ) -> pa.Table:
        """Read a table: filters, columns, order.

        Args:
            name: The table: a name in main, or schema.name.
            filters: Column names with a value or several (a list, set, array or series), of which one
                must match; None matches null. For columns that have the name of an argument.
            where: A condition in SQL, e.g. "step >= 1000".
            columns: The columns to give; default: all.
            order_by: Columns to sort by; "-name" is descending; params sorts by size.
            limit: The most rows to give.
            **equal: The same as filters: params="150M", data=["C4", "Dolma1.7"].

        Returns:
            The rows, in the table's own order unless order_by says otherwise. The schema's metadata tell
            the table's grain and version, each field's its unit, range and meaning.

        Raises:
            NotFoundError: There is no such table, column, recipe or size; the message holds near names.
            InvalidError: A value cannot be compared with, or the condition is not SQL.

        Example:
            >>> t = lake.table(
            ...     "full_eval",
            ...     params="4M",
            ...     data=["C4", "Dolma1.7"],
            ...     columns=["data", "step", "pile-valppl"],
            ...     where="step >= 1000",
            ...     order_by=["data", "-step"],
            ...     limit=10,
            ... )
            >>> t.column_names
            ['data', 'step', 'pile-valppl']
        """
        select = _arguments.select(name, filters, where, columns, order_by, limit, equal)
        try:
            return self._read("table", select)
        except errors.NotFoundError as error:
            raise _arguments.meant(error, equal) from None

    def sql(self, sql: str, params: Iterable[object] = ()) -> pa.Table:
        """Run an SQL query on the lake; it can only read.

        Args:
            sql: The query, in DuckDB's dialect. Tables of main need no prefix, raw ones are raw.name.
            params: Values for the ? in the query; of several statements, in the last one.

        Returns:
            The rows; of several statements those of the last one, as in DuckDB's own Python package.

        Raises:
            NotFoundError: There is no such table or lake.
            InvalidError: The query is wrong, or tries to write.

        Example:
            >>> t = lake.sql("SELECT recipe, avg(acc_raw) AS acc FROM evals WHERE task = ? GROUP BY ALL", ["arc_easy"])
            >>> t.column_names
            ['recipe', 'acc']
        """
        return self._read("sql", {"sql": sql, "params": _arguments.values(params, "params")})

    def scan(
        self,
        name: str,
        /,
        *,
        filters: Mapping[str, object] | None = None,
        where: str | None = None,
        columns: str | Iterable[str] | None = None,
        order_by: str | Iterable[str] | None = None,
        limit: int | None = None,
        **equal: object,
    ) -> pa.RecordBatchReader:
        """Read a table in batches, for what does not fit into memory.

        Args:
            name: As in `table`.
            filters: As in `table`.
            where: As in `table`.
            columns: As in `table`.
            order_by: As in `table`.
            limit: As in `table`.
            **equal: As in `table`.

        Returns:
            A reader of the rows, to be read once, and to its end or closed: until then writers of a local lake,
            in any process, wait.

        Raises:
            NotFoundError: There is no such table, column, recipe or size; the message holds near names.
            InvalidError: A value cannot be compared with, or the condition is not SQL.

        Example:
            >>> sum(batch.num_rows for batch in lake.scan("evals", task="boolq"))
            48
        """
        select = _arguments.select(name, filters, where, columns, order_by, limit, equal)
        try:
            return self._scan("table", select)
        except errors.NotFoundError as error:
            raise _arguments.meant(error, equal) from None

    def scan_sql(self, sql: str, params: Iterable[object] = ()) -> pa.RecordBatchReader:
        """Run an SQL query and read its rows in batches.

        Args:
            sql: As in `sql`.
            params: As in `sql`.

        Returns:
            A reader of the rows, to be read once, and to its end or closed: until then writers of a local lake,
            in any process, wait.

        Raises:
            NotFoundError: There is no such table or lake.
            InvalidError: The query is wrong, or tries to write.

        Example:
            >>> lake.scan_sql("FROM evals SELECT count(*) AS n").schema.names
            ['n']
        """
        query = {"sql": sql, "params": _arguments.values(params, "params")}
        return self._scan("sql", query)

    def export(
        self,
        name: str,
        to: str | os.PathLike[str],
        /,
        *,
        format: str | None = None,  # noqa: A002 - the core's name for it
        filters: Mapping[str, object] | None = None,
        where: str | None = None,
        columns: str | Iterable[str] | None = None,
        order_by: str | Iterable[str] | None = None,
        limit: int | None = None,
        progress: Show = True,
        **equal: object,
    ) -> pa.Table:
        """Write a table to a file, which appears when it is whole.

        Args:
            name: As in `table`.
            to: The file to write: .parquet, .csv, .json, .ndjson or .arrow. Parquet and Arrow carry the
                columns' units and meanings.
            format: parquet, csv, json, ndjson or arrow; default: by the file's ending.
            filters: As in `table`.
            where: As in `table`.
            columns: As in `table`.
            order_by: As in `table`.
            limit: As in `table`.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.
            **equal: As in `table`.

        Returns:
            One row: path, format, n_rows, n_bytes.

        Raises:
            NotFoundError: There is no such table, column, recipe or size; the message holds near names.
            InvalidError: The format is unknown, or the selection is wrong.
            StorageError: The file cannot be written.

        Example:
            >>> lake.export("full_eval", "4M.parquet", params="4M", progress=False)["n_rows"].to_pylist()
            [30]
        """
        select = _arguments.select(name, filters, where, columns, order_by, limit, equal)
        try:
            with bar("export", progress) as report:
                return self._read("export", {**select, "to": _arguments.path(to), "format": format}, report)
        except errors.NotFoundError as error:
            raise _arguments.meant(error, equal) from None

    def export_sql(
        self,
        sql: str,
        to: str | os.PathLike[str],
        params: Iterable[object] = (),
        *,
        format: str | None = None,  # noqa: A002 - the core's name for it
        progress: Show = True,
    ) -> pa.Table:
        """Write the rows of an SQL query to a file, which appears when it is whole.

        Args:
            sql: As in `sql`.
            to: As in `export`.
            params: As in `sql`.
            format: As in `export`.
            progress: As in `export`.

        Returns:
            One row: path, format, n_rows, n_bytes.

        Raises:
            NotFoundError: There is no such table or lake.
            InvalidError: The query is wrong or the format unknown.
            StorageError: The file cannot be written.

        Example:
            >>> lake.export_sql("FROM recipes", "recipes.csv", progress=False)["n_rows"].to_pylist()
            [25]
        """
        query = {"sql": sql, "params": _arguments.values(params, "params"), "format": format}
        with bar("export", progress) as report:
            return self._read("export", {**query, "to": _arguments.path(to)}, report)
