"""A model that is fitted once, kept in a file and applied to new runs."""

from __future__ import annotations

import dataclasses
import json
import operator
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa
import sklearn
import skops.io as sio
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from .. import _arguments, errors
from . import _folds, _intervals, _models
from ._data import as_table, matrix, role
from ._input import source
from ._numbers import invalid
from .evaluate import VERSIONS, described, held_out_errors, inner_labels

__all__ = ["Model", "fit", "load"]

# What a file of ours names beyond skops' own list: our classes, and the trees of scikit-learn, whose C code
# checks the shapes of what it is given.
TRUSTED = [
    "ddcore.predict._elastic_net.ElasticNetPath",
    "ddcore.predict._gaussian_process.GaussianProcess",
    "ddcore.predict._gaussian_process._State",
    "ddcore.predict._prepare.Prepare",
    "sklearn.tree._tree.Tree",
]


@dataclasses.dataclass(frozen=True, repr=False)
class Model:
    """A fitted model: made by `fit` or `load`.

    Attributes:
        pipeline: Preparation and estimator, of scikit-learn.
        half_widths: Half widths of the 50 and 90 % intervals, over the estimator's own deviation if it has one.
        config: What it was made from: target, feature names, arguments, snapshot, seed, versions.
    """

    pipeline: Pipeline
    half_widths: tuple[float, ...]
    config: dict[str, Any]

    def __repr__(self) -> str:
        """Write what it predicts, and how."""
        return f"<Model {self.config['model']['class']} of {self.config['target']}>"

    def predict(self, data: Any) -> pa.Table:
        """Predict new rows.

        Args:
            data: A table with the columns that the model was fitted to (`config["feature_names"]`), as
                `Lake.features` gives it with the same arguments; it needs no target.

        Returns:
            A row per row: the columns that identify it, predicted, and the ends of the 50 and 90 % intervals.

        Raises:
            InvalidError: A column is missing or no number; the message names it.
        """
        table = as_table(data)
        names = self.config["feature_names"]
        missing = [n for n in names if n not in table.column_names and n.partition("=")[0] not in table.column_names]
        if missing:
            arguments = {k: v for k, v in self.config["features_of"].items() if v is not None}
            asked = f"make the table with features({arguments})" if arguments else "add them, or fit without them"
            raise invalid(
                f"{len(missing)} of {len(names)} features are missing: {', '.join(missing[:5])}"
                f"{' …' if len(missing) > 5 else ''}", asked, missing[0],
            )  # fmt: skip
        if not table.num_rows:
            raise invalid("the table is empty", "pass one row per item")
        with threadpool_limits(1):
            mean, deviation = _models.predicted(self.pipeline, matrix(table, names))
        columns = {f.name: table[f.name] for f in table.schema if role(f) == "id"}
        columns["predicted"] = mean
        for level, half in zip(_intervals.LEVELS, self.half_widths, strict=True):
            width = half * (1.0 if deviation is None else deviation)
            columns |= {f"lower_{100 * level:.0f}": mean - width, f"upper_{100 * level:.0f}": mean + width}
        return pa.table(columns)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, which `load` reads without running code of the file (skops).

        Args:
            path: The file; it appears when it is whole.

        Raises:
            StorageError: It cannot be written.
        """
        where = os.path.abspath(_arguments.path(path))
        kept = {"pipeline": self.pipeline, "half_widths": list(self.half_widths), "config": json.dumps(self.config)}
        try:
            with tempfile.TemporaryDirectory(dir=os.path.dirname(where), prefix=".predict-") as folder:
                sio.dump(kept, os.path.join(folder, "model"), compression=zipfile.ZIP_DEFLATED)
                os.replace(os.path.join(folder, "model"), where)
        except OSError as problem:
            error = errors.StorageError(f"predict: {where}: {problem.strerror} (name a file in a folder that is there)")
            error.op, error.target, error.hint = "predict", where, "name a file in a folder that is there"
            raise error from problem


def fit(
    data: Any,
    target: str | None = None,
    model: str | Any = "elastic_net",
    *,
    groups: str | Iterable[str] | None = None,
    seed: int = 0,
    **features: Any,
) -> Model:
    """Fit one model to all rows that have a target, to be applied to new runs.

    Args:
        data: As in `evaluate`.
        target: As in `evaluate`.
        model: A name, or an estimator of scikit-learn.
        groups: What the rows are split by to choose the model's parameters and to calibrate its intervals, as
            in `evaluate`; choose what is new about the new runs.
        seed: The seed of all that is random.
        **features: As in `evaluate`.

    Returns:
        The model. How good it is, `evaluate` tells.

    Raises:
        InvalidError: As in `evaluate`.

    Example:
        >>> model = ddcore.predict.fit(lake, "arc_easy", window="20%", stats=["last", "mean"])
        >>> new = lake.features(window="20%", tasks="arc_easy", stats=["last", "mean"])
        >>> model.predict(new).column_names[:4]
        ['recipe', 'params', 'seed', 'predicted']
    """
    found = source(data, target, features)
    rows = found.data(target)
    estimators = _models.read(model if isinstance(model, str) else {type(model).__name__: model})
    estimator = next(iter(estimators.values()))
    split = _folds.read(rows, _arguments.names(groups))
    for name, labels in zip(split.columns, split.labels, strict=True):
        if len(set(labels)) < 2:
            raise invalid(f"{name} is {labels[0]} in all rows", "add results, or group by another column", name)
    splits = _folds.inner(split)
    with threadpool_limits(1):
        try:
            pipeline = _models.fitted(estimator, rows.x, rows.y, splits, operator.index(seed))
            wrong = np.concatenate(held_out_errors(pipeline, rows.x, rows.y, splits, split))
        except ValueError as problem:
            raise invalid(f"{next(iter(estimators))} cannot be fitted: {problem}", "choose another model") from problem
    config = {
        "target": rows.target, "model": described(estimator), "groups": list(split.columns), "seed": seed,
        "snapshot": found.snapshot, "features_of": found.arguments, "feature_names": rows.names,
        "n_rows": len(rows.y), "n_without_target": rows.n_without_target, "chosen": _models.parameters(pipeline),
        "versions": {n: metadata.version(n) for n in VERSIONS},
    }  # fmt: skip
    return Model(pipeline, tuple(_intervals.quantiles(wrong, inner_labels(split, splits))), config)


def load(path: str | os.PathLike[str], *, trusted: Iterable[str] = ()) -> Model:
    """Read a model from a file.

    Only classes of scikit-learn, NumPy, SciPy and ddcore are made; a file that names others is refused,
    as they could run any code.

    Args:
        path: What `Model.save` wrote.
        trusted: Names of further classes to make, e.g. of an estimator of one's own.

    Returns:
        The model. A warning tells if scikit-learn is of another version than it was fitted with.

    Raises:
        NotFoundError: There is no such file.
        InvalidError: It is no model of ddcore, or names classes that are not trusted.
    """
    where = _arguments.path(path)
    allowed = {*TRUSTED, *trusted}
    try:
        unknown = sorted(set(sio.get_untrusted_types(file=where)) - allowed)
        if unknown:
            raise invalid(
                f"{where} names classes that are not known to be harmless: {', '.join(unknown)}",
                "if you know who made the file, pass them as trusted=[...]",
            )
        kept = sio.load(where, trusted=sorted(allowed & set(sio.get_untrusted_types(file=where))))
        config = json.loads(kept["config"])
        half_widths = tuple(float(h) for h in kept["half_widths"])
        pipeline = kept["pipeline"]
    except FileNotFoundError as problem:
        error = errors.NotFoundError(f"predict: there is no file {where} (Model.save writes one)")
        error.op, error.target, error.hint = "predict", where, "Model.save writes one"
        raise error from problem
    except errors.Error:
        raise
    except Exception as problem:  # a damaged file fails in any way
        raise invalid(f"{where} is no model of ddcore: {problem}", "pass a file that Model.save wrote") from problem
    made_with = config["versions"]["scikit-learn"]
    if made_with != sklearn.__version__:
        warnings.warn(
            f"{where} was fitted with scikit-learn {made_with}, and this is {sklearn.__version__}: fit it again to be "
            "sure of its predictions",
            UserWarning,
            stacklevel=2,
        )
    return Model(pipeline, half_widths, config)
