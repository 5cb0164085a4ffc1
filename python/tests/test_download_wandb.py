"""`ddcore.download_wandb`: the real client against a server on the loopback that holds runs which it logged offline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ddcore
from wandb_server import KEY, Fault, Run, Server, offline_run

pytest.importorskip("wandb", reason="the W&B client is not installed: pip install --group test")

# Processes of their own: the client reads its environment, and starts a service.
LOG = """
import sys, wandb
for name, rows, every in [("250912-172812_a_DD-c4-4M", 1500, 10), ("k3j9x2ab", 40, 1), ("empty", 0, 1)]:
    run = wandb.init(
        project="ft", entity="ml", id=name, dir=sys.argv[1],
        config={"lr": 5e-05, "nested": {"a": 1, "b/c": [1, 2.5]}, "big": 168631869269606400000, "username": "canary7"},
    )
    for i in range(1, rows + 1):
        more = {"grad/norm": 0.1 * i} if i % 7 == 0 else {"nan": float("nan")}
        run.log({"train_loss": 1.0 / i, "total_tokens": i * 1000, "eval/x:y": {"z": i}, **more}, step=i * every)
    if rows:
        run.log({"note": "the end"}, step=rows * every + 7)
    run.summary["best"] = 0.5
    run.finish()
"""
DRIVER = """
import json, os, sys
import ddcore
from ddcore._wandb import client
client.RUNS = 1  # a page of the list
for line in sys.stdin:
    arguments, environment = json.loads(line)
    os.environ.update(environment)
    try:
        rows = ddcore.download_wandb(**arguments, progress=False).to_pylist()
        answer = {"rows": {row["run_id"]: [row["outcome"], row["n_rows"]] for row in rows}}
    except ddcore.Error as error:
        answer = {"error": type(error).__name__, "text": str(error), "hint": error.hint}
    answer["left"] = sorted(name for name in os.environ if name.startswith("WANDB_S"))
    print(json.dumps(answer), flush=True)
"""
A, B, EMPTY = "250912-172812_a_DD-c4-4M", "k3j9x2ab", "empty"
SAME = "SELECT * EXCLUDE (exports, n_copies) FROM"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offline")
    environment = os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", LOG, str(folder)], check=True, env=environment, timeout=120)
    return folder / "wandb"


@pytest.fixture(scope="module")
def logged(logs: Path) -> list[Run]:
    runs = {log.stem: offline_run(log) for log in logs.glob("offline-run-*/run-*.wandb")}
    return [runs[f"run-{name}"] for name in (A, B, EMPTY)]


@pytest.fixture(scope="module")
def direct(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    """A lake of the logs themselves."""
    return curated(logs, tmp_path_factory.mktemp("direct"))


def curated(folder: Path, where: Path) -> ddcore.Lake:
    lake = ddcore.open(where / "test.lake")
    states = lake.ingest(folder, progress=False)
    assert sum(states["n_rejects"].to_pylist()) == 0
    lake.curate(progress=False)
    return lake


@pytest.fixture(scope="module")
def at() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(at: Server, logged: list[Run]) -> Server:
    """The server with what was logged, and nothing that goes wrong."""
    at.projects = {
        "ml/ft": [replace(deepcopy(run), heartbeat=f"2026-01-0{i + 1}T00:00:00Z") for i, run in enumerate(logged)]
    }
    at.faults, at.before = [], lambda *_: None
    at.calls.clear()
    return at


def environment(server: Server) -> dict[str, str]:
    """Give what leads the client to the server; it makes three tries of a call."""
    return {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY, "WANDB__GRAPHQL_RETRY_MAX": "2"}


class Driver:
    """A process that downloads whatever it is told to."""

    def __init__(self, env: dict[str, str]) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            env=os.environ | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, folder: Path, more: dict[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
        """Download, with more in the environment; give what came of it."""
        assert self.process.stdin
        assert self.process.stdout
        line = json.dumps([{"projects": "ml/ft", "dir": str(folder), **arguments}, more or {}])
        print(line, file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer.pop("left") == [], "the client's service was ended, and its environment is as it was"
        return answer

    def rows(self, folder: Path, **arguments: Any) -> dict[str, list[Any]]:
        """Download; give the outcome and the number of rows of each run."""
        answer = self.ask(folder, **arguments)
        assert "rows" in answer, answer
        rows: dict[str, list[Any]] = answer["rows"]
        return rows


@pytest.fixture(scope="module")
def driver(at: Server) -> Iterator[Driver]:
    made = Driver(environment(at))
    with made.process:
        yield made
        assert made.process.stdin
        made.process.stdin.close()


def lines(folder: Path, name: str, project: str = "ml/ft") -> list[dict[str, Any]]:
    text = (folder / "data" / project / name).read_text()
    return [json.loads(line) for line in text.splitlines()]


def steps(folder: Path, run: str) -> list[int]:
    return [row["step"] for row in lines(folder, "history.jsonl") if row["run_id"] == run]


def state(folder: Path) -> dict[str, Any]:
    [record] = lines(folder, "state.json")
    return record


def assert_same(lake: ddcore.Lake, direct: ddcore.Lake) -> None:
    for table, key in [
        ("run_history", "run_id, step"),
        ("run_metrics", "run_id, step, metric"),
        ("run_gaps", "run_id"),
    ]:
        query = f"SELECT * FROM {table} ORDER BY {key}"
        ours, theirs = lake.sql(query), direct.sql(query)
        assert ours.schema == theirs.schema
        assert repr(ours.to_pylist()) == repr(theirs.to_pylist()), table  # NaN is no other NaN
    query = "SELECT run_id, state, config, summary FROM raw.wandb_runs ORDER BY run_id"
    for ours, theirs in zip(lake.sql(query).to_pylist(), direct.sql(query).to_pylist(), strict=True):
        assert (ours["run_id"], ours["state"]) == (theirs["run_id"], theirs["state"])
        for column in ("config", "summary"):
            known = {k: v for k, v in json.loads(theirs[column]).items() if (column, k) != ("config", "_wandb")}
            ours_too = json.loads(ours[column])
            assert (known.pop("username", None) is None) == (ours_too.pop("username", None) is None)  # a pseudonym
            assert json.dumps(ours_too, sort_keys=True) == json.dumps(known, sort_keys=True)


def test_what_comes_is_what_was_logged(server: Server, driver: Driver, direct: ddcore.Lake, tmp_path: Path) -> None:
    server.projects["ml/ft"][0].exported = 700  # these are live, too
    server.projects["ml/ft"][1].exported = 41
    assert driver.rows(tmp_path) == {A: ["new", 1501], B: ["new", 41], EMPTY: ["new", 0]}
    assert server.calls["parquet"] == 2
    assert server.calls["Runs"] == 3
    assert_same(curated(tmp_path, tmp_path), direct)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "data", "test.lake"]


def test_the_next_download_takes_what_is_new(
    server: Server, driver: Driver, direct: ddcore.Lake, tmp_path: Path
) -> None:
    whole = server.projects["ml/ft"]
    young = replace(
        whole[0], rows=whole[0].rows[:1200], state="running", summary={"_step": 12000}, heartbeat="2026-01-09T00:00:00Z"
    )
    server.projects["ml/ft"] = [young, *whole[1:]]
    assert driver.rows(tmp_path) == {A: ["new", 1200], B: ["new", 41], EMPTY: ["new", 0]}
    server.calls.clear()
    assert driver.rows(tmp_path) == {}
    assert (server.calls["Runs"], server.calls["Run"]) == (2, 0), "the list ends at the first run that is older"

    asked: list[int] = []
    server.before = lambda operation, v: asked.append(v["minStep"]) if operation == "HistoryPage" else None
    server.projects["ml/ft"] = [replace(whole[0], heartbeat="2026-01-10T00:00:00Z"), *whole[1:]]
    assert driver.rows(tmp_path) == {A: ["grown", 301]}
    assert asked
    assert min(asked) == 12001
    assert len(lines(tmp_path, "runs.jsonl")) == 3, "the young record is gone"
    assert_same(curated(tmp_path, tmp_path), direct)


def test_a_run_that_died_without_a_sign_is_found(server: Server, driver: Driver, tmp_path: Path) -> None:
    runs = server.projects["ml/ft"]
    runs[0].state = "running"  # the oldest sign of life of all
    driver.rows(tmp_path)
    runs[0].state = "crashed"
    server.calls.clear()
    assert driver.rows(tmp_path) == {A: ["grown", 0]}
    assert state(tmp_path)["runs"][A]["run_state"] == "crashed"
    assert server.calls["Run"] == 1
    server.calls.clear()
    assert driver.rows(tmp_path) == {}
    assert server.calls["Runs"] == 2, "no second look at what has ended"


def test_full_finds_what_shows_nothing(server: Server, driver: Driver, tmp_path: Path) -> None:
    runs = server.projects["ml/ft"]
    driver.rows(tmp_path)
    runs[1].config["lr"] = 1
    runs[0].rows = runs[0].rows[:100]  # rewound
    del runs[2]
    assert driver.rows(tmp_path) == {}
    assert driver.rows(tmp_path, full=True) == {A: ["again", 100], B: ["again", 41], EMPTY: ["deleted", 0]}
    assert state(tmp_path)["runs"][EMPTY]["deleted_at"]
    assert driver.rows(tmp_path, full=True) == {}
    assert driver.rows(tmp_path, full=True, prune=True) == {EMPTY: ["dropped", 0]}
    assert {line["run"]["run_id"]: line["run"]["config"]["lr"] for line in lines(tmp_path, "runs.jsonl")} == {
        A: 5e-05,
        B: 1,
    }
    assert len(lines(tmp_path, "history.jsonl")) == 141
    assert len(steps(tmp_path, A)) == 100


def test_selected_metrics_and_steps(server: Server, driver: Driver, tmp_path: Path) -> None:
    only = {"keys": ["grad/norm"], "min_step": 70, "max_step": 210}
    assert driver.rows(tmp_path, **only)[A] == ["new", 3]
    assert steps(tmp_path, A) == [70, 140, 210]
    assert lines(tmp_path, "history.jsonl")[0]["metrics"].keys() == {"grad/norm"}
    [manifest] = lines(tmp_path, "manifest.json")
    assert (manifest["selected_history_keys"], manifest["history_window"]) == (
        ["grad/norm"],
        {"min_step": 70, "max_step": 210},
    )
    answer = driver.ask(tmp_path)
    assert answer["error"] == "InvalidError"
    assert "another selection" in answer["text"]
    server.projects["ml/ft"][0].metadata = {"host": "canary7"}
    driver.rows(tmp_path / "more", metadata=True)
    assert [
        line["run"]["metadata"] for line in lines(tmp_path / "more", "runs.jsonl") if line["run"]["run_id"] == A
    ] == [{"host": "canary7"}]


def test_pages_fit_runs_that_log_seldom_and_often(server: Server, driver: Driver, tmp_path: Path) -> None:
    """5,000 steps one after the other, then every millionth: no page may be thinned out, and none should be empty."""
    server.most_rows = 4000
    at = [*range(5000), *range(10**6, 5 * 10**7, 10**6)]
    server.projects["ml/ft"] = [Run("odd", {}, {}, [{"_step": str(i), "x": "1"} for i in at])]
    assert driver.rows(tmp_path) == {"odd": ["new", len(at)]}
    assert sorted(steps(tmp_path, "odd")) == at
    assert server.calls["HistoryPage"] < 100


@pytest.mark.parametrize(
    ("more", "arguments", "error", "says"),
    [
        ({"WANDB_API_KEY": "x" * 40}, {}, "InvalidError", "not logged in"),
        ({"WANDB_API_KEY": "short"}, {}, "InvalidError", "40+ characters"),
        ({"WANDB_API_KEY": "", "NETRC": os.devnull}, {}, "InvalidError", "No API key"),
        ({}, {"projects": "ml/none"}, "NotFoundError", "ml/none"),
        ({}, {"projects": ["ml/ft", "ft"]}, "InvalidError", "'ft'"),
        ({}, {"projects": []}, "InvalidError", "ENTITY/PROJECT"),
        ({}, {"prune": True}, "InvalidError", "full"),
        ({}, {"min_step": 7, "max_step": 3}, "InvalidError", "first before last"),
    ],
)  # fmt: skip
def test_mistakes_are_told(
    server: Server,
    driver: Driver,
    tmp_path: Path,
    more: dict[str, str],
    arguments: dict[str, Any],
    error: str,
    says: str,
) -> None:
    del server
    try:
        answer = driver.ask(tmp_path / "new", more, **arguments)
    finally:
        driver.ask(tmp_path / "other", {"WANDB_API_KEY": KEY}, projects="ml/none")
    assert answer["error"] == error
    assert says in answer["text"]
    assert answer["hint"] in answer["text"]
    assert not list((tmp_path / "new").glob("data/*/*/*.jsonl"))


def test_a_server_that_fails(server: Server, driver: Driver, tmp_path: Path) -> None:
    """The client's retries, a schema that it does not know, and a run that cannot be read."""
    server.faults = [Fault("Runs", 429), Fault("HistoryPage", 500)]
    assert len(driver.rows(tmp_path / "late")) == 3

    server.faults = [Fault("Run", error="Cannot query field 'historyKeys' on type 'Run'", times=99)]
    answer = driver.ask(tmp_path)
    assert (answer["error"], "Run: " in answer["text"], "update" in answer["hint"]) == ("StorageError", True, True)
    assert "Cannot query field 'historyKeys'" in answer["text"]
    assert (tmp_path / "data/ml/ft/history.jsonl").read_bytes() == b""

    server.faults = [Fault("HistoryPage", 500, "boom", times=3)]  # all three tries of a run's first page
    answer = driver.ask(tmp_path, threads=1)
    assert answer["error"] == "StorageError"
    assert "1 of 3 runs could not be read" in answer["text"]
    assert "HistoryPage" in answer["text"]
    [manifest] = lines(tmp_path, "manifest.json")
    assert manifest["run_count"] == len(lines(tmp_path, "runs.jsonl")) == 2
    server.calls.clear()
    assert len(driver.rows(tmp_path)) == 1
    assert server.calls["Run"] == 1


@contextmanager
def downloading(server: Server, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ddcore", "download", "wandb", *arguments]
    with subprocess.Popen(
        command, env=os.environ | environment(server), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle(server: Server, direct: ddcore.Lake, tmp_path: Path, how: signal.Signals) -> None:
    """When the second page of the long run is asked for, one run is complete; it stays, and no row comes twice."""
    arrived = threading.Event()
    go_on = threading.Event()

    def stop(operation: str, v: dict[str, Any]) -> None:
        if operation == "HistoryPage" and v["run"] == A and v["minStep"] > 0:
            arrived.set()
            go_on.wait(60)

    server.before = stop
    with downloading(server, "ml/ft", str(tmp_path), "--threads", "1") as process:
        assert arrived.wait(60)
        process.send_signal(how)
        _, errors = process.communicate(timeout=60)
        go_on.set()
    assert process.returncode == (-9 if how == signal.SIGKILL else 130), errors
    kept = set(state(tmp_path)["runs"])
    assert A not in kept
    assert kept
    for name in ("history.jsonl", "runs.jsonl"):  # as if the kernel had stopped in a line
        with open(tmp_path / "data/ml/ft" / name, "a") as file:
            file.write('{"run_id":"torn')

    server.before = lambda *_: None
    server.calls.clear()
    with downloading(server, "ml/ft", str(tmp_path), "--json") as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["run_id"] for row in rows} == {A, B, EMPTY} - kept
    assert server.calls["Run"] == len(rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "data"]
    assert sorted(steps(tmp_path, A)) == [*range(10, 15001, 10), 15007]
    if how == signal.SIGKILL:
        assert_same(curated(tmp_path, tmp_path), direct)


def test_from_the_command_line(server: Server, tmp_path: Path) -> None:
    server.projects["ml/other"] = [Run("only", {}, {"_step": 1}, [{"_step": "1", "x": "2.5"}])]
    (tmp_path / "projects.txt").write_text("# ours\nml/ft  # the first\n\nml/other\n")
    with downloading(server, "--projects", str(tmp_path / "projects.txt"), str(tmp_path / "new")) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert out.splitlines() == ["ml/ft: 3 new; 1,542 history rows", "ml/other: 1 new; 1 history rows"]
    assert errors == ""
    for file in (tmp_path / "new").rglob("*"):
        assert file.is_dir() or KEY not in file.read_text()

    (tmp_path / "projects.txt").write_text("ml/ft\nother\n")
    with downloading(server, "--projects", str(tmp_path / "projects.txt"), str(tmp_path / "new")) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "projects.txt, line 2: 'other' names no project" in errors
    assert "hint: write ENTITY/PROJECT" in errors


MEASURED = """
import resource, sys, ddcore
rows = ddcore.download_wandb("ml/ft", sys.argv[1], progress=False)
with open("/proc/self/status") as status:  # ru_maxrss knows what the process was before it was Python
    [peak] = [line.split()[1] for line in status if line.startswith("VmHWM")]
print(int(peak) // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, rows.num_rows)
"""


def test_memory_does_not_grow_with_the_project(server: Server, tmp_path: Path) -> None:
    """150,000 rows of 60 runs: as objects of Python's they alone would take 150 MiB more."""
    keys = [f"metric/{i}" for i in range(8)]
    rows = [
        {"_step": str(i * 10), "_timestamp": f"{1.7e9 + i}", **{k: str(0.1 * i) for k in keys}} for i in range(2500)
    ]
    config = {f"key{i}": "x" * 100 for i in range(500)}
    server.projects["ml/ft"] = [Run(f"run{i}", config, {}, rows, exported=(i % 2) * 2500) for i in range(60)]
    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    done = subprocess.run(command, env=os.environ | environment(server), capture_output=True, text=True, check=True)
    ours, service, n = map(int, done.stdout.split())
    assert n == 60
    assert ours + service < 300, done.stdout
    [manifest] = lines(tmp_path, "manifest.json")
    assert manifest["history_count"] == 150_000
