"""Charts of a fitted law with its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from . import _points, _steps
from ._forms import Array

try:
    import altair as alt
except ImportError as error:
    raise ImportError("ScalingLaw.plot draws with Altair: pip install 'ddcore[plot]'") from error

if TYPE_CHECKING:
    from .law import ScalingLaw

MAX_POINTS = 1_000  # of step 2; a chart of more is slow, and looks the same
N_CURVE = 60
SIZE, HEIGHT = 300, 260


def draw(law: ScalingLaw, data: Any) -> alt.HConcatChart:
    """Draw step 1, step 2 if there is one, and the value with intervals where there are draws."""
    others = None if data is None else _points.ends(_points.read(data), law.setup)
    one_step = law.setup.one_step
    sizes = [law.ends.n_params] + ([others.n_params] if others else [])
    names = [_label(n) for n in np.unique(np.concatenate(sizes))]
    legend = alt.Legend(symbolOpacity=1)
    colour = alt.Color(
        "n_params:N", title="N", sort=names, scale=alt.Scale(domain=names, scheme="viridis"), legend=legend
    )
    panels = [_against_size(law, others, colour, loss=not one_step)]
    if law.step_2:
        panels += [_against_loss(law, others, colour), _against_size(law, others, colour, loss=False)]
    title = alt.Title(f"Scaling law, set-up {law.setup.name}", subtitle=law.formula.split("; "), subtitleColor="#666")
    chart: alt.HConcatChart = alt.HConcatChart(hconcat=panels, title=title)
    return chart


def _against_size(law: ScalingLaw, others: _points.Ends | None, colour: alt.Color, loss: bool) -> alt.LayerChart:
    """Draw the loss or the value against D, a line per N; or against compute, one line."""
    what = "loss" if loss else "value"
    shown = [(law.ends, "fitted")] + ([(others, "target")] if others else [])
    by_size = law.setup.inputs == ("N", "D")
    x_title = "Tokens D (log scale)" if by_size else "Compute 6 N D (FLOPs, log scale)"
    points = [
        {"x": d if by_size else 6 * n * d, "y": y, "n_params": _label(n), "run": run, "role": role}
        for end, role in shown
        for run, n, d, y in zip(
            end.run, end.n_params.tolist(), end.tokens.tolist(), _column(end, loss, len(end.run)), strict=True
        )
    ]
    lines = []
    n_all = np.concatenate([end.n_params for end, _ in shown])
    d_all = np.concatenate([end.tokens for end, _ in shown])
    # Along a line of one N for each, or along one of all compute: N and D then do not matter by themselves.
    for n in np.unique(n_all) if by_size else [1.0]:
        x = d_all if by_size else 6 * n_all * d_all
        d = np.geomspace(x.min() * 0.8, x.max() * 1.25, N_CURVE) / (1.0 if by_size else 6.0)
        n_of = np.full(N_CURVE, n)
        y = (law.predict_loss if loss else law.predict)(n_of, d)
        ends: tuple[Array, Array] = (y, y)
        if len(law.step_1.draws):
            ends = law.interval(n_of, d, loss=loss, noise=False)
        lines += [
            {
                "x": float(x),
                "y": float(v),
                "low": float(a),
                "high": float(b),
                "n_params": _label(n) if by_size else "law",
            }
            for x, v, a, b in zip(d if by_size else 6 * d, y, *ends, strict=True)
        ]
    line_colour = colour if by_size else alt.value("#444")
    x = alt.X(
        "x:Q",
        title=x_title,
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(format="~e", tickCount=5, grid=False),
    )
    y_title = what.capitalize()
    y_axis = alt.Y("y:Q", title=y_title, scale=alt.Scale(zero=False))
    base = alt.Chart(pa.Table.from_pylist(lines)).encode(x=x, color=line_colour)
    band = base.mark_area(opacity=0.12).encode(
        y=alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=1.5).encode(y=y_axis)
    dots = alt.Chart(pa.Table.from_pylist(points)).mark_point(filled=True, size=55, opacity=1).encode(
        x=x, y=y_axis, color=colour,
        shape=alt.Shape("role:N", title="Run", scale=alt.Scale(domain=["fitted", "target"], range=["circle", "cross"])),
        tooltip=["run:N", "role:N", "n_params:N", "x:Q", "y:Q"],
    )  # fmt: skip
    name = "Step 1: loss" if loss else ("Value" if law.setup.one_step else "Both steps: value")
    return alt.LayerChart(layer=[band, line, dots]).properties(width=SIZE, height=HEIGHT, title=name)


def _against_loss(law: ScalingLaw, others: _points.Ends | None, colour: alt.Color) -> alt.LayerChart:
    """Draw the value against the loss: checkpoints and sigmoid."""
    step = law.step_2
    assert isinstance(step, _steps.Step)
    own = np.flatnonzero(step.owner >= 0)
    chosen = own[np.linspace(0, own.size - 1, min(own.size, MAX_POINTS)).astype(int)]
    n = law.ends.n_params
    points = [{"x": float(step.x[i]), "y": float(step.y[i]), "n_params": _label(n[int(step.owner[i])])} for i in chosen]
    x_curve = np.linspace(0.75 * step.x[own].min(), step.x[own].max(), N_CURVE)
    lines = [{"x": float(a), "y": float(b)} for a, b in zip(x_curve, step.at(x_curve), strict=True)]
    x = alt.X(
        "x:Q", title="Metric in between" if law.setup.intermediate else "Loss", scale=alt.Scale(zero=False, padding=8)
    )
    y = alt.Y("y:Q", title="Value", scale=alt.Scale(zero=False))
    dots = (
        alt.Chart(pa.Table.from_pylist(points))
        .mark_point(filled=True, size=12, opacity=0.6)
        .encode(x=x, y=y, color=colour)
    )
    line = alt.Chart(pa.Table.from_pylist(lines)).mark_line(color="#444").encode(x=x, y=y)
    layers = [dots, line]
    if others and others.loss is not None and others.value is not None:
        columns = zip(others.loss.tolist(), others.value.tolist(), others.n_params.tolist(), strict=True)
        targets = pa.Table.from_pylist(
            [{"x": a, "y": b, "n_params": _label(n), "role": "target"} for a, b, n in columns]
        )
        layers.append(
            alt.Chart(targets).mark_point(shape="cross", filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour)
        )
    return alt.LayerChart(layer=layers).properties(width=SIZE, height=HEIGHT, title="Step 2: value by loss")


def _column(end: _points.Ends, loss: bool, n: int) -> list[float | None]:
    column = end.loss if loss else end.value
    return [None] * n if column is None else column.tolist()


def _label(n: float) -> str:
    """Write a number of parameters as people say it: 190M, 1.28B."""
    return f"{n / 1e9:.3g}B" if n >= 1e9 else f"{n / 1e6:.3g}M"
