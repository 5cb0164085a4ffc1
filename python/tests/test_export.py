"""Files that the lake writes, read back by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet as pq
import pytest

import ddcore

SELECT: dict[str, Any] = {"params": "4M", "order_by": ["data", "seed", "step"]}


def same(a: pa.Table, b: pa.Table) -> bool:
    return a.replace_schema_metadata(None).equals(b.replace_schema_metadata(None))


def test_parquet_holds_the_same_table_and_its_facts(lake: ddcore.Lake, tmp_path: Path) -> None:
    report = lake.export("full_eval", tmp_path / "x.parquet", **SELECT)
    expected = lake.table("full_eval", **SELECT)
    size = (tmp_path / "x.parquet").stat().st_size
    assert report.to_pylist() == [
        {"path": str(tmp_path / "x.parquet"), "format": "parquet", "n_rows": expected.num_rows, "n_bytes": size}
    ]
    found = pq.read_table(tmp_path / "x.parquet")
    assert same(found, expected)
    facts = pq.read_metadata(tmp_path / "x.parquet").metadata
    for key in (b"ddcore.table", b"ddcore.grain", b"ddcore.version", b"ddcore.summary"):
        assert facts[key] == expected.schema.metadata[key]
    for field in expected.schema:
        for key, value in (field.metadata or {}).items():
            assert facts[f"ddcore.field.{field.name}.{key.decode()}".encode()] == value
    assert pl.read_parquet(tmp_path / "x.parquet").shape == expected.shape
    assert pd.read_parquet(tmp_path / "x.parquet").shape == expected.shape
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/x.parquet'").fetchall() == [(expected.num_rows,)]


def test_arrow_holds_the_same_table_and_its_facts(lake: ddcore.Lake, tmp_path: Path) -> None:
    lake.export("full_eval", tmp_path / "x.arrow", **SELECT)
    expected = lake.table("full_eval", **SELECT)
    with pa.memory_map(str(tmp_path / "x.arrow")) as source:
        found = pa.ipc.open_file(source).read_all()
        assert found.equals(expected)
        assert found.schema.equals(expected.schema, check_metadata=True)
    assert pl.read_ipc(tmp_path / "x.arrow").shape == expected.shape


@pytest.mark.parametrize(("ending", "chosen"), [("feather", None), ("bin", "arrow")])
def test_the_format_follows_the_ending_or_the_argument(
    lake: ddcore.Lake, tmp_path: Path, ending: str, chosen: str | None
) -> None:
    lake.export("recipes", tmp_path / f"x.{ending}", format=chosen)
    assert pa.feather.read_table(tmp_path / f"x.{ending}").equals(lake.table("recipes"))


def test_text_formats_keep_every_digit(lake: ddcore.Lake, tmp_path: Path) -> None:
    columns = ["data", "seed", "step", "pile-valppl", "arc_easy_acc_raw", "lr_at_step"]
    expected = lake.table("full_eval", columns=columns, **SELECT)
    for ending in ("csv", "json", "ndjson"):
        lake.export("full_eval", tmp_path / f"x.{ending}", columns=columns, **SELECT)
    assert same(pa.csv.read_csv(tmp_path / "x.csv").cast(expected.schema), expected)
    assert same(pa.json.read_json(tmp_path / "x.ndjson").cast(expected.schema), expected)
    assert pd.read_json(tmp_path / "x.json", precise_float=True).shape == expected.shape


def test_a_query_with_parameters(lake: ddcore.Lake, tmp_path: Path) -> None:
    query = "SELECT recipe, max(acc_raw) AS best FROM evals WHERE task = ? GROUP BY recipe ORDER BY recipe;"
    for ending in ("parquet", "arrow", "csv"):
        lake.export_sql(query, tmp_path / f"x.{ending}", ["arc_easy"])
    expected = lake.sql(query, ["arc_easy"])
    assert same(pq.read_table(tmp_path / "x.parquet"), expected)
    assert same(pa.feather.read_table(tmp_path / "x.arrow"), expected)
    assert same(pa.csv.read_csv(tmp_path / "x.csv"), expected)


def test_a_file_that_is_there_is_replaced(lake: ddcore.Lake, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("old")
    lake.export("recipes", tmp_path / "x.csv", limit=1)
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


def test_an_empty_selection_has_its_columns(lake: ddcore.Lake, tmp_path: Path) -> None:
    for ending in ("parquet", "arrow", "csv"):
        report = lake.export("evals", tmp_path / f"x.{ending}", where="false")
        assert report["n_rows"].to_pylist() == [0]
    assert pq.read_table(tmp_path / "x.parquet").schema.names == lake.table("evals", limit=1).schema.names
    assert (tmp_path / "x.csv").read_text().startswith("params,recipe,")
