"""Fits a form to points: Huber's loss, L-BFGS-B, many starts.

As OLMo-ladder and Chinchilla (arXiv 2203.15556, appendix D.3) do: the Huber loss with
delta 1e-3 of log(predicted) - log(actual), minimised by L-BFGS-B from a grid of starts,
with ftol 0, gtol 1e-10 and at most 10,000 iterations.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import optimize

from ._forms import Array, Form

OPTIONS = {"ftol": 0.0, "gtol": 1e-10, "maxiter": 10_000, "maxcor": 20}
N_STARTS = 6  # minimised, the best of the grid

# With delta 1e-3 the penalty is nearly |r|, with a kink at each point, where quasi-Newton steps stall; wider
# deltas first lead close to the minimum. Each stage: factor of delta, ftol.
STAGES = ((100, 1e-9), (10, 1e-10), (1, 0.0))
# A bootstrap draw starts near its minimum, and is needed to fewer digits.
DRAW_STAGES = ((10, 1e-8), (1, 1e-11))


@dataclasses.dataclass(frozen=True)
class Loss:
    """The sum of a penalty of the residuals.

    Attributes:
        delta: Where Huber's penalty turns from a parabola into a line; infinity: least squares.
        log: Whether the residual is log(predicted) - log(actual), or predicted - actual.
    """

    delta: float
    log: bool

    def residual(self, predicted: Array, y: Array) -> Array:
        """How far predictions are off."""
        if self.log:
            return np.asarray(np.log(np.maximum(predicted, 1e-12)) - np.log(y), dtype=float)
        return predicted - y

    def total(self, r: Array, weights: Array) -> Array:
        """Sum the penalties over the last axis."""
        size = np.abs(r)
        inner = np.minimum(size, self.delta)
        return np.asarray((weights * inner * (size - 0.5 * inner)).sum(axis=-1), dtype=float)

    def value_and_gradient(self, form: Form, p: Array, z: Array, y: Array, weights: Array) -> tuple[float, Array]:
        """Give the objective and its derivatives."""
        predicted = form.value(p, z)
        r = self.residual(predicted, y)
        pull = weights * np.clip(r, -self.delta, self.delta)
        if self.log:
            pull = np.where(predicted > 1e-12, pull / np.maximum(predicted, 1e-12), 0.0)
        return float(self.total(r, weights)), np.asarray(pull @ form.gradient(p, z), dtype=float)


HUBER = Loss(delta=1e-3, log=True)
SQUARES = Loss(delta=np.inf, log=False)


def minimise(form: Form, z: Array, y: Array, weights: Array, loss: Loss) -> Array:
    """Fit from the best starts of the form's grid; the same data give the same parameters."""
    starts = form.starts(y)
    ranked = np.argsort(loss.total(loss.residual(form.value(starts, z), y), weights), kind="stable")
    fits = [descend(form, z, y, weights, loss, starts[i]) for i in ranked[:N_STARTS]]
    return min(fits, key=lambda fit: fit[0])[1]


def descend(
    form: Form,
    z: Array,
    y: Array,
    weights: Array,
    loss: Loss,
    start: Array,
    stages: tuple[tuple[float, float], ...] = STAGES,
) -> tuple[float, Array]:
    """Minimise from one start, and give the objective with the parameters."""
    bounds = form.bounds(y)
    limits = np.array([(-np.inf if low is None else low, np.inf if high is None else high) for low, high in bounds])
    p, value = np.clip(start, limits[:, 0], limits[:, 1]), np.inf
    for factor, ftol in stages if np.isfinite(loss.delta) else stages[-1:]:
        step = dataclasses.replace(loss, delta=factor * loss.delta)
        # Over delta, the objective's slopes are of order one, as the optimiser's first step expects.
        unit = min(step.delta, 1.0)

        def objective(q: Array, step: Loss = step, unit: float = unit) -> tuple[float, Array]:
            total, gradient = step.value_and_gradient(form, q, z, y, weights)
            return total / unit, gradient / unit

        found = optimize.minimize(
            objective, p, jac=True, method="L-BFGS-B", bounds=bounds, options=OPTIONS | {"ftol": ftol}
        )
        p, value = found.x, float(found.fun) * unit
    return value, p
