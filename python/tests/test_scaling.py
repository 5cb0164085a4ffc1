"""Scaling laws: known parameters come back, wrong input is refused, the published set-ups are all there."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ddcore
from ddcore import scaling
from ddcore.scaling import _forms, _optimise, _points

SIZES = (190e6, 371e6, 758e6, 1.28e9)
MULTIPLES = (20, 40, 100, 200)
TRUE = {"A": 40.0, "alpha": 0.24, "B": 90.0, "beta": 0.25, "E": 0.45}
TRUE_2 = {"a": -0.7, "L0": 0.8, "k": 6.0, "b": 0.98}


def true_loss(n: Any, d: Any) -> Any:
    return TRUE["A"] / n ** TRUE["alpha"] + TRUE["B"] / d ** TRUE["beta"] + TRUE["E"]


def true_value(loss: Any) -> Any:
    return TRUE_2["a"] / (1 + np.exp(-TRUE_2["k"] * (loss - TRUE_2["L0"]))) + TRUE_2["b"]


def made(noise: float = 0.0, checkpoints: int = 10, **changes: Any) -> dict[str, Any]:
    """Runs of four sizes and four lengths, each checkpoint as a run that ends there."""
    rng = np.random.default_rng(7)
    n, d, run = [], [], []
    for size in SIZES:
        for multiple in MULTIPLES:
            for i in range(checkpoints):
                n.append(size)
                d.append(size * multiple * (i + 1) / checkpoints)
                run.append(f"{size:g}-{multiple}xC")
    table = {"run": run, "n_params": np.array(n), "tokens": np.array(d)}
    table["loss"] = true_loss(table["n_params"], table["tokens"]) * np.exp(noise * rng.normal(size=len(n)))
    table["value"] = true_value(table["loss"]) + noise * rng.normal(size=len(n)) / 3
    return table | changes


ENDS = scaling.Setup("ends", ("N", "D"), final=1)
COMPUTE = scaling.Setup("compute", ("C",), final=1)


def test_known_parameters_come_back() -> None:
    law = scaling.fit(made(), ENDS, n_bootstrap=0)
    assert law.params == pytest.approx(TRUE | TRUE_2, rel=0.02)
    assert law.predict(7e9, 4e12) == pytest.approx(true_value(true_loss(7e9, 4e12)), abs=1e-4)
    assert law.predict_loss([7e9, 13e9], 4e12) == pytest.approx(true_loss(np.array([7e9, 13e9]), 4e12), rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(
    alpha=st.floats(0.15, 0.4), beta=st.floats(0.15, 0.4), floor=st.floats(0.3, 0.8), share=st.floats(0.3, 0.7),
)  # fmt: skip
def test_any_power_law_comes_back(alpha: float, beta: float, floor: float, share: float) -> None:
    table = made(checkpoints=1)
    n, d = table["n_params"], table["tokens"]
    table["loss"] = share * (n / 5e8) ** -alpha + (1 - share) * (d / 2e10) ** -beta + floor
    del table["value"]
    law = scaling.fit(table, ENDS, n_bootstrap=0)
    wanted = share * (7e9 / 5e8) ** -alpha + (1 - share) * (4e12 / 2e10) ** -beta + floor
    assert law.predict(7e9, 4e12) == pytest.approx(wanted, rel=0.005)


def test_known_parameters_come_back_from_noise() -> None:
    law = scaling.fit(made(noise=0.003), ENDS, n_bootstrap=40)
    loss = true_loss(7e9, 4e12)
    assert law.predict_loss(7e9, 4e12) == pytest.approx(loss, rel=0.03)
    assert law.predict(7e9, 4e12) == pytest.approx(true_value(loss), abs=0.03)
    low, high = law.interval(7e9, 4e12, level=0.98)
    assert low < true_value(loss) < high
    inner = law.interval(7e9, 4e12, level=0.5)
    assert low <= inner[0] < inner[1] <= high
    assert all(low < high for low, high in law.intervals.values())


def test_an_outlier_does_not_move_the_fit() -> None:
    table = made(checkpoints=1)
    table["loss"][5] *= 1.5
    del table["value"]
    law = scaling.fit(table, ENDS, n_bootstrap=0)
    assert law.predict(7e9, 4e12) == pytest.approx(true_loss(7e9, 4e12), rel=0.01)


@pytest.mark.parametrize("name", ["3_param-default", "2_param-default", "3_param-1_step", "5_param-1_step-ai2"])
def test_other_forms_come_back(name: str) -> None:
    table = made()
    n, d = table["n_params"], table["tokens"]
    if name == "2_param-default":
        table["loss"] = (6 * n * d / 1e19) ** -0.07
    elif name != "5_param-1_step-ai2":
        table["loss"] = 0.6 * (6 * n * d / 1e19) ** -0.15 + 0.5
    table["value"] = true_value(table["loss"])
    how = scaling.Setup(**{**scaling.SETUPS[name].__dict__, "final": 1})
    law = scaling.fit(table, how, n_bootstrap=0)
    ends = law.evaluate(table)
    assert ends["error_value"].to_numpy() == pytest.approx(np.zeros(16), abs=2e-3)
    assert len(law.params) == {"3_param-default": 7, "2_param-default": 6, "3_param-1_step": 5}.get(name, 7)


def test_a_metric_in_between_may_rise() -> None:
    table = made()
    table["loss"] = 0.8 - 0.3 * (6 * table["n_params"] * table["tokens"] / 1e19) ** -0.2
    table["value"] = 0.25 + 0.6 / (1 + np.exp(-8 * (table["loss"] - 0.6)))
    how = scaling.Setup("rising", ("C",), intermediate=True, final=1)
    law = scaling.fit(table, how, n_bootstrap=0)
    assert law.params["alpha"] == pytest.approx(0.2, rel=0.02)
    assert law.params["k"] == pytest.approx(8, rel=0.05)
    assert " - " in law.formula


# ---- gradients


FORMS: list[tuple[_forms.Form, int, bool]] = [
    (_forms.PowerLaw(("N", "D"), True, (20.0, 24.0)), 5, True),
    (_forms.PowerLaw(("C",), True, (45.0,)), 3, True),
    (_forms.PowerLaw(("C",), False, (45.0,)), 2, True),
    (_forms.PowerLaw(("C",), True, (45.0,), rises=True), 3, True),
    (_forms.Sigmoid(0.8, 0.2), 4, False),
    (_forms.OneStep(_forms.PowerLaw(("N", "D"), True, (20.0, 24.0))), 7, True),
    (_forms.OneStep(_forms.PowerLaw(("C",), True, (45.0,))), 5, True),
]


@pytest.mark.parametrize(("form", "k", "is_log"), FORMS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("loss", [_optimise.HUBER, _optimise.SQUARES], ids=["huber", "squares"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_gradients_are_those_of_finite_differences(
    form: _forms.Form, k: int, is_log: bool, loss: _optimise.Loss, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n_inputs = k // 2 if not isinstance(form, (_forms.Sigmoid, _forms.OneStep)) else None
    p = rng.uniform(0.1, 0.5, k)
    if isinstance(form, _forms.OneStep):
        p[-2:] = -0.6, 0.95
        n_inputs = len(form.power.inputs)
    if getattr(form, "rises", False):
        p[-1] += 5.0
    x = np.exp(rng.normal(size=(6, n_inputs or 1)) + 20) if is_log else rng.uniform(0.4, 1.5, 6)
    z = form.prepare(x) - (form.prepare(x).mean(axis=0) if is_log else 0)
    y = np.abs(form.value(p, z)) * np.exp(rng.normal(size=6))
    w = rng.uniform(0.5, 2, 6)
    _, gradient = loss.value_and_gradient(form, p, z, y, w)
    step = 1e-6
    for i in range(k):
        ends = [loss.value_and_gradient(form, p + s * step * np.eye(k)[i], z, y, w)[0] for s in (1, -1)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-8)


def test_a_grid_is_evaluated_in_one_call() -> None:
    form = _forms.PowerLaw(("N", "D"), True, (20.0, 24.0))
    z = form.prepare(np.array([[2e8, 4e9], [1e9, 2e10]]))
    starts = form.starts(np.array([1.0, 0.8]))
    assert form.value(starts, z).shape == (len(starts), 2)
    assert form.value(starts, z)[3] == pytest.approx(form.value(starts[3], z))


# ---- the same answer


def shuffled(table: dict[str, Any], seed: int) -> pa.Table:
    order = np.random.default_rng(seed).permutation(len(table["tokens"]))
    return pa.table(table).take(order)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    table = made(noise=0.003, checkpoints=4)
    first = scaling.fit(table, "ladder", n_bootstrap=3)
    again = scaling.fit(shuffled(table, seed), "ladder", n_bootstrap=3)
    assert again.params == first.params
    assert again.intervals == first.intervals


def test_the_bootstrap_is_reproducible() -> None:
    table = made(noise=0.003, checkpoints=4)
    laws = [scaling.fit(table, "ladder", n_bootstrap=5, seed=seed) for seed in (3, 3, 4)]
    assert laws[0].intervals == laws[1].intervals
    assert laws[0].intervals != laws[2].intervals
    assert laws[0].interval(7e9, 4e12) == laws[1].interval(7e9, 4e12)
    assert laws[0].config["seed"] == 3
    assert laws[0].config["setup"]["name"] == "ladder"
    copy = pickle.loads(pickle.dumps(laws[0]))
    assert copy.interval(7e9, 4e12) == laws[0].interval(7e9, 4e12)


def test_any_table_will_do() -> None:
    table = made(checkpoints=1)
    law = scaling.fit(table, ENDS, n_bootstrap=0)
    for other in (pa.table(table), pl.DataFrame(table), pl.DataFrame(table).to_pandas(), pa.table(table).to_reader()):
        assert scaling.fit(other, ENDS, n_bootstrap=0).params == law.params
    assert law.summary().column_names == ["step", "parameter", "estimate", "low", "high"]
    assert law.summary()["step"].to_pylist() == [1] * 5 + [2] * 4
    assert "L(N, D) = " in repr(law)
    assert "value(L) = " in repr(law)


# ---- windows


def test_the_end_of_a_run() -> None:
    points = _points.read({"n_params": [1e9] * 10, "tokens": range(1, 11), "loss": range(1, 11), "run": ["a"] * 10})
    for final, mean in ((1, 10.0), (5, 8.0), (0.1, 10.0), (0.2, 9.5), (99, 5.5)):
        end = _points.ends(points, scaling.Setup("x", ("C",), final=final))
        assert end.loss is not None
        assert end.loss.tolist() == [mean], final
        assert end.tokens.tolist() == [10]


def test_the_checkpoints_of_step_2() -> None:
    columns = {"n_params": [1e9] * 10, "tokens": range(1, 11), "run": ["a"] * 10}
    points = _points.read(columns | {"loss": range(1, 11), "value": range(1, 11)})
    for share, smooth, wanted in ((0.9, 1, range(2, 11)), (0.5, 1, range(6, 11)), (0.5, 2, [6, 6.5, 7.5, 8.5, 9.5])):
        how = scaling.Setup("x", ("C",), step_2_share=share, smooth=smooth)
        assert _points.pairs(points, how, points.runs())[0].tolist() == list(wanted)


def test_a_helper_point_draws_the_upper_end_to_1() -> None:
    table = made(value=true_value(made()["loss"]) * 0.7)
    apart = scaling.fit(table, ENDS, n_bootstrap=2)
    helped = scaling.fit(table, scaling.Setup("h", ("N", "D"), final=1, helper_point=True), n_bootstrap=2)
    assert apart.step_2 is not None
    assert helped.step_2 is not None
    at_0 = [law.step_2.at(np.array([0.0]))[0] for law in (apart, helped)]
    assert abs(at_0[1] - 1) < abs(at_0[0] - 1)


def test_held_out_sizes_are_not_fitted() -> None:
    table = made()
    labels = {190e6: "190M", 371e6: "371M", 758e6: "750M", 1.28e9: "1B"}
    table["params"] = [labels[n] for n in table["n_params"]]
    law = scaling.fit(table, "3_param-no_750M", n_bootstrap=0)
    assert law.ends.n_params.tolist() == sorted([190e6, 371e6] * 4)
    with pytest.raises(ddcore.InvalidError, match="holds out all rows"):
        scaling.fit({k: v[-10:] for k, v in table.items()}, "3_param-default")


# ---- refusals


def change(column: str, rows: slice, value: Any) -> dict[str, Any]:
    table = made(checkpoints=2)
    table[column] = np.array(table[column], dtype=object if value is None else None)
    table[column][rows] = value
    return table


FEW = {k: v[:4] for k, v in made(checkpoints=1).items()}
ONE_SIZE = made(checkpoints=1, n_params=np.full(16, 1e9))
ONE_LENGTH = made(checkpoints=1, tokens=np.full(16, 1e9))
SIZES_IN_A_RUN = made(checkpoints=2, n_params=np.linspace(1e8, 1e9, 32))

REFUSED: list[tuple[Any, Any, str, str]] = [
    (change("loss", slice(3, 5), np.nan), ENDS, r"loss is nan in row 3 \(2 of 32", "loss"),
    (change("value", slice(3, 4), np.inf), ENDS, "value is inf in row 3", "value"),
    (change("loss", slice(0, 1), None), ENDS, "loss is nan in row 0", "loss"),
    (change("n_params", slice(6, 7), -1.0), ENDS, "n_params is -1 in row 6", "n_params"),
    (change("tokens", slice(8, 9), 0.0), ENDS, "tokens is 0 in row 8", "tokens"),
    (change("loss", slice(0, 32), -0.5), ENDS, "loss is -0.5 at the end", "loss"),
    (change("loss", slice(0, 32), 0.5), ENDS, "constant has no scaling law", "loss"),
    (change("value", slice(0, 32), 0.5), ENDS, "value is 0.5 at every point of step 2", "value"),
    (FEW, ENDS, "5 parameters and 4 runs", "run"),
    (FEW, "5_param-1_step-ai2", "7 parameters and 4 runs", "run"),
    (ONE_SIZE, ENDS, "1 different N", "n_params"),
    (ONE_LENGTH, ENDS, "1 different D", "tokens"),
    (made(checkpoints=1, n_params=np.full(16, 1e9), tokens=np.full(16, 1e9)), COMPUTE, "1 different C", "n_params"),
    (SIZES_IN_A_RUN, ENDS, "more than one n_params", "run"),
    ({k: [*v, v[0]] for k, v in made(checkpoints=2).items()}, ENDS, "two rows with tokens", "tokens"),
    ({k: v for k, v in made().items() if k != "tokens"}, ENDS, "no column tokens", "tokens"),
    ({k: v for k, v in made().items() if k != "loss"}, ENDS, "needs a column loss", "loss"),
    ({k: v for k, v in made().items() if k != "value"}, "3_param-1_step", "needs a column value", "value"),
    ({k: v[:0] for k, v in made().items()}, ENDS, "table is empty", ""),
    (made(loss=["x"] * 160), ENDS, "no number", "loss"),
    (7, ENDS, "int is no table", ""),
]  # fmt: skip


@pytest.mark.parametrize(("table", "setup", "message", "column"), REFUSED, ids=[r[2] for r in REFUSED])
def test_refusals_say_what_to_change(table: Any, setup: Any, message: str, column: str) -> None:
    with pytest.raises(ddcore.InvalidError, match=message) as caught:
        scaling.fit(table, setup, n_bootstrap=0)
    assert caught.value.column == column
    assert caught.value.hint
    assert caught.value.hint in str(caught.value)


def test_wrong_arguments() -> None:
    with pytest.raises(ddcore.NotFoundError, match="3_param-default"):
        scaling.fit(made(), "3_param-defalt")
    with pytest.raises(ddcore.InvalidError, match="n_bootstrap"):
        scaling.fit(made(), ENDS, n_bootstrap=-1)
    with pytest.raises(ddcore.InvalidError, match="level"):
        scaling.fit(made(), ENDS, level=1.0)
    law = scaling.fit(made(), ENDS, n_bootstrap=0)
    with pytest.raises(ddcore.InvalidError, match="without draws"):
        law.interval(1e9, 1e10)
    with pytest.raises(ddcore.InvalidError, match="tokens holds"):
        law.predict(1e9, 0)
    assert law.intervals == {}
    assert law.evaluate(made())["low_value"].null_count == 16


FOUR = "{'n_params': [1, 2, 3, 4], 'tokens': [1, 2, 3, 4], 'loss': [4, 3, 2, 1]}"
PLOT = f"ddcore.scaling.fit({FOUR}, '2_param-default', n_bootstrap=0).plot()"


@pytest.mark.parametrize(
    ("without", "extra", "code"), [("scipy", "predict", "ddcore.scaling"), ("altair", "plot", PLOT)]
)
def test_what_is_not_installed_is_named(without: str, extra: str, code: str) -> None:
    script = f"import sys; sys.modules[{without!r}] = None; import ddcore; {code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert f"pip install 'ddcore[{extra}]'" in done.stderr.splitlines()[-1]


def test_ddcore_alone_loads_no_scipy() -> None:
    script = "import ddcore, sys; assert not {'scipy', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


# ---- notes and charts


def test_sizes_and_tokens_that_grow_together_are_noted() -> None:
    table = made(checkpoints=1)
    assert scaling.fit(table, ENDS, n_bootstrap=0).notes == ()
    n = np.geomspace(1e7, 1e9, 10)
    together = scaling.fit({"n_params": n, "tokens": 20 * n, "loss": true_loss(n, 20 * n)}, ENDS, n_bootstrap=0)
    assert "D / N" in together.notes[0]


@pytest.mark.parametrize("name", ["ladder", "3_param-default", "3_param-1_step"])
def test_charts_are_drawn(name: str, tmp_path: Path) -> None:
    law = scaling.fit(made(noise=0.002), name, n_bootstrap=3)
    target = {"n_params": [7e9], "tokens": [4e12], "loss": [true_loss(7e9, 4e12)], "value": [0.85]}
    for chart, drawn in ((law.plot(), "fitted"), (law.plot(target), "target")):
        chart.save(tmp_path / "x.png")
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
        assert len(chart.hconcat) == (1 if name == "3_param-1_step" else 3)
        last = chart.hconcat[-1].layer[-1].data
        assert drawn in last["role"].to_pylist()
        assert max(layer.data.num_rows for panel in chart.hconcat for layer in panel.layer) <= 5_000
