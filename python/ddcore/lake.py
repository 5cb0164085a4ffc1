"""The lake, as Python users see it: one method per verb of the core.

A method passes its arguments on and gives the result; whatever it means is
decided in the core, which the command line uses, too.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _arguments, _native, errors
from .progress import Show, bar

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Lake", "open"]


def open(  # noqa: A001 - as in sqlite3 or h5py, it is called with its module's name
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    snapshot: int | None = None,
) -> Lake:
    """Name a lake; nothing is read or made yet.

    Args:
        path: The lake's folder, or "ducklake:postgres:" and a connection string of libpq for a shared
            lake. `ingest` makes it if it is not there. Or the address of a published lake, which can only be
            read: "https://host/lake", "s3://bucket/lake".
        data: Where the files of a new shared lake go: a folder that all its users see, or
            "s3://bucket/prefix". Its catalog keeps it.
        threads: Threads to work with; default: SLURM_CPUS_PER_TASK, else all cores.
        memory_limit: The most memory that DuckDB may take, e.g. "4GB"; default: 80 % of the machine's.
        snapshot: Read the lake as it was at this snapshot; default: the newest.

    Returns:
        The lake: only a path and options, so it is cheap to make, copy and pickle.

    Raises:
        TypeError: threads or snapshot is no integer.

    Example:
        >>> ddcore.open("my.lake", threads=2)
        ddcore.open('my.lake', threads=2)
    """
    return Lake(
        path=_place(path),
        data=None if data is None else _place(data),
        threads=None if threads is None else operator.index(threads),
        memory_limit=memory_limit,
        snapshot=None if snapshot is None else operator.index(snapshot),
    )


def _place(path: str | os.PathLike[str]) -> str:
    """Make a path absolute; what is no path stays."""
    text = os.fspath(path)
    return text if text.startswith(("ducklake:", "md:")) or "://" in text else os.path.abspath(_arguments.path(path))


@dataclasses.dataclass(frozen=True, repr=False)
class Lake:
    """A lake of results: made by `ddcore.open`, compared by value.

    Results are `pyarrow.Table`: Polars, pandas, DuckDB, Altair, Marimo and
    narwhals take them as they are.

    Attributes:
        path: The folder, or the name of a shared lake.
        data: Where the files of a new shared lake go, or None.
        threads: Threads to work with, or None.
        memory_limit: The most memory that DuckDB may take, or None.
        snapshot: The snapshot that is read, or None for the newest.
    """

    path: str
    data: str | None = None
    threads: int | None = None
    memory_limit: str | None = None
    snapshot: int | None = None

    def __repr__(self) -> str:
        """Write the call that makes this lake."""
        path = (
            self.path if _place(self.path) == self.path and not os.path.isabs(self.path) else os.path.relpath(self.path)
        )
        options = [
            f", {f.name}={getattr(self, f.name)!r}"
            for f in dataclasses.fields(self)
            if f.name != "path" and getattr(self, f.name) is not None
        ]
        return f"ddcore.open({path if not path.startswith('..') else self.path!r}{''.join(options)})"

    def at(self, snapshot: int | None) -> Lake:
        """Give the same lake as it was at a snapshot.

        Args:
            snapshot: A number that `snapshots` lists; None for the newest.

        Returns:
            A lake that reads the past and cannot be written.

        Raises:
            NotFoundError: When it is read: there is no such snapshot.

        Example:
            >>> lake.at(1).tables().num_rows < lake.tables().num_rows
            True
        """
        return dataclasses.replace(self, snapshot=None if snapshot is None else operator.index(snapshot))

    # ---- in

    def ingest(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        part: str | None = None,
        prune: bool = False,
        keep_personal: bool = False,
        progress: Show = True,
    ) -> pa.Table:
        """Read raw files into the lake, unchanged; files that are in it already are passed over.

        Args:
            paths: Files, folders or globs to read. Each source recognises its files.
            part: Convert one part of the archives of instances for a shared lake, e.g. "17/64" (they count
                from 0), and leave it for `commit`. Any number of machines may do so at a time.
            prune: Drop the rows of files that were ingested from a named folder and are no longer in it.
            keep_personal: Also keep text (W&B, OLMES) with its personal data, in raw tables that end in _personal;
                without it, those kept before are dropped.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per file: path, raw_table, state (added, replaced, unchanged, skipped, missing or
            removed), n_rows, n_rejects, n_bytes.

        Raises:
            NotFoundError: No such file, or none that ddcore knows.
            InvalidError: A file cannot be read as what it seems to be; the lake stays as it was.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.
            StorageError: The disk is full or may not be written.

        Example:
            >>> lake.ingest("raw/hf/", progress=False)["state"].unique().to_pylist()
            ['unchanged']
        """
        with bar("ingest", progress) as report:
            return self._read(
                "ingest",
                {"paths": _arguments.paths(paths), "part": part, "prune": prune, "keep_personal": keep_personal},
                report,
            )

    def commit(self, *, progress: Show = True) -> pa.Table:
        """Make the parts that `ingest(part=...)` has left in a shared lake rows of its tables.

        Each comes in once, however often it was converted, by transactions of 256 of them. Archives of
        which other parts are still missing are counted; commit again when they are there.

        Args:
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row: n_parts (new), n_known (in the lake before), n_archives (of which all is in now),
            n_waiting (of which parts are still missing).

        Raises:
            NotFoundError: There is no lake.
            InvalidError: The lake is no shared one.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> lake.commit()  # doctest: +SKIP
        """
        with bar("commit", progress) as report:
            return self._read("commit", None, report)

    def curate(self, *, force: bool = False, patterns: str | os.PathLike[str] = "", progress: Show = True) -> pa.Table:
        """Build the curated tables from raw; nothing is done if raw and the patterns have not changed.

        Args:
            force: Build the tables even if raw has not changed.
            patterns: A CSV file with shapes of W&B run ids, tried before ddcore's own.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per curated table: table_name, state (built or up to date), n_rows (null for views whose
            rows are not counted), elapsed_seconds.

        Raises:
            ContractError: Raw data break a table's contract: see its table, column and rows. The former
                tables stay.
            NotFoundError: There is no lake, or no patterns file.
            InvalidError: The patterns file is malformed: the error names the line.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> lake.curate(progress=False)["state"].unique().to_pylist()
            ['up to date']
        """
        with bar("curate", progress) as report:
            return self._read("curate", {"force": force, "patterns": os.fspath(patterns)}, report)

    # ---- what there is

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
            'create the lake'
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

    # ---- out

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
            params: Values for the ? in the query.

        Returns:
            The rows.

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
            return _native.call("table", self.path, select, self._options())
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
        return _native.call("sql", self.path, query, self._options())

    def features(
        self,
        *,
        window: str | Iterable[str],
        target: str | Iterable[str] | None = None,
        target_at: str | None = None,
        target_params: str | None = None,
        source: str | None = None,
        tasks: str | Iterable[str] | None = None,
        metrics: str | Iterable[str] | None = None,
        stats: str | Iterable[str] | None = None,
        grid: int | None = None,
        thresholds: Mapping[str, float] | None = None,
        deltas: str | Iterable[str] | None = None,
        metadata: str | Iterable[str] | None = None,
        filters: Mapping[str, object] | None = None,
        where: str | None = None,
        long: bool = False,
        save: str | None = None,
        **equal: object,
    ) -> pa.Table:
        """Make one row per item to predict: features of windows of its curves, metadata and targets.

        Nothing after a window is read into its features.

        Args:
            window: One window or several: "[from:]to", both ends included, in percent of the run ("20%"),
                steps ("5000 steps", the default unit) or tokens ("2B tokens").
            target: What to predict: a task (its primary metric), "<task>_<metric>", "<set>-valppl", "train_loss"
                or a metric of curves; one or several.
            target_at: "final" (the default), "best", "gain" (fine-tuned less pretrained), or a place in the run
                such as "50%". A place within a window is refused.
            target_params: Take the target at this size ("1B"), as the mean over its seeds, and leave out
                that size's rows.
            source: Where the curves are: "evals" (the default, with perplexity), "run_history" or "curves".
            tasks: Tasks of evals, "all" for all; default: those of the targets, else the ten of OLMES.
            metrics: Metrics; default: primary_metric, train_loss, or all of curves.
            stats: Names of features, as docs/features.md lists them; default: all.
            grid: Into how many equal parts a window is cut for the features at_...; default: 4.
            thresholds: Series with the value for threshold_step: {"arc_easy_primary_metric": 0.5}.
            deltas: Comparisons to add: "windows", "tasks", "sizes".
            metadata: Columns of model_sizes, recipes, runs and matched_runs (pt_...) to add, an empty list for
                none; default: size, schedule and recipe.
            filters: Which items: column names with a value or several, as in `table`.
            where: A condition on the items in SQL, e.g. "params_exact < 1e9".
            long: One row per item, series and window, with the stats as columns.
            save: Also keep the result as the table features.<name>; features.saved tells its snapshot and
                arguments.
            **equal: The same as filters: params="150M", recipe=["C4", "Dolma1.7"].

        Returns:
            One row per item (recipe, params, seed; project, run_id; or run) that has a checkpoint in a
            window. Each field's metadata tell its role: id, group, metadata, feature
            ("<series>__<window>__<stat>", a finite number or null) or target ("target_<series>__<at>");
            and its unit and formula.

        Raises:
            NotFoundError: There is no such lake, table, task, metric or column, or no item fits.
            InvalidError: A window cannot be read or reaches its target; the message says what to change.
            BusyError: With save: another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> t = lake.features(target="arc_easy", window=["10%", "50%"], stats=["last", "slope"], metadata=[])
            >>> t.column_names[:5]
            ['recipe', 'params', 'seed', 'family', 'arc_easy_primary_metric__10pct__last']
            >>> t.column_names[-1]
            'target_arc_easy_primary_metric__final'
        """
        arguments = {
            "window": _arguments.names(window),
            "target": _arguments.names(target),
            "target_at": target_at,
            "target_params": target_params,
            "source": source,
            "tasks": _arguments.names(tasks),
            "metrics": _arguments.names(metrics),
            "stats": _arguments.names(stats),
            "grid": _arguments.count(grid, "grid"),
            "thresholds": None if thresholds is None else {str(k): float(v) for k, v in thresholds.items()},
            "deltas": _arguments.names(deltas),
            "metadata": _arguments.names(metadata),
            "filters": _arguments.once(filters, equal, "features"),
            "where": where,
            "long": long,
            "save": save,
        }
        return self._read("features", arguments)

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

    # ---- to others

    def connect(self, *, name: str = "lake") -> duckdb.DuckDBPyConnection:
        """Give a connection of Python's `duckdb` with the lake attached, to be read only.

        Marimo shows its tables among the data sources, and `mo.sql(query, engine=con)` runs on it. Extensions are
        those that ddcore uses; keys of S3 and PostgreSQL come from the environment. Close it when you are done.
        While a result is not read to its end (`fetchone`, an Arrow reader), nobody can write to a local lake:
        take `fetchall`, `df` or `pl`.

        Args:
            name: The name of the lake in SQL; it is the default, so that tables of main need no prefix.

        Returns:
            A new connection to a DuckDB in memory.

        Raises:
            NotFoundError: There is no lake, or the package duckdb is missing.
            InvalidError: duckdb is not of the version that ddcore is built for.

        Example:
            >>> con = lake.connect()
            >>> con.sql("SELECT count(*) FROM recipes").fetchall()
            [(25,)]
        """
        from . import _connect

        return _connect.connect(self, name)

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
            "to": _place(to),
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
        if isinstance(other, Lake) and other_snapshot is None:
            other_snapshot = other.snapshot
        arguments = {
            "other": "" if other is None else other.path if isinstance(other, Lake) else _place(other),
            "other_snapshot": None if other_snapshot is None else operator.index(other_snapshot),
            "tables": _arguments.names(tables),
            "examples": _arguments.count(examples, "examples"),
        }
        with bar("diff", progress) as report:
            return self._read("diff", arguments, report)

    # ---- maintenance

    def verify(self, *, quick: bool = False, progress: Show = True) -> pa.Table:
        """Compare the files of all snapshots with what is there: names, sizes, rows, SHA-256.

        A file whose SHA-256 is known (raw Parquet files, all of a backup or a published lake) is hashed, any
        other is read whole.

        Args:
            quick: Look at names, sizes and footers only, and read no file whole.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per problem: state (missing, damaged, orphan), path, detail; and last a row "checked" that
            counts them.

        Raises:
            NotFoundError: There is no lake.

        Example:
            >>> lake.verify(quick=True, progress=False)["state"].to_pylist()
            ['checked']
        """
        with bar("verify", progress) as report:
            return self._read("verify", {"quick": quick}, report)

    def compact(self, *, progress: Show = True) -> pa.Table:
        """Merge the small files of tables; older snapshots read as before.

        The replaced files stay until `expire`. Raw data files stay as they came.

        Args:
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per table whose files were merged: schema_name, table_name, n_files_before, n_files_after.

        Raises:
            NotFoundError: There is no lake.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> lake.compact()["n_files_after"].to_pylist()  # doctest: +SKIP
        """
        with bar("compact", progress) as report:
            return self._read("compact", None, report)

    def expire(self, *, keep: int | None = None, older_than: str | None = None) -> pa.Table:
        """Forget old snapshots, and delete the files that only they knew.

        The newest snapshot always stays. Who is just reading an older one may fail.

        Args:
            keep: How many of the newest snapshots stay; default: 1.
            older_than: Only snapshots made longer ago than this: "30d", "12h".

        Returns:
            One row: n_snapshots (forgotten), n_kept, n_files (deleted).

        Raises:
            NotFoundError: There is no lake.
            InvalidError: Neither argument is given, or one cannot be read.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> lake.expire(keep=1000)["n_snapshots"].to_pylist()
            [0]
        """
        return self._read("expire", {"keep": _arguments.count(keep, "keep"), "older_than": older_than})

    def clean(self, *, older_than: str | None = None, dry_run: bool = False) -> pa.Table:
        """Delete files that no snapshot knows, as an interrupted write may leave them.

        Args:
            older_than: In a shared lake, only files older than this, for others may be writing; default: "7d".
            dry_run: Only list the files.

        Returns:
            One row per file: path.

        Raises:
            NotFoundError: There is no lake.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed; or parts wait for a commit.

        Example:
            >>> lake.clean(dry_run=True).num_rows
            0
        """
        return self._read("clean", {"older_than": older_than, "dry_run": dry_run})

    def backup(self, to: str | os.PathLike[str], *, progress: Show = True) -> pa.Table:
        """Copy the lake, with its history, to a folder; only what has changed is copied again.

        Nobody writes the lake meanwhile. The backup is a lake itself, to be read and verified, and holds the
        key of pseudonyms: keep it as private as the lake.

        Args:
            to: The folder.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row: snapshot, n_files, n_new_files, n_bytes.

        Raises:
            NotFoundError: There is no lake.
            InvalidError: The folder holds something else.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.
            StorageError: The folder cannot be written; the former backup is as it was.

        Example:
            >>> lake.backup("my.backup", progress=False).column_names
            ['snapshot', 'n_files', 'n_new_files', 'n_bytes']
        """
        with bar("backup", progress) as report:
            return self._read("backup", {"to": _arguments.path(to)}, report)

    def restore(self, from_: str | os.PathLike[str], *, progress: Show = True) -> pa.Table:
        """Make this lake of a backup; there must be none yet. It may be a shared one.

        Args:
            from_: The folder of the backup.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row: snapshot, n_files, n_new_files, n_bytes.

        Raises:
            NotFoundError: There is no backup.
            InvalidError: There is a lake already, or a file is not what was backed up.
            StorageError: The place cannot be written.

        Example:
            >>> lake.backup("my.backup", progress=False)["n_new_files"].to_pylist()[0] > 30
            True
            >>> ddcore.open("again.lake").restore("my.backup", progress=False)["snapshot"].to_pylist()[0] > 1
            True
        """
        with bar("restore", progress) as report:
            return self._read("restore", {"from": os.path.abspath(_arguments.path(from_))}, report)

    # ---- decisions

    def decision_accuracy(
        self,
        small: str | Iterable[str] | None = None,
        target: str = "1B",
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "last",
        target_metric: str | None = None,
        seeds: str = "mean",
        bootstrap: int = 1000,
        random_seed: int = 0,
        progress: Show = True,
    ) -> pa.Table:
        """Tell how often small models order two recipes as the target size does (arXiv 2504.11393).

        A recipe's score is its mean over the seeds that have a value; null and NaN are none. The target
        is its last step that all its recipes have. A pair that ties at either size counts as wrong.
        Metrics of which less is better (perplexities, bits_per_byte_corr, no_answer) are turned around.

        Args:
            small: The small sizes; default: all that are smaller than the target.
            target: The size to predict.
            metric: Metrics of `evals`, perplexities (`pile-valppl`), or "all" 28 of `evals`.
            task: Tasks; default: all.
            step: "last" (the last checkpoint that the recipes have in common), "all", a share of that last
                step ("25%" or 0.25), or a number of steps; recipes without a value at that number are left out.
            target_metric: The metric at the target; default: each metric itself. A proxy such as
                `correct_prob` may predict `primary_metric`.
            seeds: "mean" over seeds, or "single": each seed of the small size decides alone, n_pairs and
                n_correct are sums over seeds.
            bootstrap: Resamples of recipes, and of the seeds of each, for the 95 % percentile interval
                `low` to `high`; 0 for none.
            random_seed: Of the resamples; the same gives the same intervals.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per task, metric, small size and step: compute in FLOPs and as a share of the target's,
            n_recipes, n_pairs, n_correct, n_ties, decision_accuracy, low, high, recipe_noise (deviation over
            seeds, pooled), recipe_spread (deviation of the recipes' means), what is missing, and the refusal
            where there is no answer.

        Raises:
            NotFoundError: The lake has no such size, or there is no such metric or task.
            InvalidError: No row has an answer: too few recipes, or no step in common.

        Example:
            >>> table = lake.decision_accuracy("4M", target="20M", task="arc_easy", progress=False)
            >>> table.select(["small", "n_recipes", "n_pairs"]).to_pylist()
            [{'small': '4M', 'n_recipes': 2, 'n_pairs': 1}]
        """
        compared = _arguments.compared(small, metric, task, step)
        targeted = _arguments.targeted(target, target_metric, seeds, bootstrap, random_seed)
        with bar("decision_accuracy", progress) as report:
            return self._read("decision_accuracy", {**compared, **targeted}, report)

    def compute_frontier(
        self,
        small: str | Iterable[str] | None = None,
        target: str = "1B",
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "all",
        target_metric: str | None = None,
        seeds: str = "mean",
        bootstrap: int = 1000,
        random_seed: int = 0,
        progress: Show = True,
    ) -> pa.Table:
        """Give the best decision accuracy for its compute: the sizes and steps that no cheaper one equals.

        The best of many noisy rows flatters: read it with `low` and `high`.

        Args:
            small: As in `decision_accuracy`.
            target: As in `decision_accuracy`.
            metric: As in `decision_accuracy`.
            task: As in `decision_accuracy`.
            step: As in `decision_accuracy`, "all" unless given.
            target_metric: As in `decision_accuracy`.
            seeds: As in `decision_accuracy`.
            bootstrap: As in `decision_accuracy`.
            random_seed: As in `decision_accuracy`.
            progress: As in `decision_accuracy`.

        Returns:
            Rows of `decision_accuracy`, by task, metric and compute, each more accurate than all before it.

        Raises:
            NotFoundError: As in `decision_accuracy`.
            InvalidError: As in `decision_accuracy`.

        Example:
            >>> frontier = lake.compute_frontier(target="20M", task="arc_easy", progress=False)
            >>> frontier["decision_accuracy"].to_pylist() == sorted(set(frontier["decision_accuracy"].to_pylist()))
            True
        """
        compared = _arguments.compared(small, metric, task, step)
        targeted = _arguments.targeted(target, target_metric, seeds, bootstrap, random_seed)
        with bar("compute_frontier", progress) as report:
            return self._read("compute_frontier", {**compared, **targeted}, report)

    def recipe_noise(
        self,
        small: str | Iterable[str] | None = None,
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "last",
    ) -> pa.Table:
        """Measure how far the seeds of a recipe lie apart, beside how far recipes do.

        Args:
            small: Sizes; default: all.
            metric: As in `decision_accuracy`.
            task: As in `decision_accuracy`.
            step: As in `decision_accuracy`, among the checkpoints at which each recipe has two seeds.

        Returns:
            One row per task, metric, size and step: recipe_noise (deviation over seeds, pooled over recipes),
            least_noise and most_noise of a recipe, recipe_spread (deviation of the recipes' means),
            spread_to_noise. A single recipe's deviations are in the table `std_eval`.

        Raises:
            NotFoundError: The lake has no such size, or there is no such metric or task.
            InvalidError: No recipe has two seeds at one step.

        Example:
            >>> lake.recipe_noise("20M", task="arc_easy").column("n_recipes").to_pylist()
            [2]
        """
        return self._read("recipe_noise", _arguments.compared(small, metric, task, step))

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

    def save_predictions(
        self,
        predictions: Any,
        name: str,
        *,
        read_at: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Keep predictions in the lake, as the table `predictions.<name>`, with how they were made.

        Args:
            predictions: A table (Arrow, Polars, pandas, or anything with `__arrow_c_stream__`), or the path of a
                .parquet or .csv file: a row per item and model, with the columns model and predicted, and usually
                actual, lower, upper, fold and what names the item.
            name: Of the table; a former one is replaced.
            read_at: The snapshot that the predictions were made from; default: the one that this lake reads.
            config: How they were made, as what JSON can hold; kept in `predictions.saved` with the snapshot.

        Returns:
            One row: table_name, n_rows, snapshot.

        Raises:
            InvalidError: A column is missing or has the wrong type, or the name is none.
            NotFoundError: There is no such file or lake.
            StorageError: The lake cannot be written.

        Example:
            >>> saved = lake.save_predictions({"model": ["mean"], "actual": [0.5], "predicted": [0.4]}, "mine")
            >>> lake.sql("SELECT predicted FROM predictions.mine")["predicted"].to_pylist()
            [0.4]
        """
        at = self.snapshot if read_at is None else operator.index(read_at)
        text = None if config is None else json.dumps(config, sort_keys=True, allow_nan=False)
        options = {k: v for k, v in self._options().items() if k != "snapshot"}
        with _arguments.as_file(predictions) as file:
            arguments = {"predictions": file, "name": name, "read_at": at, "config": text}
            return _native.table("save_predictions", self.path, arguments, options)

    def _options(self) -> dict[str, Any]:
        options = {n: getattr(self, n) for n in ("data", "threads", "memory_limit", "snapshot")}
        return {k: v for k, v in options.items() if v is not None}

    def _read(self, verb: str, arguments: Mapping[str, Any] | None = None, report: Any = None) -> pa.Table:
        return _native.table(verb, self.path, arguments, self._options(), report)
