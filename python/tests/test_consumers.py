"""Results in other libraries' hands: all take them, none copies more than it must."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import altair as alt
import duckdb
import marimo as mo
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import ddcore

# Every verb that gives rows, and queries with the types that DuckDB likes to give.
RESULTS: dict[str, Callable[[ddcore.Lake, Path], pa.Table]] = {
    "tables": lambda lake, _: lake.tables(),
    "describe": lambda lake, _: lake.describe("evals"),
    "files": lambda lake, _: lake.files(),
    "snapshots": lambda lake, _: lake.snapshots(),
    "rejects": lambda lake, _: lake.rejects(),
    "table": lambda lake, _: lake.table("evals"),
    "wide table": lambda lake, _: lake.table("full_eval", columns=["data", "step", "pile-valppl", "rope"]),
    "raw table": lambda lake, _: lake.table("raw.hf_eval_results", limit=50),
    "scan": lambda lake, _: lake.scan("perplexity").read_all(),
    "sql": lambda lake, _: lake.sql("SELECT recipe, avg(acc_raw) AS acc, count(*) AS n FROM evals GROUP BY ALL"),
    "sum of integers": lambda lake, _: lake.sql("SELECT recipe, sum(step) AS steps FROM evals GROUP BY ALL"),
    "decimal": lambda lake, _: lake.sql("SELECT 1.5 AS d, 12345.678::DECIMAL(9, 3) AS e"),
    "times": lambda lake, _: lake.sql("SELECT now() AS a, now()::TIMESTAMP AS b, today() AS c, TIME '10:00' AS d"),
    "nothing": lambda lake, _: lake.sql("SELECT NULL AS nothing, recipe FROM recipes"),
    "list": lambda lake, _: lake.sql("SELECT family, list(recipe ORDER BY recipe) AS names FROM recipes GROUP BY ALL"),
    "enum": lambda lake, _: lake.sql("SELECT 'a'::ENUM('a', 'b') AS e, true AS t, 'x'::BLOB AS x, uuid() AS u"),
    "curate": lambda lake, _: lake.curate(),
    "export": lambda lake, folder: lake.export("recipes", folder / "x.csv"),
    "sample": lambda _, folder: ddcore.sample(folder / "raw", sizes=["4M"], recipes=["C4"], steps=1),
    "version": lambda *_: ddcore.version(),
    "doctor": lambda lake, _: ddcore.doctor(lake),
}


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest, own_lake: ddcore.Lake, tmp_path: Path) -> pa.Table:
    return RESULTS[request.param](own_lake, tmp_path)


def test_every_consumer_takes_every_result(result: pa.Table) -> None:
    n, names = result.num_rows, result.column_names
    assert isinstance(result, pa.Table)
    result.validate(full=True)
    assert len(pc.drop_null(result)) <= n
    for frame in (pl.DataFrame(result), pl.from_arrow(result)):
        assert (frame.height, frame.columns) == (n, names)
    for pandas in (result.to_pandas(), result.to_pandas(types_mapper=pd.ArrowDtype), pd.DataFrame.from_arrow(result)):
        assert (len(pandas), list(pandas.columns)) == (n, names)
    assert duckdb.sql("SELECT count(*) FROM result").fetchall() == [(n,)]
    assert duckdb.sql("FROM result").columns == names
    assert nw.from_native(result).shape == (n, len(names))
    assert nw.from_arrow(result, backend="polars").shape == (n, len(names))
    assert mo.ui.table(result)._manager.get_num_rows() == n
    if n <= 5000:
        spec = alt.Chart(result).mark_point().encode(x=alt.X(names[0], type="nominal")).to_dict()
        assert len(next(iter(spec["datasets"].values()))) == n


def test_altair_infers_types(lake: ddcore.Lake) -> None:
    table = lake.sql("SELECT recipe, avg(acc_raw) AS acc, count(*) AS n FROM evals GROUP BY ALL")
    encoding = alt.Chart(table).mark_point().encode(x="acc", y="recipe", size="n").to_dict()["encoding"]
    assert [encoding[c]["type"] for c in ("x", "y", "size")] == ["quantitative", "nominal", "quantitative"]


def test_names_are_plain_utf8(lake: ddcore.Lake) -> None:
    """No string views: some consumers do not know them."""
    for table in (
        lake.table("evals"),
        lake.table("full_eval"),
        lake.sql("SELECT repeat('x', 100) AS s"),
        lake.tables(),
    ):
        for field in table.schema:
            assert field.type in (pa.string(), pa.int64(), pa.float64(), pa.bool_()), field


def address(array: pa.Array) -> int:
    found: int = array.buffers()[1].address
    return found + array.offset * array.type.bit_width // 8


def test_numbers_are_not_copied_on_the_way_to_numpy_polars_and_pandas(lake: ddcore.Lake) -> None:
    table = lake.sql("SELECT range AS i, range::DOUBLE AS x, (range % 7)::INTEGER AS k FROM range(1000)")
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    for name in table.column_names:
        chunk = table[name].chunk(0)
        where = address(chunk)
        assert chunk.to_numpy(zero_copy_only=True).ctypes.data == where
        assert np.from_dlpack(chunk).ctypes.data == where
        assert frame[name].to_numpy(allow_copy=False).ctypes.data == where
        assert address(frame[name].to_arrow()) == where
        pandas = table.select([name]).to_pandas(types_mapper=pd.ArrowDtype)
        assert address(pa.chunked_array(pandas[name].array.__arrow_array__()).chunk(0)) == where


def test_chunks_keep_their_addresses_in_polars(lake: ddcore.Lake) -> None:
    table = lake.sql("SELECT range::DOUBLE AS x FROM range(1000000)")
    assert table["x"].num_chunks > 1
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    there = [c.to_numpy(allow_copy=False).ctypes.data for c in frame["x"].get_chunks()]
    assert there == [address(c) for c in table["x"].chunks]


def peak(lake: ddcore.Lake, read: str) -> float:
    """Read 10 million rows of 4 doubles (320 MB); give the growth of memory over the size of the data."""
    code = f"""
import re, ddcore, pyarrow
lake = {lake!r}
def memory(key):
    return 1024 * int(re.search(key + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
query = "SELECT n::DOUBLE AS a, n * 2.0::DOUBLE AS b, sqrt(n) AS c, -n::DOUBLE AS d FROM range(10000000) AS t(n)"
lake.sql("SELECT 1")
before = memory("VmRSS")
assert {read} == 10_000_000
print((memory("VmHWM") - before) / 320e6)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_memory_for_a_table_is_that_of_its_data(lake: ddcore.Lake) -> None:
    assert peak(lake, "lake.sql(query).num_rows") < 1.8  # a second copy would be 2


def test_memory_for_a_scan_does_not_grow_with_the_data(lake: ddcore.Lake) -> None:
    assert peak(lake, "sum(b.num_rows for b in lake.scan_sql(query))") < 0.6


def test_results_are_released(lake: ddcore.Lake) -> None:
    from ddcore import _native

    before = _native.live_streams()
    for _ in range(20):
        lake.table("evals", limit=10)
        lake.scan("evals")
    with pytest.raises(ddcore.InvalidError):
        lake.scan_sql("SELECT error('x')").read_all()
    assert _native.live_streams() == before


def test_stored_files_are_plain_parquet(own_lake: ddcore.Lake) -> None:
    """Who has only the lake's folder reads the same values: other readers know what we write."""
    files = sorted((Path(own_lake.path) / "data" / "main").glob("*/*.parquet"))
    assert len(files) >= len(TABLES_OF_METRICS)
    for file in files:
        stored = pq.read_table(file)
        names = [f'"{name}"' for name in stored.column_names]
        readers = {
            "polars": pl.read_parquet(file).to_arrow(),
            "duckdb": duckdb.sql(f"SELECT {', '.join(names)} FROM '{file}'").to_arrow_table(),
        }
        for reader, table in readers.items():
            for name in stored.column_names:
                want = stored[name].combine_chunks()
                assert table[name].combine_chunks().cast(want.type).equals(want), (file.name, name, reader)
    for name in TABLES_OF_METRICS:
        rows = sum(pq.read_metadata(f).num_rows for f in files if f.parent.name == name)
        assert rows == own_lake.table(name, columns=["params"]).num_rows


TABLES_OF_METRICS = ("evals", "full_eval", "mean_eval", "std_eval", "full_eval_melted", "mean_eval_melted", "macro_avg")
