"""Fixtures of all tests; they use the installed wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ddcore
import notebook_runs
from ddcore import _native
from servers import Hub, hub_server


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with few rows, for queries that need any lake."""
    folder = tmp_path_factory.mktemp("small")
    sample = {"dir": str(folder / "raw"), "sizes": ["4M"], "recipes": ["C4"], "steps": 2}
    _native.table("sample", args=sample)
    _native.table("ingest", str(folder / "lake"), {"paths": [str(folder / "raw")]})
    _native.table("curate", str(folder / "lake"))
    return str(folder / "lake")


def pypi(version: str, config: pytest.Config) -> Path:
    """Install Python's duckdb to a folder of its own, which stays between runs."""
    folder = Path(config.cache.mkdir(f"duckdb-{version}"))
    if not (folder / "duckdb").is_dir():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, f"duckdb=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"duckdb {version} cannot be installed here: {done.stderr[-300:]}")
    return folder


@pytest.fixture(scope="session", params=["1.5.5", "2.0.0"])
def other_duckdb(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> tuple[str, Path]:
    """A version of Python's duckdb, and its folder: ours, and another."""
    return request.param, pypi(request.param, pytestconfig)


@pytest.fixture(scope="session")
def same_duckdb(pytestconfig: pytest.Config) -> Path:
    """The folder of the Python duckdb whose version is ours."""
    return pypi(_native.DUCKDB.decode()[1:], pytestconfig)


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with raw/ (made up) and my.lake, curated from it: not to be changed."""
    folder = tmp_path_factory.mktemp("workplace")
    ddcore.sample(folder / "raw", sizes=["4M", "20M"], recipes=["C4", "Dolma1.7"], steps=3)
    made = ddcore.open(folder / "my.lake")
    made.ingest(folder / "raw")
    made.curate()
    return folder


@pytest.fixture(scope="session")
def lake(workplace: Path) -> ddcore.Lake:
    """A small curated lake: not to be changed."""
    return ddcore.open(workplace / "my.lake")


@pytest.fixture
def own_lake(workplace: Path, tmp_path: Path) -> ddcore.Lake:
    """A copy of the small lake, to be changed."""
    shutil.copytree(workplace / "my.lake", tmp_path / "own.lake")
    return ddcore.open(tmp_path / "own.lake")


@pytest.fixture(scope="session")
def published(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw files of the workplace, in the folders in which they are published on the hub."""
    folder = tmp_path_factory.mktemp("published") / "allenai"
    folder.mkdir()
    for part in ("eval-results", "ppl-results"):
        shutil.copytree(workplace / "raw/hf" / part, folder / f"DataDecide-{part}")
    shutil.copytree(workplace / "raw/instances", folder / "DataDecide-eval-instances")
    for repo in folder.iterdir():
        (repo / "README.md").write_text(f"# {repo.name}\n")
    return folder.parent


@pytest.fixture
def hub(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server of them that speaks the hub's protocol, to which the environment leads."""
    with hub_server(published) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", "hf_canarytoken")
        for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN_PATH"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the real samples; tests that need their answers are skipped where they are absent."""
    folder = Path(os.environ.get("DDCORE_DATA", Path(__file__).parents[3] / "shared/data"))
    if not (folder / "hf").is_dir():
        pytest.skip("no real data: set DDCORE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def real_lake(data: Path, tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    """The real sample, curated: not to be changed."""
    made = ddcore.open(tmp_path_factory.mktemp("real") / "real.lake")
    made.ingest(data / "hf")
    made.curate()
    return made


@pytest.fixture
def notebook(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the notebook that the test's module names."""
    return Path(shutil.copy(notebook_runs.FOLDER / f"{request.module.NOTEBOOK}.py", tmp_path))
