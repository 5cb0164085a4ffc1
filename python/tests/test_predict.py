"""Prediction: against plain scikit-learn on the same folds, without leaks, with clear refusals."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import ElasticNetCV, LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GroupKFold
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import ddcore
from ddcore import predict
from ddcore.predict import _baselines, _folds, _intervals, _scores
from ddcore.predict._data import read
from ddcore.predict._prepare import Prepare

SIZES = {"4M": 3.7e6, "20M": 1.9e7, "60M": 5.7e7, "150M": 1.5e8, "300M": 3.2e8}
RECIPES = ("C4", "Dolma1.7", "Falcon", "FineWeb-Pro")
FAST: dict[str, Any] = {"models": "elastic_net", "n_bootstrap": 20, "progress": False}


def made(seed: int = 0, seeds: int = 2, noise: float = 0.01) -> pa.Table:
    """Runs whose end follows from their window, in the columns of `features`."""
    rng = np.random.default_rng(seed)
    rows = [(r, p, s) for p in SIZES for r in RECIPES for s in range(seeds)]
    n = len(rows)
    quality = np.array([RECIPES.index(r) * 0.02 for r, _, _ in rows])
    size = np.log(np.array([SIZES[p] for _, p, _ in rows])) / 20
    last = 0.2 + quality + 0.3 * size + rng.normal(0, 0.005, n)
    return pa.table({
        "recipe": [r for r, _, _ in rows], "params": [p for _, p, _ in rows], "seed": [s for _, _, s in rows],
        "params_exact": [SIZES[p] for _, p, _ in rows], "total_tokens": [20 * SIZES[p] for _, p, _ in rows],
        "a_x__20pct__last": last, "a_x__20pct__slope": rng.normal(0, 1, n),
        "a_x__20pct__power_exponent": np.full(n, 0.1),
        "a_x__20pct__power_log_scale": np.log(last) - 0.1 * np.log([4 * SIZES[p] for _, p, _ in rows]),
        "a_x__20pct__curvature": pa.nulls(n, pa.float64()),
        "target_a_x__final": 1.1 * last + 0.05 + rng.normal(0, noise, n),
    })  # fmt: skip


def with_target(table: pa.Table, values: Any) -> pa.Table:
    at = table.schema.get_field_index("target_a_x__final")
    return table.set_column(at, "target_a_x__final", pa.array(values, pa.float64()))


@pytest.fixture(scope="module")
def runs_lake(tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    """A curated lake of three sizes and four recipes."""
    folder = tmp_path_factory.mktemp("predict")
    ddcore.sample(
        folder / "raw", sizes=["4M", "20M", "60M"], recipes=RECIPES, seeds=["default"], steps=8, runs=-1,
        checkpoints=-1, models=-1, progress=False,
    )  # fmt: skip
    lake = ddcore.open(folder / "my.lake")
    lake.ingest(folder / "raw", progress=False)
    lake.curate(progress=False)
    return lake


# ---- what is right


def test_a_linear_model_is_that_of_scikit_learn_on_the_same_folds() -> None:
    table = made()
    report = predict.evaluate(table, models={"line": LinearRegression()}, groups="recipe", n_bootstrap=0)
    frame = table.to_pandas().drop(columns=["a_x__20pct__curvature"])
    wanted = np.empty(len(frame))
    for recipe in RECIPES:
        train, test = frame[frame.recipe != recipe], frame[frame.recipe == recipe]

        def x(part: pd.DataFrame) -> Any:
            kept = part[["a_x__20pct__last", "a_x__20pct__slope", "a_x__20pct__power_log_scale"]]
            return np.column_stack([kept, np.log(part.params_exact)])  # constants and copies change no line

        wanted[test.index] = LinearRegression().fit(x(train), train.target_a_x__final).predict(x(test))
    found = report.predictions.to_pandas()
    found = found[found.model == "line"]
    assert found.predicted.to_numpy() == pytest.approx(wanted, abs=1e-9)
    y = frame.target_a_x__final
    assert report.overall("r2")["line"] == pytest.approx(r2_score(y, wanted), abs=1e-9)
    assert report.overall("rmse")["line"] == pytest.approx(mean_squared_error(y, wanted) ** 0.5, abs=1e-9)


def test_baselines_are_what_they_say() -> None:
    table = made()
    found = predict.evaluate(table, groups="params", **FAST).predictions.to_pandas()
    of = {m: found[found.model == m].reset_index(drop=True) for m in found.model.unique()}
    frame = table.to_pandas()
    assert of["last_value"].predicted.to_numpy() == pytest.approx(frame["a_x__20pct__last"].to_numpy())
    row = 25  # 60M, C4's fourth
    same = (frame.recipe == frame.recipe[row]) & (frame.params != frame.params[row])
    assert of["recipe_mean"].predicted[row] == pytest.approx(frame.target_a_x__final[same].mean())
    assert of["power_law"].predicted[row] == pytest.approx(frame["a_x__20pct__last"][row] * 5**0.1)
    smaller = (frame.recipe == frame.recipe[row]) & (
        frame.params == list(SIZES)[list(SIZES).index(frame.params[row]) - 1]
    )
    assert of["ranking"].predicted[row] == pytest.approx(frame.target_a_x__final[smaller].mean())


def test_ranks_at_a_small_size_are_kept() -> None:
    table = made(seeds=1)
    frame = table.to_pandas()
    of_recipe = dict(zip(RECIPES, (0.5, 0.6, 0.55, 0.7), strict=True))
    report = predict.evaluate(with_target(table, [of_recipe[r] for r in frame.recipe]), folds=None, **FAST)
    assert report.config["groups"] == ["recipe"]
    assert report.config["target_of_other_size"]
    found = report.predictions.to_pandas()
    found = found[found.model == "ranking"]
    for _, rows in found.groupby("params"):
        last = frame["a_x__20pct__last"][rows.index % len(frame)].to_numpy()
        for i, row in enumerate(rows.itertuples()):
            others = [k for k in range(4) if k != i]
            targets = sorted(of_recipe[RECIPES[k]] for k in others)
            below = [t for t, v in zip(targets, sorted(last[others]), strict=True) if v < last[i]]
            assert all(row.predicted > t for t in below)


def test_scores_by_hand() -> None:
    decisions = _scores.Decisions(["a", "a", "b", "b", "c"], ["s"] * 5)
    actual, predicted = np.array([0.1, 0.3, 0.3, 0.3, 0.5]), np.array([0.2, 0.2, 0.4, 0.2, 0.3])
    ends = [(predicted - 0.05, predicted + 0.05), (predicted - 0.1, predicted + 0.1)]
    found = _scores.scores(actual, predicted, ends, decisions, np.arange(5), np.ones(5))
    # means: a 0.2, b 0.3, c 0.5 against 0.2, 0.3, 0.3: b and c tie, which is wrong.
    assert (found["decision_accuracy"], found["n_pairs"]) == (pytest.approx(2 / 3), 3)
    assert found["mae"] == pytest.approx(np.abs(actual - predicted).mean())
    assert (found["coverage_50"], found["coverage_90"]) == (0.0, pytest.approx(0.8, abs=0.41))
    assert found["width_90"] == pytest.approx(0.2)
    twice = _scores.scores(actual, predicted, ends, decisions, np.arange(5), np.array([2.0, 2, 1, 1, 1]))
    assert (twice["decision_accuracy"], twice["n_pairs"]) == (pytest.approx(4 / 5), 5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(1, 6), st.integers(0, 999))
def test_intervals_hold_at_least_as_often_as_they_say_on_their_own_errors(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors, labels = rng.exponential(size=n), [str(i) for i in rng.integers(0, k, n)]
    halves = _intervals.quantiles(errors, labels)
    for level, half in zip(_intervals.LEVELS, halves, strict=True):
        shares = [np.mean([e <= half for e, x in zip(errors, labels, strict=True) if x == g]) for g in set(labels)]
        assert np.mean(shares) >= level - 1e-9
    assert halves == sorted(halves)


# ---- nothing leaks


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_group_is_on_both_sides(data: st.DataObject) -> None:
    n = data.draw(st.integers(12, 60))
    labels = [
        [str(v) for v in data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))]
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    groups = _folds.Groups(("a", "b")[: len(labels)], labels)
    try:
        folds = _folds.outer(groups, data.draw(st.none() | st.integers(2, 4)))
    except ddcore.InvalidError:
        return  # too few groups
    assert sorted(np.concatenate([f.test for f in folds]).tolist()) == list(range(n))
    for fold in folds:
        for split in [(fold.train, fold.test), *_safe_inner(groups, fold.train)]:
            for column in labels:
                assert not {column[i] for i in split[0]} & {column[i] for i in split[1]}


def _safe_inner(groups: _folds.Groups, train: Any) -> list[tuple[Any, Any]]:
    try:
        return [(train[a], train[b]) for a, b in _folds.inner(groups.of(train))]
    except ddcore.InvalidError:
        return []


def test_targets_of_held_out_rows_change_nothing() -> None:
    table = made()
    held_out = np.array([p == "150M" for p in table["params"].to_pylist()])
    y = table["target_a_x__final"].to_numpy()
    models = ["elastic_net", "gaussian_process"]
    both = [
        predict.evaluate(
            with_target(table, values), groups="params", models=models, n_bootstrap=0
        ).predictions.to_pandas()
        for values in (y, np.where(held_out, 7 * y + np.arange(len(y)), y))
    ]
    names = ["predicted", "lower_50", "upper_50", "lower_90", "upper_90"]
    one, other = (b[b.fold == "params 150M"][names].to_numpy() for b in both)
    assert len(one) == held_out.sum() * 6
    assert (one == other).all()
    assert (both[0][both[0].fold != "params 150M"].predicted != both[1][both[1].fold != "params 150M"].predicted).any()


def test_of_noise_nothing_is_predicted() -> None:
    table = made(seeds=3)
    y = np.random.default_rng(3).permutation(table["target_a_x__final"].to_numpy())
    report = predict.evaluate(
        with_target(table, y), groups="recipe", models=["elastic_net", "gaussian_process"], n_bootstrap=0
    )
    assert max(report.overall("r2")[m] for m in ("elastic_net", "gaussian_process")) < 0.1


def test_a_held_out_size_and_recipe_share_neither() -> None:
    report = predict.evaluate(made(seeds=1), groups=["params", "recipe"], **FAST)
    assert len(report.config["fold_ids"]) == len(SIZES) * len(RECIPES)
    assert {(f["n_train"], f["n_test"]) for f in report.config["fold_ids"]} == {(12, 1)}
    assert set(report.config["unavailable"]) == {"recipe_mean", "ranking"}


# ---- the same again, any table


def test_the_same_call_gives_the_same_bytes(runs_lake: ddcore.Lake, tmp_path: Path) -> None:
    def once(name: str) -> tuple[Any, ...]:
        report = predict.evaluate(runs_lake, "arc_easy", window="40%", n_bootstrap=20, progress=False)
        report.to_html(tmp_path / name)
        return (
            report.predictions,
            report.scores,
            json.dumps(report.config),
            report.to_markdown(),
            (tmp_path / name).read_bytes(),
        )

    one = once("one.html")
    assert all(a == b for a, b in zip(one, once("other.html"), strict=True))
    assert one[4].count(b"<svg") == 1
    assert b"https://" not in one[4].replace(b"https://www.w3.org", b"")
    assert b'"snapshot": ' in one[4].replace(b"&quot;", b'"')


def test_any_table_will_do(runs_lake: ddcore.Lake) -> None:
    arguments: dict[str, Any] = {"target": "arc_easy", "window": "40%"}
    lake = predict.evaluate(runs_lake, **arguments, **FAST)
    table = runs_lake.features(**arguments)
    assert predict.evaluate(table, **FAST).predictions.equals(lake.predictions)
    with pytest.raises(ddcore.InvalidError, match="there is no score 'rms'"):
        lake.overall("rms")
    import polars as pl

    assert predict.evaluate(pl.from_arrow(table), **FAST).scores.equals(lake.scores)
    assert predict.evaluate(table.to_pandas(), **FAST).scores.equals(lake.scores)


def test_models_of_ones_own_choose_on_grouped_folds() -> None:
    table = made()
    own = ElasticNetCV(alphas=[0.1, 0.01, 0.001])
    report = predict.evaluate(table, groups="params", models={"own": own}, n_bootstrap=0)
    assert own.get_params()["cv"] is None  # the user's object is as it was
    assert report.overall("r2")["own"] > 0.5
    assert report.config["models"]["own"]["class"] == "ElasticNetCV"
    assert "alpha" in report.config["chosen"]["own"][0]


def test_predictions_are_kept_in_the_lake(runs_lake: ddcore.Lake) -> None:
    report = predict.evaluate(runs_lake, "arc_easy", window="40%", **FAST)
    assert report.save(runs_lake, "mine")["table_name"].to_pylist() == ["predictions.mine"]
    kept = runs_lake.sql("SELECT * FROM predictions.mine ORDER BY model, params, recipe")
    assert kept.num_rows == report.predictions.num_rows
    assert kept.column_names == report.predictions.column_names
    record = runs_lake.sql("FROM predictions.saved").to_pylist()[0]
    assert record["snapshot"] == report.config["snapshot"]
    again = predict.evaluate(runs_lake.at(record["snapshot"]), "arc_easy", window="40%", **FAST)
    assert again.predictions.equals(report.predictions)


# ---- estimators


def correlated(n: int = 120, p: int = 10, seed: int = 0) -> tuple[Any, Any, list[int]]:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    x = hidden @ rng.normal(size=(3, p)) * rng.uniform(0.1, 50, p) + rng.normal(size=(n, p))
    return x, hidden[:, 0] + 0.3 * np.tanh(hidden[:, 1]) + 0.1 * rng.normal(size=n), [i % 6 for i in range(n)]


def test_the_penalty_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import ElasticNet
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, groups = correlated()
    splits = list(GroupKFold(4).split(x, y, groups))
    alphas, ratios = np.geomspace(1, 1e-3, 8), [0.3, 1.0]
    grid = {"elasticnet__alpha": alphas, "elasticnet__l1_ratio": ratios}
    plain = make_pipeline(StandardScaler(), ElasticNet(max_iter=100_000, tol=1e-8))
    search = GridSearchCV(plain, grid, cv=splits, scoring="neg_mean_squared_error").fit(x, y)
    own = predict.ElasticNetPath(ratios, alphas=alphas, cv=splits, tol=1e-8).fit(x, y)
    assert (own.alpha_, own.l1_ratio_) == (
        search.best_params_["elasticnet__alpha"], search.best_params_["elasticnet__l1_ratio"]
    )  # fmt: skip
    assert own.predict(x) == pytest.approx(search.predict(x), abs=1e-5)
    assert clone(own).get_params()["alphas"] is not None
    assert own.chosen().fit(x, y).predict(x) == pytest.approx(own.predict(x), abs=1e-6)


def test_a_null_counts_as_the_mean() -> None:
    x, y, _ = correlated()
    holes = x.copy()
    holes[::7, 2] = np.nan
    filled = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
    own = predict.ElasticNetPath((0.5,), alphas=(0.01,), tol=1e-10)
    assert own.fit(holes, y).predict(holes) == pytest.approx(clone(own).fit(filled, y).predict(filled), abs=1e-9)


def test_the_process_is_that_of_scikit_learn() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    x, y, _ = correlated(60, 4)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    targets = np.column_stack([y, np.tanh(x[:, 0]) + 0.05 * y])
    own = predict.GaussianProcess().fit(x[:45], targets[:45])
    means, deviations = own.predict(x[45:], return_std=True)
    for t in range(2):
        kernel = ConstantKernel() * RBF() + WhiteKernel()
        plain = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        plain.fit(x[:45], targets[:45, t])
        assert own.log_likelihood_[t] >= plain.log_marginal_likelihood_value_ - 0.02
        mean, deviation = plain.predict(x[45:], return_std=True)
        assert means[:, t] == pytest.approx(mean, abs=0.05 * targets[:, t].std())
        assert deviations[:, t] == pytest.approx(deviation, rel=0.15)
    one = predict.GaussianProcess().fit(x[:45], targets[:45, 1])
    assert one.predict(x[45:]) == pytest.approx(means[:, 1], abs=1e-9)
    assert predict.GaussianProcess(max_rows=30).fit(x[:45], y[:45]).predict(x[45:]).shape == (15,)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    [predict.ElasticNetPath(n_alphas=5, cv=2), predict.GaussianProcess(n_lengths=5), Prepare()],
    ids=lambda e: type(e).__name__,
)
def test_scikit_learn_takes_the_estimators_for_its_own(estimator: Any) -> None:
    with threadpool_limits(1):
        check_estimator(estimator, on_skip=None)


# ---- models that are kept


@pytest.mark.parametrize("model", ["elastic_net", "gaussian_process", "extra_trees"])
def test_a_kept_model_predicts_the_same(model: str, tmp_path: Path) -> None:
    table = made()
    fitted = predict.fit(table, model=model, groups="recipe")
    fitted.save(tmp_path / "model")
    new = made(seed=5).drop_columns(["target_a_x__final"])
    found = predict.load(tmp_path / "model").predict(new)
    assert found.equals(fitted.predict(new))
    assert found.column_names[:4] == ["recipe", "params", "seed", "predicted"]
    error = found["predicted"].to_numpy() - made(seed=5)["target_a_x__final"].to_numpy()
    assert np.abs(error).mean() < 0.05
    with pytest.raises(ddcore.InvalidError, match="1 of 6 features are missing: a_x__20pct__last"):
        fitted.predict(new.drop_columns(["a_x__20pct__last"]))
    assert [f.name for f in tmp_path.iterdir()] == ["model"]


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ddcore.InvalidError, match="is no model of ddcore"):
        predict.load(tmp_path / "text")
    with pytest.raises(ddcore.NotFoundError):
        predict.load(tmp_path / "nothing")
    with pytest.raises(ddcore.StorageError):
        predict.fit(made()).save(tmp_path / "no folder" / "model")


def test_another_version_of_scikit_learn_is_told(tmp_path: Path) -> None:
    fitted = predict.fit(made())
    fitted.config["versions"]["scikit-learn"] = "1.0"
    fitted.save(tmp_path / "old")
    with pytest.warns(UserWarning, match="was fitted with scikit-learn 1.0"):
        predict.load(tmp_path / "old")


# ---- forecasts


def test_a_longer_window_tells_more(runs_lake: ddcore.Lake) -> None:
    curve = predict.forecast(runs_lake, "arc_easy", ["20%", "50%", "80%"], **FAST)
    found = curve.scores.to_pandas()
    found = found[(found.model == "last_value") & (found.score == "rmse")].sort_values("end")
    assert found.end.tolist() == [20.0, 50.0, 80.0]
    assert found.value.is_monotonic_decreasing
    assert {r.config["n_rows"] for r in curve.reports.values()} == {curve.n_rows}
    assert curve.plot("rmse").to_dict()["title"]["text"].startswith("RMSE by window")
    alone = predict.evaluate(runs_lake, "arc_easy", window="80%", **FAST)
    assert curve.reports["80%"].predictions.equals(alone.predictions)
    part = predict.forecast(runs_lake, "arc_easy", ["20%:50%", "0%:80%"], **FAST)
    assert part.reports["0%:80%"].config["feature_names"] == alone.config["feature_names"]
    with pytest.raises(ddcore.InvalidError, match="two or more of one unit"):
        predict.forecast(runs_lake, "arc_easy", ["20%", "500 steps"], **FAST)


# ---- refusals


def refused(table: Any, **arguments: Any) -> ddcore.InvalidError:
    with pytest.raises(ddcore.InvalidError) as caught:
        predict.evaluate(table, **{**FAST, **arguments})
    assert caught.value.hint
    assert str(caught.value).startswith("predict: ")
    return caught.value


def test_bad_targets_are_refused() -> None:
    table = made()
    y = table["target_a_x__final"].to_numpy().copy()
    assert "is 0.5 in all 40 rows" in str(refused(with_target(table, np.full(40, 0.5))))
    y[3] = np.inf
    error = refused(with_target(table, y))
    assert "is inf in row 3" in str(error)
    assert error.rows == ("3",)
    at = table.schema.get_field_index("target_a_x__final")
    not_numbers = pa.array([np.nan, *y[1:3], 0.5, *y[4:]], from_pandas=False)
    assert "is nan in row 0" in str(refused(table.set_column(at, "target_a_x__final", not_numbers)))
    assert "null in all 40 rows" in str(refused(with_target(table, [None] * 40)))
    assert "0 targets" in str(refused(table.drop_columns(["target_a_x__final"])))
    assert "no number" in str(refused(table, target="recipe"))


def test_names_that_there_are_not_are_refused_with_near_ones() -> None:
    table = made()
    several = [f"target_{n}__final" for n in ("b_x", "other", "something_else")]
    for name in several:
        table = table.append_column(name, table["target_a_x__final"])
    assert "the table has no target 'b_y' (near names: target_b_x__final, " in str(refused(table, target="b_y"))
    assert several[-1] not in str(refused(table, target="b_y"))
    assert "no column 'recip' to group by (near names: recipe, " in str(refused(table, target="a_x", groups="recip"))
    table = table.append_column("target_a_x__50pct", table["target_a_x__final"])
    assert "2 columns are the target 'a_x' (name one of target_a_x__final, " in str(refused(table, target="a_x"))


@pytest.mark.parametrize("target", [["a_x"], ["a_x", "b_x"], 3, {"a_x": 1}], ids=str)
def test_a_target_is_one_name(target: Any, runs_lake: ddcore.Lake) -> None:
    assert f"the target is {target!r} (name one" in str(refused(made(), target=target))
    assert "the target is" in str(refused(runs_lake, target=target, window="40%"))
    with pytest.raises(ddcore.InvalidError, match="the target is"):
        predict.forecast(runs_lake, target, ["20%", "40%"], **FAST)


def test_rows_without_a_target_are_counted() -> None:
    y = made()["target_a_x__final"].to_pylist()
    report = predict.evaluate(with_target(made(), [None, None, *y[2:]]), groups="recipe", **FAST)
    assert (report.config["n_rows"], report.config["n_without_target"]) == (38, 2)
    assert "2 rows without a target" in report.to_markdown()


def test_leaks_are_refused() -> None:
    table = made()
    copy = table.append_column("a_x__20pct__max", table["target_a_x__final"])
    assert "a_x__20pct__max is the target" in str(refused(copy))
    late = table.append_column("a_x__50to100pct__max", table["a_x__20pct__last"])
    assert "reaches the target" in str(refused(late))
    of_recipe = dict(zip(RECIPES, (0.5, 0.6, 0.55, 0.7), strict=True))
    shared = with_target(table, [of_recipe[r] for r in table["recipe"].to_pylist()])
    assert "one target" in str(refused(shared, groups="params"))
    assert "seeds of one recipe" in str(refused(table, groups="seed"))
    mixed = table.append_column("family", pa.array([str(i % 5) for i in range(40)]))
    assert "its seeds would be on both sides" in str(refused(mixed, groups="family"))


def test_a_window_that_reaches_its_target_is_refused(runs_lake: ddcore.Lake) -> None:
    with pytest.raises(ddcore.InvalidError, match="reaches its target"):
        predict.evaluate(runs_lake, "arc_easy", window="100%", **FAST)
    other = predict.evaluate(runs_lake, "arc_easy", window="100%", target_params="60M", **FAST)
    assert other.config["groups"] == ["recipe"]
    assert "power_law" not in other.config["unavailable"]


def test_bad_features_and_groups_are_refused() -> None:
    table = made()
    features = [n for n in table.column_names if "__20pct__" in n or n in ("params_exact", "total_tokens")]
    empty = table.drop_columns(features).append_column("a_x__20pct__max", pa.nulls(40, pa.float64()))
    assert "none of 1 features has a value" in str(refused(empty))
    infinite = table.append_column("a_x__20pct__max", pa.array([np.inf] + [0.5] * 39))
    assert "is inf in row 0" in str(refused(infinite))
    two = table.filter(pa.array([r in RECIPES[:2] for r in table["recipe"].to_pylist()]))
    assert "recipe has 2 groups" in str(refused(two, groups="recipe"))
    assert "7 folds of 4 groups" in str(refused(table, groups="recipe", folds=7))
    assert "no column 'method'" in str(refused(table, groups="method"))
    assert "no model 'forest'" in str(refused(table, models="forest"))
    assert "arguments of features" in str(refused(table, window="20%"))
    assert "neither a lake nor a table" in str(refused(3))  # type: ignore[arg-type]


def test_columns_without_roles_are_told_by_their_names() -> None:
    data = read(made(), None)
    assert data.ids == ["recipe", "params", "seed"]
    assert data.left_out == ["a_x__20pct__curvature"]
    text = read(made().append_column("optimizer", pa.array(["adam", "sgd"] * 20)), None)
    assert [n for n in text.names if "=" in n] == ["optimizer=adam", "optimizer=sgd"]


def test_the_document(runs_lake: ddcore.Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(runs_lake.path, tmp_path / "my.lake")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs/predict.md").read_text()
    space: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        exec(compile(block, "docs/predict.md", "exec"), space)
    assert len(blocks) == 2
    made = {f.name for f in tmp_path.iterdir()}
    assert made == {"my.lake", "against-actual.png", "report.html", "arc_easy.model", "how-early.png"}
    assert all(f"`{name}`" in text for name in predict.MODELS)
    assert all(f"`{name}`" in text for name in _baselines.BASELINES)


@pytest.mark.parametrize("function", [predict.evaluate, predict.fit, predict.forecast], ids=lambda f: f.__name__)
def test_docstring(function: Any, runs_lake: ddcore.Lake) -> None:
    assert inspect.getdoc(function)
    tests = doctest.DocTestFinder(recurse=False).find(function, globs={"ddcore": ddcore, "lake": runs_lake})
    for test in tests:
        assert test.examples
        failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
        assert not failed
