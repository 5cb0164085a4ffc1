"""Personal data: who works where is in no result and in no file that leaves the lake."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

PLANTED = "planted-person"

# Every verb, in the way of a user who works in a folder of his own; prints all that they give.
SESSION = """
import socket, sys
import ddcore
ddcore.sample("downloads/raw", sizes=["4M"], recipes=["C4"], steps=2)
lake = ddcore.open("my.lake")
results = [lake.ingest("downloads/raw"), lake.curate(), lake.ingest(sys.argv[1] + "/downloads"), lake.tables()]
for row in lake.tables().to_pylist():
    name = f"{row['schema_name']}.{row['table_name']}"
    results += [lake.table(name), lake.describe(name)]
results += [lake.snapshots(), lake.files(), lake.rejects()]
results += [ddcore.version(), ddcore.doctor(), ddcore.doctor(lake), ddcore.doctor("none")]
results += [lake.at(2).tables(), lake.sql("FROM duckdb_tables() SELECT schema_name, table_name")]
for ending in ("parquet", "csv", "json", "arrow"):
    results += [lake.export("full_eval", f"x.{ending}"), lake.export_sql("FROM raw.files", f"files.{ending}")]
for result in results:
    print(result.schema.to_string(show_field_metadata=True, show_schema_metadata=True))
    for column in result.columns:
        print(*column.to_pylist(), sep="\\n")
print(lake)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a session under a telling name, and all that the session printed."""
    home = tmp_path_factory.mktemp("home") / PLANTED
    (home / "work").mkdir(parents=True)
    names = {"HOME": str(home), "USER": PLANTED, "LOGNAME": PLANTED, "HOSTNAME": PLANTED}
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(home / "work")],
        cwd=home / "work",
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home / "work", done.stdout


def test_no_result_tells_who_works_where(session: tuple[Path, str]) -> None:
    folder, text = session
    assert len(text) > 100_000
    assert PLANTED not in text
    assert str(folder.parents[1]) not in text
    assert not re.findall(r"(?:^|[\s'\"(=])(/(?:home|root|tmp|Users|usr|var)/\S*)", text)


def test_no_file_tells_who_works_where(session: tuple[Path, str]) -> None:
    """Exports, and the lake's Parquet files.

    The catalog does: DuckLake notes where its data lie, so that other clients find them.
    """
    folder, _ = session
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(files) > 20
    telling = {str(p.relative_to(folder)) for p in files if PLANTED.encode() in p.read_bytes()}
    assert telling <= {"my.lake/catalog.sqlite"}
    with contextlib.closing(sqlite3.connect(folder / "my.lake/catalog.sqlite")) as catalog:
        places = set()
        for (table,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = catalog.execute(f'SELECT * FROM "{table}"').fetchall()
            places |= {(table, row[0]) for row in rows if any(PLANTED in str(v) for v in row)}
    assert places <= {("ducklake_metadata", "data_path")}
