"""ElasticNet whose penalty is chosen by cross-validation, along paths that share what they can."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted, validate_data

from ._numbers import Array, Splits

__all__ = ["ElasticNetPath"]


class ElasticNetPath(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """ElasticNet over standardised columns; ratio and strength of the penalty are chosen by cross-validation.

    Minimises |y - X w|^2 / (2 n) + alpha r |w|_1 + alpha (1 - r) |w|^2 / 2 (Zou & Hastie 2005, in
    scikit-learn's form) by coordinate descent on the Gram matrix (Friedman, Hastie & Tibshirani 2010).
    Each fold is standardised by itself and its Gram matrix serves all ratios, each of which is one path
    from the strongest penalty to the weakest: the search costs about as much as one fit per fold.
    A null (NaN) counts as the column's mean in the training rows.

    Args:
        l1_ratios: The ratios r to choose from, in (0, 1].
        n_alphas: How many alphas there are for each ratio.
        eps: The least alpha over the greatest, which is the first at which all w are 0.
        alphas: The alphas of all ratios, instead of n_alphas and eps.
        cv: The folds of the choice: a number, a splitter of scikit-learn or a list of (training rows,
            test rows). It is not used where there is only one ratio and one alpha.
        tol: Tolerance of the descent, as in scikit-learn.
        max_iter: Its most sweeps.

    Attributes:
        alpha_: The chosen alpha.
        l1_ratio_: The chosen ratio.
        coef_: One weight per column, in the column's own unit; 0 for one that was left out.
        intercept_: The constant.
        n_iter_: Sweeps of the descent at the chosen alpha.
        gap_: The duality gap of the fit over |y|^2: above tol, it has not converged.
        mse_: Mean over the folds of the mean squared error, by ratio and alpha; None without a choice.
    """

    def __init__(
        self,
        l1_ratios: Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        n_alphas: int = 30,
        eps: float = 1e-3,
        alphas: Sequence[float] | None = None,
        cv: int | Any | Iterable[tuple[Any, Any]] = 5,
        tol: float = 1e-4,
        max_iter: int = 2_000,
    ) -> None:
        self.l1_ratios = l1_ratios
        self.n_alphas = n_alphas
        self.eps = eps
        self.alphas = alphas
        self.cv = cv
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, groups: Any = None) -> ElasticNetPath:  # noqa: N803 - scikit-learn's name
        """Choose the penalty and fit.

        Args:
            X: One row per item; NaN is null.
            y: One number per item.
            groups: What a splitter with groups splits by.

        Returns:
            The estimator.
        """
        x, y = validate_data(self, X, y, dtype=float, ensure_all_finite="allow-nan", y_numeric=True)
        whole = _Problem(x, y)
        grids = [self._grid(whole, ratio) for ratio in self.l1_ratios]
        best: tuple[Any, ...] = (0, 0)
        self.mse_: Array | None = None
        if len(grids) > 1 or len(grids[0]) > 1:
            splits = list(check_cv(self.cv).split(x, y, groups))
            self.mse_ = self._errors(x, y, grids, splits)
            best = np.unravel_index(int(self.mse_.argmin()), self.mse_.shape)
        ratio, alphas = self.l1_ratios[best[0]], grids[best[0]][: best[1] + 1]
        weights, gaps, sweeps = self._path(whole, ratio, alphas)
        self.n_iter_ = max(int(sweeps[-1]), 1)
        self.gap_ = float(gaps[-1]) * whole.n / max(float(whole.y @ whole.y), 1e-300)
        weights = weights[:, -1]
        self.l1_ratio_, self.alpha_ = float(ratio), float(alphas[-1])
        self.coef_ = weights / whole.scale
        self.intercept_ = float(whole.y_mean - self.coef_ @ whole.mean)
        self._mean = whole.mean
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Predict one number per row."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        return np.asarray(np.where(np.isnan(x), self._mean, x) @ self.coef_ + self.intercept_, dtype=float)

    def chosen(self) -> ElasticNetPath:
        """Give an unfitted estimator with the penalty that was chosen."""
        check_is_fitted(self)
        return ElasticNetPath((self.l1_ratio_,), alphas=(self.alpha_,), tol=self.tol, max_iter=self.max_iter)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that nulls are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _grid(self, problem: _Problem, ratio: float) -> Array:
        if self.alphas is not None:
            return np.sort(np.asarray(self.alphas, dtype=float))[::-1]
        greatest = max(float(np.abs(problem.xy).max(initial=0.0)) / (problem.n * ratio), 1e-12)
        return np.geomspace(greatest, greatest * self.eps, self.n_alphas)

    def _path(self, problem: _Problem, ratio: float, alphas: Array) -> tuple[Array, Array, list[int]]:
        """Give the weights of standardised columns, the duality gaps and the sweeps, by alpha."""
        with warnings.catch_warnings():  # gap_ tells; among near copies of a column the last digits take for ever
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, weights, gaps, sweeps = enet_path(
                problem.x, problem.y, l1_ratio=ratio, alphas=alphas, precompute=problem.gram, Xy=problem.xy,
                check_input=False, tol=self.tol, max_iter=self.max_iter, return_n_iter=True,
            )  # fmt: skip
        return np.asarray(weights, dtype=float), np.asarray(gaps, dtype=float), sweeps

    def _errors(self, x: Array, y: Array, grids: list[Array], splits: Splits) -> Array:
        total = np.zeros((len(grids), len(grids[0])))
        for train, test in splits:
            part = _Problem(x[train], y[train])
            held_out = part.standardised(x[test])
            for i, (ratio, alphas) in enumerate(zip(self.l1_ratios, grids, strict=True)):
                error = held_out @ self._path(part, ratio, alphas)[0] + (part.y_mean - y[test])[:, None]
                total[i] += np.mean(error**2, axis=0) / len(splits)
        return total


class _Problem:
    """Standardised training rows, with their Gram matrix."""

    def __init__(self, x: Array, y: Array) -> None:
        known = ~np.isnan(x)
        counts = np.maximum(known.sum(axis=0), 1)
        self.n = len(y)
        self.mean = np.where(known, x, 0.0).sum(axis=0) / counts
        centred = np.where(known, x - self.mean, 0.0)
        sd = np.sqrt((centred**2).sum(axis=0) / self.n)
        # A constant column's deviation is what rounding left of it.
        self.scale = np.where(sd > 1e-12 * np.maximum(np.abs(self.mean), 1e-300), sd, np.inf)
        self.x = np.asfortranarray(centred / self.scale)
        self.y_mean = float(np.mean(y))
        self.y = np.asarray(y - self.y_mean)
        self.gram = np.ascontiguousarray(self.x.T @ self.x)
        self.xy = np.ascontiguousarray(self.x.T @ self.y)

    def standardised(self, x: Array) -> Array:
        return np.asarray(np.where(np.isnan(x), 0.0, x - self.mean) / self.scale, dtype=float)
