"""Where the files lie that ddcore uses: its native parts and DuckDB's extensions."""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def native(*parts: str) -> str:
    """Give the path of a native part: in the wheel, or as `make lib` left it."""
    installed = os.path.join(_HERE, *parts)
    if os.path.exists(installed):
        return installed
    return os.path.join(_HERE, "..", "..", "build", "native", *parts)


def extension_dirs() -> list[str]:
    """Give the folders of Python's path that hold wheels of DuckDB extensions."""
    return [p for p in sys.path if os.path.isdir(os.path.join(p, "duckdb_extension_ducklake"))]
