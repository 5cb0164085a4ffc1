"""A Gaussian process whose kernel is decomposed once for all targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, optimize
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ._numbers import Array

__all__ = ["GaussianProcess"]

NOISES = np.geomspace(1e-7, 1e3, 41)
N_PARABOLAS = 3  # after which l is known to a hundredth or better


class GaussianProcess(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian process with the kernel s^2 (exp(-|x - x'|^2 / (2 l^2)) + noise [x = x']).

    The marginal likelihood (Rasmussen & Williams 2006, eq. 5.8) is maximised: s^2 in closed form, the
    noise by a search that costs O(n) once the kernel of a length l is decomposed, and l over a grid and by
    parabolas through its best points. The decompositions of the grid serve all targets. Columns should be
    standardised; targets are, inside.

    Args:
        length_scale: l; None: the most likely one of each target.
        noise: Variance of the noise over s^2; None: the most likely one.
        n_lengths: Lengths of the grid, from a tenth of the median distance of two rows to thirty times it.
        max_rows: The most rows, drawn evenly, that l is chosen by; all decide on the noise and the predictions.

    Attributes:
        length_scale_: l of each target (a number where y is one column).
        noise_: The noise of each target, over s^2.
        scale_: s of each target, in its unit.
        log_likelihood_: Of each standardised target.
    """

    def __init__(
        self, length_scale: float | None = None, noise: float | None = None, n_lengths: int = 12, max_rows: int = 500
    ) -> None:
        self.length_scale = length_scale
        self.noise = noise
        self.n_lengths = n_lengths
        self.max_rows = max_rows

    def fit(self, X: Any, y: Any) -> GaussianProcess:  # noqa: N803 - scikit-learn's name
        """Choose the kernel's parameters and condition on the rows.

        Args:
            X: One row per item, without nulls.
            y: One number per item, or one column per target.

        Returns:
            The estimator.
        """
        x, y = validate_data(self, X, y, dtype=float, multi_output=True, y_numeric=True)
        self._one = y.ndim == 1
        columns = np.asarray(y, dtype=float).reshape(len(x), -1)
        self._x, self._mean, sd = x, columns.mean(axis=0), columns.std(axis=0)
        self._sd = np.where(sd > 0, sd, 1.0)
        targets = (columns - self._mean) / self._sd
        squares = cdist(x, x, "sqeuclidean")
        kernels = _Kernels(squares)
        if self.length_scale is None and len(x) > self.max_rows:
            some = np.sort(np.random.default_rng(0).permutation(len(x))[: self.max_rows])
            part = _Kernels(squares[np.ix_(some, some)])
            lengths = [self._choose(part, target[some]).length for target in targets.T]
            self._states = [kernels.state(h, t, self.noise) for h, t in zip(lengths, targets.T, strict=True)]
        else:
            self._states = [self._choose(kernels, target) for target in targets.T]
        self.length_scale_ = self._given([s.length for s in self._states])
        self.noise_ = self._given([s.noise for s in self._states])
        self.scale_ = self._given([s.scale * sd for s, sd in zip(self._states, self._sd, strict=True)])
        self.log_likelihood_ = self._given([s.log_likelihood for s in self._states])
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:  # noqa: N803
        """Predict, in the shape of y.

        Args:
            X: One row per item.
            return_std: Whether to give the standard deviation of a new observation (with noise), too.

        Returns:
            The means; or means and deviations.
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=float, reset=False)
        squares = cdist(x, self._x, "sqeuclidean")
        means, deviations = np.empty((2, len(x), len(self._states)))
        for t, state in enumerate(self._states):
            k = np.exp(-0.5 * squares / state.length**2)
            means[:, t] = k @ state.weights * self._sd[t] + self._mean[t]
            if return_std:
                seen = ((k @ state.vectors) ** 2 / (state.values + state.noise)).sum(axis=1)
                variance = np.maximum(1 + state.noise - seen, 0.0)
                deviations[:, t] = state.scale * np.sqrt(variance) * self._sd[t]
        if self._one:
            means, deviations = means[:, 0], deviations[:, 0]
        return (means, deviations) if return_std else means

    def chosen(self) -> GaussianProcess:
        """Give an unfitted process with the length and the noise that were chosen for its one target."""
        check_is_fitted(self)
        return GaussianProcess(float(self.length_scale_), float(self.noise_))

    def _given(self, values: list[float]) -> Any:
        return values[0] if self._one else np.array(values)

    def _choose(self, kernels: _Kernels, y: Array) -> _State:
        if self.length_scale is not None:
            return kernels.state(self.length_scale, y, self.noise)
        logs = np.log(kernels.typical) + np.linspace(np.log(0.1), np.log(30), self.n_lengths)
        found = {float(g): kernels.state(float(np.exp(g)), y, self.noise) for g in logs}
        for _ in range(N_PARABOLAS):
            near = sorted(found)
            best = max(range(len(near)), key=lambda i: found[near[i]].log_likelihood)
            if not 0 < best < len(near) - 1:
                break
            at = _vertex(near[best - 1 : best + 2], [found[g].log_likelihood for g in near[best - 1 : best + 2]])
            found[at] = kernels.state(float(np.exp(at)), y, self.noise)
        return max(found.values(), key=lambda s: s.log_likelihood)


def _vertex(x: list[float], f: list[float]) -> float:
    """Give where the parabola through three points is greatest."""
    left, right = (f[1] - f[0]) / (x[1] - x[0]), (f[2] - f[1]) / (x[2] - x[1])
    bend = (right - left) / (x[2] - x[0])
    return 0.5 * (x[0] + x[1] - left / bend) if bend < 0 else 0.5 * (x[1] + x[2])


class _State(NamedTuple):
    """A process of one target: its parameters, its decomposed kernel, and the weights of the rows."""

    length: float
    noise: float
    scale: float
    log_likelihood: float
    values: Array
    vectors: Array
    weights: Array


class _Kernels:
    """The decomposed kernels of one set of rows, by length."""

    def __init__(self, squares: Array) -> None:
        self.squares = squares
        apart = squares[np.triu_indices_from(squares, 1)]
        self.typical = float(np.sqrt(np.median(apart))) if apart.size else 1.0
        if self.typical == 0:
            self.typical = 1.0
        self._known: dict[float, tuple[Array, Array]] = {}

    def decomposed(self, length: float) -> tuple[Array, Array]:
        if length not in self._known:
            values, vectors = linalg.eigh(np.exp(-0.5 * self.squares / length**2), check_finite=False, driver="evd")
            self._known[length] = np.maximum(values, 0.0), vectors
        return self._known[length]

    def state(self, length: float, y: Array, noise: float | None) -> _State:
        values, vectors = self.decomposed(length)
        turned = vectors.T @ y
        squared, n = turned**2, len(y)

        def cost(noises: Any) -> Any:
            """Give -log likelihood - constants, of one or several noises."""
            total = values + np.asarray(noises, dtype=float)[..., None]
            return 0.5 * (n * np.log((squared / total).sum(axis=-1)) + np.log(total).sum(axis=-1))

        if noise is None:
            i = int(np.argmin(cost(NOISES)))
            ends = np.log(NOISES[[max(i - 1, 0), min(i + 1, len(NOISES) - 1)]])
            within = optimize.minimize_scalar(
                lambda g: float(cost(np.exp(g))), bounds=tuple(ends), method="bounded", options={"xatol": 1e-3}
            )
            noise = float(np.exp(within.x))
        variance = float((squared / (values + noise)).mean())
        likelihood = -float(cost(noise)) - 0.5 * n * (1 + np.log(2 * np.pi / n))
        weights = vectors @ (turned / (values + noise))
        return _State(length, noise, float(np.sqrt(variance)), likelihood, values, vectors, weights)
