"""Loads the native library and calls it; the only module that does.

``capi/ddcore.h`` is the contract. The library is loaded by the first call and
not by ``import ddcore``, so that a process which only imports ddcore may fork.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import json
import os
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import _where, errors

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

ABI = 1  # DDCORE_ABI of ddcore.h
DUCKDB = b"v1.5.5"  # core/lake names it for Go; the two are tested to agree
POLL_SECONDS = 0.05

# Two Go runtimes in one process crash it sooner or later (golang/go#65050).
GO_LIBRARIES = ("adbc_driver_bigquery", "adbc_driver_flightsql", "adbc_driver_snowflake", "gojsonnet")


class Progress(NamedTuple):
    """How far a call is; ``total`` is 0 or less when it is not known."""

    done: int
    total: int
    unit: str
    what: str


class _Stream(ctypes.Structure):
    """``struct ArrowArrayStream``."""

    _fields_ = [
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.c_void_p),
        ("get_last_error", ctypes.c_void_p),
        ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("private_data", ctypes.c_void_p),
    ]


class _Progress(ctypes.Structure):
    """``struct ddcore_progress``."""

    _fields_ = [
        ("done", ctypes.c_int64),
        ("total", ctypes.c_int64),
        ("unit", ctypes.c_char * 16),
        ("what", ctypes.c_char * 112),
    ]


def _load(folder: str) -> ctypes.CDLL:
    """Load both libraries from folder and check that they are what we expect."""
    # DEEPBIND: without it our library would run another DuckDB that something
    # else had loaded RTLD_GLOBAL; macOS has no such flag and no need of it.
    # DuckDB first: ours finds it by its soname.
    mode = os.RTLD_NOW | os.RTLD_LOCAL | getattr(os, "RTLD_DEEPBIND", 0)
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    ctypes.CDLL(os.path.join(folder, "libddcore_duckdb" + suffix), mode=mode)
    lib = ctypes.CDLL(os.path.join(folder, "libddcore" + suffix), mode=mode)
    lib.ddcore_abi.argtypes = [ctypes.POINTER(ctypes.c_char_p)]
    lib.ddcore_call.argtypes = [
        ctypes.c_char_p,
        ctypes.c_uint64,
        ctypes.POINTER(_Stream),
        ctypes.POINTER(ctypes.c_void_p),
    ]
    lib.ddcore_cancel.argtypes = [ctypes.c_uint64]
    lib.ddcore_progress.argtypes = [ctypes.c_uint64, ctypes.POINTER(_Progress)]
    lib.ddcore_free.argtypes = [ctypes.c_void_p]
    lib.ddcore_free.restype = None
    lib.ddcore_live_streams.restype = ctypes.c_int64
    duckdb = ctypes.c_char_p()
    abi = lib.ddcore_abi(ctypes.byref(duckdb))
    if (abi, duckdb.value) != (ABI, DUCKDB):
        raise ImportError(
            f"libddcore.so has ABI {abi} and runs DuckDB {duckdb.value!r}; this Python package needs ABI {ABI} "
            f"and {DUCKDB!r}. Reinstall ddcore; import it before other packages that bring DuckDB."
        )
    return lib


@functools.cache
def library() -> ctypes.CDLL:
    """Give the native library, loaded once."""
    _warn_of_other_go()
    return _load(_where.native("lib"))


def _warn_of_other_go() -> None:
    try:
        with open("/proc/self/maps") as file:
            maps = file.read()
    except OSError:
        return
    for name in GO_LIBRARIES:
        if name in maps:
            warnings.warn(
                f"{name} is loaded in this process: two Go libraries in one process can crash it. "
                "Use ddcore in a process of its own.",
                RuntimeWarning,
                stacklevel=4,
            )


def live_streams() -> int:
    """Count the results that were handed out and not yet released."""
    return int(library().ddcore_live_streams())


_ids = itertools.count(1)


def call(
    verb: str,
    lake: str = "",
    args: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> pa.RecordBatchReader:
    """Run one verb; give its result as a reader that owns all it needs."""
    call_id = next(_ids)
    request = _request(verb, lake, args, options)
    return _wait(call_id, lambda: _open(request, call_id), progress)


def table(
    verb: str,
    lake: str = "",
    args: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> pa.Table:
    """Run one verb and read its result; Ctrl-C works to the last row."""
    call_id = next(_ids)
    request = _request(verb, lake, args, options)

    def work() -> pa.Table:
        try:
            with _open(request, call_id) as reader:
                return reader.read_all()
        except errors.Error:
            raise
        except Exception as error:
            raise errors.from_stream(error) from None

    return _wait(call_id, work, progress)


def _request(verb: str, lake: str, args: Mapping[str, Any] | None, options: Mapping[str, Any] | None) -> bytes:
    request: dict[str, Any] = {"verb": verb, "lake": lake, "args": args or {}}
    request["options"] = {"extension_dirs": _where.extension_dirs(), **(options or {})}
    return json.dumps(request).encode()


def _open(request: bytes, call_id: int) -> pa.RecordBatchReader:
    lib = library()
    stream, error = _Stream(), ctypes.c_void_p()
    if lib.ddcore_call(request, call_id, ctypes.byref(stream), ctypes.byref(error)) != 0:
        if not error.value:
            raise MemoryError
        text = ctypes.string_at(error.value)
        lib.ddcore_free(error)
        raise errors.from_core(json.loads(text))
    try:
        import pyarrow as pa

        return pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
    finally:
        if stream.release:  # the import moves the stream, unless it fails
            stream.release(ctypes.addressof(stream))


def _wait(call_id: int, work: Callable[[], T], progress: Callable[[Progress], None] | None) -> T:
    """Run work on a thread, so that this one stays open to Ctrl-C."""
    done = threading.Event()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name=f"ddcore-{call_id}", daemon=True)
    try:
        thread.start()
        import pyarrow  # noqa: F401 - takes longer than many a query, which goes on meanwhile

        while not done.wait(POLL_SECONDS):
            if progress is not None:
                _report(call_id, progress)
    except BaseException as error:
        # Cancel again and again: the thread may not have reached the library.
        while thread.is_alive() and not done.wait(POLL_SECONDS):
            library().ddcore_cancel(call_id)
        if type(error) is KeyboardInterrupt:
            raise errors.CancelledError("cancelled") from None
        raise
    if failure:
        raise failure[0]
    return outcome[0]


def _report(call_id: int, progress: Callable[[Progress], None]) -> None:
    p = _Progress()
    if library().ddcore_progress(call_id, ctypes.byref(p)):
        progress(Progress(p.done, p.total, p.unit.decode(), p.what.decode()))
