"""ddcore: model-training results, from raw files to tables for analysis.

    import ddcore

    lake = ddcore.open("my.lake")
    lake.ingest("downloads/")
    lake.curate()
    lake.table("full_eval", params="150M", data=["C4", "Dolma1.7"])

Importing ddcore loads neither pyarrow nor the native library; the first call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._connect import attach
from ._demo import demo_lake
from .download import download_hf
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
from .lake import Lake, open  # noqa: A004 - ddcore.open, as in h5py
from .progress import Progress
from .verbs import doctor, sample, version

if TYPE_CHECKING:
    from . import distributed as distributed
    from . import plot as plot
    from . import predict as predict
    from . import scaling as scaling
    from ._refresh import refresh as refresh
    from ._wandb import download_wandb as download_wandb

    __version__: str

__all__ = [
    "BusyError",
    "CancelledError",
    "ContractError",
    "Error",
    "InternalError",
    "InvalidError",
    "Lake",
    "NotFoundError",
    "Progress",
    "StorageError",
    "__version__",
    "attach",
    "demo_lake",
    "doctor",
    "download_hf",
    "open",
    "sample",
    "version",
]


def __getattr__(name: str) -> Any:
    """Load what few need when it is asked for."""
    if name in ("distributed", "plot", "predict", "scaling"):  # they need Dask, Altair, scikit-learn, SciPy
        import importlib

        return importlib.import_module("." + name, __name__)
    if name == "download_wandb":
        from ._wandb import download_wandb

        return download_wandb
    if name == "refresh":
        from ._refresh import refresh

        return refresh
    if name == "__version__":
        from importlib import metadata

        return metadata.version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
