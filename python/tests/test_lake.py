"""What the methods of a lake do, on made-up data."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ddcore

SIZES = ["4M", "20M"]  # in the order of size; as text it is the other one


def test_a_lake_is_only_a_path_and_options(tmp_path: Path) -> None:
    lake = ddcore.open(tmp_path / "none.lake", threads=2, memory_limit="1GB")
    assert not (tmp_path / "none.lake").exists()
    same = ddcore.open(str(tmp_path / "none.lake"), threads=np.int64(2), memory_limit="1GB")
    assert lake == same == pickle.loads(pickle.dumps(lake)) == copy.deepcopy(lake)
    assert hash(lake) == hash(same)
    assert lake != ddcore.open(tmp_path / "none.lake")
    with pytest.raises(AttributeError):
        lake.threads = 3  # type: ignore[misc]


def test_repr_makes_the_lake_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for lake in (ddcore.open("a.lake"), ddcore.open("/b.lake", threads=1, memory_limit="1GB", snapshot=3)):
        assert eval(repr(lake)) == lake
    assert repr(ddcore.open("a.lake")) == "ddcore.open('a.lake')"  # no home folder in a shared notebook


def test_paths_may_start_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ddcore.open("~/a.lake") == ddcore.open(tmp_path / "a.lake")


def test_a_lake_stays_the_same_when_the_working_folder_changes(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    lake = ddcore.open("my.lake")
    monkeypatch.chdir(tmp_path)
    assert lake.tables().num_rows > 0


@pytest.mark.parametrize(
    "recipe",
    [
        "C4",
        ["C4"],
        ("C4",),
        {"C4"},
        {"C4": 1}.keys(),
        (r for r in ["C4"]),
        np.str_("C4"),
        np.array(["C4"]),
        np.array("C4"),
        pd.Series(["C4"]),
        pd.Index(["C4"]),
        pd.Categorical(["C4"]),
        pl.Series(["C4"]),
        pa.array(["C4"]),
        pa.chunked_array([["C4"]]),
        pa.scalar("C4"),
    ],
    ids=lambda v: f"{type(v).__module__}.{type(v).__name__}",
)
def test_filters_take_whatever_holds_text(lake: ddcore.Lake, recipe: Any) -> None:
    found = lake.table("evals", recipe=recipe, columns="recipe")
    assert found.num_rows == lake.table("evals", where="recipe = 'C4'").num_rows > 0


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, {0}),
        (np.int64(0), {0}),
        (np.float32(0), {0}),
        ([0, 1], {0, 1}),
        (range(2), {0, 1}),
        (np.arange(2), {0, 1}),
        (pd.Series([0, 1]), {0, 1}),
        (pd.Series([0, None], dtype="Int64"), {0}),  # no seed is null
        (pl.Series([0, None]), {0}),
        (None, set()),
        (pd.NA, set()),
        ([], set()),
    ],
    ids=repr,
)
def test_filters_take_whatever_holds_numbers(lake: ddcore.Lake, seed: Any, expected: set[int]) -> None:
    assert set(lake.table("evals", seed=seed)["seed"].to_pylist()) == expected


def test_none_matches_null(lake: ddcore.Lake) -> None:
    nulls = lake.table("full_eval", filters={"pile-valppl": None})
    assert nulls.num_rows == lake.table("full_eval", where='"pile-valppl" IS NULL').num_rows > 0
    values = lake.table("full_eval", columns=["pile-valppl"])["pile-valppl"].drop_null().to_pylist()
    both = lake.table("full_eval", filters={"pile-valppl": [None, values[0]]})
    assert both.num_rows == nulls.num_rows + 1


def test_filters_columns_order_and_limit_together(lake: ddcore.Lake) -> None:
    found = lake.table(
        "full_eval",
        params=SIZES,
        data="C4",
        where="step > 0",
        columns=["params", "seed", "step"],
        order_by=["params", "-step", "seed"],
        limit=5,
    )
    assert found.column_names == ["params", "seed", "step"]
    rows = found.to_pylist()
    assert [r["params"] for r in rows] == ["4M"] * 5
    assert [r["seed"] for r in rows] == [0, 1, 2, 0, 1]
    assert rows[0]["step"] > rows[3]["step"]


@pytest.mark.parametrize(
    "columns", [["step"], ("step",), pd.Index(["step"]), pa.array(["step"]), np.array(["step"]), "step"]
)
def test_columns_may_come_from_anywhere(lake: ddcore.Lake, columns: Any) -> None:
    assert lake.table("evals", columns=columns, order_by=columns, limit=1).column_names == ["step"]


def test_sizes_sort_by_size(lake: ddcore.Lake) -> None:
    assert lake.table("evals", order_by="params")["params"].unique().to_pylist() == SIZES
    assert lake.table("evals", order_by="-params")["params"].unique().to_pylist() == SIZES[::-1]


def test_columns_with_the_names_of_arguments(own_lake: ddcore.Lake) -> None:
    """recipe_names has a column `name`; `limit` and others go through filters."""
    assert own_lake.table("recipe_names", name="C4").num_rows > 0
    assert own_lake.table("recipe_names", filters={"name": "C4"}).num_rows > 0
    with pytest.raises(ddcore.NotFoundError, match='no column "limit"'):
        own_lake.table("recipe_names", filters={"limit": 1})
    with pytest.raises(ddcore.InvalidError, match="name is given twice"):
        own_lake.table("recipe_names", name="C4", filters={"name": "C4"})


def test_text_that_looks_like_sql_is_text(lake: ddcore.Lake) -> None:
    assert lake.table("recipe_names", name="x'; DROP TABLE evals; --").num_rows == 0
    assert lake.sql("SELECT ? AS s", ["a'b\"c\\ \u20ac"])["s"].to_pylist() == ["a'b\"c\\ \u20ac"]


def test_parameters_of_a_query(lake: ddcore.Lake) -> None:
    values = [None, True, 7, 2**62, 0.5, "x", np.int64(3), np.float64(0.25), np.bool_(False)]
    found = lake.sql("SELECT " + ", ".join("?" for _ in values), values)
    assert [c[0].as_py() for c in found.columns] == [None, True, 7, 2**62, 0.5, "x", 3, 0.25, False]
    assert lake.sql("SELECT 1 WHERE 'C4' IN (?, ?)", pd.Series(["C4", "x"])).num_rows == 1


def test_scan_gives_what_table_and_sql_give(lake: ddcore.Lake) -> None:
    with lake.scan("evals", params="4M", order_by=["task", "step", "recipe", "seed"]) as reader:
        assert isinstance(reader, pa.RecordBatchReader)
        assert reader.read_all() == lake.table("evals", params="4M", order_by=["task", "step", "recipe", "seed"])
    query = "SELECT * FROM evals WHERE seed = ? ORDER BY ALL"
    assert lake.scan_sql(query, [1]).read_all() == lake.sql(query, [1])
    assert lake.sql("SELECT 1 AS a; SELECT ?::INTEGER AS b", [2]).to_pydict() == {"b": [2]}  # the last one's


def test_a_scan_outlives_its_lake(own_lake: ddcore.Lake) -> None:
    n = own_lake.table("evals").num_rows
    reader = own_lake.scan("evals")
    path = own_lake.path
    del own_lake
    shutil.move(path, path + ".moved")
    assert sum(b.num_rows for b in reader) == n


def test_every_table_can_be_read_and_described(lake: ddcore.Lake) -> None:
    for row in lake.tables().to_pylist():
        name = row["table_name"] if row["schema_name"] == "main" else f"{row['schema_name']}.{row['table_name']}"
        table = lake.table(name)
        assert (row["n_rows"] is None) == name.startswith("question")  # views that nobody counts
        assert (table.num_rows, table.num_columns) == (row["n_rows"] or table.num_rows, row["n_columns"])
        described = lake.describe(name)
        assert described["column_name"].to_pylist() == table.column_names
        if row["schema_name"] == "main":
            assert all(described["meaning"].to_pylist()), name
            assert row["summary"]


def test_metadata_say_what_describe_says(lake: ddcore.Lake) -> None:
    schema = lake.table("full_eval", limit=1).schema
    assert schema.metadata[b"ddcore.table"] == b"full_eval"
    assert schema.metadata[b"ddcore.grain"] == b"params, data, seed, step"
    for row in lake.describe("full_eval").to_pylist():
        facts = {k.decode(): v.decode() for k, v in (schema.field(row["column_name"]).metadata or {}).items()}
        assert facts.get("meaning", "") == row["meaning"]
        assert facts.get("unit", "") == row["unit"]
        assert facts.get("range", "") == row["range"]


def test_ingest_again_and_prune(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    ddcore.sample(raw, sizes=["4M"], recipes=["C4"], steps=2, seed=7)
    first = own_lake.ingest(raw)
    assert set(first["state"].to_pylist()) == {"added"}
    assert set(own_lake.ingest([raw])["state"].to_pylist()) == {"unchanged"}
    gone = next(raw.rglob("ppl-results/**/*.parquet"))
    gone.unlink()
    assert set(own_lake.ingest(raw)["state"].to_pylist()) == {"unchanged", "missing"}
    assert set(own_lake.ingest(raw, prune=True)["state"].to_pylist()) == {"unchanged", "removed"}


def test_curate_again(own_lake: ddcore.Lake) -> None:
    assert set(own_lake.curate()["state"].to_pylist()) == {"up to date"}
    before = own_lake.table("evals")
    assert set(own_lake.curate(force=True)["state"].to_pylist()) == {"built"}
    assert own_lake.table("evals") == before


def test_the_past_stays_readable(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    then = own_lake.snapshots()["snapshot"].to_pylist()[-1]
    old = own_lake.at(then)
    before = old.sql("SELECT count(*) AS n, sum(step) AS s FROM evals")
    ddcore.sample(tmp_path / "raw", sizes=["4M"], recipes=["FineWeb-Edu"], steps=2)
    own_lake.ingest(tmp_path / "raw")
    own_lake.curate()
    assert old.sql("SELECT count(*) AS n, sum(step) AS s FROM evals") == before
    assert ddcore.open(own_lake.path, snapshot=then) == old
    assert own_lake.table("evals", recipe="FineWeb-Edu").num_rows > 0
    assert old.table("evals", recipe="FineWeb-Edu").num_rows == 0
    assert old.at(None) == own_lake
    messages = own_lake.snapshots()["message"].to_pylist()
    assert messages[-2].startswith("ingest: ")
    assert messages[-1].startswith("curate: ")


def test_the_past_cannot_be_written(own_lake: ddcore.Lake) -> None:
    for write in (own_lake.at(1).curate, lambda: own_lake.at(1).ingest(own_lake.path + "/../nothing")):
        with pytest.raises(ddcore.Error):
            write()
    with pytest.raises(ddcore.InvalidError, match="past"):
        own_lake.at(1).curate()
    with pytest.raises(ddcore.NotFoundError, match="99"):
        own_lake.at(99).tables()
    with pytest.raises(ddcore.InvalidError, match="negative"):
        own_lake.at(-1).tables()


def test_a_lake_can_be_moved_and_copied(workplace: Path, lake: ddcore.Lake, tmp_path: Path) -> None:
    shutil.copytree(workplace / "my.lake", tmp_path / "there/copy.lake")
    assert ddcore.open(tmp_path / "there/copy.lake").table("evals") == lake.table("evals")


def test_a_read_only_lake(own_lake: ddcore.Lake) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    for path in [Path(own_lake.path), *Path(own_lake.path).rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert own_lake.table("evals").num_rows > 0
        with pytest.raises(ddcore.StorageError):
            own_lake.curate(force=True)
    finally:
        for path in [Path(own_lake.path), *Path(own_lake.path).rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def test_times_are_utc(own_lake: ddcore.Lake) -> None:
    assert own_lake.snapshots().schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert own_lake.files().schema.field("ingested_at").type == pa.timestamp("us", tz="UTC")


def test_threads_share_a_lake(lake: ddcore.Lake) -> None:
    def ask(seed: int) -> tuple[int, int]:
        return seed, lake.table("evals", seed=seed % 3, columns=["acc_raw"]).num_rows

    expected = {seed: lake.table("evals", seed=seed).num_rows for seed in range(3)}
    with ThreadPoolExecutor(16) as pool:
        for seed, n in pool.map(ask, range(48)):
            assert n == expected[seed % 3]


def test_spawned_processes_take_lakes_and_give_tables(lake: ddcore.Lake) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        sizes = list(pool.map(lake.sql, [f"FROM evals SELECT count(*) AS n WHERE params = '{p}'" for p in SIZES]))
    for size, found in zip(SIZES, sizes, strict=True):
        assert found["n"].to_pylist() == [lake.table("evals", params=size).num_rows]


def test_sample_is_the_same_for_the_same_options(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sizes": ["4M"], "recipes": ("C4",), "seeds": ["default"], "steps": 2}
    first = ddcore.sample(tmp_path / "a", seed=1, **options)
    assert first == ddcore.sample(tmp_path / "b", seed=1, **options)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == first.num_rows
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    ddcore.sample(tmp_path / "c", seed=2, **options)
    assert any((tmp_path / "a" / f).read_bytes() != (tmp_path / "c" / f).read_bytes() for f in files)


def test_version_and_doctor(lake: ddcore.Lake, tmp_path: Path) -> None:
    versions = dict(zip(*(c.to_pylist() for c in ddcore.version().columns), strict=True))
    assert versions["ddcore"] == ddcore.__version__
    assert set(ddcore.doctor()["state"].to_pylist()) <= {"ok", "warning"}
    assert ddcore.doctor(lake).num_rows > ddcore.doctor().num_rows
    assert ddcore.doctor(lake.path)["check"] == ddcore.doctor(lake)["check"]
    assert ddcore.doctor(tmp_path / "none")["state"].to_pylist()[-1] == "missing"


def test_import_is_light() -> None:
    """Only a call loads the library, pyarrow and tqdm: a process that just imports ddcore may fork."""
    import subprocess
    import sys

    code = "import ddcore, sys; print(*[m for m in ('pyarrow', 'altair', 'marimo', 'tqdm') if m in sys.modules])"
    code += "; print('libddcore' in open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
