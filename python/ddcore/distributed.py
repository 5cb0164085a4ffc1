"""Many machines for one shared lake, with Dask: workers convert, the caller commits.

    from dask.distributed import Client

    lake = ddcore.open("ducklake:postgres:dbname=lake host=db", data="s3://bucket/lake")
    ddcore.distributed.ingest(lake, "/shared/archives", client=Client(cluster))

Needs the extra ``ddcore[distributed]``. Without Dask a job array does the same:
see docs/distributed.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import _arguments
from .lake import Lake
from .progress import Progress, Show, bar

if TYPE_CHECKING:
    import distributed as dask
    import pyarrow as pa

__all__ = ["ingest"]


def ingest(
    lake: Lake,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    client: dask.Client,
    parts: int | None = None,
    retries: int = 3,
    progress: Show = True,
) -> pa.Table:
    """Convert archives of instances on Dask's workers, and commit them to a shared lake.

    A worker writes files only, whose names and bytes follow from what it read: one that is lost, or a
    part that is done twice, changes nothing. All that is converted comes into the lake at the
    end, in transactions of 256 checkpoints. When this is interrupted, or fails, what was converted stays: the next call
    goes on from there.

    Args:
        lake: A shared lake: `ddcore.open("ducklake:postgres:...")`. It is made if it is not there. A task
            has its threads, or one.
        paths: Archives, folders or globs, which all workers see under the same names.
        client: A client of Dask's scheduler.
        parts: How many tasks to make; default: four for each of the workers' threads.
        retries: How often a task that failed is tried again.
        progress: True for a progress bar where one can be seen, False for none, or a function to call.

    Returns:
        One row, as `Lake.commit` gives it.

    Raises:
        InvalidError: The lake is no shared one, or parts is less than 1.
        NotFoundError: There are no archives of instances at paths.
        StorageError: A worker cannot reach the catalog or the files.

    Example:
        >>> ddcore.distributed.ingest(lake, "archives/", client=client)  # doctest: +SKIP
    """
    from distributed import as_completed

    names = [os.path.abspath(p) for p in _arguments.paths(paths)]
    n = parts if parts is not None else 4 * max(1, sum(client.nthreads().values()))
    if n < 1:
        raise _arguments.invalid(f"parts: {n} is less than 1", "leave parts out for a number that fits the workers")
    one = Task(lake._with(threads=lake.threads or 1), names, n)
    with bar("ingest", progress) as report:
        # pure=False: what a former call has done, the lake knows better than the scheduler.
        tasks = client.map(one, range(n), pure=False, retries=retries, key="ddcore-ingest")
        try:
            for done, task in enumerate(as_completed(tasks, loop=client.loop), 1):
                task.result()
                if report:
                    report(Progress(done, n, "parts", "converting"))
        except BaseException:
            client.cancel(tasks)
            raise
    return lake.commit(progress=progress)


class Task:
    """One part of the work, as a worker gets it."""

    def __init__(self, lake: Lake, paths: list[str], n: int) -> None:
        self.lake, self.paths, self.n = lake, paths, n

    def __call__(self, k: int) -> int:
        """Convert part k; give the rows of it."""
        rows: list[Any] = self.lake.ingest(self.paths, part=f"{k}/{self.n}", progress=False)["n_rows"].to_pylist()
        return sum(rows)
