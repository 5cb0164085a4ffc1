"""Charts: the numbers in them, and that they are drawn."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import ddcore
from ddcore import plot

METRIC = "arc_easy_primary_metric"

# Two models' predictions of three items, with what a table may have beside them.
PREDICTIONS: dict[str, list[Any]] = {
    "model": ["ridge"] * 3 + ["mean"] * 3,
    "actual": [0.3, 0.5, 0.7] * 2,
    "predicted": [0.31, 0.49, 0.73, 0.5, 0.5, 0.5],
    "lower": [0.25, 0.45, 0.65, 0.3, 0.3, 0.3],
    "upper": [0.35, 0.55, 0.75, 0.7, 0.7, 0.7],
    "group": ["4M", "20M", "150M"] * 2,
}

CHARTS: dict[str, Callable[[ddcore.Lake], alt.LayerChart | alt.FacetChart]] = {
    "size_scaling": lambda lake: plot.size_scaling(lake),
    "size_scaling of a task": lambda lake: plot.size_scaling(lake, METRIC, recipes=["C4"]),
    "curves": lambda lake: plot.curves(lake, METRIC, params="20M"),
    "curves with sd": lambda lake: plot.curves(lake, "pile-valppl", params="4M", recipes=["Dolma1.7"], band="sd"),
    "curves over compute": lambda lake: plot.curves(lake, METRIC, params="4M", over="compute"),
    "curves over steps": lambda lake: plot.curves(lake, METRIC, params="4M", over="steps"),
    "seed_noise": lambda lake: plot.seed_noise(lake, METRIC),
    "recipe_ranking": lambda lake: plot.recipe_ranking(lake, METRIC, params="20M"),
    "decision_heatmap": lambda lake: plot.decision_heatmap(lake, target="20M", bootstrap=0),
    "frontier": lambda lake: plot.frontier(lake, "arc_easy", target="20M"),
    "ft_vs_pt": lambda lake: plot.ft_vs_pt(lake),
    "predicted_vs_actual": lambda _: plot.predicted_vs_actual(PREDICTIONS),
    "predicted_vs_actual of little": lambda _: plot.predicted_vs_actual(
        {"model": ["a"], "actual": [1], "predicted": [2]}
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_drawn(lake: ddcore.Lake, tmp_path: Path, name: str) -> None:
    chart = CHARTS[name](lake)
    chart.save(tmp_path / "x.png")
    png = (tmp_path / "x.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert len(png) > 5_000
    spec = chart.to_dict()
    assert spec["title"]["text"]
    assert 0 < chart.data.num_rows <= 5_000
    assert axes_without_a_title(spec) == []


def axes_without_a_title(spec: dict[str, Any]) -> list[str]:
    """An axis has the name of a column only where no layer of the chart gives it words."""
    layers = spec.get("spec", spec)["layer"]
    titled = {c for layer in layers for c in ("x", "y") if "title" in layer["encoding"].get(c, {})}
    return sorted({"x", "y"} - titled)


def test_every_chart_is_tested() -> None:
    assert {name.split()[0] for name in CHARTS} == set(plot.__all__)


def test_sizes_stand_in_the_order_of_size(lake: ddcore.Lake) -> None:
    assert plot.size_scaling(lake).data["params"].unique().to_pylist() == ["4M", "20M"]
    spec = plot.seed_noise(lake, METRIC).to_dict()
    assert spec["layer"][0]["encoding"]["x"]["sort"] == ["4M", "20M"]
    axis = plot.size_scaling(lake).to_dict()["layer"][1]["encoding"]["x"]
    assert axis["scale"]["type"] == "log"
    assert axis["axis"]["values"] == sorted(axis["axis"]["values"])


def values(lake: ddcore.Lake, metric: str, **filters: Any) -> list[dict[str, Any]]:
    """The last checkpoints of all runs."""
    rows = lake.table("full_eval", columns=["params", "data", "seed", "step", metric], **filters).to_pylist()
    rows = [r for r in rows if r[metric] is not None]
    last = {(r["params"], r["data"]): max(x["step"] for x in rows if x["params"] == r["params"]) for r in rows}
    return [r for r in rows if r["step"] == last[r["params"], r["data"]]]


def test_the_numbers_of_size_scaling(lake: ddcore.Lake) -> None:
    rows = values(lake, "pile-valppl")
    for point in plot.size_scaling(lake, "pile-valppl").data.to_pylist():
        own = [r["pile-valppl"] for r in rows if (r["params"], r["data"]) == (point["params"], point["recipe"])]
        assert point["mean"] == pytest.approx(statistics.mean(own))
        assert (point["low"], point["high"], point["n_seeds"]) == (min(own), max(own), len(own))


def test_the_numbers_of_seed_noise(lake: ddcore.Lake) -> None:
    rows = values(lake, METRIC)
    for point in plot.seed_noise(lake, METRIC).data.to_pylist():
        by_recipe: dict[str, list[float]] = {}
        for r in rows:
            if r["params"] == point["params"]:
                by_recipe.setdefault(r["data"], []).append(r[METRIC])
        if point["recipe"]:
            assert point["sd"] == pytest.approx(statistics.stdev(by_recipe[point["recipe"]]))
        else:
            assert point["sd"] == pytest.approx(statistics.stdev(map(statistics.mean, by_recipe.values())))
            assert point["n"] == len(by_recipe)


def test_the_numbers_of_curves(lake: ddcore.Lake) -> None:
    rows = lake.table("full_eval", params="4M", columns=["data", "step", "tokens", METRIC]).to_pylist()
    for band in ("range", "sd"):
        for point in plot.curves(lake, METRIC, params="4M", band=band).data.to_pylist():
            own = [r for r in rows if (r["data"], r["step"]) == (point["recipe"], point["step"])]
            numbers = [r[METRIC] for r in own]
            mean, sd = statistics.mean(numbers), statistics.stdev(numbers)
            wanted = (mean - sd, mean + sd) if band == "sd" else (min(numbers), max(numbers))
            assert (point["low"], point["high"]) == pytest.approx(wanted)
            assert point["mean"] == pytest.approx(mean)
            assert point["tokens_billions"] == pytest.approx(own[0]["tokens"] / 1e9)


def test_a_seed_that_ended_early_does_not_count(workplace: Path, tmp_path: Path) -> None:
    """DataDecide's other seeds stop at a quarter of the run: their last values are no match for the first seed's."""
    for file in (workplace / "raw").rglob("train-*.parquet"):
        rows = pq.read_table(file)
        early = pc.less(rows["step"], pc.max(rows["step"]).as_py() / 2)
        to = tmp_path / "raw" / file.parts[-3] / file.name
        to.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.filter(pc.or_(early, pc.equal(rows["seed"], "default"))), to)
    lake = ddcore.open(tmp_path / "x.lake")
    lake.ingest(tmp_path / "raw")
    lake.curate()
    runs = lake.table("full_eval", params="20M", data="C4", where=f"{METRIC} IS NOT NULL", order_by="step")
    by_seed = {r["seed"]: r for r in runs.select(["seed", "step", METRIC]).to_pylist()}
    assert by_seed[1]["step"] < by_seed[0]["step"]
    point = plot.size_scaling(lake, METRIC, recipes=["C4"], params=["20M"]).data.to_pylist()[0]
    assert (point["mean"], point["n_seeds"]) == (by_seed[0][METRIC], 1)
    noise = plot.seed_noise(lake, METRIC, recipes=["C4"], params=["20M"]).data.to_pylist()[0]
    assert (noise["n"], noise["step"]) == (3, by_seed[1]["step"])


@pytest.mark.parametrize(("metric", "first"), [("pile-valppl", min), (METRIC, max)])
def test_the_best_recipe_stands_first(lake: ddcore.Lake, metric: str, first: Any) -> None:
    data = plot.recipe_ranking(lake, metric, params="20M").data
    means = data["mean"].to_pylist()
    assert means[0] == first(means)
    assert data["rank"].to_pylist() == list(range(1, len(means) + 1))


def test_the_numbers_of_decision_heatmap(lake: ddcore.Lake) -> None:
    wanted = lake.decision_accuracy("4M", target="20M", bootstrap=0, progress=False)
    chart = plot.decision_heatmap(lake, target="20M", bootstrap=0)
    tasks = set(chart.data["task"].to_pylist())
    assert tasks == {t for t in wanted["task"].to_pylist() if not t.startswith("mmlu_") or t == "mmlu_average"}
    shown = {row["task"]: row for row in chart.data.to_pylist()}
    assert shown == {row["task"]: row for row in wanted.to_pylist() if row["task"] in tasks}
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["sort"] == ["4M"]


def test_the_numbers_of_frontier(lake: ddcore.Lake) -> None:
    """At each checkpoint stands the best accuracy of all that took no more compute."""
    asked: dict[str, Any] = {"target": "20M", "task": "arc_easy", "metric": "correct_prob", "bootstrap": 0}
    every = lake.decision_accuracy(step="all", progress=False, **asked).to_pylist()
    data = plot.frontier(lake, "arc_easy", "correct_prob", target="20M", bootstrap=0).data.to_pylist()
    assert [r["compute"] for r in data] == sorted(r["compute"] for r in every if r["compute"])
    for row in data:
        cheaper = [r["decision_accuracy"] for r in every if r["compute"] and r["compute"] <= row["compute"]]
        assert row["frontier"] == max(cheaper)


def test_the_numbers_of_ft_vs_pt(lake: ddcore.Lake) -> None:
    runs = lake.table("matched_runs").to_pylist()
    both = {r["run_id"]: r for r in runs if None not in (r[f"ft_{METRIC}"], r[f"pt_{METRIC}"])}
    data = plot.ft_vs_pt(lake).data.to_pylist()
    assert len(data) == len(both) > 0
    for point in data:
        run = both[point["run_id"]]
        assert (point["ft"], point["pt"]) == (run[f"ft_{METRIC}"], run[f"pt_{METRIC}"])
    some = plot.ft_vs_pt(lake, run_types=["matched", "dpo"]).data
    assert set(some["run_type"].to_pylist()) <= {"matched", "dpo"}
    assert some.num_rows < len(data)


def test_the_numbers_of_predicted_vs_actual() -> None:
    given = pa.table({**PREDICTIONS, "actual": [None, *PREDICTIONS["actual"][1:]]})
    for table in (given, given.to_pandas(), pl.from_arrow(given), given.to_pydict()):
        chart = plot.predicted_vs_actual(table)
        panels = chart.data["panel"].unique().to_pylist()
        assert panels == ["ridge: n = 2, mean absolute error 0.02", "mean: n = 3, mean absolute error 0.133"]
        assert "1 rows without both numbers are left out" in chart.to_dict()["title"]["subtitle"]


def test_one_recipe_and_size_may_stand_without_a_list(lake: ddcore.Lake) -> None:
    one = plot.size_scaling(lake, METRIC, recipes="C4", params="4M").data
    assert one.num_rows == 1
    assert one.equals(plot.size_scaling(lake, METRIC, recipes=(r for r in ["C4"]), params=["4M"]).data)


def test_a_column_that_model_sizes_has_too(lake: ddcore.Lake) -> None:
    rates = plot.size_scaling(lake, "lr_max", recipes="C4").data
    facts = lake.table("model_sizes", params=rates["params"], columns=["params", "lr_max"])
    assert dict(zip(*rates.select(["params", "mean"]).to_pydict().values(), strict=True)) == dict(
        zip(*facts.to_pydict().values(), strict=True)
    )
    with pytest.raises(ddcore.InvalidError, match=r"length_str: it is .*string, no number"):
        plot.size_scaling(lake, "length_str")


def test_fewer_questions_without_an_answer_are_better(lake: ddcore.Lake) -> None:
    assert "lower is better" in plot.recipe_ranking(lake, "arc_easy_no_answer", params="4M").to_json()


def test_errors(lake: ddcore.Lake) -> None:
    with pytest.raises(ddcore.NotFoundError, match="pile-valppl"):
        plot.size_scaling(lake, "pile-valpl")
    with pytest.raises(ddcore.NotFoundError, match='no data "C5"'):
        plot.size_scaling(lake, recipes=["C5"])
    with pytest.raises(ddcore.NotFoundError, match="no value"):
        plot.curves(lake, METRIC, params="1B")
    with pytest.raises(ddcore.NotFoundError, match="no value"):
        plot.recipe_ranking(lake, METRIC, params="4M", recipes=[])
    with pytest.raises(ddcore.InvalidError, match="band"):
        plot.curves(lake, METRIC, params="4M", band="none")
    with pytest.raises(ddcore.InvalidError, match="'tokens' or 'steps' or 'compute'"):
        plot.curves(lake, METRIC, params="4M", over="token")
    with pytest.raises(ddcore.InvalidError, match="frontier"):
        plot.decision_heatmap(lake, target="20M", step="all")
    with pytest.raises(ddcore.NotFoundError, match="near names: arc_easy"):
        plot.frontier(lake, "arc_eazy", target="20M")
    with pytest.raises(ddcore.NotFoundError, match="near names: arc_easy"):
        plot.ft_vs_pt(lake, "arc_eazy")
    with pytest.raises(ddcore.NotFoundError, match="near names: matched"):
        plot.ft_vs_pt(lake, run_types="matchd")
    with pytest.raises(ddcore.NotFoundError, match="none of 0 runs"):
        plot.ft_vs_pt(lake, run_types=[])


def test_perplexities_are_drawn_without_a_task(lake: ddcore.Lake) -> None:
    frontier = plot.frontier(lake, metric="pile-valppl", target="20M", bootstrap=0)
    assert "compute, pile-valppl" in str(frontier.to_dict()["title"])
    heatmap = plot.decision_heatmap(lake, "pile-valppl", target="20M", bootstrap=0)
    assert heatmap.data["task"].to_pylist() == [None]
    with pytest.raises(ddcore.InvalidError, match="has no tasks"):
        plot.frontier(lake, "arc_easy", "pile-valppl", target="20M")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"actuals": PREDICTIONS["actual"], "actual": None}, "no column 'actual'; near names: actuals"),
        ({"predicted": ["0.3"] * 6}, "'predicted' is string"),
        ({"lower": ["low"] * 6}, "'lower' is string"),
        ({name: column * 1000 for name, column in PREDICTIONS.items()}, "6000 points are more than 5000"),
    ],
)
def test_a_table_of_predictions_is_checked(change: dict[str, Any], says: str) -> None:
    table = {name: column for name, column in {**PREDICTIONS, **change}.items() if column is not None}
    with pytest.raises(ddcore.InvalidError, match=re.escape(says)):
        plot.predicted_vs_actual(table)


def test_what_is_no_table_of_predictions() -> None:
    with pytest.raises(ddcore.InvalidError, match="int is no table"):
        plot.predicted_vs_actual(5)
    with pytest.raises(ddcore.NotFoundError, match="none of 6 rows has both numbers"):
        plot.predicted_vs_actual({**PREDICTIONS, "actual": [math.nan] * 6})


def test_one_seed_has_no_noise(real_lake: ddcore.Lake) -> None:
    with pytest.raises(ddcore.NotFoundError, match="two seeds"):
        plot.seed_noise(real_lake, METRIC)
    assert set(plot.size_scaling(real_lake).data["n_seeds"].to_pylist()) == {1}


def test_many_recipes_are_coloured_by_family(tmp_path: Path) -> None:
    lake = ddcore.open(tmp_path / "x.lake")
    all_recipes = ["C4", "Falcon", "FineWeb-Pro", "FineWeb-Edu", "Dolma1.6++", "Dolma1.7", "Dolma1.7 (no code)"]
    all_recipes += ["Falcon+CC", "Falcon+CC (QC 10%)", "DCLM-Baseline", "DCLM-Baseline (QC 10%)"]
    ddcore.sample(
        tmp_path / "raw",
        sizes=["4M"],
        recipes=all_recipes,
        seeds=["default"],
        steps=1,
        runs=-1,
        checkpoints=-1,
        models=-1,
    )
    lake.ingest(tmp_path / "raw" / "hf")
    lake.curate()
    for recipes, field in ((None, "family"), (all_recipes[:4], "recipe")):
        spec = plot.size_scaling(lake, recipes=recipes).to_dict()
        assert spec["layer"][1]["encoding"]["color"]["field"] == field
