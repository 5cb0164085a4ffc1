"""Decision accuracy in Python, and notebooks/decisions.py."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import ddcore
from notebook_runs import exported

NOTEBOOK = "decisions"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    """Four recipes at three sizes: not to be changed."""
    folder = tmp_path_factory.mktemp("decisions")
    recipes = ["C4", "Dolma1.7", "Falcon", "FineWeb-Pro"]
    ddcore.sample(folder / "raw", sizes=["4M", "20M", "1B"], recipes=recipes, steps=3, progress=False)
    lake = ddcore.open(folder / "my.lake")
    lake.ingest(folder / "raw" / "hf", progress=False)
    lake.curate(progress=False)
    return lake


def test_it_equals_a_loop_over_pairs(compared: ddcore.Lake) -> None:
    got = compared.decision_accuracy("20M", task="piqa", bootstrap=0, progress=False).to_pylist()[0]
    means = {
        size: dict(
            compared.sql(
                "SELECT recipe, avg(primary_metric) AS m FROM evals WHERE task = 'piqa' AND params = ? AND step = ? "
                "GROUP BY recipe ORDER BY recipe",
                [size, step],
            )
            .to_pandas()
            .itertuples(index=False)
        )
        for size, step in (("20M", got["step"]), ("1B", got["target_step"]))
    }
    pairs = list(itertools.combinations(means["1B"], 2))
    right = sum((means["20M"][a] - means["20M"][b]) * (means["1B"][a] - means["1B"][b]) > 0 for a, b in pairs)
    assert (got["n_pairs"], got["n_correct"]) == (len(pairs), right)


def test_steps_are_text_or_numbers(compared: ddcore.Lake) -> None:
    def steps(step: str | float) -> list[int]:
        table = compared.decision_accuracy("20M", task="piqa", bootstrap=0, step=step, progress=False)
        return table["step"].to_pylist()

    every = steps("all")
    assert steps("last") == every[-1:]
    assert steps(every[1]) == [every[1]]
    assert steps(1.0) == steps("100%") == every[-1:]
    assert steps(0.5) == steps("50%") == [max(s for s in every if s <= every[-1] / 2)]


def test_intervals_are_seeded_and_recorded(compared: ddcore.Lake) -> None:
    first = compared.decision_accuracy(task="piqa", bootstrap=50, random_seed=5, progress=False)
    assert first.equals(compared.decision_accuracy(task="piqa", bootstrap=50, random_seed=5, progress=False))
    assert set(first["random_seed"].to_pylist()) == {5}
    assert set(first["n_bootstrap"].to_pylist()) == {50}
    assert first.schema.field("decision_accuracy").metadata[b"range"] == b"[0, 1]"
    # A row is the same whatever else is asked for.
    more = compared.decision_accuracy(metric=["primary_metric", "acc_raw"], bootstrap=50, random_seed=5, progress=False)
    keep = [r for r in more.to_pylist() if r["task"] == "piqa" and r["metric"] == "primary_metric"]
    assert keep == first.to_pylist()


def test_refusals_are_told(compared: ddcore.Lake) -> None:
    with pytest.raises(ddcore.NotFoundError, match="near names: piqa"):
        compared.decision_accuracy(task="piqua")
    with pytest.raises(ddcore.InvalidError, match="no checkpoint at step 7"):
        compared.decision_accuracy(step=7)
    with pytest.raises(ddcore.InvalidError, match="pile-valppl is measured once per checkpoint and has no tasks"):
        compared.decision_accuracy(metric="pile-valppl", task="piqa")


def test_it_is_exported_with_its_charts(notebook: Path, compared: ddcore.Lake) -> None:
    page = exported(notebook, compared.path)
    assert "The lake holds 4 recipes and 3 model sizes." in page
    for title in (
        "Decision accuracy by task and size, primary_metric for 1B",
        "Decision accuracy against compute, olmes_10_macro_avg",
        "Spread of recipes over noise of seeds, primary_metric",
    ):
        assert title in page, title


def test_one_size_is_told_and_no_error(notebook: Path, small_lake: str) -> None:
    assert "a decision needs two recipes" in exported(notebook, small_lake)
