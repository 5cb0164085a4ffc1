"""From the sources to a shared lake, by one file: download, ingest, curate, validate, publish, site."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import _arguments
from ..progress import Show
from .plan import Plan
from .run import Run, locked

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["refresh"]


def refresh(path: str | os.PathLike[str], *, accept: bool = False, progress: Show = True) -> pa.Table:
    """Bring a lake up to date with its sources and publish it, as a TOML file tells.

    The steps are those that the file names, in this order: download, ingest, curate, validate, publish, site.
    Each does what has changed only. Validation compares the curated tables with the last ones that were
    accepted (see `Lake.drift`); when it fails, nothing is published, and the next run fails again until the
    data are mended or `accept` says that they are right. One run at a time; what an interrupted one has done
    is kept.

    Args:
        path: The file, e.g. "lake.toml"; docs/refresh.md has one. Beside it lie lake.state.json (which
            snapshot was accepted and published, and how the last run ended) and lake.lock.
        accept: Publish although validation fails, and compare with these tables from now on.
        progress: True for progress bars where they can be seen, False for none, or a function to call.

    Returns:
        One row per step: step, state (done or unchanged), detail, elapsed_seconds.

    Raises:
        ContractError: Data break a table's contract, or differ from the accepted ones by more than the limits:
            see rows. Nothing is published.
        InvalidError: The file is no TOML, or holds what no step knows.
        NotFoundError: There is no such file.
        BusyError: Another run of the same file is under way.
        Error: What a step raises.

    Example:
        >>> ddcore.refresh("lake.toml", progress=False)["state"].unique().to_pylist()
        ['unchanged']
    """
    import pyarrow as pa

    plan = Plan.read(_arguments.path(path))
    with locked(plan):
        run = Run(plan, accept, progress)
        run.go()
    return pa.table(
        {
            "step": [s.step for s in run.steps],
            "state": [s.state for s in run.steps],
            "detail": [s.detail for s in run.steps],
            "elapsed_seconds": [s.elapsed_seconds for s in run.steps],
        }
    )
