"""Projects of Weights & Biases into files that ``ingest`` reads (``pip install 'ddcore[wandb]'``)."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _arguments, errors
from ..progress import Progress, Show, bar
from .client import session
from .fetch import Project, Selection
from .folder import Folder, locked
from .problems import problem

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["download_wandb", "read_projects"]

THREADS = 8  # W&B allows a few requests at a time


def download_wandb(
    projects: str | Iterable[str],
    dir: str | os.PathLike[str],  # noqa: A002 - as sample names it
    *,
    full: bool = False,
    prune: bool = False,
    keys: str | Iterable[str] | None = None,
    min_step: int = 0,
    max_step: int | None = None,
    metadata: bool = False,
    threads: int | None = None,
    progress: Show = True,
) -> pa.Table:
    """Download the runs of W&B projects, with their whole history, as files that ``ingest`` reads.

    Each project has a folder, ``DIR/data/ENTITY/PROJECT``, with runs.jsonl,
    history.jsonl, manifest.json and state.json (the layout of dr-wandb 3). The next
    download into the same folder takes what is new: it lists runs back to the last
    one's time, takes what changed since, and of a run that grew its new steps only.
    A download that is interrupted or killed goes on where it was. Nothing is held in
    memory but the runs that are being read.

    The key is the client's affair: WANDB_API_KEY, or what ``wandb login`` left. So is
    the server: WANDB_BASE_URL. The files hold personal data as W&B gives them (names
    of users, paths, with ``metadata`` also hosts and e-mail addresses): do not publish
    them; ``ingest`` redacts.

    Args:
        projects: "ENTITY/PROJECT", or several.
        dir: Where to write; it is made.
        full: Look at every run's record, also where nothing shows a change: finds
            edited configurations and deleted runs, which are marked in the state.
            Runs that changed are read again as a whole.
        prune: With full, drop the runs that W&B no longer has.
        keys: Metrics to keep, e.g. "train_loss"; rows with none of them are left out.
            Default: all.
        min_step: The first step to keep.
        max_step: The last step to keep; default: no limit.
        metadata: Read each run's wandb-metadata.json, too, in two more requests.
        threads: Runs read at a time; default: 8.
        progress: True for a progress bar where one can be seen, False for none, or a function to call.

    Returns:
        One row per run with news: project, run_id, outcome, n_rows. The outcome is
        new, grown (n_rows were added), again (read again as a whole), deleted (it is
        gone from W&B and kept here) or dropped.

    Raises:
        ImportError: W&B's client is not installed.
        InvalidError: A project's name is wrong, there is no key, the server refuses
            it, or the folder holds something else or another selection.
        NotFoundError: There is no such project.
        BusyError: Another download writes the folder.
        StorageError: The server or the disk failed; what was complete is kept.
    """
    paths = [_project(p) for p in ([projects] if isinstance(projects, str) else projects)]
    if not paths:
        raise problem(errors.InvalidError, "projects", "there are none", "name at least one ENTITY/PROJECT")
    if prune and not full:
        raise problem(errors.InvalidError, "prune", "only a full download knows what is gone", "add full")
    wanted = _arguments.names(keys)
    selection = Selection(
        None if wanted is None else frozenset(wanted),
        operator.index(min_step),
        None if max_step is None else operator.index(max_step),
        metadata,
    )
    if selection.min_step < 0 or (selection.max_step or selection.min_step) < selection.min_step or wanted == []:
        raise problem(errors.InvalidError, "steps or keys", "no row has them", "steps count from 0, first before last")
    root = Path(_arguments.path(dir))
    rows: list[dict[str, Any]] = []
    n_threads = _arguments.count(threads, "threads") or THREADS
    try:
        with bar("download", progress) as report, locked(root) as scratch, session(scratch) as client:
            for entity, name in dict.fromkeys(paths):
                where = root / "data" / entity / name
                n, runs = client.runs(f"{entity}/{name}")  # before there is a folder for what may not exist
                with closing(Folder(where, entity, name, selection.as_json())) as folder:
                    show = _reporter(report, folder.name)
                    news = Project(client, n, runs, folder, selection, full, prune, n_threads, scratch, show).download()
                rows += [{"project": folder.name, **row} for row in news]
    except OSError as error:
        if isinstance(error, errors.Error):
            raise
        why = error.strerror or str(error)
        raise problem(errors.StorageError, error.filename or str(root), why, "what was complete is kept") from error
    return _table(rows)


def _project(path: str) -> tuple[str, str]:
    entity, _, project = path.partition("/")
    if not entity or not project or "/" in project or {entity, project} & {".", ".."} or path != path.strip():
        raise problem(errors.InvalidError, repr(path), "this names no project", "write ENTITY/PROJECT, as in its URL")
    return entity, project


def read_projects(path: str | os.PathLike[str]) -> list[str]:
    """Read a file of projects: one ENTITY/PROJECT a line; # starts a comment.

    Raises:
        InvalidError: A line names no project; the message tells which.
        NotFoundError: There is no such file.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        raise problem(errors.NotFoundError, str(path), "there is no such file", "check the spelling") from None
    except (OSError, ValueError) as error:
        raise problem(errors.InvalidError, str(path), str(error), "one ENTITY/PROJECT a line") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if text := line.partition("#")[0].strip():
            try:
                found.append("/".join(_project(text)))
            except errors.Error as error:
                where = f"{path}, line {number}"
                raise problem(errors.InvalidError, where, f"{text!r} names no project", error.hint) from None
    return found


def _reporter(report: Any, what: str) -> Any:
    def show(done: int, total: int) -> None:
        if report is not None:
            report(Progress(done, total, "runs", what))

    return show


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    text = ("project", "run_id", "outcome")
    schema = pa.schema([*((name, pa.string()) for name in text), ("n_rows", pa.int64())])
    return pa.Table.from_pylist(rows, schema=schema)
