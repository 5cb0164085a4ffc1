"""Predict how runs end from how they begin (``pip install 'ddcore[predict]'``).

    report = ddcore.predict.evaluate(lake, "arc_easy", window="20%", groups="params")
    report.scores                                    # of models, and of baselines to beat
    report.to_html("report.html")

    model = ddcore.predict.fit(lake, "arc_easy", window="20%")
    model.predict(other_lake.features(window="20%", tasks="arc_easy"))

docs/predict.md has the formulas and their sources.
"""

from __future__ import annotations

try:
    import sklearn as _sklearn  # noqa: F401
    import skops as _skops  # noqa: F401
except ImportError as error:
    raise ImportError("ddcore.predict learns with scikit-learn: pip install 'ddcore[predict]'") from error

from ._elastic_net import ElasticNetPath
from ._gaussian_process import GaussianProcess
from ._models import MODELS
from .evaluate import DEFAULT_MODELS, evaluate
from .forecast import Forecast, forecast
from .model import Model, fit, load
from .report import Report

__all__ = [
    "DEFAULT_MODELS",
    "MODELS",
    "ElasticNetPath",
    "Forecast",
    "GaussianProcess",
    "Model",
    "Report",
    "evaluate",
    "fit",
    "forecast",
    "load",
]
