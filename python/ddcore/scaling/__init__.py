"""Scaling laws of task losses and accuracies (``pip install 'ddcore[predict]'``).

Two steps (arXiv 2412.04403): size and tokens to a task's loss, L = A / N^alpha + B / D^beta + E,
and the loss to the accuracy, a / (1 + exp(-k (L - L0))) + b; or one step. `SETUPS` lists the
published ways of fitting them; docs/scaling.md has the formulas and their sources.

    law = ddcore.scaling.fit(table, "ladder")
    law.predict(n_params=7e9, tokens=4e12)
"""

from __future__ import annotations

try:
    import scipy as _scipy  # noqa: F401
    import threadpoolctl as _threadpoolctl  # noqa: F401
except ImportError as error:
    raise ImportError("ddcore.scaling fits with SciPy: pip install 'ddcore[predict]'") from error

from .extrapolate import compare, decision_accuracy, extrapolate
from .law import ScalingLaw, fit
from .setups import SETUPS, Setup
from .sources import checkpoints, from_curves, ladder_task

__all__ = [
    "SETUPS",
    "ScalingLaw",
    "Setup",
    "checkpoints",
    "compare",
    "decision_accuracy",
    "extrapolate",
    "fit",
    "from_curves",
    "ladder_task",
]
