"""full_eval of the real sample against the answer of the pipeline that ddcore replaces."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import ddcore

# The last bits of a mean over 57 tasks depend on the order of the sum.
TOLERANCE = 1e-14


def same(a: object, b: object) -> bool:
    """Tell whether two values are the same, to the last bit."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


def close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def test_full_eval_is_the_published_table(real_lake: ddcore.Lake, data: Path) -> None:
    expected = pq.read_table(data / "expected/full_eval.parquet")
    found = real_lake.table("full_eval")
    assert found.column_names == expected.column_names
    assert found.num_columns == 1939
    assert found.num_rows == expected.num_rows == 16
    keys = ["params", "data", "seed", "step"]
    assert found.select(keys).to_pylist() == expected.select(keys).to_pylist()
    wrong = []
    for name in expected.column_names:
        equal = close if name.startswith("mmlu_average_") else same
        pairs = zip(found[name].to_pylist(), expected[name].to_pylist(), strict=True)
        wrong += [(name, f, e) for f, e in pairs if not equal(f, e)]
    assert not wrong, f"{len(wrong)} values differ, for example {wrong[:5]}"


def test_types_and_nulls_are_the_published_ones(real_lake: ddcore.Lake, data: Path) -> None:
    expected = pq.read_table(data / "expected/full_eval.parquet")
    found = real_lake.table("full_eval")
    for name in expected.column_names:
        assert found[name].null_count == expected[name].null_count, name
        wanted = expected.schema.field(name).type
        if not pa.types.is_null(wanted):  # a column without any value says nothing of its type
            assert found.schema.field(name).type == wanted, name


def test_polars_and_duckdb_see_the_same(real_lake: ddcore.Lake, data: Path) -> None:
    import polars as pl

    expected = pl.read_parquet(data / "expected/full_eval.parquet").select(pl.col("^.*_acc_raw$", "^.*-valppl$"))
    found = pl.DataFrame(real_lake.table("full_eval")).select(expected.columns)
    averages = [c for c in expected.columns if c.startswith("mmlu_average_")]
    assert found.drop(averages).equals(expected.drop(averages))


def test_evals_hold_what_full_eval_holds(real_lake: ddcore.Lake) -> None:
    """The long and the wide table are two views of the same numbers."""
    wide = real_lake.table("full_eval", order_by=["params", "data", "seed", "step"])
    wide_keys = list(zip(*(wide[c].to_pylist() for c in ("params", "data", "seed", "step")), strict=True))
    n = 0
    for task in real_lake.sql("SELECT DISTINCT task FROM evals WHERE task != 'olmes_10_macro_avg'")["task"].to_pylist():
        long = real_lake.table("evals", task=task, order_by=["params", "recipe", "seed", "step"])
        keys = set(zip(*(long[c].to_pylist() for c in ("params", "recipe", "seed", "step")), strict=True))
        rows = wide.filter(pa.array([k in keys for k in wide_keys]))
        for metric in long.column_names[7:]:
            if f"{task}_{metric}" in wide.column_names:
                pairs = zip(rows[f"{task}_{metric}"].to_pylist(), long[metric].to_pylist(), strict=True)
                assert all(same(a, b) for a, b in pairs), (task, metric)
                n += 1
    assert n == 1866


def test_the_rest_of_the_real_sample(real_lake: ddcore.Lake, data: Path) -> None:
    rows = {r["table_name"]: r["n_rows"] for r in real_lake.tables().to_pylist()}
    assert (rows["hf_eval_results"], rows["hf_ppl_results"], rows["perplexity"]) == (990, 13, 13)
    assert real_lake.rejects().num_rows == 0
    for file in real_lake.files().to_pylist():
        assert hashlib.sha256((data / "hf" / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    c4 = real_lake.table("perplexity", recipe="C4", params="150M", order_by="-step", columns=["step", "pile-valppl"])
    assert (
        c4.num_rows
        == real_lake.sql("SELECT * FROM perplexity WHERE recipe = ? AND params = ?", ["C4", "150M"]).num_rows
    )
    assert c4["step"][0].as_py() == 10000
    raw = pq.read_table(data / "hf/ppl-results/data").filter(pc.field("params") == "150M")
    assert sorted(c4["pile-valppl"].to_pylist()) == sorted(raw["eval/pile-validation/Perplexity"].to_pylist())
