"""The lake, as Python users see it: one method per verb of the core.

A method passes its arguments on and gives the result; whatever it means is
decided in the core, which the command line uses, too. The methods stand by
theme in the classes that `Lake` is made of.
"""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING

from ._base import place
from ._keeping import Keeping
from ._listing import Listing
from ._predicting import Predicting
from ._reading import Reading
from ._sharing import Sharing
from ._writing import Writing

if TYPE_CHECKING:
    import duckdb

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
        path=place(path),
        data=None if data is None else place(data),
        threads=None if threads is None else operator.index(threads),
        memory_limit=memory_limit,
        snapshot=None if snapshot is None else operator.index(snapshot),
    )


class Lake(Writing, Listing, Reading, Sharing, Keeping, Predicting):
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
        return self._with(snapshot=None if snapshot is None else operator.index(snapshot))

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
        from .. import _connect

        return _connect.connect(self, name)
