"""One run of a refresh: the steps, what they found, and what is kept for the next run."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .. import _cli, errors
from .._wandb import download_wandb
from ..download import download_hf
from ..progress import Show
from .plan import Plan

SHOWN = 3  # breaches in an error
GRAVEST = ("table", "column", "type", "rows", "nulls", "mean")  # shown first


@dataclass
class Step:
    """What one step did."""

    step: str
    state: str
    detail: str
    elapsed_seconds: float


@contextlib.contextmanager
def locked(plan: Plan) -> Iterator[None]:
    """Let one run at a time work on a file; the system frees the lock of one that dies."""
    with plan.beside(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            why = "another run is under way"
            raise errors.make(errors.BusyError, "refresh", str(plan.file), why, "wait for its end") from None
        yield


class Run:
    """Carries a plan out; `steps` grows with each step that ends."""

    def __init__(self, plan: Plan, accept: bool, progress: Show) -> None:
        """Read what the last run left."""
        self.plan, self.accept, self.progress = plan, accept, progress
        self.steps: list[Step] = []
        self.state: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError):
            self.state = json.loads(plan.beside(".state.json").read_text())

    def go(self) -> None:
        """Do all steps; keep how it ended."""
        failed: errors.Error | None = None
        try:
            for name, step in (
                ("download.hf", self._download_hf),
                ("download.wandb", self._download_wandb),
                ("ingest", self._ingest),
                ("curate", self._curate),
                ("validate", self._validate),
                ("publish", self._publish),
                ("site", self._site),
            ):
                self._step(name, step)
        except errors.Error as error:
            failed = error
            raise
        finally:
            self._keep(failed)

    def summary(self, failed: errors.Error | None) -> dict[str, Any]:
        """Give how the run went, for machines."""
        if failed is not None:
            state = "refused" if isinstance(failed, errors.ContractError) else "failed"
        else:
            state = "done" if any(s.state == "done" for s in self.steps) else "unchanged"
        out: dict[str, Any] = {"state": state, "steps": [asdict(s) for s in self.steps]}
        if failed is not None:
            out["error"] = {"kind": failed.kind, "message": str(failed), "rows": list(failed.rows)}
        return out

    def _step(self, name: str, step: Callable[[], tuple[bool, str] | None]) -> None:
        start = time.monotonic()
        done = step()
        if done is not None:
            state = "done" if done[0] else "unchanged"
            self.steps.append(Step(name, state, done[1], round(time.monotonic() - start, 3)))

    def _keep(self, failed: errors.Error | None) -> None:
        """Write the state, whole or not at all."""
        self.state["last_run"] = self.summary(failed)
        file = self.plan.beside(".state.json")
        partial = file.with_suffix(".json.partial")
        partial.write_text(json.dumps(self.state, indent=1) + "\n")
        os.replace(partial, file)

    # ---- the steps: whether something was done, and what; None: not asked for

    def _download_hf(self) -> tuple[bool, str] | None:
        arguments = self.plan.section("download.hf")
        if arguments is None:
            return None
        stream = arguments.get("budget") is not None
        found = download_hf(**arguments, ingest=self.plan.lake if stream else None, progress=self.progress)
        return _counted(found["state"].to_pylist(), {"downloaded", "cached", "ingested"})

    def _download_wandb(self) -> tuple[bool, str] | None:
        arguments = self.plan.section("download.wandb")
        if arguments is None:
            return None
        found = download_wandb(**arguments, progress=self.progress)["outcome"].to_pylist()
        return bool(found), _counts(found) or "no news"

    def _ingest(self) -> tuple[bool, str] | None:
        arguments = self.plan.ingested()
        if arguments is None:
            return None
        found = self.plan.lake.ingest(**arguments, progress=self.progress)
        return _counted(found["state"].to_pylist(), {"added", "replaced", "removed"})

    def _curate(self) -> tuple[bool, str]:
        found = self.plan.lake.curate(**(self.plan.section("curate") or {}), progress=self.progress)
        return _counted(found["state"].to_pylist(), {"built"})

    def _validate(self) -> tuple[bool, str] | None:
        rules = dict(self.plan.section("validate") or {})
        if rules.pop("verify", False):
            self._verify()
        newest, accepted = self._newest, self.state.get("accepted_snapshot")
        if accepted == newest:
            return False, f"snapshot {newest} is accepted"
        if accepted is not None:
            self._compare(accepted, rules)
        self.state["accepted_snapshot"] = newest
        return True, f"snapshot {newest} accepted" + ("" if accepted is None else f", compared with {accepted}")

    def _verify(self) -> None:
        problems = self.plan.lake.verify(progress=self.progress).to_pylist()[:-1]
        if problems:
            self._refuse(
                f"{len(problems)} files of the lake are not as they were written",
                [f"{p['path']}: {p['state']}, {p['detail']}" for p in problems],
                "restore them from a backup; `ddcore verify` lists them",
            )

    def _compare(self, accepted: int, rules: dict[str, Any]) -> None:
        try:
            found = self.plan.lake.drift(accepted, **rules, progress=self.progress).to_pylist()
        except errors.NotFoundError as error:  # expired
            error.hint = "look at the tables, then run it again with --accept (accept=True)"
            raise
        breaches = sorted((d for d in found if d["is_breach"]), key=lambda d: GRAVEST.index(d["check"]))
        if breaches and not self.accept:
            self._refuse(
                f"{len(breaches)} differences from snapshot {accepted} are more than the limits allow",
                [_told(d) for d in breaches],
                f"`ddcore drift --lake {self.plan.lake.path} --since {accepted}` lists them; "
                "where they are right, run it again with --accept (accept=True)",
            )

    def _refuse(self, why: str, rows: list[str], hint: str) -> None:
        rows = rows[:SHOWN]
        error = errors.ContractError(f"validate: {why}; nothing is published: {'; '.join(rows)} ({hint})")
        error.op, error.target, error.hint, error.rows = "refresh", str(self.plan.file), hint, tuple(rows)
        raise error

    def _publish(self) -> tuple[bool, str] | None:
        arguments = self.plan.section("publish")
        if arguments is None:
            return None
        now = {"snapshot": self._newest, "arguments": arguments}
        if self.state.get("published") == now:
            return False, f"snapshot {now['snapshot']} is published"
        found = self.plan.lake.publish(**arguments, progress=self.progress)
        self.state["published"] = now
        return True, f"{found.num_rows} tables of snapshot {now['snapshot']}"

    def _site(self) -> tuple[bool, str] | None:
        arguments = self.plan.section("site")
        if arguments is None:
            return None
        now = {"snapshot": self._newest, **arguments}
        if self.state.get("site") == now:
            return False, f"snapshot {now['snapshot']} is there"
        command = [_cli.program(), "export-site", self.plan.lake.path, arguments["to"], "--quiet", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            report = json.loads(done.stderr.splitlines()[-1])["error"]
            parts = {"op": "site", "target": "", "hint": "", "table": "", "column": "", "rows": []} | report
            raise errors.from_core(parts)
        self.state["site"] = now
        return True, f"snapshot {now['snapshot']} in {arguments['to']}"

    @functools.cached_property
    def _newest(self) -> int:
        """The snapshot that curate has left: no later step writes to the lake."""
        return int(self.plan.lake.snapshots()["snapshot"].to_pylist()[-1])


def _told(d: dict[str, Any]) -> str:
    column = f".{d['column_name']}" if d["column_name"] else ""
    return f"{d['table_name']}{column}: {d['check']}, {d['before']} before, {d['after']} now"


def _counts(states: list[str]) -> str:
    return ", ".join(f"{n} {state}" for state, n in sorted(Counter(states).items()))


def _counted(states: list[str], news: set[str]) -> tuple[bool, str]:
    return bool(news & set(states)), _counts(states)
