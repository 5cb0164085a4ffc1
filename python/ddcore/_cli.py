"""The `ddcore` command: starts the Go program that lies in the wheel."""

from __future__ import annotations

import os
import sys

from . import _where


def main() -> None:
    """Replace this process by the Go program; imports nothing heavy."""
    program = _where.native("bin", "ddcore")
    os.environ.setdefault("DDCORE_EXTENSION_DIR", os.pathsep.join(_where.extension_dirs()))
    os.execv(program, ["ddcore", *sys.argv[1:]])
