"""Shared lakes, from Python, and Dask's workers on them."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import ddcore
import servers
from ddcore import _native

distributed = pytest.importorskip("distributed")

TABLES = ("instances", "choices", "instance_task_metrics", "instance_checks")
_numbers = count(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Both servers, their keys in the environment: the port, and the folder in which objects can be seen."""
    folder = tmp_path_factory.mktemp("s3")
    with servers.postgres() as port, servers.s3(folder) as keys, pytest.MonkeyPatch.context() as patch:
        for name, value in {**keys, "PGPASSWORD": servers.PASSWORD}.items():
            patch.setenv(name, value)
        yield port, folder / servers.BUCKET


@pytest.fixture
def shared(place: tuple[int, Path]) -> ddcore.Lake:
    """A shared lake, not yet made, with its files on S3."""
    name = f"python{next(_numbers)}"
    servers.run_sql(place[0], "postgres", f"CREATE DATABASE {name}")
    catalog = f"ducklake:postgres:dbname={name} host=127.0.0.1 port={place[0]} user={servers.USER}"
    return ddcore.open(catalog, data=f"s3://{servers.BUCKET}/{name}", threads=1)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    size = {"sizes": ["150M"], "recipes": ["C4", "Dolma1.7"], "runs": -1, "checkpoints": 6, "questions": 3}
    _native.table("sample", args={"dir": str(folder), **size})
    return folder / "instances"


@pytest.fixture(scope="module")
def expected(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    lake = ddcore.open(tmp_path_factory.mktemp("local") / "my.lake")
    lake.ingest(archives, progress=False)
    return contents(lake)


@pytest.fixture
def cluster(place: tuple[int, Path]) -> Iterator[Any]:
    del place  # the workers get its environment
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        yield cluster


def contents(lake: ddcore.Lake) -> dict[str, Any]:
    """What a lake says of instances, and how many files say it."""
    lake.curate(progress=False)
    found: dict[str, Any] = {name: lake.sql(f"FROM {name} ORDER BY ALL").to_pylist() for name in TABLES}
    found["files"] = lake.sql("SELECT path, sha256, n_rows, n_rejects FROM raw.files ORDER BY ALL").to_pylist()
    return found


def staged(place: tuple[int, Path], lake: ddcore.Lake) -> list[Path]:
    assert lake.data is not None
    return list((place[1] / Path(lake.data).name / "staged").glob("*"))


def test_a_shared_lake_is_a_lake(shared: ddcore.Lake, tmp_path: Path) -> None:
    ddcore.sample(tmp_path / "raw", sizes=["4M"], recipes=["C4"], steps=1, progress=False)
    local = ddcore.open(tmp_path / "my.lake")
    for lake in (local, shared):
        lake.ingest(tmp_path / "raw/hf", progress=False)
        lake.curate(progress=False)
    again = pickle.loads(pickle.dumps(ddcore.open(shared.path)))
    assert again.table("evals").equals(local.table("evals"))
    assert repr(again) == f"ddcore.open({shared.path!r})"
    assert "missing" not in ddcore.doctor(again)["state"].to_pylist()
    with pytest.raises(ddcore.InvalidError, match="not at s3://elsewhere/x"):
        ddcore.open(shared.path, data="s3://elsewhere/x").tables()
    with pytest.raises(ddcore.InvalidError, match="must hold no password") as caught:
        ddcore.open("ducklake:postgres:host=x password=canary").tables()
    assert "canary" not in str(caught.value)
    with pytest.raises(ddcore.InvalidError, match="one process at a time"):
        local.commit()


def test_a_killed_worker_and_two_drivers(
    shared: ddcore.Lake, archives: Path, expected: dict[str, Any], cluster: Any, place: tuple[int, Path]
) -> None:
    def drive() -> None:
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            ddcore.distributed.ingest(shared, archives, client=client, parts=8, progress=False)

    with ThreadPoolExecutor() as drivers:
        both = [drivers.submit(drive), drivers.submit(drive)]
        while not staged(place, shared):
            if both[0].done():
                both[0].result()
            time.sleep(0.01)
        victim = next(iter(cluster.workers.values()))
        os.kill(victim.pid, signal.SIGKILL)
        for d in both:
            d.result()
    assert contents(shared) == expected
    assert not staged(place, shared)


def test_a_restarted_scheduler(
    shared: ddcore.Lake, archives: Path, expected: dict[str, Any], cluster: Any, place: tuple[int, Path]
) -> None:
    seen: list[ddcore.Progress] = []
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:

        def stop(p: ddcore.Progress) -> None:
            seen.append(p)
            client.restart()

        with pytest.raises(BaseException, match=r".*"):  # Dask's own: its tasks are lost
            ddcore.distributed.ingest(shared, archives, client=client, parts=8, progress=stop)
        assert len(seen) == 1
        assert staged(place, shared)
        done = ddcore.distributed.ingest(shared, archives, client=client, progress=seen.append).to_pylist()
    assert done[0]["n_archives"] == 2
    assert done[0]["n_waiting"] == 0
    assert (seen[-1].done, seen[-1].unit) == (seen[-1].total, "parts") or seen[-1].what == "committing"
    assert contents(shared) == expected
    assert not staged(place, shared)


def test_a_task_that_cannot_work(shared: ddcore.Lake, archives: Path, tmp_path: Path, cluster: Any) -> None:
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        with pytest.raises(ddcore.NotFoundError, match="no such file or folder"):
            ddcore.distributed.ingest(shared, tmp_path / "nothing", client=client, retries=0, progress=False)
        with pytest.raises(ddcore.InvalidError, match="one process at a time"):
            ddcore.distributed.ingest(ddcore.open(tmp_path / "x"), archives, client=client, retries=0, progress=False)
        with pytest.raises(ddcore.InvalidError, match="less than 1"):
            ddcore.distributed.ingest(shared, archives, client=client, parts=0)
