"""notebooks/finetuning.py: clean, and it runs with runs, without, and without a lake."""

from __future__ import annotations

from pathlib import Path

import pytest

import ddcore
from notebook_runs import exported

NOTEBOOK = "finetuning"


def test_a_lake_without_runs_is_told_and_no_error(notebook: Path) -> None:
    lake = ddcore.open(notebook.parent / "young.lake")
    assert "there is no lake" in exported(notebook, lake.path).lower()
    ddcore.sample(notebook.parent / "raw", sizes=["4M"], recipes=["C4"], steps=1)
    lake.ingest(notebook.parent / "raw" / "hf")
    lake.curate()
    assert "The lake holds no fine-tuning runs" in exported(notebook, lake.path)


def test_it_draws_the_real_runs(notebook: Path, data: Path) -> None:
    lake = ddcore.open(notebook.parent / "real.lake")
    lake.ingest([data / "hf", data / "wandb"])
    lake.curate()
    page = exported(notebook, lake.path)
    assert "The lake holds 6 runs." in page
    for title in (
        "arc_easy_primary_metric after fine-tuning against before",
        "arc_easy by learning rate",
        "arc_easy by fine-tuning tokens",
    ):
        assert title in page, title
    assert "Perplexity of the checkpoint" in page
    assert "overflow-x: auto" in page, "many tasks are wider than the page"
    assert "padding: 0.1em 0.6em" in page, "Marimo's own style leaves nothing between the columns"
    assert "150M / c4_en-valppl / Dolma1.7" in page


def test_patterns_are_a_file_of_ones_own(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("kind,name,run_type,shape\nrule,toy,toy,toy-{lr:lr}\n")
    assert own_lake.curate(patterns=own)["state"][0].as_py() == "built"
    assert own_lake.curate(patterns=own)["state"][0].as_py() == "up to date"
    own.write_text("kind,name,run_type,shape\nrule,toy,toy,{nothing}\n")
    with pytest.raises(ddcore.InvalidError, match=r"own\.csv line 2"):
        own_lake.curate(patterns=str(own))
    with pytest.raises(ddcore.NotFoundError, match="no such patterns file"):
        own_lake.curate(patterns=tmp_path / "none.csv")
