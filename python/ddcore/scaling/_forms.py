"""The functions that are fitted, with their gradients.

A form sees its inputs centred (and the sigmoid's also scaled), so that its inner
parameters are of order one and nearly uncorrelated: L-BFGS-B then needs tens of
steps instead of thousands. `outer` gives the parameters as papers write them.
Every function takes parameters of shape (..., k) and inputs of n points and
gives (..., n): one call evaluates a whole grid of starts.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bounds = Sequence[tuple[float | None, float | None]]


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=float)


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """A / N^alpha + B / D^beta + E (Chinchilla, arXiv 2203.15556), or A / C^alpha + E; E - A / C^alpha if it rises.

    Inner parameters: the logarithm of each term at the inputs' geometric mean, the
    exponents, and E if there is a floor.

    Attributes:
        inputs: ("N", "D") or ("C",).
        floor: Whether there is an E.
        centre: Mean logarithm of each input.
        rises: Whether the terms are taken from E, as for an intermediate metric; a loss falls.
    """

    inputs: tuple[str, ...]
    floor: bool
    centre: tuple[float, ...]
    rises: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outer parameters."""
        return ("A", "alpha", "B", "beta")[: 2 * len(self.inputs)] + ("E",) * self.floor

    def prepare(self, x: Array) -> Array:
        """Turn inputs of shape (n, inputs) into what `value` takes."""
        return np.asarray(np.log(x) - np.asarray(self.centre), dtype=float)

    def _terms(self, p: Array, z: Array) -> Array:
        k = len(self.inputs)
        # An optimiser's first step may go far: what overflows would be no number.
        exponent = p[..., None, :k] - p[..., None, k : 2 * k] * z
        return np.asarray(np.exp(np.clip(exponent, -200, 200)), dtype=float)

    def value(self, p: Array, z: Array) -> Array:
        """The function."""
        total = np.asarray(self._terms(p, z).sum(axis=-1) * (-1 if self.rises else 1), dtype=float)
        return total + p[..., -1:] if self.floor else total

    def gradient(self, p: Array, z: Array) -> Array:
        """Its derivatives, of shape (..., n, k)."""
        terms = self._terms(p, z) * (-1 if self.rises else 1)
        parts = [terms, -terms * z]
        if self.floor:
            parts.append(np.ones((*terms.shape[:-1], 1)))
        return np.concatenate(parts, axis=-1)

    def outer(self, p: Array) -> Array:
        """Give the parameters in the order of `names`."""
        k = len(self.inputs)
        slopes = p[..., k : 2 * k]
        factors = np.exp(p[..., :k] + slopes * np.asarray(self.centre))
        pairs = np.stack([factors, slopes], axis=-1).reshape(*p.shape[:-1], 2 * k)
        return np.concatenate([pairs, p[..., 2 * k :]], axis=-1)

    def bounds(self, y: Array) -> Bounds:
        """Exponents are at least 0, and E lies beyond the data, at least 0 or (if it rises) at most 1."""
        k = len(self.inputs)
        low, high = sorted(self._reach(y))
        return [*[(None, None)] * k, *[(0.0, 2.0)] * k, *[(low, high)] * self.floor]

    def _reach(self, y: Array) -> tuple[float, float]:
        """Give E next to the data, and as far off as it may be."""
        return (float(y.max()), max(1.0, float(y.max()))) if self.rises else (float(y.min()), 0.0)

    def starts(self, y: Array) -> Array:
        """A grid over exponents, E and the terms' shares; then all terms sum to the typical value."""
        k = len(self.inputs)
        near, far = self._reach(y)
        floors = [near + share * (far - near) for share in (0.1, 0.4, 0.7, 1.0)] if self.floor else [0.0]
        typical = float(np.median(y))
        grid = []
        for slopes in itertools.product((0.05, 0.1, 0.2, 0.4, 0.8), repeat=k):
            for floor, share in itertools.product(floors, (0.2, 0.5, 0.8) if k == 2 else (1.0,)):
                rest = max(abs(typical - floor), 1e-6)
                sizes = [rest * share, rest * (1 - share)][:k]
                grid.append([*np.log(sizes), *slopes, *([floor] if self.floor else [])])
        return np.array(grid)


@dataclasses.dataclass(frozen=True)
class Sigmoid:
    """a / (1 + exp(-k (L - L0))) + b, of the task loss L (arXiv 2412.04403, step 2).

    Inner parameters: a, L0 and k for the standardised loss, b.

    Attributes:
        centre: Mean of the losses.
        scale: Their standard deviation.
        rises: Whether the value grows with L; it falls with a loss, but an intermediate metric may go along.
    """

    centre: float
    scale: float
    rises: bool = False
    names: tuple[str, ...] = ("a", "L0", "k", "b")

    def prepare(self, x: Array) -> Array:
        """Standardise losses."""
        return (x - self.centre) / self.scale

    def value(self, p: Array, z: Array) -> Array:
        """The function."""
        return p[..., :1] * logistic(p[..., 2:3] * (z - p[..., 1:2])) + p[..., 3:]

    def gradient(self, p: Array, z: Array) -> Array:
        """Its derivatives, of shape (..., n, 4)."""
        shift = z - p[..., 1:2]
        s = logistic(p[..., 2:3] * shift)
        slope = p[..., :1] * s * (1 - s)
        return np.stack([s, -slope * p[..., 2:3], slope * shift, np.ones_like(s)], axis=-1)

    def outer(self, p: Array) -> Array:
        """Give the parameters in the order of `names`."""
        return np.stack([p[..., 0], p[..., 1] * self.scale + self.centre, p[..., 2] / self.scale, p[..., 3]], axis=-1)

    def bounds(self, y: Array) -> Bounds:
        """The asymptotes lie in [0, 1], or as far out as the data."""
        low, high = min(0.0, float(y.min())), max(1.0, float(y.max()))
        a = (0.0, high - low) if self.rises else (low - high, 0.0)
        # L0 as far as L = 0, where a helper point stands, and k not yet a step.
        return [a, (min(-self.centre / self.scale, -10.0), 10.0), (0.0, 50.0), (low, high)]

    def starts(self, y: Array) -> Array:
        """A grid over the upper end, the middle, the steepness and the lower end."""
        low, high = float(y.min()), max(1.0, float(y.max()))
        grid = []
        for top, middle, k, bottom in itertools.product(
            (high, float(y.max())), (-3.0, -1.5, 0.0, 1.0), (0.5, 1.0, 2.0, 4.0), (low, 0.5 * low)
        ):
            size = max(top - bottom, 1e-3)
            grid.append([size, middle, k, bottom] if self.rises else [-size, middle, k, top])
        return np.array(grid)


@dataclasses.dataclass(frozen=True)
class OneStep:
    """a / (1 + exp(-(A / N^alpha + B / D^beta + E))) + b: size and tokens (or compute) straight to the value.

    The published fit over compute has two more parameters, k and L0; but k only scales A and E,
    and L0 only shifts E: the curves are the same.
    """

    power: PowerLaw

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outer parameters."""
        return (*self.power.names, "a", "b")

    def prepare(self, x: Array) -> Array:
        """As the power law does."""
        return self.power.prepare(x)

    def value(self, p: Array, z: Array) -> Array:
        """The function."""
        return p[..., -2:-1] * logistic(self.power.value(p[..., :-2], z)) + p[..., -1:]

    def gradient(self, p: Array, z: Array) -> Array:
        """Its derivatives, of shape (..., n, k)."""
        s = logistic(self.power.value(p[..., :-2], z))
        inner = (p[..., -2:-1] * s * (1 - s))[..., None] * self.power.gradient(p[..., :-2], z)
        return np.concatenate([inner, s[..., None], np.ones((*s.shape, 1))], axis=-1)

    def outer(self, p: Array) -> Array:
        """Give the parameters in the order of `names`."""
        return np.concatenate([self.power.outer(p[..., :-2]), p[..., -2:]], axis=-1)

    def bounds(self, y: Array) -> Bounds:
        """E is free; the asymptotes lie in [0, 1], or as far out as the data."""
        low, high = min(0.0, float(y.min())), max(1.0, float(y.max()))
        k = len(self.power.inputs)
        inner: Bounds = [(-10.0, 10.0)] * k + [(0.0, 2.0)] * k + [(-10.0, 10.0)]
        return [*inner, (low - high, 0.0), (low, high)]

    def starts(self, y: Array) -> Array:
        """A grid over the exponents, the first term, E and the ends."""
        k = len(self.power.inputs)
        low, high = float(y.min()), max(1.0, float(y.max()))
        grid = []
        for slope, size, floor, top in itertools.product(
            (0.1, 0.2, 0.4), (-1.0, 0.0, 1.0), (-3.0, -1.0, 0.0), (high, 0.5 * (high + float(y.max())))
        ):
            grid.append([size] * k + [slope] * k + [floor, min(low - top, -1e-3), top])
        return np.array(grid)


Form = PowerLaw | Sigmoid | OneStep


def power_law(inputs: tuple[str, ...], floor: bool, x: Array, rises: bool = False) -> PowerLaw:
    """Centre a power law on its inputs."""
    return PowerLaw(inputs, floor, tuple(float(c) for c in np.log(x).mean(axis=0)), rises)


def sigmoid(x: Array, rises: bool = False) -> Sigmoid:
    """Centre and scale a sigmoid on its inputs."""
    return Sigmoid(float(x.mean()), float(x.std()), rises)


def go_along(x: Array, y: Array) -> bool:
    """Tell whether y grows with x, by their correlation."""
    return bool(((x - x.mean()) * (y - y.mean())).sum() > 0)


def formula(form: Form, p: Array) -> str:
    """Write a fitted form as text."""
    v: dict[str, Any] = dict(zip(form.names, form.outer(p).tolist(), strict=True))
    if isinstance(form, Sigmoid):
        return "{a:.3g} / (1 + exp(-{k:.3g} (L - {L0:.3g}))) + {b:.3g}".format(**v)
    power = form.power if isinstance(form, OneStep) else form
    terms = [
        f"{v[factor]:.3g} / {name}^{v[slope]:.3g}"
        for name, factor, slope in zip(power.inputs, "AB", ("alpha", "beta"), strict=False)
    ]
    if power.rises:
        return " - ".join([f"{v['E']:.3g}", *terms])
    text = " + ".join(terms + ([f"{v['E']:.3g}"] if power.floor else []))
    return f"{v['a']:.3g} / (1 + exp(-({text}))) + {v['b']:.3g}" if isinstance(form, OneStep) else text
