"""Verbs that need no lake."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import _arguments, _native
from .lake import Lake, open  # noqa: A004 - ours
from .progress import Show, bar

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["doctor", "sample", "version"]


def sample(
    dir: str | os.PathLike[str],  # noqa: A002 - the core's name for it
    *,
    sizes: Sequence[str] | None = None,
    recipes: Sequence[str] | None = None,
    seeds: Sequence[str] | None = None,
    steps: int | None = None,
    full: bool = False,
    runs: int | None = None,
    history_rows: int | None = None,
    checkpoints: int | None = None,
    questions: int | None = None,
    models: int | None = None,
    seed: int = 0,
    progress: Show = True,
) -> pa.Table:
    """Write made-up raw files in the shape of DataDecide's, to try ddcore without its data.

    Args:
        dir: The folder to write; it is made.
        sizes: Model sizes, e.g. ["4M", "150M"]; default: five sizes.
        recipes: Recipes, e.g. ["C4"]; default: six.
        seeds: Seed labels, e.g. ["default"]; default: three per size.
        steps: The most checkpoints per run after step 0; default: 8.
        full: The full published shape: 1,410,750 task results, about 0.6 GB.
        runs: Fine-tuning runs in the W&B files; default: 40, below 0 none.
        history_rows: W&B history entries per run; default: 20.
        checkpoints: Checkpoints in each recipe's archive of evaluation instances; default: 8, below 0 none.
        questions: The most questions per task in those archives; default: 4, below 0 all 37,682 of the published tests.
        models: Models in the OLMES dumps; default: 3, below 0 none.
        seed: Random seed; the same options give the same bytes.
        progress: True for a progress bar where one can be seen, False for none, or a function to call.

    Returns:
        One row per file: path below dir, n_rows, n_bytes.

    Raises:
        InvalidError: A size, recipe or seed is unknown; the message holds near names.
        StorageError: The folder cannot be written.

    Example:
        >>> ddcore.sample("tiny", sizes=["4M"], recipes=["C4"], steps=2, progress=False)["n_rows"].to_pylist()[0]
        297
    """
    counts = {
        "steps": steps,
        "runs": runs,
        "history_rows": history_rows,
        "checkpoints": checkpoints,
        "questions": questions,
        "models": models,
    }
    arguments = {
        "dir": _arguments.path(dir),
        "sizes": _arguments.names(sizes),
        "recipes": _arguments.names(recipes),
        "seeds": _arguments.names(seeds),
        "full": full,
        "seed": operator.index(seed),
        **{name: None if n is None else operator.index(n) for name, n in counts.items()},
    }
    with bar("sample", progress) as report:
        return _native.table("sample", "", arguments, None, report)


def version() -> pa.Table:
    """Show the versions of ddcore, DuckDB, Go and Arrow.

    Returns:
        One row per component: component, version. `ddcore.__version__` is the first alone.

    Example:
        >>> ddcore.version()["component"].to_pylist()
        ['ddcore', 'duckdb', 'go', 'arrow-go']
    """
    return _native.table("version")


def doctor(lake: Lake | str | os.PathLike[str] | None = None) -> pa.Table:
    """Check what ddcore needs: extensions, threads, disk, the lake.

    Args:
        lake: A lake to look at, too.

    Returns:
        One row per check: check, state (ok, warning or missing), detail.

    Example:
        >>> "missing" in ddcore.doctor(lake)["state"].to_pylist()
        False
    """
    if lake is None:
        return _native.table("doctor")
    return (lake if isinstance(lake, Lake) else open(lake))._read("doctor")
