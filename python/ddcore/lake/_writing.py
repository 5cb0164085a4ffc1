"""The methods of a lake that bring data in and build tables of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import _arguments
from ..progress import Show, bar
from ._base import Base

if TYPE_CHECKING:
    import pyarrow as pa


class Writing(Base):
    """Raw files in, curated tables made."""

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
