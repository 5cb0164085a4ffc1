"""The exceptions of ddcore: one per kind of error in the core.

Each derives from :class:`Error` and from the built-in that Python users catch
for such a failure, so both ``except ddcore.Error`` and ``except ValueError``
work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

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


class Error(Exception):
    """Something that ddcore was asked for did not work.

    The message says what failed, on what, why, and what to do next; the
    attributes hold the same in parts.
    """

    kind: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 70  #: of the `ddcore` command
    op: str = ""  #: the verb or step that failed, e.g. "ingest"
    target: str = ""  #: file, table or lake
    hint: str = ""  #: what to do next
    table: str = ""  #: ContractError only: the table whose contract is broken
    column: str = ""  #: ContractError only
    rows: tuple[str, ...] = ()  #: ContractError only: up to three example rows


class InvalidError(Error, ValueError):
    """The request or an input file is wrong."""

    kind = "invalid"
    exit_code = 2


class NotFoundError(Error, LookupError):
    """A lake, table, column, file or snapshot does not exist."""

    kind = "not_found"
    exit_code = 3


class ContractError(Error, ValueError):
    """Data breaks the contract of a table: see table, column and rows."""

    kind = "contract"
    exit_code = 4


class BusyError(Error, RuntimeError):
    """Another process holds the lake."""

    kind = "busy"
    exit_code = 5


class StorageError(Error, OSError):
    """The operating system or the object store refused."""

    kind = "io"
    exit_code = 6


class CancelledError(Error, KeyboardInterrupt):
    """The user interrupted."""

    kind = "cancelled"
    exit_code = 130


class InternalError(Error, RuntimeError):
    """A bug in ddcore."""

    kind = "internal"


CLASSES: dict[str, type[Error]] = {
    cls.kind: cls
    for cls in (InvalidError, NotFoundError, ContractError, BusyError, StorageError, CancelledError, InternalError)
}


def make(kind: type[Error], op: str, target: str, why: str, hint: str) -> Error:
    """Make an error of Python's own with the core's wording: what failed, on what, why, what to do."""
    error = kind(f"{' '.join(filter(None, (op, target)))}: {why} ({hint})")
    error.op, error.target, error.hint = op, target, hint
    return error


def near_names(name: str, known: Iterable[str]) -> str:
    """Give the hint for a name that there is not: the three known ones most like it."""
    import difflib

    near = difflib.get_close_matches(name, list(known), 3, 0)
    return f"near names: {', '.join(near) or 'none'}"


def from_core(parts: dict[str, Any]) -> Error:
    """Make the exception for an error that the core reports as JSON."""
    error = CLASSES.get(parts["kind"], InternalError)(parts["message"])
    for name in ("op", "target", "hint", "table", "column"):
        setattr(error, name, parts[name])
    error.rows = tuple(parts["rows"])
    return error


def from_stream(error: Exception) -> Exception:
    """Make the exception for an Arrow error, if ddcore's stream raised it.

    A stream can only hand over text, which begins with the class name.
    """
    text = str(error)
    for cls in CLASSES.values():
        _, found, message = text.partition(cls.__name__ + ": ")
        if found:
            return cls(message)
    return error
