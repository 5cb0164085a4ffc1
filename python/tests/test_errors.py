"""Errors: their class, their text, and that the next call works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ddcore

NAN = float("nan")


def raised(kind: type[ddcore.Error], call: Any) -> ddcore.Error:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return caught.value


def test_names_that_are_missing_have_near_names(lake: ddcore.Lake) -> None:
    for call, target, near in [
        (lambda: lake.table("full_evl"), "full_evl", "full_eval"),
        (lambda: lake.describe("full_evl"), "full_evl", "full_eval"),
        (lambda: lake.scan("evls"), "evls", "evals"),
        (lambda: lake.table("evals", columns=["acc_rw"]), "evals", "acc_raw"),
        (lambda: lake.table("evals", order_by="-stp"), "evals", "step"),
        (lambda: lake.table("evals", filters={"tsk": "boolq"}), "evals", "task"),
        (lambda: lake.table("evals", recipe="C5"), "recipe", "C4"),
        (lambda: lake.table("full_eval", data=["C4", "dolma1.7"]), "data", "Dolma1.7"),
        (lambda: lake.table("full_eval", params="140M"), "params", "14M"),
    ]:
        error = raised(ddcore.NotFoundError, call)
        assert isinstance(error, LookupError)
        assert error.target == target
        assert near in error.hint
        assert error.hint in str(error)


def test_a_keyword_near_an_argument_is_named(lake: ddcore.Lake) -> None:
    error = raised(ddcore.NotFoundError, lambda: lake.table("evals", colums=["step"]))
    assert "did you mean the argument columns?" in str(error)
    assert (error.table, error.column, error.kind) == ("evals", "colums", "not_found")
    raised(ddcore.NotFoundError, lambda: lake.scan("evals", orderby="step"))
    with pytest.raises(TypeError, match="folder"):
        lake.ingest(folder="x")  # type: ignore[call-arg]


def test_no_lake(tmp_path: Path) -> None:
    nowhere = ddcore.open(tmp_path / "none.lake")
    for call in (nowhere.tables, nowhere.curate, lambda: nowhere.sql("SELECT 1"), lambda: nowhere.scan("evals")):
        error = raised(ddcore.NotFoundError, call)
        assert "none.lake" in str(error)
    assert not (tmp_path / "none.lake").exists()
    (tmp_path / "file.lake").touch()
    raised(ddcore.InvalidError, ddcore.open(tmp_path / "file.lake").tables)


def test_a_table_that_is_not_built_yet(tmp_path: Path, workplace: Path) -> None:
    young = ddcore.open(tmp_path / "young.lake")
    young.ingest(workplace / "raw")
    assert "curate" in raised(ddcore.NotFoundError, lambda: young.table("evals")).hint


@pytest.mark.parametrize(
    "value",
    [
        NAN,
        2**63,
        -(2**63) - 1,
        float("inf"),
        b"x",
        {"a": 1},
        [["x"]],
        1j,
        object(),
        pd.NaT,
        pd.Timestamp(0),
        pd.Series([1, NAN]),
    ],
)
def test_values_that_cannot_be_compared(lake: ddcore.Lake, value: Any) -> None:
    error = raised(ddcore.InvalidError, lambda: lake.table("evals", seed=value))
    assert isinstance(error, ValueError)
    assert str(error).startswith("seed: ")
    assert error.hint
    raised(ddcore.InvalidError, lambda: lake.sql("SELECT ?", [value]))


def test_wrong_queries(lake: ddcore.Lake) -> None:
    for sql, kind, text in [
        ("SELEC 1", ddcore.InvalidError, "syntax error"),
        ("", ddcore.InvalidError, "empty"),
        ("SELECT * FROM evls", ddcore.NotFoundError, "evls"),
        ("SELECT nothing FROM evals", ddcore.InvalidError, "nothing"),
        ("SELECT 'x'::INTEGER", ddcore.InvalidError, "INT32"),
        ("SELECT error('stop here')", ddcore.InvalidError, "stop here"),
        ("SELECT ?", ddcore.InvalidError, "1 parameters, 0 were given"),
        ("DROP TABLE evals", ddcore.InvalidError, "read-only"),
        ("DELETE FROM evals", ddcore.InvalidError, "read-only"),
        ("CREATE TABLE x AS SELECT 1", ddcore.InvalidError, "read-only"),
    ]:
        assert text in str(raised(kind, lambda sql=sql: lake.sql(sql)))
        assert text in str(raised(kind, lambda sql=sql: lake.scan_sql(sql).read_all())) or sql.startswith("SELECT '")
    raised(ddcore.InvalidError, lambda: lake.table("evals", where="step >"))
    for wrong in ("one", 5, {"a": 1}):
        assert "pass a list" in str(raised(ddcore.InvalidError, lambda w=wrong: lake.sql("SELECT ?", w)))
    assert lake.sql("SELECT 1 AS one").to_pydict() == {"one": [1]}


def test_limits_are_at_least_one(lake: ddcore.Lake) -> None:
    for wrong in (0, -1):
        raised(ddcore.InvalidError, lambda w=wrong: lake.table("evals", limit=w))
        raised(ddcore.InvalidError, lambda w=wrong: lake.rejects(limit=w))
    with pytest.raises(TypeError):
        lake.table("evals", limit=1.5)  # type: ignore[arg-type]


def test_wrong_options(lake: ddcore.Lake) -> None:
    raised(ddcore.InvalidError, ddcore.open(lake.path, memory_limit="lots").tables)
    for options in ({"threads": "2"}, {"snapshot": 1.5}):
        with pytest.raises(TypeError):
            ddcore.open(lake.path, **options)  # type: ignore[arg-type]


def test_too_little_memory(lake: ddcore.Lake) -> None:
    for limit in ("20MB", "200MB"):  # too little to open the lake, and for the query
        small = ddcore.open(lake.path, memory_limit=limit, threads=1)
        error = raised(ddcore.StorageError, lambda lake=small: lake.sql("SELECT list(range) FROM range(100000000)"))
        assert isinstance(error, OSError)
        assert "memory_limit" in error.hint


def test_files_that_are_no_input(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    before = own_lake.snapshots().num_rows
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no Parquet")
    (tmp_path / "notes.txt").write_text("nothing")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    for path, kind in [
        (tmp_path / "none", ddcore.NotFoundError),
        (tmp_path / "*.nothing", ddcore.NotFoundError),
        (tmp_path / "empty", ddcore.NotFoundError),
        (tmp_path / "text.parquet", ddcore.InvalidError),
        (tmp_path / "notes.txt", ddcore.InvalidError),
        (tmp_path / "other.parquet", ddcore.InvalidError),
        ([], ddcore.InvalidError),
    ]:
        error = raised(kind, lambda p=path: own_lake.ingest(p))
        assert error.op == "ingest"
        assert error.hint
    assert own_lake.snapshots().num_rows == before


def test_a_broken_contract_names_table_column_and_rows(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    columns = {
        "params": "4M", "data": "C4", "task": "arc_easy", "step": 7.0, "seed": "default", "chinchilla": "5xC",
        "tokens": 1.0, "compute": 1.0, "metrics": "{'acc_raw': 1.5}",
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([columns]), tmp_path / "train-00000-of-00001.parquet")
    own_lake.ingest(tmp_path / "train-00000-of-00001.parquet")
    before = own_lake.table("evals")
    error = raised(ddcore.ContractError, own_lake.curate)
    assert isinstance(error, ValueError)
    assert (error.table, error.column) == ("evals", "acc_raw")
    assert len(error.rows) == 1
    assert "step 7" in error.rows[0]
    assert "1.5" in error.rows[0]
    assert "[0, 1]" in str(error)
    assert own_lake.table("evals") == before


def test_exports_that_fail_leave_no_file(lake: ddcore.Lake, tmp_path: Path) -> None:
    raised(ddcore.InvalidError, lambda: lake.export("evals", tmp_path / "x.xyz"))
    raised(ddcore.StorageError, lambda: lake.export("evals", tmp_path / "none/x.csv"))
    for ending in ("parquet", "csv", "arrow"):
        to = tmp_path / f"x.{ending}"
        raised(ddcore.InvalidError, lambda to=to: lake.export_sql("SELECT 'x'::INTEGER FROM evals", to))
        raised(ddcore.NotFoundError, lambda to=to: lake.export("evls", to))
    assert not list(tmp_path.iterdir())


def test_every_class_is_a_built_in_too() -> None:
    for cls, builtin in [
        (ddcore.InvalidError, ValueError),
        (ddcore.NotFoundError, LookupError),
        (ddcore.ContractError, ValueError),
        (ddcore.BusyError, RuntimeError),
        (ddcore.StorageError, OSError),
        (ddcore.CancelledError, KeyboardInterrupt),
        (ddcore.InternalError, RuntimeError),
    ]:
        assert issubclass(cls, ddcore.Error)
        assert issubclass(cls, builtin)
