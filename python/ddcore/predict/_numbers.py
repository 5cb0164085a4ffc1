"""Types and errors that the modules of ddcore.predict share."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _arguments, errors

Array: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
Splits: TypeAlias = list[tuple[Rows, Rows]]


def invalid(problem: str, hint: str, column: str = "", rows: tuple[str, ...] = ()) -> errors.InvalidError:
    """Make the error for what cannot be predicted or predicted from."""
    error = _arguments.invalid(f"predict: {problem}", hint)
    error.op, error.column, error.rows = "predict", column, rows
    return error
