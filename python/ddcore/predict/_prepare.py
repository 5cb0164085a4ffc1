"""From columns with nulls and of all magnitudes to standardised ones, learnt from training rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ._numbers import Array

__all__ = ["Prepare"]


class Prepare(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes logarithms of columns that span magnitudes, fills nulls, drops constants and standardises.

    Args:
        span: A column of positive numbers, the greatest of which is over so many times the least, is taken as
            its logarithm: sizes, tokens, steps.

    Attributes:
        logs_: Which columns are taken as logarithms.
        kept_: Which columns vary.
        median_: What a null is taken for: the median of the training rows.
        mean_: Subtracted.
        scale_: Divided by.
    """

    def __init__(self, span: float = 10.0) -> None:
        self.span = span

    def fit(self, X: Any, y: Any = None) -> Prepare:  # noqa: ARG002, N803 - scikit-learn's names
        """Learn from the training rows."""
        x = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        blank = np.isnan(x).all(axis=0)
        filled = np.where(blank, 0.0, x)
        least, greatest = np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
        self.logs_ = (least > 0) & (greatest > self.span * least)
        shown = self._shown(filled)
        self.median_ = np.nanmedian(shown, axis=0)
        whole = np.where(np.isnan(shown), self.median_, shown)
        self.mean_, sd = whole.mean(axis=0), whole.std(axis=0)
        # A constant column's deviation is what rounding left of it.
        self.kept_ = ~blank & (sd > 1e-12 * np.maximum(np.abs(self.mean_), 1e-300))
        self.scale_ = np.where(self.kept_, sd, 1.0)
        return self

    def transform(self, X: Any) -> Array:  # noqa: N803
        """Give the columns that vary, standardised and without nulls."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        shown = self._shown(x)
        whole = np.where(np.isnan(shown), self.median_, shown)
        return np.asarray(((whole - self.mean_) / self.scale_)[:, self.kept_], dtype=float)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that nulls are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _shown(self, x: Array) -> Array:
        """Take logarithms where they were found useful; what has none is null."""
        logs = np.log(x, where=self.logs_ & (x > 0), out=np.full(x.shape, np.nan))
        return np.where(self.logs_, logs, x)
