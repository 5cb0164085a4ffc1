"""What can hang or kill a Python process: each case runs in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abi import INSTALLED, ROOT, run

OTHER = """
import sys, os
sys.path.insert(0, {folder!r})
def other():
    import duckdb
    assert duckdb.__version__ == {version!r}, duckdb.__version__
    assert duckdb.sql("SELECT version()").fetchall()[0][0] == "v" + {version!r}
    assert duckdb.sql("SELECT sum(range) FROM range(1000000)").fetchall()[0][0] == 499999500000
    try:
        duckdb.sql("SELECT * FROM nowhere")
    except duckdb.CatalogException:
        return
    raise AssertionError("no exception")
"""

OURS = """
def ours():
    assert sql("SELECT version() AS v")["v"][0].as_py() == _native.DUCKDB.decode()
    assert sql("SELECT sum(range)::BIGINT AS s FROM range(1000000)")["s"][0].as_py() == 499999500000
    try:
        sql("SELECT * FROM nowhere")
    except ddcore.NotFoundError:
        return
    raise AssertionError("no exception")
"""

ORDERS = {
    "theirs first": "other(); ours()",
    "ours first": "ours(); other()",
    "theirs first, global": "sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL); other(); ours()",
    "ours first, global": "sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL); ours(); other()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_two_duckdbs_in_one_process(order: str, other_duckdb: tuple[str, Path], small_lake: str) -> None:
    version, folder = other_duckdb
    first = OTHER.format(folder=str(folder), version=version)
    run(f"{OURS}\n{ORDERS[order]}; other(); ours(); print('ok')", small_lake, first)


def test_forked_child_gets_an_error_that_names_spawn(small_lake: str) -> None:
    run(
        """
held = reader("SELECT range AS n FROM range(1000000)")
small = _native.table("version")
held.read_next_batch()
pid = os.fork()
if pid == 0:
    signal.alarm(10)
    try:
        sql("SELECT 1")
        os._exit(1)
    except ddcore.InvalidError as error:
        assert "spawn" in str(error) and "spawn" in error.hint, error
    try:
        held.read_all()
        os._exit(2)
    except Exception as error:
        assert "spawn" in str(error), error
    assert _native.library().ddcore_cancel(1) == 0
    del held, small
    import gc
    gc.collect()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert held.read_all().num_rows > 0
del held, small
assert _native.live_streams() == 0
print("ok")
""",
        small_lake,
    )


def test_fork_after_the_import_only(small_lake: str) -> None:
    run(
        """
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    assert sql("SELECT 1 AS a")["a"][0].as_py() == 1
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print("ok")
""",
        small_lake,
    )


@pytest.mark.parametrize("query", ["ENDLESS", "STREAM"])
def test_ctrl_c_within_a_second(query: str, small_lake: str) -> None:
    run(
        f"""
sent = []
def interrupt():
    time.sleep(0.7)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
sql("SELECT 1")
threading.Thread(target=interrupt).start()
try:
    sql({query})
except KeyboardInterrupt as error:
    late = time.monotonic() - sent[0]
    assert late < 1, late
    assert isinstance(error, ddcore.CancelledError)
else:
    raise AssertionError("not interrupted")
assert sql("SELECT 1 AS a")["a"][0].as_py() == 1
assert _native.live_streams() == 0
print(late); print("ok")
""",
        small_lake,
        seconds=30,
    )


def test_an_exception_of_the_progress_callback_stops_the_call(tmp_path: Path) -> None:
    run(
        """
def stop(progress):
    assert progress.total > 0 and progress.unit == "rows" and progress.what, progress
    raise RuntimeError("stop it")
begin = time.monotonic()
try:
    _native.table("sample", args={"dir": LAKE, "full": True}, progress=stop)
except RuntimeError as error:
    assert str(error) == "stop it"
else:
    raise AssertionError("no progress was reported")
assert time.monotonic() - begin < 5
print("ok")
""",
        str(tmp_path),
        seconds=30,
    )


def test_sixteen_threads(small_lake: str) -> None:
    run(
        """
wrong = []
def work(k):
    for i in range(5):
        got = sql(f"SELECT sum(range + {k})::BIGINT AS s, count(*) AS n FROM range({100000 + i})")
        n = 100000 + i
        if got.to_pylist() != [{"s": n * (n - 1) // 2 + k * n, "n": n}]:
            wrong.append((k, i, got))
        try:
            sql("SELECT * FROM nowhere")
            wrong.append(k)
        except ddcore.NotFoundError:
            pass
        if sql("SELECT range AS r FROM range(300000)").num_rows != 300000:
            wrong.append((k, "rows"))
threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
for t in threads: t.start()
for t in threads: t.join()
assert not wrong, wrong
assert _native.live_streams() == 0
print("ok")
""",
        small_lake,
        seconds=120,
    )


def test_streams_outlive_the_lake(small_lake: str, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(small_lake, lake)
    run(
        """
import shutil
many = reader("SELECT range AS n FROM range(2000000)")
few = reader("SELECT 42 AS n")
never = reader(STREAM)
never.read_next_batch()
batch = many.read_next_batch()
assert _native.live_streams() == 3
shutil.rmtree(LAKE)
rows = batch.num_rows + sum(b.num_rows for b in many)
assert rows == 2000000, rows
assert few.read_all().to_pylist() == [{"n": 42}]
assert batch.column(0)[1].as_py() == 1
box = [many, few, never]
del many, few, never
t = threading.Thread(target=box.clear)  # released on another thread
t.start(); t.join()
assert _native.live_streams() == 0
assert batch.column(0)[2].as_py() == 2  # an array outlives its stream
print("ok")
""",
        str(lake),
    )


def test_signal_handlers_stay_pythons(small_lake: str) -> None:
    run(
        """
import ctypes
class Action(ctypes.Structure):
    _fields_ = [("handler", ctypes.c_void_p), ("rest", ctypes.c_char * 152)]
libc = ctypes.CDLL(None)
def handlers():
    out = {}
    for s in signal.valid_signals():
        a = Action()
        if libc.sigaction(int(s), None, ctypes.byref(a)) == 0:
            out[int(s)] = a.handler
    return out
signal.signal(signal.SIGTERM, lambda *_: None)
python, os_level = {s: signal.getsignal(s) for s in signal.valid_signals()}, handlers()
sql("SELECT 1")
assert python == {s: signal.getsignal(s) for s in signal.valid_signals()}
changed = {s for s, h in handlers().items() if h != os_level[s]}
# Go's runtime takes the faults and passes on those that are not in Go code,
# and needs SIGURG for itself; it must leave everything else.
allowed = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGPIPE, signal.SIGURG}
assert changed <= allowed, changed - allowed
print(changed); print("ok")
""",
        small_lake,
    )


def test_broken_pipe_is_still_an_exception(small_lake: str) -> None:
    run(
        """
sql("SELECT 1")
r, w = os.pipe()
os.close(r)
try:
    os.write(w, b"x")
except BrokenPipeError:
    print("ok")
""",
        small_lake,
    )


def special_build(folder: Path, tags: str = "", **env: str) -> None:
    """Build libddcore.so in another way, beside a copy of the installed DuckDB."""
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    shutil.copy(INSTALLED / "lib/libddcore_duckdb.so", folder)
    code = f"import native; native.link_library(native.Path({str(folder)!r}), 'test', {tags!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "python/build", env={**os.environ, **env}, check=True)


def test_a_panic_is_an_error_and_the_last_call(tmp_path: Path, small_lake: str) -> None:
    special_build(tmp_path, ",ddcore_panic")  # adds a verb that panics: capi/panic_hook.go
    run(
        f"""
library = _native._load({str(tmp_path)!r})
_native.library = lambda: library
held = reader("SELECT range AS n FROM range(3000000)")
held.read_next_batch()
try:
    _native.table("panic")
    raise AssertionError("no error")
except ddcore.InternalError as error:
    assert "panic that was asked for" in str(error) and "goroutine" in str(error), error
    assert "report it" in error.hint
try:
    sql("SELECT 1")
    raise AssertionError("no error")
except ddcore.InternalError as error:
    assert "unusable" in str(error), error
assert held.read_all().num_rows > 2000000  # what was handed out stays readable
del held
assert _native.live_streams() == 0
print("ok")
""",
        small_lake,
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_go_memory_is_handed_to_c(tmp_path: Path, small_lake: str) -> None:
    # This Go experiment ends the process when a Go pointer is stored in C memory.
    special_build(tmp_path, GOEXPERIMENT="cgocheck2")
    run(
        f"""
library = _native._load({str(tmp_path)!r})
_native.library = lambda: library
for verb in ("version", "doctor"):
    _native.table(verb)
for verb in ("tables", "snapshots", "files", "rejects"):
    _native.table(verb, LAKE)
_native.table("table", LAKE, {{"name": "full_eval"}})
assert sql("SELECT range FROM range(1000000)").num_rows == 1000000
try:
    sql("SELECT * FROM nowhere")
except ddcore.NotFoundError:
    print("ok")
""",
        small_lake,
    )


def test_another_go_library_is_warned_of(tmp_path: Path) -> None:
    other = tmp_path / "libadbc_driver_flightsql.so"
    other.write_bytes(b"\0" * 4096)
    run(
        f"""
import mmap, warnings
file = open({str(other)!r}, "rb")
mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    _native.table("version")
assert "adbc_driver_flightsql" in str(caught[0].message), caught
print("ok")
"""
    )
