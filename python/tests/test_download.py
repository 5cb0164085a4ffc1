"""Downloads from the hub, through the wheel and its command, beside the real huggingface_hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ddcore
from servers import Hub

EVAL, PPL, INSTANCES = (f"allenai/DataDecide-{part}" for part in ("eval-results", "ppl-results", "eval-instances"))
ALL = {"ppl": True, "olmes": True, "olmes_details": ["C4", "Dolma1.7"], "scaling_law": True, "macro_avg": True}


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files but hidden ones."""
    files = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in files
        if not any(part.startswith(".") for part in p.relative_to(folder).parts)
    }


def with_huggingface_hub(repo: str, **arguments: str) -> None:
    """Run the real client; its settings are read when it is imported, so in a process of its own."""
    code = "import json, sys, huggingface_hub as h; h.snapshot_download(**json.loads(sys.argv[1]))"
    request = json.dumps({"repo_id": repo, "repo_type": "dataset", **arguments})
    done = subprocess.run([sys.executable, "-c", code, request], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("faults", [{}, {"redirect": True, "page_size": 2}], ids=["plain", "redirected"])
def test_the_same_bytes_as_huggingface_hub(hub: Hub, tmp_path: Path, published: Path, faults: dict) -> None:
    hub.set(**faults)
    for repo in (EVAL, PPL, INSTANCES):
        with_huggingface_hub(repo, local_dir=str(tmp_path / "theirs" / repo))
        got = ddcore.download_hf(tmp_path / "ours", repo=repo, progress=False)
        assert set(got["state"].to_pylist()) == {"downloaded"}
    ours = contents(tmp_path / "ours")
    assert ours == contents(tmp_path / "theirs") == contents(published)
    assert len(ours) == 10


def test_their_cache_is_ours(hub: Hub, tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_huggingface_hub(EVAL)
    hub.log()
    got = ddcore.download_hf(tmp_path / "online", repo=EVAL, progress=False)
    assert set(got["state"].to_pylist()) == {"cached"}
    assert not [r for r in hub.log() if "/resolve/" in r["path"]]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    got = ddcore.download_hf(tmp_path / "offline", repo=EVAL, progress=False)
    assert set(got["state"].to_pylist()) == {"cached"}
    assert hub.log() == []
    assert contents(tmp_path / "offline" / EVAL) == contents(published / EVAL)


@pytest.mark.usefixtures("hub")
def test_huggingface_hub_as_the_backend(tmp_path: Path, published: Path) -> None:
    code = """if True:
        import sys, ddcore
        got = ddcore.download_hf(sys.argv[1], ppl=True, backend="huggingface_hub", progress=False)
        print(got["state"].to_pylist())"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['cached']\n", done.stderr
    assert (tmp_path / "d" / PPL / "data").is_dir()
    with pytest.raises(ddcore.InvalidError, match="no budget"):
        ddcore.download_hf(tmp_path, ppl=True, ingest=tmp_path / "lake", backend="huggingface_hub")
    with pytest.raises(ddcore.InvalidError, match="no backend"):
        ddcore.download_hf(tmp_path, ppl=True, backend="curl")  # type: ignore[arg-type]
    assert published.exists()


def test_all_of_it_is_ingested(hub: Hub, tmp_path: Path) -> None:
    wanted = ddcore.download_hf(tmp_path / "d", **ALL, dry_run=True, progress=False)
    assert set(wanted["state"].to_pylist()) == {"would download"}
    assert not (tmp_path / "d").exists()
    got = ddcore.download_hf(tmp_path / "d", **ALL, workers=2, progress=False)
    assert got.drop(["state"]) == wanted.drop(["state"])
    ingested = ddcore.open(tmp_path / "lake").ingest(tmp_path / "d", progress=False)
    assert set(ingested["state"].to_pylist()) == {"added"}
    assert set(ingested["path"].to_pylist()) == {f"{r['repo']}/{r['path']}" for r in got.to_pylist()}
    again = ddcore.download_hf(tmp_path / "d", **ALL, ingest=tmp_path / "lake", progress=False)
    assert set(again["state"].to_pylist()) == {"in the lake"}
    assert all(r["authorized"] for r in hub.log())


def test_streamed_into_a_lake(hub: Hub, tmp_path: Path) -> None:
    seen = []
    lake = ddcore.open(tmp_path / "lake", threads=2)
    got = ddcore.download_hf(
        tmp_path / "d", olmes_details="Dolma1.7", ppl=True, ingest=lake, budget="1GB", progress=seen.append
    )
    assert set(got["state"].to_pylist()) == {"ingested"}
    assert lake.files()["path"].to_pylist()
    assert contents(tmp_path / "d") == {}
    hub.log()
    again = ddcore.download_hf(tmp_path / "d", olmes_details="Dolma1.7", ppl=True, ingest=lake, progress=False)
    assert set(again["state"].to_pylist()) == {"in the lake"}
    assert not [r for r in hub.log() if "/resolve/" in r["path"]]


def test_killed_with_9_it_goes_on(hub: Hub, tmp_path: Path, published: Path) -> None:
    file = max((published / EVAL / "data").iterdir(), key=lambda p: p.stat().st_size)
    begun = file.stat().st_size // 2
    hub.set(hang=1, cut_after=begun, only=file.name)
    command = ["download", "hf", "d", "--repo", EVAL, "--include", f"*{file.name}", "-o", "csv"]
    part = tmp_path / "d" / EVAL / "data" / f".{file.name}.ddcore-part"
    with subprocess.Popen([sys.executable, "-m", "ddcore", *command], cwd=tmp_path) as process:
        while not part.exists() or part.stat().st_size < begun:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    hub.log()
    done = subprocess.run(
        [sys.executable, "-m", "ddcore", *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ",downloaded," in done.stdout
    [request] = [r for r in hub.log() if "/resolve/" in r["path"]]
    assert request["range"] == f"bytes={begun}-"
    assert request["if_range"].startswith('"')
    assert request["status"] == 206
    assert (tmp_path / "d" / EVAL / "data" / file.name).read_bytes() == file.read_bytes()
    assert not part.exists()


def test_errors(hub: Hub, tmp_path: Path) -> None:
    def fails(kind: type[ddcore.Error], match: str, **arguments: object) -> None:
        with pytest.raises(kind, match=match) as error:
            ddcore.download_hf(tmp_path / "d", progress=False, **arguments)  # type: ignore[arg-type]
        assert "canary" not in str(error.value)
        assert not contents(tmp_path / "d")

    fails(ddcore.InvalidError, "nothing was chosen")
    fails(ddcore.InvalidError, "no name of a data set", repo="../up")
    fails(ddcore.InvalidError, "is no size", ppl=True, ingest=tmp_path / "lake", budget="much")
    fails(ddcore.NotFoundError, "no recipe 'C5'|no recipe \"C5\"", olmes_details=["C5"])
    fails(ddcore.NotFoundError, "no such data set", repo="allenai/none")
    fails(ddcore.NotFoundError, "no such revision", ppl=True, revision="v9")
    fails(ddcore.NotFoundError, "nothing of it is here", ppl=True, offline=True)
    hub.set(gated=True)
    fails(ddcore.StorageError, "gated", ppl=True)
    hub.set(lie=5)
    fails(ddcore.StorageError, "another file than it lists", ppl=True)
    hub.set(corrupt=99)
    fails(ddcore.StorageError, "checksum", ppl=True)
    hub.set(xet_only=True)
    fails(ddcore.StorageError, r"pip install 'ddcore\[hf\]'", ppl=True)
    hub.set(stray="../../out")
    fails(ddcore.StorageError, "no path inside a folder", ppl=True)
    assert os.listdir(tmp_path) == ["d"]
