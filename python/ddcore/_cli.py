"""The `ddcore` command: the Go program that lies in the wheel, and what only Python can do."""

from __future__ import annotations

import importlib
import os
import sys

from . import _where

# First words of the command line -> module of this package, whose `main` takes
# the rest. The Go program lists the same in its help (cmd/ddcore/python.go).
COMMANDS = {
    ("download", "wandb"): "_wandb.command",
    ("notebook",): "_notebook",
    ("predict",): "_predict",
    ("refresh",): "_refresh.command",
}


def main() -> None:
    """Run a command of Python's, or replace this process by the Go program; imports nothing heavy."""
    for words, module in COMMANDS.items():
        if tuple(sys.argv[1 : 1 + len(words)]) == words:
            from ._command import run

            sys.exit(run(words, importlib.import_module("." + module, __package__).main, sys.argv[1 + len(words) :]))
    os.execv(program(), ["ddcore", *sys.argv[1:]])


def program() -> str:
    """Give the path of the Go program, which from now on finds DuckDB's extensions."""
    os.environ.setdefault("DDCORE_EXTENSION_DIR", os.pathsep.join(_where.extension_dirs()))
    return _where.native("bin", "ddcore")
