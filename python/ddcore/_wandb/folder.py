"""The folder of one project: two files to which is appended, and the state that says how far they count.

A run counts once state.json, which is replaced as a whole, names its bytes. What
stands behind them was written by a download that was killed, and is cut off. A disk
that lost power may have a state that is younger than its files: that is found, and
nothing is built on it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from .. import errors
from .problems import problem

RUNS, HISTORY, STATE, MANIFEST = "runs.jsonl", "history.jsonl", "state.json", "manifest.json"
LEFT_OVER = ".download-"  # begins the names of folders that a download needs for itself
BLOCK = 1 << 20

#: A piece of a file: where it starts and where it ends, in bytes.
Piece = tuple[int, int]


@dataclass
class Held:
    """A run that the folder holds; the first five are what dr-wandb's states have."""

    run_id: str
    run_state: str
    created_at: str | None
    updated_at: str | None  #: its last sign of life
    last_history_step: int  #: -1 without history
    next_step: int  #: where more of its history would begin
    lines: int  #: history rows that W&B counted
    rows: int  #: history rows here
    seen: str  #: digest of what a list of runs tells of it
    content: str  #: digest of its whole record
    line: Piece = (0, 0)  #: in runs.jsonl
    pieces: list[Piece] = field(default_factory=list)  #: in history.jsonl
    deleted_at: str | None = None


class Folder:
    """A project's folder; its caller holds the lock of the download.

    Args:
        path: The folder; it is made.
        entity: Who owns the project.
        project: Its name.
        selection: What of the project is wanted; a folder holds one selection.

    Raises:
        InvalidError: It holds something else, or another selection.
        StorageError: It cannot be written.
    """

    def __init__(self, path: Path, entity: str, project: str, selection: dict[str, Any]) -> None:
        self.path, self.entity, self.project, self.selection = path, entity, project, selection
        self.name = f"{entity}/{project}"
        path.mkdir(parents=True, exist_ok=True)
        state = self._read_state()
        self.created_at: str = state.get("download_created_at") or now()
        #: The latest sign of life of any run in the last list of runs whose runs all came in.
        self.watermark: str | None = state.get("max_heartbeat_at")
        self.runs = {name: _held(run) for name, run in state.get("runs", {}).items()}
        self._replacing: list[str] = state.get("replacing", [])
        must_save = not state or bool(self._replacing)
        self._finish_replacing()
        self._files = {name: self._cut(name, state.get("bytes", {}).get(name, 0)) for name in (RUNS, HISTORY)}
        if must_save:  # before there is anything that a state would be wrong about
            self.save()

    def _read_state(self) -> dict[str, Any]:
        path = self.path / STATE
        try:
            state = json.loads(path.read_bytes())
        except FileNotFoundError:
            for name in (RUNS, HISTORY):
                if (file := self.path / name).exists() and file.stat().st_size > 0:
                    why = f"there is a {name} without a {STATE}"
                    raise self._other(why) from None
            return {}
        except ValueError as error:
            raise self._other(f"{STATE} cannot be read: {error}") from None
        if not isinstance(state, dict) or "bytes" not in state:
            raise self._other(f"{STATE} was not written by `ddcore download wandb`")
        if state["selection"] != self.selection:
            raise self._other(f"it holds another selection of the project: {json.dumps(state['selection'])}")
        return state

    def _other(self, why: str) -> errors.Error:
        return problem(errors.InvalidError, str(self.path), why, "download into another folder, or move this one away")

    def _cut(self, name: str, size: int) -> IO[bytes]:
        """Open a file to append to it, behind what counts."""
        file = open(self.path / name, "ab")  # noqa: SIM115 - closed by close
        have = file.tell()
        if have < size:
            file.close()
            raise self._other(f"{name} has {have} bytes, of which {STATE} knows {size}: it was changed")
        file.truncate(size)
        file.seek(size)
        return file

    def add(self, run: Held, record: dict[str, Any], history: IO[bytes] | None, *, again: bool) -> None:
        """Append a run and its new history, then make both count.

        Args:
            run: What is known of it; where it stands is filled in.
            record: Its record, as runs.jsonl has it.
            history: Lines of history; None for none.
            again: The history takes the place of what the folder has of the run.
        """
        old = self.runs.get(run.run_id)
        if old is not None and not again:
            run.pieces, run.rows = list(old.pieces), run.rows + old.rows
        if (
            history is not None
            and (piece := self._append(HISTORY, iter(lambda: history.read(BLOCK), b"")))[0] < piece[1]
        ):
            run.pieces.append(piece)
        line = {"exported_at": now(), "run": record}
        run.line = self._append(RUNS, [json.dumps(line, separators=(",", ":")).encode() + b"\n"])
        self.runs[run.run_id] = run
        self.save()

    def _append(self, name: str, blocks: Iterable[bytes]) -> Piece:
        file = self._files[name]
        start = file.tell()
        for block in blocks:
            file.write(block)
        file.flush()
        return start, file.tell()

    def save(self) -> None:
        """Write state.json: what was appended counts from now on."""
        state = {
            **self._about(),
            "last_exported_at": now(),
            "max_created_at": max((r.created_at for r in self.runs.values() if r.created_at), default=None),
            "max_heartbeat_at": self.watermark,
            "download_created_at": self.created_at,
            "selection": self.selection,
            "bytes": {name: file.tell() for name, file in self._files.items()},
            "replacing": self._replacing,
            "runs": {name: vars(run) for name, run in self.runs.items()},
        }
        self._write(STATE, state)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a file as a whole."""
        new = self.path / ("." + name)
        with open(new, "w") as file:
            json.dump(content, file, separators=(",", ":"))
        os.replace(new, self.path / name)

    def tidy(self) -> None:
        """Leave out what is out of date, and write the manifest, whose counts ingest checks."""
        stale = [
            name for name in (RUNS, HISTORY) if self._files[name].tell() > sum(e - s for s, e in self._pieces(name))
        ]
        for name in stale:
            self._copy(name)
        if stale:
            self._replacing = stale
            self.save()
            self._finish_replacing()
            for name in stale:
                self._files[name].close()
                self._files[name] = open(self.path / name, "ab")  # noqa: SIM115 - closed by close
        self.save()
        manifest = {
            **self._about(),
            "created_at": self.created_at,
            "updated_at": now(),
            "mode": "history",
            "runs_path": f"data/{self.name}/{RUNS}",
            "run_count": len(self.runs),
            "history_path": f"data/{self.name}/{HISTORY}",
            "history_count": sum(r.rows for r in self.runs.values()),
            "history_window": {key: self.selection[key] for key in ("min_step", "max_step")},
            "selected_history_keys": self.selection["keys"],
        }
        self._write(MANIFEST, manifest)

    def _about(self) -> dict[str, Any]:
        return {"schema_version": 1, "name": self.name, "entity": self.entity, "project": self.project}

    def _pieces(self, name: str) -> list[Piece]:
        return sorted(p for run in self.runs.values() for p in ([run.line] if name == RUNS else run.pieces))

    def _copy(self, name: str) -> None:
        """Copy what counts of a file beside it, and say where the runs now stand."""
        moved: dict[Piece, Piece] = {}
        with open(self.path / name, "rb") as old, open(self.path / (name + ".new"), "wb") as new:
            for start, end in self._pieces(name):
                at = new.tell()
                old.seek(start)
                new.writelines(old.read(min(left, BLOCK)) for left in range(end - start, 0, -BLOCK))
                moved[start, end] = at, new.tell()
            new.flush()
            os.fsync(new.fileno())
            self._files[name].close()
            self._files[name] = open(self.path / (name + ".new"), "ab")  # noqa: SIM115 - closed by close
        for run in self.runs.values():
            if name == RUNS:
                run.line = moved[run.line]
            else:
                run.pieces = [moved[p] for p in run.pieces]

    def _finish_replacing(self) -> None:
        """Put new files in the place of the old ones, once the state speaks of the new ones."""
        for name in (RUNS, HISTORY):
            new = self.path / (name + ".new")
            if name in self._replacing and new.exists():
                os.replace(new, self.path / name)
            new.unlink(missing_ok=True)
        self._replacing = []

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


@contextmanager
def locked(root: Path) -> Iterator[str]:
    """Hold a download's folder, which is made, for this process alone; give a folder for what need not stay.

    Raises:
        BusyError: Another download writes there.
        StorageError: It cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    with open(root / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise problem(errors.BusyError, str(root), "another download writes there", "wait until it ends") from None
        for left in root.glob(LEFT_OVER + "*"):  # by downloads that were killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=LEFT_OVER, dir=root, ignore_cleanup_errors=True) as scratch:
            yield scratch


def now() -> str:
    """Give the time as exports write it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _held(run: dict[str, Any]) -> Held:
    known = {f.name for f in fields(Held)}
    held = Held(**{key: value for key, value in run.items() if key in known})
    held.line, held.pieces = (held.line[0], held.line[1]), [(p[0], p[1]) for p in held.pieces]
    return held
