"""notebooks/instances.py: clean, and it runs with instances, with few, without, and without a lake."""

from __future__ import annotations

from pathlib import Path

import ddcore
from notebook_runs import exported

NOTEBOOK = "instances"


def test_a_lake_without_instances_is_told_and_no_error(notebook: Path) -> None:
    lake = ddcore.open(notebook.parent / "young.lake")
    assert "there is no lake" in exported(notebook, lake.path).lower()
    ddcore.sample(notebook.parent / "raw", sizes=["4M"], recipes=["C4"], steps=1, checkpoints=-1, runs=-1)
    lake.ingest(notebook.parent / "raw" / "hf")
    assert "There is nothing to explore: " in exported(notebook, lake.path)
    lake.curate()
    assert "The lake holds no evaluation instances: " in exported(notebook, lake.path)


def test_it_draws_the_questions(notebook: Path) -> None:
    lake = ddcore.open(notebook.parent / "made.lake")
    ddcore.sample(
        notebook.parent / "raw",
        sizes=["150M"],
        recipes=["C4", "Dolma1.7"],
        steps=3,
        checkpoints=6,
        questions=12,
        runs=-1,
    )
    lake.ingest(notebook.parent / "raw" / "instances")
    lake.curate()
    page = exported(notebook, lake.path)
    assert "instances of 12 checkpoints." in page
    for title in (
        "arc_easy during training: C4, 150M",
        "arc_easy learnt: C4, 150M",
        "Gained and forgotten, step by step",
        "Agreement of seeds by task: C4, 150M",
        "Agreement of seeds during training: arc_easy, 150M",
        "Questions of arc_easy as judges of 2 recipes, 150M",
    ):
        assert title in page, title
    assert "Nothing of 150M." in page


def test_one_checkpoint_has_words_for_what_it_lacks(notebook: Path) -> None:
    lake = ddcore.open(notebook.parent / "one.lake")
    ddcore.sample(notebook.parent / "raw", sizes=["4M"], recipes=["C4"], steps=1, checkpoints=1, runs=-1)
    lake.ingest(notebook.parent / "raw" / "instances")
    lake.curate()
    page = exported(notebook, lake.path)
    assert "arc_easy during training: C4, 4M" in page
    assert "C4, 4M has no two seeds at step" in page
    assert "No recipe of 4M has two seeds at one step." in page
    assert "arc_easy tells no two recipes of 4M apart at step" in page


def test_it_draws_the_given_instances(notebook: Path, data: Path) -> None:
    lake = ddcore.open(notebook.parent / "given.lake")
    lake.ingest(data / "eval-instances")
    lake.curate()
    page = exported(notebook, lake.path)
    assert "The lake holds 480 instances of 8 checkpoints." in page
    assert "arc_challenge during training: C4, 150M" in page
    tables = {row["table_name"]: row["n_rows"] for row in lake.tables().to_pylist()}
    assert tables["instances"] == 480
    assert tables["questions"] is None  # a view that would read all instances to be counted
    assert lake.table("questions", recipe="C4", seed=0).num_rows == 60
