"""Errors of downloads from W&B, and what the client's exceptions mean."""

from __future__ import annotations

import re
from typing import Any

from .. import errors

OP = "download wandb"
AGAIN = "run the command again: what is complete is kept"

_REFUSED = (401, 403)
# The server understood, and said no.
_DENIED = re.compile(r"^input: |^returned error 4(?!08|29)\d\d")
_GAVE_UP = "giving up after"  # the client, after retries of its own


def problem(kind: type[errors.Error], target: str, why: str, hint: str) -> errors.Error:
    """Make an error of a download."""
    return errors.make(kind, OP, target, why, hint)


def is_final(error: BaseException) -> bool:
    """Tell whether another try of a call is no use."""
    return isinstance(error, (errors.Error, ValueError)) or is_denied(error) or _GAVE_UP in str(error)


def is_denied(error: BaseException) -> bool:
    """Tell whether the server understood the call, and will never answer it."""
    status = _status(error)
    if status:
        return 400 <= status < 500 and status not in (408, 429)
    return _DENIED.search(str(error)) is not None


def translate(error: BaseException, operation: str, target: str, server: str) -> errors.Error:
    """Say what an exception of the client means.

    Args:
        error: The exception.
        operation: The GraphQL operation that failed; a server of another version
            may not know its fields.
        target: The project or run.
        server: The server's address.
    """
    if isinstance(error, errors.Error):
        return error
    why = _reason(error)
    if type(error).__name__ in ("AuthenticationError", "UsageError") or _status(error) in _REFUSED:
        hint = f"set WANDB_API_KEY to a key of {server} that may read it, or run `wandb login`"
        return problem(errors.InvalidError, target, f"{operation}: {why}", hint)
    if "Could not find project" in why or type(error).__name__ == "RunNotFoundError":
        hint = f"check the spelling ENTITY/PROJECT, and that your key may read it at {server}"
        return problem(errors.NotFoundError, target, why, hint)
    if is_denied(error):
        hint = "the server does not know what this version of the client asks for: update either (pip install -U wandb)"
        return problem(errors.StorageError, target, f"{operation}: {why}", hint)
    return problem(errors.StorageError, target, f"{operation}: {why}", AGAIN)


def _status(error: BaseException | None) -> int:
    """Give the HTTP status that an exception or its cause tells, or 0."""
    while error is not None:
        response: Any = getattr(error, "response", None)
        if status := getattr(response, "http_status", 0):
            return int(status)
        error = error.__cause__
    return 0


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
