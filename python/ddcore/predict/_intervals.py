"""Intervals from the errors of rows that a model had not seen."""

from __future__ import annotations

import numpy as np

from ._numbers import Array

LEVELS = (0.5, 0.9)


def quantiles(errors: Array, labels: list[str], levels: tuple[float, ...] = LEVELS) -> list[float]:
    """Give how far off a prediction is, with each probability.

    Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on grouped data: each group has
    the same weight, however many rows it has (pooled distributions: Dunn, Wasserman & Ramdas 2022,
    arXiv 1809.07441, section 3.1), and the level is raised by (n + 1) / n, n the number of rows.

    Args:
        errors: Absolute errors, over the model's own deviation where it has one.
        labels: The group of each.
        levels: Probabilities.

    Returns:
        A half width per level.
    """
    names, owner, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = 1.0 / (counts[owner] * len(names))
    order = np.argsort(errors, kind="stable")
    total = np.cumsum(weights[order])
    n = len(errors)
    positions = [int(np.searchsorted(total, min(level * (n + 1) / n, 1.0) - 1e-9)) for level in levels]
    return [float(errors[order[min(p, n - 1)]]) for p in positions]
