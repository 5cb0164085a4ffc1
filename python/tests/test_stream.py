"""Results as they arrive: the same as Python's duckdb gives, errors with their class, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import ddcore
from abi import run
from ddcore import _native

# One expression over i per Arrow layout that the border joins (or, for the
# union, hands on chunk by chunk), with nulls where they matter.
COLUMNS = {
    "bool": "i % 2 = 0",
    "bool with null": "CASE WHEN i % 3 = 0 THEN NULL ELSE i % 2 = 0 END",
    "tinyint": "(i % 100)::TINYINT",
    "usmallint": "(i % 60000)::USMALLINT",
    "bigint with null": "CASE WHEN i % 7 <> 0 THEN i END",
    "late null": "CASE WHEN i <> 150000 THEN i END",
    "hugeint": "i::HUGEINT",
    "float": "i::FLOAT",
    "double": "i / 3.0::DOUBLE",
    "decimal(18,3)": "(i / 7)::DECIMAL(18,3)",
    "decimal(4,1)": "(i % 90)::DECIMAL(4,1)",
    "text": "CASE WHEN i % 11 <> 0 THEN 'v' || i END",
    "empty text": "''",
    "all null": "NULL",
    "blob": "('b' || i)::BLOB",
    "date": "DATE '2020-01-01' + (i % 1000)::INT",
    "time": "TIME '00:00:01' + to_seconds(i % 1000)",
    "timestamp": "TIMESTAMP '2020-01-01' + to_seconds(i)",
    "timestamptz": "(TIMESTAMP '2020-01-01' + to_seconds(i))::TIMESTAMPTZ",
    "timestamp_ns": "(TIMESTAMP '2020-01-01' + to_seconds(i))::TIMESTAMP_NS",
    "interval": "to_seconds(i)",
    "uuid": "('00000000-0000-0000-0000-' || lpad(i::VARCHAR, 12, '0'))::UUID",
    "enum": "(CASE WHEN i % 5 = 0 THEN NULL WHEN i % 2 = 0 THEN 'a' ELSE 'b' END)::ENUM('a', 'b', 'c')",
    "list": "CASE WHEN i % 13 <> 0 THEN range(i % 5) END",
    "list of text": "['x' || i, NULL, '']",
    "list of list": "[[i], []::BIGINT[], NULL]",
    "list of enum": "[(CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END)::ENUM('a', 'b')]",
    "struct": "CASE WHEN i % 17 <> 0 THEN {'a': i, 'b': 'q' || i, 'c': [i]} END",
    "array": "[i, i + 1, i + 2]::INT[3]",
    "map": "CASE WHEN i % 3 = 1 THEN MAP {} WHEN i % 3 = 2 THEN MAP {i: ['z' || i]} END",
    "union": "union_value(n := i)",
}
# Whole chunks, chunks of odd lengths, and chunks that come in bursts.
FILTERS = {"all": "true", "a third": "hash(i) % 3 = 0", "bursts": "i % 4096 < 100 OR i > 170000"}


def plain(column: pa.ChunkedArray) -> Any:
    """A form that can be compared whatever the chunks and dictionaries are."""
    if pa.types.is_dictionary(column.type):
        column = column.cast("string")
    if pa.types.is_nested(column.type):
        return column.to_pylist()
    return column.combine_chunks()


@pytest.fixture(scope="module")
def theirs(same_duckdb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same columns from Python's duckdb, as Arrow files."""
    out = tmp_path_factory.mktemp("theirs")
    code = f"""
import sys, json; sys.path.insert(0, {str(same_duckdb)!r})
import duckdb, pyarrow as pa
for name, sql in json.load(sys.stdin).items():
    table = duckdb.sql(sql).to_arrow_table()
    with pa.OSFile({str(out)!r} + "/" + name, "wb") as f, pa.ipc.new_file(f, table.schema) as w:
        w.write_table(table.unify_dictionaries())
"""
    queries = {f"{c} {f}": query(c, f) for c in COLUMNS for f in FILTERS}
    subprocess.run([sys.executable, "-c", code], input=json.dumps(queries), text=True, check=True)
    return out


def query(column: str, rows: str) -> str:
    """The query for one column and one filter."""
    return f"SELECT {COLUMNS[column]} AS x, i FROM (SELECT range AS i FROM range(200000)) WHERE {FILTERS[rows]}"


@pytest.mark.parametrize("column", COLUMNS)
def test_types_are_those_of_python_duckdb(column: str, theirs: Path, small_lake: str) -> None:
    for rows in FILTERS:
        ours = _native.table("sql", small_lake, {"sql": query(column, rows)})
        ours.validate(full=True)
        expected = pa.ipc.open_file(str(theirs / f"{column} {rows}")).read_all()
        if column == "timestamptz":  # the zone is a setting, the time is the same
            expected = expected.set_column(0, "x", expected["x"].cast(ours["x"].type))
        assert ours.schema.field("x").type == expected.schema.field("x").type
        assert plain(ours["x"]) == plain(expected["x"])
        assert plain(ours["i"]) == plain(expected["i"])


def test_batches_are_joined_and_in_order(small_lake: str) -> None:
    t = _native.table("sql", small_lake, {"sql": "SELECT range AS n FROM range(3000000)"})
    assert t.column("n").num_chunks < 40  # DuckDB's chunks would be 1,465
    assert t.column("n") == pa.chunked_array([pa.array(range(3000000))])


def test_an_empty_result_keeps_its_columns(small_lake: str) -> None:
    t = _native.table("sql", small_lake, {"sql": "SELECT 1 AS a, 'x' AS b WHERE false"})
    assert (t.num_rows, t.column_names) == (0, ["a", "b"])


def test_long_texts_never_pass_the_offsets_of_one_array(small_lake: str) -> None:
    # 60,000 rows of 40,000 bytes: 2.4 GB, more than 32-bit offsets can count.
    with _native.call("sql", small_lake, {"sql": "SELECT repeat('x', 40000) AS t FROM range(60000)"}) as r:
        sizes = [(b.num_rows, b.nbytes) for b in r]
    assert sum(n for n, _ in sizes) == 60000
    assert max(size for _, size in sizes) < 1 << 30


def test_small_results_made_in_go() -> None:
    t = _native.table("version")
    t.validate(full=True)
    assert dict(zip(t["component"].to_pylist(), t["version"].to_pylist(), strict=True))["duckdb"] == "v1.5.5"


def test_field_metadata_arrives(small_lake: str) -> None:
    t = _native.table("table", small_lake, {"name": "model_sizes", "limit": 1})
    assert t.schema.field("batch_size").metadata[b"unit"]


@pytest.mark.parametrize(
    ("verb", "args", "error", "word"),
    [
        ("sql", {"sql": "SELECT * FROM nowhere"}, ddcore.NotFoundError, "nowhere"),
        ("sql", {"sql": "SELEC 1"}, ddcore.InvalidError, "SELEC"),
        ("sql", {"sql": "SELECT 'a'::INT"}, ddcore.InvalidError, "Conversion"),
        ("sql", {"sql": "SELECT * FROM 'nowhere.parquet'"}, ddcore.StorageError, "nowhere.parquet"),
        ("sql", {"sql": "SELECT ?", "params": []}, ddcore.InvalidError, "parameter"),
        ("sql", {"query": "SELECT 1"}, ddcore.InvalidError, "query"),
        ("conjure", {}, ddcore.InvalidError, "conjure"),
    ],
)
def test_errors_have_their_class(
    verb: str, args: dict[str, Any], error: type[ddcore.Error], word: str, small_lake: str
) -> None:
    with pytest.raises(error, match=word) as caught:
        _native.table(verb, small_lake, args)
    assert caught.value.kind == error.kind
    assert caught.value.op


def test_an_error_in_the_middle_of_a_stream(small_lake: str) -> None:
    late = "SELECT CASE WHEN range = 5000000 THEN ('a' || range)::INT ELSE 1 END AS n FROM range(10000000)"
    with pytest.raises(ddcore.InvalidError, match="a5000000"):
        _native.table("sql", small_lake, {"sql": late})
    reader = _native.call("sql", small_lake, {"sql": late})
    assert reader.read_next_batch().num_rows > 0
    with pytest.raises(Exception, match=r"InvalidError: .*a5000000"):
        reader.read_all()
    with pytest.raises(Exception, match=r"InvalidError: .*a5000000"):  # and again
        reader.read_next_batch()


def test_nothing_is_left_behind(small_lake: str) -> None:
    run(
        """
for _ in range(20):
    for query in ("SELECT 1", "SELECT range FROM range(1000000)", STREAM):
        reader(query).read_next_batch()
    for query in ("SELECT * FROM nowhere", "SELECT 'a'::INT"):
        try:
            sql(query)
        except ddcore.Error:
            pass
    _native.table("version")
assert _native.live_streams() == 0, _native.live_streams()
threads = [t for t in os.listdir("/proc/self/task")]
before = len(threads)
for _ in range(20):
    reader(STREAM).read_next_batch()
assert len(os.listdir("/proc/self/task")) <= before + 4
print("ok")
""",
        small_lake,
    )


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the locks of a process are listed on Linux only")
def test_a_reader_at_its_end_holds_no_lock(small_lake: str) -> None:
    run(
        """
def locks():  # where SQLite's readers lock the catalog; a writer waits for them
    lines = open("/proc/locks").read().splitlines()
    return [line for line in lines if f" {os.getpid()} " in line and line.endswith("1073741826 1073742335")]
rows = reader("FROM full_eval_melted")
rows.read_next_batch()
assert len(locks()) == 1, locks()
rows.read_all()
assert locks() == [], locks()
assert rows.read_all().num_rows == 0 and rows.schema.names
print("ok")
""",
        small_lake,
    )


def test_a_writer_says_that_a_result_is_unread(small_lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDCORE_LOCK_TIMEOUT", "200ms")
    lake = ddcore.open(small_lake)
    with lake.scan("full_eval_melted") as rows:
        rows.read_next_batch()
        with pytest.raises(ddcore.BusyError, match="a result of this process that is not read to its end"):
            lake.curate(force=True)


def test_memory_stays_flat_over_many_results(small_lake: str) -> None:
    run(
        """
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
def once():
    for _ in range(10):
        sql("SELECT range AS n, 'text ' || range AS t FROM range(300000)")
        _native.table("version")
once(); once()
before = rss()
for _ in range(5): once()
assert rss() - before < 64 << 20, (before, rss())
print("ok")
""",
        small_lake,
        seconds=120,
    )


def test_a_cancelled_reader_says_so(small_lake: str) -> None:
    reader = _native.call("sql", small_lake, {"sql": "SELECT range AS n FROM range(100000000000)"})
    reader.read_next_batch()
    call_id = next(_native._ids) - 1
    assert _native.library().ddcore_cancel(call_id) == 1
    with pytest.raises(OSError, match="CancelledError"):
        reader.read_all()
    reader.close()
    assert _native.library().ddcore_cancel(call_id) == 0
