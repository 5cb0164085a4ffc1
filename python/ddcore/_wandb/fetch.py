"""One project: which runs have news, and taking them side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import errors
from .client import Client, digest
from .folder import Folder, Held, now
from .problems import AGAIN, problem

TERMINAL = ("finished", "failed", "crashed", "killed")
MOST_FAILURES = 5  # runs that cannot be read, before no more are tried
# What a list of runs tells that shows a change.
SEEN = ("state", "heartbeat_at", "history_line_count", "name", "tags", "notes", "group", "job_type", "sweep_name")


@dataclass(frozen=True)
class Selection:
    """What of a project is wanted."""

    keys: frozenset[str] | None = None  #: metrics; None for all
    min_step: int = 0
    max_step: int | None = None  #: the last step
    metadata: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give it as states and manifests hold it."""
        return {**vars(self), "keys": None if self.keys is None else sorted(self.keys)}


@dataclass
class Fetched:
    """What a worker brings: a run, and its new history in a file of its own."""

    run: Held
    record: dict[str, Any]
    part: Path | None = None  #: None: there is nothing new
    again: bool = False  #: the history replaces what the folder has


@dataclass
class Project:
    """A download of one project into its folder.

    Args:
        client: The session.
        n_runs: How many runs the project has.
        runs: Each, those with the latest sign of life first.
        folder: Where it goes.
        selection: What is wanted.
        full: Look at every run, also those that show no change.
        prune: Drop what W&B no longer has.
        threads: Runs that are read at a time.
        scratch: A folder for parts.
        report: Called with how many of how many runs are done.
    """

    client: Client
    n_runs: int
    runs: Iterator[Any]
    folder: Folder
    selection: Selection
    full: bool
    prune: bool
    threads: int
    scratch: str
    report: Callable[[int, int], None]

    def download(self) -> list[dict[str, Any]]:
        """Take what is new; give a row per run with news: run_id, outcome, n_rows.

        Raises:
            StorageError: Some runs could not be read; the others are complete.
        """
        listed, watermark = self._list()
        rows: list[dict[str, Any]] = []
        failures: dict[str, errors.Error] = {}
        try:
            names = set(listed)
            wanted = [run for run in listed.values() if self.full or self._has_news(run)]
            listed.clear()  # a run keeps its whole record once that is read
            n = len(wanted)
            with closing(self._side_by_side(wanted)) as results:
                for done, (name, outcome) in enumerate(results, start=1):
                    if isinstance(outcome, errors.Error):
                        failures[name] = outcome
                        if outcome.hint != AGAIN or len(failures) == MOST_FAILURES:
                            break
                    elif row := self._take(outcome):
                        rows.append(row)
                    self.report(done, n)
            if self.full:
                rows += self._deleted(names)
            if not failures:
                self.folder.watermark = watermark
        finally:
            self.folder.tidy()
        if failures:
            raise self._failed(failures, n)
        return rows

    def _list(self) -> tuple[dict[str, Any], str | None]:
        """List runs, those with the latest sign of life first, as far back as there can be news.

        That is: all that are younger than the last list, all that had not ended
        then, and any that no list has shown (runs move while pages are turned).
        """
        known = self.folder.runs
        open_ = {name for name, run in known.items() if run.run_state not in TERMINAL}
        since = None if self.full else self.folder.watermark
        listed: dict[str, Any] = {}
        watermark = self.folder.watermark
        for run in self.runs:
            beat = run.heartbeat_at
            if (
                since
                and beat
                and beat < since
                and not open_ - listed.keys()
                and len(known.keys() | listed) >= self.n_runs
            ):
                break
            listed[run.id] = run
            watermark = max(filter(None, (watermark, beat)), default=None)
        return listed, watermark

    def _has_news(self, run: Any) -> bool:
        held = self.folder.runs.get(run.id)
        return held is None or held.seen != _seen(run)

    def _side_by_side(self, wanted: list[Any]) -> Generator[tuple[str, Fetched | errors.Error], None, None]:
        """Read runs in threads; no more are on the way than the folder can take."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="ddcore-wandb")
        running: dict[Future[Fetched], str] = {}
        wanted.reverse()

        def start() -> None:
            if wanted:
                run = wanted.pop()
                running[pool.submit(self._fetch, run)] = run.id

        try:
            for _ in range(2 * self.threads):
                start()
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    error = future.exception()
                    if error is not None and not isinstance(error, errors.Error):
                        raise error
                    yield name, error or future.result()
                    start()
        except KeyboardInterrupt:
            self.client.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)  # the server may hang; the client's end ends its calls
            raise
        except BaseException:
            self.client.stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()

    def _fetch(self, run: Any) -> Fetched:
        """Read a run's record and, where it has news, its history (in a thread)."""
        s = self.selection
        old = self.folder.runs.get(run.id)
        seen = _seen(run)
        record = self.client.record(run, metadata=s.metadata)
        content = digest(record)
        last = int((record["history_keys"] or {}).get("lastStep", -1))
        lines = record["history_line_count"] or 0
        held = Held(
            run.id, record["state"], record["created_at"], record["updated_at"], last, 0, lines, 0, seen, content
        )
        if old is not None and old.content == content and old.deleted_at is None:
            return Fetched(held, record)
        again = old is None or self.full or lines < old.lines or last < old.last_history_step
        start, before = (s.min_step, 0) if old is None or again else (old.next_step, old.lines)
        stop = None if s.max_step is None else s.max_step + 1
        end, rows = self.client.history(run, start, stop, lines - before)
        part = Path(self.scratch) / f"{digest(run.id)}.part"
        with open(part, "w") as file:
            for row in rows:
                if self.client.stopped.is_set():
                    raise problem(errors.CancelledError, run.id, "interrupted", AGAIN)
                if (line := history_line(run.id, row, s.keys)) is not None:
                    file.write(line)
                    held.rows += 1
        held.next_step = max(start, end)
        held.last_history_step = max(last, end - 1) if stop is None else last
        return Fetched(held, record, part, again)

    def _take(self, fetched: Fetched) -> dict[str, Any] | None:
        """Put what a worker brings into the folder."""
        run, old = fetched.run, self.folder.runs.get(fetched.run.run_id)
        if fetched.part is None:
            assert old is not None
            if old.seen != run.seen:  # it shows a change that its record does not have
                old.seen = run.seen
                self.folder.save()
            return None
        outcome = "new" if old is None else "again" if fetched.again else "grown"
        n_rows = run.rows
        with open(fetched.part, "rb") as history:
            self.folder.add(run, fetched.record, history, again=fetched.again)
        os.unlink(fetched.part)
        return {"run_id": run.run_id, "outcome": outcome, "n_rows": n_rows}

    def _deleted(self, listed: set[str]) -> list[dict[str, Any]]:
        """Mark, or drop, the runs that W&B no longer has."""
        rows = []
        for name in sorted(self.folder.runs.keys() - listed):
            run = self.folder.runs[name]
            if self.prune:
                del self.folder.runs[name]
            elif run.deleted_at is None:
                run.deleted_at = now()
            else:
                continue
            rows.append({"run_id": name, "outcome": "dropped" if self.prune else "deleted", "n_rows": run.rows})
        return rows

    def _failed(self, failures: dict[str, errors.Error], n: int) -> errors.Error:
        """Make one error of several."""
        last = list(failures.values())[-1]
        if n == 1 or last.hint != AGAIN:
            return last
        why = f"{len(failures)} of {n} runs could not be read, the last: {last}"
        return problem(errors.StorageError, self.folder.name, why, AGAIN)


def _seen(run: Any) -> str:
    return digest([getattr(run, key, None) for key in SEEN])


def history_line(run_id: str, row: dict[str, Any], keys: frozenset[str] | None) -> str | None:
    """Write a row of history as a line of history.jsonl; None if it has none of the wanted metrics.

    A null is nothing: rows that were exported as Parquet have one for each key of the
    run that they lack, and nobody can tell it from a null that was logged.
    """
    step, timestamp, runtime = (row.pop(key, None) for key in ("_step", "_timestamp", "_runtime"))
    metrics = {key: value for key, value in row.items() if value is not None and (keys is None or key in keys)}
    if keys is not None and not metrics:
        return None
    line = {
        "extra": {}, "metrics": metrics, "run_id": run_id, "runtime": runtime, "step": step,
        "timestamp": None if timestamp is None else repr(timestamp), "wandb_metadata": {},
    }  # fmt: skip
    return json.dumps(line, separators=(",", ":")) + "\n"
