"""Nested ElasticNet and Gaussian processes: ddcore.predict against plain scikit-learn, on the same folds.

predict.py [--rounds N] [--no-grid]

300 rows (25 recipes x 12 sizes) of 40 correlated columns, made here. ElasticNet: each recipe is held out and
the penalty is chosen by 4 folds of the other recipes, from 4 ratios x 30 alphas, which are the same for all.
GridSearchCV scales inside each fold, as ddcore does; ElasticNetCV cannot. Gaussian process: four targets, 20
recipes tell 5, one optimiser run from the kernel's defaults for each of scikit-learn's. One thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import sklearn
from ddcore.predict import ElasticNetPath, GaussianProcess
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import ElasticNet, ElasticNetCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

Array: TypeAlias = npt.NDArray[np.float64]
Splits: TypeAlias = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

RATIOS = (0.1, 0.5, 0.9, 1.0)
ALPHAS = np.geomspace(1, 1e-3, 30)
RECIPES, SIZES, COLUMNS = 25, 12, 40
TOLERANCE = 1e-3  # of R^2
MAX_ITER = 2_000


def rows() -> tuple[Array, Array, Array]:
    """Make rows, four targets, and the recipe of each row."""
    rng = np.random.default_rng(0)
    recipe = np.repeat(np.arange(RECIPES), SIZES)
    size = np.tile(np.arange(SIZES), RECIPES)[:, None]
    hidden = rng.normal(size=(len(recipe), 6)) + rng.normal(size=(RECIPES, 6))[recipe] + 0.2 * size
    x = hidden @ rng.normal(size=(6, COLUMNS)) + 0.5 * rng.normal(size=(len(recipe), COLUMNS))
    noise = rng.normal(size=(len(recipe), 4)) * (0.2, 0.05, 0.1, 0.5)
    targets = [
        np.tanh(hidden[:, 0] / 2) + 0.3 * hidden[:, 1],
        np.tanh(hidden[:, 1]),
        0.1 * hidden[:, 2] ** 2,
        hidden[:, 3],
    ]
    return x, np.column_stack(targets) + noise, recipe


def nested(make: Callable[[Splits], BaseEstimator], x: Array, y: Array, recipe: Array) -> list[float]:
    """Predict each recipe from the others; give the R^2."""
    predicted = np.empty(len(y))
    for train, test in LeaveOneGroupOut().split(x, y, recipe):
        splits = list(GroupKFold(4).split(x[train], y[train], recipe[train]))
        predicted[test] = make(splits).fit(x[train], y[train]).predict(x[test])
    return [float(r2_score(y, predicted))]


def own_net(splits: Splits) -> BaseEstimator:
    """Make ddcore's."""
    return ElasticNetPath(RATIOS, alphas=ALPHAS, cv=splits, max_iter=MAX_ITER)


def net_cv(splits: Splits) -> BaseEstimator:
    """Make scikit-learn's with paths."""
    return make_pipeline(
        StandardScaler(), ElasticNetCV(l1_ratio=list(RATIOS), alphas=ALPHAS, cv=splits, max_iter=MAX_ITER)
    )


def grid_search(splits: Splits) -> BaseEstimator:
    """Make scikit-learn's general search."""
    grid = {"elasticnet__alpha": ALPHAS, "elasticnet__l1_ratio": RATIOS}
    net = make_pipeline(StandardScaler(), ElasticNet(max_iter=MAX_ITER))
    return GridSearchCV(net, grid, cv=splits, scoring="neg_mean_squared_error")


def processes(make: Callable[[Array, Array, Array], Array], x: Array, y: Array, recipe: Array) -> list[float]:
    """Predict five recipes from twenty; give the R^2 of each target."""
    train = recipe < 20
    scaler = StandardScaler().fit(x[train])
    predicted = make(scaler.transform(x[train]), y[train], scaler.transform(x[~train]))
    return [float(v) for v in r2_score(y[~train], predicted, multioutput="raw_values")]


def own_process(x: Array, y: Array, new: Array) -> Array:
    """Fit all targets at once."""
    return GaussianProcess().fit(x, y).predict(new, return_std=True)[0]


def plain_process(x: Array, y: Array, new: Array) -> Array:
    """Fit one target after another."""
    out = []
    for target in y.T:
        kernel = ConstantKernel() * RBF() + WhiteKernel()
        model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        out.append(model.fit(x, target).predict(new, return_std=True)[0])
    return np.column_stack(out)


def timed(call: Callable[[], list[float]], rounds: int) -> tuple[list[float], float, float]:
    """Run several times; give the R^2 and the medians of seconds and CPU seconds."""
    walls, cpus, r2 = [], [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        r2 = call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return r2, statistics.median(walls), statistics.median(cpus)


def main() -> None:
    """Measure, check and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-grid", action="store_true", help="leave GridSearchCV out, which takes a minute")
    a = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y, recipe = rows()
    nets = {"ElasticNetCV": net_cv, "ddcore ElasticNetPath": own_net}
    if not a.no_grid:
        nets = {"GridSearchCV(ElasticNet)": grid_search} | nets
    with threadpool_limits(1):
        net = {
            name: timed(lambda make=make: nested(make, x, y[:, 0], recipe), 1 if make is grid_search else a.rounds)
            for name, make in nets.items()
        }
        makers = {"GaussianProcessRegressor, four times": plain_process, "ddcore GaussianProcess": own_process}
        process = {n: timed(lambda m=m: processes(m, x, y, recipe), a.rounds) for n, m in makers.items()}
    for title, found in (
        ("nested ElasticNet, 25 x 4 folds, 120 penalties", net),
        ("Gaussian process, 4 targets", process),
    ):
        own = list(found)[-1]
        print(f"| {title} | s | CPU s | ddcore's CPU s over these | R² |\n|---|--:|--:|--:|--:|")
        for name, (r2, wall, cpu) in found.items():
            print(
                f"| {name} | {wall:.2f} | {cpu:.2f} | {found[own][2] / cpu:.2f} | {', '.join(f'{v:.4f}' for v in r2)} |"
            )
        for name, (r2, _, _) in found.items():
            off = max(abs(p - q) for p, q in zip(r2, found[own][0], strict=True))
            # ElasticNetCV scales outside its folds, and may choose another penalty.
            if off > TOLERANCE and name != "ElasticNetCV":
                raise SystemExit(f"{name}: R² differs by {off:.4f}")
            if off > TOLERANCE:
                print(f"\nR² of {name} differs by {off:.4f}.")
        print(f"\nscikit-learn {sklearn.__version__}; R² agree within {TOLERANCE} unless said.\n")


if __name__ == "__main__":
    main()
