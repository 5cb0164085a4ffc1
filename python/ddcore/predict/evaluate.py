"""Nested cross-validation by group, of models and of what they must beat."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from .. import _arguments
from ..progress import Progress, Show, bar
from . import _baselines, _folds, _intervals, _models
from ._data import Data
from ._folds import Fold, Groups
from ._input import Source, plain, source
from ._numbers import Array, Splits, invalid
from .report import Report, make_report

__all__ = ["DEFAULT_MODELS", "evaluate"]

DEFAULT_MODELS = ("elastic_net", "gaussian_process", "extra_trees")
VERSIONS = ("ddcore", "numpy", "scipy", "scikit-learn", "pyarrow")


def evaluate(
    data: Any,
    target: str | None = None,
    *,
    groups: str | Iterable[str] | None = None,
    folds: int | None = None,
    models: str | Iterable[str] | Mapping[str, Any] = DEFAULT_MODELS,
    seed: int = 0,
    n_bootstrap: int = 200,
    progress: Show = True,
    **features: Any,
) -> Report:
    """Tell how well features predict a target, for groups that were not seen.

    Each fold holds out a group; preparation, choice of the model's parameters and calibration of its
    intervals see the other groups only, and split them again by the same columns. Beside the models stand
    four baselines: last_value, recipe_mean, power_law and ranking (docs/predict.md).

    Args:
        data: A lake, whose features are made with the other arguments; or a table of features (Arrow, pandas,
            Polars), as `Lake.features` gives it.
        target: What to predict: as `Lake.features` takes it, or a column of the table; None: its only target.
        groups: The column that is held out by its values, e.g. "params" or "recipe"; or two: then each fold
            holds out a value of both, and no training row shares either. Default: "params"; with
            target_params "recipe"; of runs "size" or "ckpt_recipe".
        folds: Hold out so many parts of the groups; default: each group by itself.
        models: Names ("elastic_net", "gaussian_process", "extra_trees"), or a mapping from names to estimators
            of scikit-learn. Their parameters cv and random_state are set where they are left open.
        seed: The seed of all that is random.
        n_bootstrap: Draws of groups, for the 95 % intervals of the scores; 0: none.
        progress: True for a progress bar where one can be seen, False for none, or a function to call.
        **features: Of a lake: window (needed), target_at, target_params, source, tasks, metrics, stats, grid,
            thresholds, deltas, metadata, filters, where, and columns to filter by, as `Lake.features` takes them.

    Returns:
        The report. The same call on the same snapshot gives the same bytes.

    Raises:
        InvalidError: A window reaches the target, the target is constant or not finite, there are too few
            groups, or no feature has a value; the message says what to change.
        NotFoundError: The lake has no such table, task, metric or column.

    Example:
        >>> report = ddcore.predict.evaluate(
        ...     lake, "arc_easy", window="20%", stats=["last", "mean"], groups="params", progress=False
        ... )
        >>> report.predictions.column_names[-4:]
        ['lower_50', 'upper_50', 'lower_90', 'upper_90']
    """
    if "save" in features:
        raise invalid("save is an argument of features", "keep the report: report.save(lake, name)", "save")
    with bar("predict", progress) as show:
        named = _models.read(models)
        found = source(data, target, features)
        return run(found, target, groups, folds, named, seed, n_bootstrap, show)


def run(
    found: Source,
    target: str | None,
    groups: str | Iterable[str] | None,
    folds: int | None,
    named: Mapping[str, BaseEstimator],
    seed: int,
    n_bootstrap: int,
    show: Callable[[Progress], None] | None,
) -> Report:
    """Evaluate on rows that were read."""
    if operator.index(n_bootstrap) < 0:
        raise invalid(f"n_bootstrap: {n_bootstrap} is less than 0", "pass 0 for none")
    rows = found.data(target)
    plan = Plan.make(rows, found.size, _arguments.names(groups), folds, operator.index(seed))
    steps = _Steps(show, len(plan.folds) * (len(named) + 1))
    with threadpool_limits(1):  # small matrices: threads wait for each other, and would change the last bits
        parts = _of_baselines(plan, steps)
        unavailable = {name: part for name, part in parts.items() if isinstance(part, str)}
        done = {name: part for name, part in parts.items() if not isinstance(part, str)}
        for name, estimator in named.items():
            if name in parts:
                raise invalid(f"a model is named {name}, as a baseline is", "give it another name")
            done[name] = _of_model(plan, name, estimator, steps)
        config = {
            "target": rows.target, "groups": list(plan.groups.columns), "folds": folds, "seed": seed,
            "n_bootstrap": n_bootstrap, "snapshot": found.snapshot, "features_of": found.arguments,
            "models": {n: described(e) for n, e in named.items()}, "unavailable": unavailable,
            "n_rows": len(rows.y), "n_without_target": rows.n_without_target, "ids": rows.ids,
            "target_of_other_size": rows.is_shared,
            "feature_names": rows.names, "left_out": rows.left_out,
            "fold_ids": [{"fold": f.name, "n_train": len(f.train), "n_test": len(f.test)} for f in plan.folds],
            "chosen": {n: p.chosen for n, p in done.items() if p.chosen},
            "versions": {n: metadata.version(n) for n in VERSIONS},
        }  # fmt: skip
        return make_report(rows, plan.groups, plan.folds, done, list(named), config)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is held out, and how the rest is split again."""

    data: Data
    size: _baselines.Size
    groups: Groups
    folds: list[Fold]
    inner: list[Splits]  # row numbers of the training part
    seed: int

    @classmethod
    def make(cls, data: Data, size: _baselines.Size, columns: list[str] | None, folds: int | None, seed: int) -> Plan:
        """Split the rows."""
        groups = _folds.read(data, columns)
        outer = _folds.outer(groups, folds)
        return cls(data, size, groups, outer, [_folds.inner(groups.of(f.train)) for f in outer], seed)


@dataclasses.dataclass
class Part:
    """The predictions of one model for all rows, with the half widths of their intervals."""

    predicted: Array
    halves: Array  # one row per level
    chosen: list[dict[str, float]]


class _Steps:
    """Counts fits for the progress bar."""

    def __init__(self, show: Callable[[Progress], None] | None, total: int) -> None:
        self.show, self.total, self.done = show, total, 0

    def __call__(self, what: str) -> None:
        self.done += 1
        if self.show:
            self.show(Progress(self.done, self.total, "fits", what))


def _empty(plan: Plan) -> Part:
    n = len(plan.data.y)
    return Part(np.full(n, np.nan), np.full((len(_intervals.LEVELS), n), np.nan), [])


def _of_baselines(plan: Plan, steps: _Steps) -> dict[str, Part | str]:
    """Give each baseline's predictions, or why it has none."""
    out: dict[str, Part | str] = {name: _empty(plan) for name in _baselines.BASELINES}
    for fold, splits in zip(plan.folds, plan.inner, strict=True):
        for name, baseline in _baselines.BASELINES.items():
            part = out[name]
            if isinstance(part, str):
                continue
            try:
                part.predicted[fold.test] = baseline(plan.data, plan.size, fold.train, fold.test)
                errors = [
                    np.abs(baseline(plan.data, plan.size, fold.train[a], fold.train[b]) - plan.data.y[fold.train[b]])
                    for a, b in splits
                ]
            except _baselines.UnavailableError as reason:
                out[name] = str(reason)
                continue
            _calibrate(plan, fold, splits, part, errors, np.ones(len(fold.test)))
        steps("baselines")
    return out


def _of_model(plan: Plan, name: str, estimator: BaseEstimator, steps: _Steps) -> Part:
    """Fit a model to each fold's training rows and predict the others."""
    x, y, part = plan.data.x, plan.data.y, _empty(plan)
    for fold, splits in zip(plan.folds, plan.inner, strict=True):
        own_x, own_y = x[fold.train], y[fold.train]
        try:
            model = _models.fitted(estimator, own_x, own_y, splits, plan.seed)
            part.predicted[fold.test], deviations = _models.predicted(model, x[fold.test])
            errors = held_out_errors(model, own_x, own_y, splits, plan.groups.of(fold.train))
        except ValueError as problem:
            raise invalid(
                f"{name} cannot be fitted without {fold.name}: {problem}", "choose another model, or other features"
            ) from problem
        part.chosen.append(_models.parameters(model))
        _calibrate(plan, fold, splits, part, errors, np.ones(len(fold.test)) if deviations is None else deviations)
        steps(name)
    if not any(part.chosen):
        part.chosen = []
    return part


def held_out_errors(model: Any, x: Array, y: Array, splits: Splits, groups: Groups) -> list[Array]:
    """Give the absolute errors of each inner part, over the model's deviation where it has one."""
    errors = []
    for train, test in splits:
        part = groups.of(train)
        inner = _models.chosen(model, lambda part=part: _folds.inner(part)).fit(x[train], y[train])  # type: ignore[misc]
        predicted, deviations = _models.predicted(inner, x[test])
        error = np.abs(predicted - y[test])
        errors.append(error if deviations is None else error / np.maximum(deviations, 1e-300))
    return errors


def inner_labels(groups: Groups, splits: Splits) -> list[str]:
    """Name the group of each inner held-out row, in the order of the splits."""
    rows = np.concatenate([test for _, test in splits])
    return ["\0".join(labels[i] for labels in groups.labels) for i in rows]


def _calibrate(plan: Plan, fold: Fold, splits: Splits, part: Part, errors: list[Array], deviations: Array) -> None:
    labels = inner_labels(plan.groups.of(fold.train), splits)
    for k, half in enumerate(_intervals.quantiles(np.concatenate(errors), labels)):
        part.halves[k, fold.test] = half * deviations


def described(estimator: BaseEstimator) -> dict[str, Any]:
    """Write an estimator with all its parameters, without addresses of objects."""
    return {"class": type(estimator).__name__, **plain({k: _text(v) for k, v in estimator.get_params().items()})}


def _text(value: Any) -> Any:
    if hasattr(value, "get_params"):
        return type(value).__name__
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return value
