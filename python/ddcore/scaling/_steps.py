"""One fitted function with its bootstrap, and the checks that its points allow the fit."""

from __future__ import annotations

import dataclasses

import numpy as np

from . import _forms, _optimise
from ._forms import Array, Form
from ._points import Ends, Points, invalid, pairs
from .setups import Setup


@dataclasses.dataclass(frozen=True)
class Step:
    """A fitted function.

    Attributes:
        form: The function.
        p: Its inner parameters.
        draws: The same of each bootstrap draw, of shape (n_bootstrap, k).
        x: The inputs that it was fitted to, of shape (n,) or (n, inputs).
        y: The targets.
        owner: The number of each point's run.
        residuals: As its loss measures them.
        log: Whether they are log(predicted) - log(actual).
    """

    form: Form
    p: Array
    draws: Array
    x: Array
    y: Array
    owner: Array
    residuals: Array
    log: bool

    def at(self, x: Array) -> Array:
        """Evaluate the fit."""
        return self.form.value(self.p, self.form.prepare(x))

    def drawn(self, x: Array, rng: np.random.Generator | None) -> Array:
        """Evaluate each draw, of shape (n_bootstrap, n), with a residual added if there is a generator.

        Residuals are widened by the degrees of freedom that the fit took.
        """
        values = self.form.value(self.draws, self.form.prepare(x))
        if rng is None:
            return values
        n, k = self.residuals.size, self.p.size
        noise = rng.choice(self.residuals, size=values.shape) * np.sqrt(n / max(1, n - k))
        return np.asarray(values * np.exp(-noise) if self.log else values - noise, dtype=float)


def inputs(setup: Setup, n_params: Array, tokens: Array) -> Array:
    """Give what step 1 is a function of: N and D, or compute = 6 N D (arXiv 2001.08361)."""
    return np.stack([n_params, tokens] if setup.inputs == ("N", "D") else [6 * n_params * tokens], axis=-1)


def fit_step_1(setup: Setup, end: Ends, weights: Array) -> Step:
    """Fit (N, D) or compute to the loss, or straight to the value."""
    name = "value" if setup.one_step else "loss"
    y = end.value if setup.one_step else end.loss
    if y is None:
        other = "a set-up of two steps" if setup.one_step else "a set-up of one step, e.g. 3_param-1_step"
        raise invalid(f"set-up {setup.name} needs a column {name}", f"add it, or choose {other}", name)
    x = inputs(setup, end.n_params, end.tokens)
    rises = setup.intermediate and _forms.go_along(np.log(x[:, 0]), y)
    power = _forms.power_law(setup.inputs, setup.floor, x, rises)
    form: Form = _forms.OneStep(power) if setup.one_step else power
    _check_step_1(setup, end, x, y, name, len(form.names))
    return _fit(form, x, y, np.arange(y.size, dtype=float), np.ones(y.size), weights, _optimise.HUBER)


def fit_step_2(setup: Setup, points: Points, weights: Array) -> Step:
    """Fit the loss to the value, over the checkpoints of all runs."""
    x, y, owner = pairs(points, setup, points.runs())
    if x.size < 5:
        raise invalid(
            f"step 2 has {x.size} points, and a sigmoid takes 5", "add runs, or more of their checkpoints", "value"
        )
    for name, column in (("loss", x), ("value", y)):
        if np.ptp(column) <= 1e-12 * np.abs(column).max():
            raise invalid(
                f"{name} is {column[0]:g} at every point of step 2", "add points that differ, or leave value out", name
            )
    form = _forms.sigmoid(x, rises=setup.intermediate and _forms.go_along(x, y))
    ones = np.ones(x.size)
    if setup.helper_point:  # belongs to no run: every draw keeps it
        x, y, owner, ones = (np.append(a, b) for a, b in ((x, 0.0), (y, 1.0), (owner, -1.0), (ones, 1.0)))
        weights = np.column_stack([weights, np.ones(len(weights))])
    return _fit(form, x, y, owner, ones, weights, _optimise.SQUARES)


def _fit(form: Form, x: Array, y: Array, owner: Array, ones: Array, weights: Array, loss: _optimise.Loss) -> Step:
    """Fit, and fit again under each draw's weights of the runs, from the fit's parameters."""
    z = form.prepare(x)
    p = _optimise.minimise(form, z, y, ones, loss)
    of_point = weights[:, owner.astype(int)]
    draws = [_optimise.descend(form, z, y, w, loss, p, _optimise.DRAW_STAGES)[1] for w in of_point]
    residuals = loss.residual(form.value(p, z), y)
    shape = np.array(draws).reshape(len(draws), p.size)
    return Step(form, p, shape, x, y, owner, residuals, loss.log)


def _check_step_1(setup: Setup, end: Ends, x: Array, y: Array, name: str, n_parameters: int) -> None:
    if (y <= 0).any():
        i = int(np.argmin(y))
        raise invalid(
            f"{name} is {y[i]:g} at the end of {end.run[i]}, and residuals are logarithms",
            "fit a metric above 0: a loss, bits per byte, a probability or an accuracy", name,
        )  # fmt: skip
    if y.size <= n_parameters:
        raise invalid(
            f"set-up {setup.name} has {n_parameters} parameters and {y.size} runs to fit them to",
            f"add runs (at least {n_parameters + 1}), hold out fewer sizes, or fit fewer parameters", "run",
        )  # fmt: skip
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        raise invalid(
            f"{name} is {y[0]:g} at the end of every run", "a constant has no scaling law: choose another metric", name
        )
    for label, column in zip(setup.inputs, x.T, strict=True):
        n = np.unique(column).size
        wanted = 3 if setup.floor and len(setup.inputs) == 1 else 2
        if n < wanted:
            column_name = {"N": "n_params", "D": "tokens", "C": "n_params"}[label]
            raise invalid(
                f"the runs have {n} different {label}, and set-up {setup.name} takes {wanted}",
                f"add runs of another size or length ({column_name})", column_name,
            )  # fmt: skip
