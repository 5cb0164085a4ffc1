"""ddcore: model-training results, from raw files to tables for analysis."""

from __future__ import annotations

from .errors import (
    BusyError,
    CancelledError,
    ContractError,
    Error,
    InternalError,
    InvalidError,
    NotFoundError,
    StorageError,
)

__all__ = [
    "BusyError",
    "CancelledError",
    "ContractError",
    "Error",
    "InternalError",
    "InvalidError",
    "NotFoundError",
    "StorageError",
]
