"""notebooks/finetuning.py: clean, and it runs with runs, without, and without a lake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ddcore
from test_notebook import exported, run

SOURCE = Path(__file__).parents[2] / "notebooks/finetuning.py"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A copy: Marimo writes beside its notebooks."""
    return Path(shutil.copy(SOURCE, tmp_path))


def test_marimo_finds_nothing_to_complain_of(notebook: Path) -> None:
    run("-m", "marimo", "check", "--strict", notebook.name, cwd=notebook.parent)


def test_it_runs_as_a_script_and_leaves_nothing(notebook: Path) -> None:
    run(notebook.name, cwd=notebook.parent)
    assert not list(notebook.parent.glob("ddcore-finetuning-*"))


def test_a_lake_without_runs_is_told_and_no_error(notebook: Path) -> None:
    lake = ddcore.open(notebook.parent / "young.lake")
    assert "there is no lake" in exported(notebook, lake.path).lower()
    ddcore.sample(notebook.parent / "raw", sizes=["4M"], recipes=["C4"], steps=1)
    lake.ingest(notebook.parent / "raw" / "hf")
    lake.curate()
    assert "The lake holds no fine-tuning runs" in exported(notebook, lake.path)
