"""ddcore: model-training results, from raw files to tables for analysis.

    import ddcore

    lake = ddcore.open("my.lake")
    lake.ingest("downloads/")
    lake.curate()
    lake.table("full_eval", params="150M", data=["C4", "Dolma1.7"])

Importing ddcore loads next to nothing: modules are loaded when they are asked for,
pyarrow and the native library by the first call.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing's, without loading it: the ddcore command starts here, too

if TYPE_CHECKING:
    from typing import Any

    from . import distributed as distributed
    from . import plot as plot
    from . import predict as predict
    from . import scaling as scaling
    from ._connect import attach
    from ._demo import demo_lake
    from ._refresh import refresh as refresh
    from ._wandb import download_wandb as download_wandb
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

# Public names -> the module that has them; then the modules that are names themselves.
_MODULE_OF = {
    "attach": "_connect",
    "demo_lake": "_demo",
    "refresh": "_refresh",
    "download_wandb": "_wandb",
    "download_hf": "download",
    "Lake": "lake",
    "open": "lake",
    "Progress": "progress",
    "doctor": "verbs",
    "sample": "verbs",
    "version": "verbs",
    **dict.fromkeys((name for name in __all__ if name.endswith("Error")), "errors"),
}
_MODULES = ("distributed", "download", "errors", "lake", "plot", "predict", "progress", "scaling", "verbs")


def __getattr__(name: str) -> Any:
    """Load what a name stands for when it is first asked for."""
    if name == "__version__":
        from importlib import metadata

        value: Any = metadata.version(__name__)
    elif name in _MODULE_OF:
        value = getattr(importlib.import_module("." + _MODULE_OF[name], __name__), name)
    elif name in _MODULES:
        return importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names that are loaded when they are asked for, too."""
    return sorted({*globals(), *_MODULE_OF, *_MODULES, "__version__"})
