"""`ddcore refresh`: from sources to a published lake, only what changed, and nothing bad published."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import ddcore
from servers import Hub

PPL = "ppl-results/data"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a few raw files and a lake.toml."""
    ddcore.sample(tmp_path, sizes=["4M"], recipes=["C4"], steps=2, runs=-1, checkpoints=-1, models=-1, progress=False)
    (tmp_path / "hf").rename(tmp_path / "raw")
    (tmp_path / "lake.toml").write_text("""
        lake = "my.lake"
        [ingest]
        paths = ["raw"]
        [validate]
        verify = true
        max_shift = 3.0
        tables = ["evals", "perplexity", "recipes"]
        [publish]
        to = "public.lake"
        tables = ["evals", "perplexity", "recipes"]
    """)
    return tmp_path


def states(table: object) -> dict[str, str]:
    return {row["step"]: row["state"] for row in table.to_pylist()}  # type: ignore[attr-defined]


def lose_rows(place: Path) -> None:
    """Take half of the perplexities away, as a broken export would."""
    (file,) = (place / "raw" / PPL).glob("*.parquet")
    table = pq.read_table(file)
    pq.write_table(table.slice(0, table.num_rows // 2), file)


def refresh(place: Path) -> dict[str, str]:
    return states(ddcore.refresh(place / "lake.toml", progress=False))


def command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ddcore", "refresh", "lake.toml", *arguments]
    return subprocess.run(line, cwd=place, capture_output=True, text=True, timeout=240, check=False)


def published(place: Path) -> int:
    return ddcore.open(place / "public.lake").table("perplexity").num_rows


def test_only_what_changed(place: Path) -> None:
    steps = ["ingest", "curate", "validate", "publish"]
    assert refresh(place) == dict.fromkeys(steps, "done")
    before = published(place)
    assert refresh(place) == dict.fromkeys(steps, "unchanged")

    lose_rows(place)
    for _ in range(2):  # what was refused is refused again
        done = command(place, "--json", "--quiet")
        assert done.returncode == 4, done.stderr
        summary = json.loads(done.stdout)
        assert summary["state"] == "refused"
        assert [s["step"] for s in summary["steps"]] == ["ingest", "curate"]
        assert summary["error"]["rows"][0].startswith("perplexity: rows, "), "the gravest first"
        assert "--accept" in done.stderr
        assert published(place) == before
    done = command(place, "--quiet", "--accept")
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()][-2:] == [["validate", "done"], ["publish", "done"]]
    assert published(place) < before
    assert refresh(place) == dict.fromkeys(steps, "unchanged")
    assert json.loads((place / "lake.state.json").read_text())["last_run"]["state"] == "unchanged"


def test_damaged_files_are_not_published(place: Path) -> None:
    refresh(place)
    victim = next((place / "my.lake/data/raw").rglob("*.parquet"))
    victim.chmod(0o666)
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(ddcore.ContractError, match="not as they were written"):
        refresh(place)


def test_downloads_come_first(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lake.toml").write_text("""
        lake = "my.lake"
        [download.hf]
        dir = "downloads"
        ppl = true
        [site]
        to = "site"
    """)
    assert refresh(tmp_path) == dict.fromkeys(["download.hf", "ingest", "curate", "validate", "site"], "done")
    assert (tmp_path / "site/index.html").is_file()
    assert set(refresh(tmp_path).values()) == {"unchanged"}
    shutil.rmtree(tmp_path / "downloads")
    monkeypatch.setenv("HF_ENDPOINT", hub.url.rpartition(":")[0] + ":9")  # nobody listens there
    with pytest.raises(ddcore.Error):
        refresh(tmp_path)
    assert json.loads((tmp_path / "lake.state.json").read_text())["last_run"]["state"] == "failed"


def test_one_run_at_a_time(place: Path) -> None:
    with (place / "lake.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ddcore.BusyError, match="another run is under way"):
            refresh(place)
        assert command(place).returncode == 5
    assert not (place / "my.lake").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lake = ", "it is no TOML"),
        ("[ingest]", "it names no lake"),
        ("lake = 3", "lake is 3, no text"),
        ('lak = "l"', r"there is no key lak \(near names: lake, "),
        ('lake = "l"\ningest = "raw"', "ingest is 'raw', no section"),
        ('lake = "l"\n[ingst]', r"there is no section \[ingst\] \(near names: ingest, "),
        ('lake = "l"\n[download.gcs]\ndir = "d"', r"there is no section \[download.gcs\]"),
        ('lake = "l"\n[publish]\ntoo = "x"', r"\[publish\] knows no too \(near names: to, "),
        ('lake = "l"\n[publish]\n', r"\[publish\] lacks to"),
        (
            'lake = "l"\n[validate]\nmax_rows_lost = -0.5',
            r"\[validate\] max_rows_lost is -0.5 \(a limit is a number from 0",
        ),
        ('lake = "l"\n[validate]\nmax_nulls = "few"', r"\[validate\] max_nulls is 'few'"),
        ('lake = "l"\n[site]\n', r"\[site\] lacks to"),
        ('lake = "l"\n[download.wandb]\ndir = "d"', r"\[download.wandb\] lacks projects"),
    ],
)
def test_a_plan_that_cannot_be(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "lake.toml").write_text(text)
    with pytest.raises(ddcore.InvalidError, match=says) as caught:
        ddcore.refresh(tmp_path / "lake.toml", progress=False)
    assert caught.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["lake.toml"]


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(ddcore.NotFoundError, match="there is no such file"):
        ddcore.refresh(tmp_path / "lake.toml")
