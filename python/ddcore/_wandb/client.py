"""What is asked of W&B, by its own client: runs of a project, one run's record, its history."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from . import pages
from .problems import is_final, translate

TRIES = 3  # of a call that failed in spite of the client's own retries
RUNS = 500  # in a page of the list
TIMEOUT = 300  # seconds; the client's own retries need more than its usual 19

_T = TypeVar("_T")
_SERVICE = "WANDB_SERVICE"  # the client's mark that its service runs


@contextmanager
def session(scratch: str) -> Iterator[Client]:
    """Start the client, quiet, with its files in a folder of ours; end its service if we started it.

    The client reads its settings from the environment, so they stand there meanwhile.
    """
    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise ImportError("W&B projects are read by its own client: pip install 'ddcore[wandb]'") from error
    ours = {"WANDB_DIR": scratch, "WANDB_CACHE_DIR": scratch, "WANDB_DATA_DIR": scratch, "WANDB_SILENT": "true"}
    before = {name: os.environ.get(name) for name in ours}
    had_service = _SERVICE in os.environ
    os.environ.update(ours)
    try:
        yield Client(wandb)
    finally:
        if not had_service and _SERVICE in os.environ:
            wandb.teardown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Client:
    """A session with W&B.

    Raises:
        InvalidError: There is no key, or the server refuses it.
        StorageError: The server does not answer, or answers something else.
    """

    def __init__(self, wandb: Any) -> None:
        self.server = str(wandb.setup().settings.base_url)
        self.stopped = threading.Event()
        self.api: Any = self._ask("Viewer", self.server, lambda: wandb.Api(timeout=TIMEOUT))

    def _ask(self, operation: str, target: str, call: Callable[[], _T]) -> _T:
        """Make a call, a few times if need be."""
        for tried in range(1, TRIES + 1):
            try:
                return call()
            except Exception as error:  # noqa: PERF203 - that it may fail is why there is a loop
                if tried == TRIES or is_final(error) or self.stopped.is_set():
                    raise translate(error, operation, target, self.server) from error
                time.sleep(2 ** (tried - 1))
        raise AssertionError("unreachable")

    def runs(self, path: str) -> tuple[int, Iterator[Any]]:
        """List a project's runs without their records: how many, and each, the latest sign of life first."""
        found = self.api.runs(path, order="-heartbeat_at", per_page=RUNS)
        count = self._ask("Runs", path, lambda: len(found))

        def at(i: int) -> Any:
            try:
                return found[i]
            except IndexError:  # some were deleted meanwhile
                return None

        each = (self._ask("Runs", path, partial(at, i)) for i in range(count))
        return count, takewhile(lambda run: run is not None, each)

    def record(self, run: Any, *, metadata: bool) -> dict[str, Any]:
        """Read a run's whole record, as runs.jsonl holds it."""
        path = "/".join([run.entity, run.project, run.id])
        a = self._ask("Run", path, lambda: run.load_full_data(force=True))
        return {
            "run_id": run.id, "name": a.get("name"), "display_name": a.get("displayName"), "state": a.get("state"),
            "entity": run.entity, "project": run.project, "path": [run.entity, run.project, run.id],
            "storage_id": a.get("id"), "url": run.url, "user": a.get("user"), "tags": a.get("tags"),
            "notes": a.get("notes"), "group": a.get("group"), "job_type": a.get("jobType"),
            "sweep_name": a.get("sweepName"), "read_only": a.get("readOnly"), "commit": a.get("commit"),
            "created_at": a.get("createdAt"), "heartbeat_at": a.get("heartbeatAt"), "updated_at": a.get("heartbeatAt"),
            "config": run.config, "summary_metrics": run.summary_metrics, "system_metrics": run.system_metrics,
            "history_keys": a.get("historyKeys"), "history_line_count": a.get("historyLineCount"),
            "metadata": self._ask("RunFiles", path, lambda: run.metadata) if metadata else None,
        }  # fmt: skip

    def history(self, run: Any, start: int, stop: int | None, lines: int) -> tuple[int, Iterator[dict[str, Any]]]:
        """Read a run's history from step start up to, without, step stop.

        Returns:
            The step behind the last one that is read, and the rows.
        """
        path = "/".join([run.entity, run.project, run.id])
        operation = "RunHistoryKeys, RunParquetHistory"

        def scan() -> Any:
            return run.scan_history(min_step=start, max_step=stop, page_size=pages.PAGE, use_cache=False)

        found = self._ask(operation, path, scan)
        return found.max_step + 1, pages.rows(found, lines, partial(self._ask, "HistoryPage", path))


def digest(content: Any) -> str:
    """Give a short name for a JSON value, the same for the same value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
