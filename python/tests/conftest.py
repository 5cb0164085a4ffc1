"""Fixtures of all tests; they use the installed wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ddcore import _native


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
