"""What the commands in Python have in common with the Go program: flags, errors, exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from .errors import CancelledError, Error, InvalidError


class Parser(argparse.ArgumentParser):
    """An argparse parser whose mistakes are ddcore's errors."""

    def error(self, message: str) -> None:  # type: ignore[override] # argparse's never returns either
        """Refuse a command line."""
        error = InvalidError(message)
        error.hint = f"`{self.prog} --help` tells more"
        raise error


def add_lake(parser: argparse.ArgumentParser) -> None:
    """Add --lake with the default of the Go program."""
    parser.add_argument("-l", "--lake", default=os.environ.get("DDCORE_LAKE"), help="the lake; default: $DDCORE_LAKE")


def run(words: Sequence[str], command: Callable[[Parser, list[str]], None], arguments: list[str]) -> int:
    """Run a command; give its exit code, which is that of the error's kind (docs/cli.md).

    Args:
        words: The subcommand's words.
        command: Takes a parser to fill and the arguments.
        arguments: What stands after the words.
    """
    try:
        command(Parser(prog=" ".join(["ddcore", *words])), arguments)
    except KeyboardInterrupt:
        return _fail(CancelledError("interrupted; nothing is half-written"), arguments)
    except Error as error:
        return _fail(error, arguments)
    except OSError as error:
        return _fail(_named(error), arguments)
    return 0


def _named(error: OSError) -> Error:
    from .errors import StorageError

    return StorageError(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(error: Error, arguments: list[str]) -> int:
    text = str(error)
    suffix = f" ({error.hint})"
    if error.hint:
        text = text.removesuffix(suffix)
    print(f"ddcore: {text}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    if "--json" in arguments:
        report = {
            "kind": error.kind,
            "exit": error.exit_code,
            "message": text,
            "target": error.target,
            "hint": error.hint,
        }
        print(json.dumps({"error": {k: v for k, v in report.items() if v != ""}}), file=sys.stderr)
    return error.exit_code
