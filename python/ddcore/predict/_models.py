"""Models by name, and those of the user, each behind the same preparation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import Pipeline

from ._elastic_net import ElasticNetPath
from ._gaussian_process import GaussianProcess
from ._numbers import Array, Splits, invalid
from ._prepare import Prepare

#: Models by name, made anew for each fit.
MODELS: dict[str, Callable[[], BaseEstimator]] = {
    "elastic_net": ElasticNetPath,
    "gaussian_process": GaussianProcess,
    "extra_trees": lambda: ExtraTreesRegressor(n_estimators=100, min_samples_leaf=2, max_features=0.5),
}


def read(models: str | Iterable[str] | Mapping[str, Any]) -> dict[str, BaseEstimator]:
    """Give estimators by name: those of `MODELS`, or a mapping from names to estimators of scikit-learn."""
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        names = [models] if isinstance(models, str) else list(models)
        unknown = [n for n in names if n not in MODELS]
        if unknown:
            raise invalid(
                f"there is no model {unknown[0]!r}",
                f"take of {', '.join(MODELS)}, or pass {{'name': an estimator of scikit-learn}}",
            )
        named = {n: MODELS[n]() for n in names}
    if not named:
        raise invalid("there are no models", f"take of {', '.join(MODELS)}")
    for name, estimator in named.items():
        if not (hasattr(estimator, "fit") and hasattr(estimator, "predict") and hasattr(estimator, "get_params")):
            raise invalid(f"model {name} is {type(estimator).__name__}", "pass an estimator of scikit-learn")
    return named


def fitted(estimator: BaseEstimator, x: Array, y: Array, splits: Splits, seed: int) -> Pipeline:
    """Fit a copy to training rows.

    Whatever of it cross-validates (a parameter `cv` that is a number or None, as in ElasticNetCV or
    GridSearchCV) does so on the grouped splits, and whatever is random (a parameter `random_state` that is
    None) takes the seed.
    """
    copy = clone(estimator)
    changes: dict[str, Any] = {}
    for name, value in copy.get_params().items():
        last = name.rpartition("__")[2]
        if last == "cv" and (value is None or isinstance(value, int)):
            changes[name] = splits
        elif last == "random_state" and value is None:
            changes[name] = seed
    made = Pipeline([("prepare", Prepare()), ("model", copy.set_params(**changes))])
    return made.fit(x, y)


def chosen(pipeline: Pipeline, splits: Callable[[], Splits]) -> Pipeline:
    """Give an unfitted copy with the parameters that were chosen, to be fitted to parts of the same rows.

    Args:
        pipeline: What was fitted.
        splits: Gives the splits of the part, for an estimator that must choose again.
    """
    model = pipeline["model"]
    frozen = model.chosen() if hasattr(model, "chosen") else clone(getattr(model, "best_estimator_", model))
    again = [n for n, v in frozen.get_params().items() if n.rpartition("__")[2] == "cv" and isinstance(v, list)]
    if again:
        frozen.set_params(**dict.fromkeys(again, splits()))
    return Pipeline([("prepare", clone(pipeline["prepare"])), ("model", frozen)])


def predicted(pipeline: Pipeline, x: Array) -> tuple[Array, Array | None]:
    """Predict rows, with the model's own deviations where it has them."""
    if isinstance(pipeline["model"], GaussianProcess):
        mean, deviation = pipeline.predict(x, return_std=True)
        return np.asarray(mean, dtype=float), np.asarray(deviation, dtype=float)
    return np.asarray(pipeline.predict(x), dtype=float).reshape(len(x)), None


def parameters(pipeline: Pipeline) -> dict[str, float]:
    """Tell what a fit chose, for the record."""
    model = pipeline["model"]
    names = ("alpha_", "l1_ratio_", "length_scale_", "noise_", "scale_")
    return {n.rstrip("_"): float(getattr(model, n)) for n in names if isinstance(getattr(model, n, None), float)}
