"""The fitted scaling law, and the call that fits it."""

from __future__ import annotations

import dataclasses
import operator
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from .. import _arguments
from . import _forms, _points, _steps
from ._forms import Array
from .setups import Setup

if TYPE_CHECKING:
    import altair as alt

__all__ = ["ScalingLaw", "fit"]


def fit(
    data: Any, setup: str | Setup = "ladder", *, n_bootstrap: int = 200, seed: int = 0, level: float = 0.9
) -> ScalingLaw:
    """Fit a scaling law to checkpoints.

    Args:
        data: A table (Arrow, Polars, pandas, a dictionary of columns …) of one row per checkpoint:
            n_params (N), tokens (D), loss (above 0, e.g. bits per byte), value (e.g. an accuracy),
            run (names; without it each row is the end of a run), params (labels of sizes, which the
            set-up may hold out). Without value only step 1 is fitted. compute is taken as 6 N D.
        setup: A name of `SETUPS`, or a `Setup` of one's own.
        n_bootstrap: Draws of the Bayesian bootstrap over runs; 0: none, and no intervals.
        seed: The seed of the draws.
        level: The probability that the intervals hold.

    Returns:
        The law. The same rows, in any order, give the same law.

    Raises:
        InvalidError: The rows allow no fit: too few runs, one size, a constant, a number that is
            missing or not positive; see its column and rows.
        NotFoundError: There is no such set-up.

    Example:
        >>> runs = [(n, n * m) for n in (2e8, 4e8, 8e8, 1.3e9) for m in (20, 40, 100, 200)]
        >>> loss = [30 / n**0.25 + 60 / d**0.25 + 0.5 for n, d in runs]
        >>> law = ddcore.scaling.fit({"n_params": [n for n, _ in runs], "tokens": [d for _, d in runs], "loss": loss})
        >>> round(law.params["alpha"], 3), round(float(law.predict(7e9, 4e12)), 3)
        (0.25, 0.646)
    """
    how = _points.find(setup)
    if operator.index(n_bootstrap) < 0:
        raise _arguments.invalid(f"n_bootstrap: {n_bootstrap} is less than 0", "pass 0 for none")
    _tails(level)  # refused before the fit
    points = _points.without_held_out(_points.read(data), how)
    end = _points.ends(points, how)
    # Rubin's bootstrap (1981): weights of the runs instead of a new choice of them, so that no draw lacks a size.
    drawn = np.random.default_rng(seed).exponential(size=(n_bootstrap, len(end.run)))
    weights = drawn / drawn.mean(axis=1, keepdims=True) if n_bootstrap else drawn
    with threadpool_limits(1, "blas"):  # vectors of a few numbers: threads only wait for each other
        step_1 = _steps.fit_step_1(how, end, weights)
        two = points.value is not None and not how.one_step
        step_2 = _steps.fit_step_2(how, points, weights) if two else None
    config = {
        "setup": dataclasses.asdict(how), "n_bootstrap": n_bootstrap, "seed": seed, "level": level,
        "n_runs": len(end.run), "n_checkpoints": len(points.run),
        "versions": {name: metadata.version(name) for name in ("ddcore", "numpy", "scipy")},
    }  # fmt: skip
    return ScalingLaw(how, end, step_1, step_2, level, config)


@dataclasses.dataclass(frozen=True, repr=False)
class ScalingLaw:
    """A fitted scaling law: made by `fit`; it can be pickled.

    Attributes:
        setup: How it was fitted.
        ends: One point per run that step 1 was fitted to.
        step_1: The fit of the loss (of the value, if the set-up has one step).
        step_2: The fit of the value by the loss, or None.
        level: The probability that `intervals` hold.
        config: All that the fit depended on besides the rows: set-up, draws, seed, versions.
    """

    setup: Setup
    ends: _points.Ends
    step_1: _steps.Step
    step_2: _steps.Step | None
    level: float
    config: dict[str, Any]

    def __repr__(self) -> str:
        """Write the fitted functions."""
        return f"<ScalingLaw {self.setup.name}: {self.formula}>"

    @property
    def steps(self) -> tuple[_steps.Step, ...]:
        """The fitted functions: one or two."""
        return (self.step_1,) if self.step_2 is None else (self.step_1, self.step_2)

    @property
    def formula(self) -> str:
        """The fitted functions as text: L(N, D), or L(C) with C = 6 N D, and value(L)."""
        what = "value" if self.setup.one_step else "L"
        texts = [f"{what}({', '.join(self.setup.inputs)}) = {_forms.formula(self.step_1.form, self.step_1.p)}"]
        if self.step_2:
            texts.append(f"value(L) = {_forms.formula(self.step_2.form, self.step_2.p)}")
        return "; ".join(texts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data leave open, in words."""
        logs = np.log([self.ends.n_params, self.ends.tokens])
        if self.setup.inputs == ("N", "D") and np.corrcoef(logs)[0, 1] > 0.999:
            return ("N and D grow together in these runs: only their joint effect is known, predict at a like D / N",)
        return ()

    @property
    def params(self) -> dict[str, float]:
        """The parameters: A, alpha (B, beta), E of step 1; a, L0, k, b of step 2."""
        return {n: v for s in self.steps for n, v in zip(s.form.names, s.form.outer(s.p).tolist(), strict=True)}

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The parameters' intervals, from the bootstrap's quantiles; empty without draws."""
        if not len(self.step_1.draws):
            return {}
        out: dict[str, tuple[float, float]] = {}
        for s in self.steps:
            low, high = np.quantile(s.form.outer(s.draws), _tails(self.level), axis=0)
            out.update(zip(s.form.names, zip(low.tolist(), high.tolist(), strict=True), strict=True))
        return out

    def predict_loss(self, n_params: ArrayLike, tokens: ArrayLike) -> Array:
        """Predict the loss of models (of a set-up of one step: the value).

        Args:
            n_params: N, one or several.
            tokens: D, one or several.

        Returns:
            The loss, in the shape that N and D broadcast to.

        Raises:
            InvalidError: A number is not above 0.
        """
        n, d = _models(n_params, tokens)
        return self.step_1.at(_steps.inputs(self.setup, n.ravel(), d.ravel())).reshape(n.shape)

    def predict(self, n_params: ArrayLike, tokens: ArrayLike) -> Array:
        """Predict the value of models; the loss if no value was fitted.

        Args:
            n_params: N, one or several.
            tokens: D, one or several.

        Returns:
            The value, in the shape that N and D broadcast to.

        Raises:
            InvalidError: A number is not above 0.
        """
        loss = self.predict_loss(n_params, tokens)
        return self.step_2.at(loss.ravel()).reshape(loss.shape) if self.step_2 else loss

    def interval(
        self,
        n_params: ArrayLike,
        tokens: ArrayLike,
        *,
        level: float | None = None,
        noise: bool = True,
        loss: bool = False,
    ) -> tuple[Array, Array]:
        """Give the interval of predictions, from the bootstrap's quantiles.

        Args:
            n_params: N, one or several.
            tokens: D, one or several.
            level: Its probability; default: the law's.
            noise: Whether it is for a new run (a residual of the fit is drawn with each law) or for the law itself.
            loss: Whether it is the loss's, even if there is a value.

        Returns:
            Its low and its high end, each in the shape that N and D broadcast to.

        Raises:
            InvalidError: The law has no draws, a number is not above 0, or level is not between 0 and 1.
        """
        if not len(self.step_1.draws):
            raise _arguments.invalid("interval: the law was fitted without draws", "fit with n_bootstrap=200")
        n, d = _models(n_params, tokens)
        rng = np.random.default_rng([self.config["seed"], 1]) if noise else None
        values = self.step_1.drawn(_steps.inputs(self.setup, n.ravel(), d.ravel()), rng)
        if self.step_2 and not loss:
            values = self.step_2.drawn(values, rng)
        low, high = np.quantile(values, _tails(self.level if level is None else level), axis=0)
        return low.reshape(n.shape), high.reshape(n.shape)

    def summary(self) -> pa.Table:
        """List the parameters.

        Returns:
            One row per parameter: step, parameter, estimate, low, high (the interval; null without draws).
        """
        spans = self.intervals
        rows = [
            {"step": i, "parameter": n, "estimate": self.params[n], "low": spans.get(n, (None, None))[0],
             "high": spans.get(n, (None, None))[1]}
            for i, s in enumerate(self.steps, 1) for n in s.form.names
        ]  # fmt: skip
        types = [("step", pa.int64()), ("parameter", pa.string())] + [
            (c, pa.float64()) for c in ("estimate", "low", "high")
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema(types))

    def evaluate(self, data: Any) -> pa.Table:
        """Compare predictions with runs that were not fitted.

        Args:
            data: A table as for `fit`; a run's end is averaged as the set-up says.

        Returns:
            One row per run: run, n_params, tokens, and for loss and value (where the table has them) the
            actual one, pred_, low_ and high_ (null without draws); rel_error_loss = pred / actual - 1,
            error_value = pred - actual.

        Raises:
            InvalidError: The table lacks a column, or holds a number that is missing or not positive.
        """
        end = _points.ends(_points.read(data), self.setup)
        columns: dict[str, Any] = {"run": end.run, "n_params": end.n_params, "tokens": end.tokens}
        for name, actual, fitted in (
            ("loss", end.loss, not self.setup.one_step),
            ("value", end.value, self.setup.one_step or self.step_2 is not None),
        ):
            if actual is None or not fitted:
                continue
            of_loss = name == "loss"
            predicted = (self.predict_loss if of_loss else self.predict)(end.n_params, end.tokens)
            low = high = pa.nulls(len(end.run), pa.float64())
            if len(self.step_1.draws):
                low, high = self.interval(end.n_params, end.tokens, loss=of_loss)
            error = predicted / actual - 1 if of_loss else predicted - actual
            columns |= {name: actual, f"pred_{name}": predicted, f"low_{name}": low, f"high_{name}": high}
            columns["rel_error_loss" if of_loss else "error_value"] = error
        return pa.table(columns)

    def plot(self, data: Any = None) -> alt.HConcatChart:
        """Draw the fits with their data (needs ``ddcore[plot]``).

        Args:
            data: Runs that were not fitted, as for `evaluate`, to be drawn with their predictions.

        Returns:
            A chart per step, and one of the whole prediction with intervals; plain Altair.
        """
        from . import _charts

        return _charts.draw(self, data)


def _tails(level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise _arguments.invalid(f"level: {level} is not between 0 and 1", "pass e.g. 0.9")
    return (1 - level) / 2, (1 + level) / 2


def _models(n_params: ArrayLike, tokens: ArrayLike) -> tuple[Array, Array]:
    n, d = np.broadcast_arrays(np.asarray(n_params, dtype=float), np.asarray(tokens, dtype=float))
    for name, column in (("n_params", n), ("tokens", d)):
        if not (column > 0).all():
            raise _arguments.invalid(f"predict: {name} holds a number that is not above 0", "N and D are counts")
    return n, d
