"""The methods of a lake that keep it sound: checked, small, backed up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import _arguments
from ..progress import Show, bar
from ._base import Base

if TYPE_CHECKING:
    import pyarrow as pa


class Keeping(Base):
    """Maintenance."""

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
