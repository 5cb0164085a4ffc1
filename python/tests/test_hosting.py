"""Lakes that are published, compared, kept, and seen through Python's own DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import ddcore
from ddcore import _connect


def test_connect(lake: ddcore.Lake) -> None:
    with lake.connect() as con:
        for query in (
            "FROM evals SELECT count(*), max(acc_raw)",
            "FROM instances SELECT count(*)",
            "FROM raw.files SELECT count(*)",
        ):
            assert con.sql(query).fetchall() == [tuple(lake.sql(query).to_pylist()[0].values())]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("CREATE TABLE x AS SELECT 1 AS a")
        assert con.execute("SELECT current_setting('autoinstall_known_extensions')").fetchone() == (False,)
    with lake.at(2).connect(name="past") as con:
        assert con.sql(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'past' AND schema_name = 'main'"
        ).fetchone() == (0,)
    with pytest.raises(ddcore.NotFoundError, match="there is no lake here"):
        ddcore.open("nothing.lake").connect()


def test_attach_several(lake: ddcore.Lake, own_lake: ddcore.Lake, tmp_path: Path) -> None:
    lake.publish(tmp_path / "public.lake", tables="recipes", progress=False)
    lake.export("recipes", tmp_path / "recipes-1.parquet", progress=False)
    lake.export("recipes", tmp_path / "listed.csv", progress=False)
    with duckdb.connect(str(tmp_path / "mine.duckdb")) as mine:
        mine.execute("CREATE TABLE t AS SELECT 7 AS a")
    with lake.connect() as con:
        assert ddcore.attach(con, own_lake) == "own"
        assert ddcore.attach(con, tmp_path / "public.lake") == "public"
        assert ddcore.attach(con, tmp_path / "recipes-*.parquet", name="files") == "files"
        assert ddcore.attach(con, tmp_path / "listed.csv") == "listed"
        assert ddcore.attach(con, tmp_path / "mine.duckdb") == "mine"
        others = ("own.recipes", "public.recipes", "files", "listed")
        joined = "FROM recipes " + " ".join(f"JOIN {name} USING (recipe)" for name in others)
        assert con.sql(f"SELECT count(*) {joined}").fetchone() == (25,)
        assert con.sql("FROM mine.t").fetchone() == (7,)
        assert ddcore.attach(con, tmp_path / "listed.csv") == "listed", "a view may be made again"
        for second in (lake, tmp_path / "mine.duckdb"):
            with pytest.raises(ddcore.InvalidError, match=r"there is a database own already \(give another name=\)"):
                ddcore.attach(con, second, name="own")
        assert con.sql("SELECT count(*) FROM own.recipes").fetchall() == [(25,)], "the first one is as it was"
        for bad, kind in {
            "nothing.parquet": ddcore.StorageError,
            "recipes.parquet": ddcore.InvalidError,  # it would hide the lake's own table
            "nothing.duckdb": ddcore.NotFoundError,
            "nothing.lake": ddcore.NotFoundError,
            "hf://datasets/a/b/c.xlsx": ddcore.InvalidError,
            "md:db?motherduck_token=canary": ddcore.InvalidError,
            "md:db": ddcore.NotFoundError,
        }.items():
            with pytest.raises(kind) as caught:
                ddcore.attach(con, bad)
            assert "canary" not in str(caught.value)


def test_keys_are_bound_and_not_told(lake: ddcore.Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "CANARYKEY",
        "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "HF_TOKEN": "canary-token",
    }.items():
        monkeypatch.setenv(name, value)
    for statement in (_connect.s3_secret(), _connect.hf_secret()):
        assert statement
        assert "canary" not in statement.lower()
    with lake.connect() as con, pytest.raises(ddcore.Error) as caught:
        ddcore.attach(con, "s3://127.0.0.1:1/x.parquet")
    assert "canary" not in str(caught.value).lower()


def test_another_version_of_duckdb(lake: ddcore.Lake, other_duckdb: tuple[str, Path]) -> None:
    version, folder = other_duckdb
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import ddcore; ddcore.open({lake.path!r}).connect()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    if version == "1.5.5":
        assert done.returncode == 0, done.stderr
    else:
        assert "InvalidError" in done.stderr
        assert "pip install duckdb==1.5.5" in done.stderr


def test_marimo_shows_the_tables(lake: ddcore.Lake) -> None:
    marimo = pytest.importorskip("marimo")
    from marimo._data.models import DataTable
    from marimo._sql.engines.duckdb import DuckDBEngine

    with lake.connect() as con:
        assert (
            marimo.sql("SELECT count(*) AS n FROM evals", engine=con, output=False)["n"][0]
            == lake.table("evals").num_rows
        )
        databases = DuckDBEngine(con, engine_name="con").get_databases(
            include_schemas=True, include_tables=True, include_table_details=False
        )
        schemas = {schema.name: schema.tables for d in databases if d.name == "lake" for schema in d.schemas}
        tables: list[DataTable] = schemas["main"]
        assert {"evals", "recipes", "instances"} <= {t.name for t in tables}


def test_published_and_kept(own_lake: ddcore.Lake, tmp_path: Path) -> None:
    own_lake.publish(tmp_path / "public.lake", tables=["evals"], progress=False)
    public = ddcore.open(tmp_path / "public.lake")
    assert own_lake.diff(public, tables="evals", progress=False).num_rows == 0
    assert public.verify(progress=False)["state"].to_pylist() == ["checked"]
    with pytest.raises(ddcore.InvalidError, match="can only be read"):
        public.curate()
    with pytest.raises(ddcore.ContractError, match="forbidden text 1 of 1") as caught:
        own_lake.publish(tmp_path / "public.lake", tables="recipes", forbid="Dolma", progress=False)
    assert caught.value.table == "recipes"
    seen: list[ddcore.Progress] = []
    own_lake.backup(tmp_path / "kept", progress=seen.append)
    assert seen
    again = ddcore.open(tmp_path / "again.lake")
    again.restore(tmp_path / "kept", progress=False)
    again.compact(progress=False)
    again.expire(keep=1)
    assert again.verify(quick=True, progress=False)["state"].to_pylist() == ["checked"]
    assert again.diff(own_lake, tables=["evals", "recipes"], progress=False).num_rows == 0
    assert repr(ddcore.open("https://host/lake")) == "ddcore.open('https://host/lake')"
