"""What the tests of the C ABI share: subprocesses with a time limit, a small lake, DuckDBs from PyPI."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ddcore

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(ddcore.__file__).parent

PRELUDE = """
import os, signal, sys, threading, time
import ddcore
from ddcore import _native
LAKE = {lake!r}
def sql(text, **options):
    return _native.table("sql", LAKE, {{"sql": text}}, options)
def reader(text, **options):
    return _native.call("sql", LAKE, {{"sql": text}}, options)
# Hours of work in one operator, and rows without end.
ENDLESS = "SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(10000000) b"
STREAM = "SELECT range AS n FROM range(100000000000)"
"""


def run(code: str, lake: str = "", first: str = "", seconds: float = 60) -> str:
    """Run code in a fresh Python; it must end well, in time, with "ok" as its last line."""
    program = first + PRELUDE.format(lake=lake) + code
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"still running after {seconds} s\n{error.stdout}\n{error.stderr}")
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.splitlines()[-1:] == ["ok"], done.stdout
    return done.stdout


def tool(*command: str | Path) -> str:
    """Give what a build tool prints."""
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


def header_functions() -> set[str]:
    """The functions that capi/ddcore.h declares."""
    return set(re.findall(r"^\w+ \**(ddcore_\w+)\(", (ROOT / "capi/ddcore.h").read_text(), re.MULTILINE))
