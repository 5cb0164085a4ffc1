"""Evaluation instances through the wheel: archives in, questions and choices out."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow.compute as pc
import pytest

import ddcore


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    ddcore.sample(folder, sizes=["150M"], recipes=["C4"], runs=-1, checkpoints=2, questions=3, progress=False)
    return folder / "instances"


@pytest.fixture(scope="module")
def lake(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    lake = ddcore.open(tmp_path_factory.mktemp("lake") / "test.lake")
    added = lake.ingest(raw, progress=False)
    assert added.to_pylist()[0] | {"n_bytes": 0} == {
        "path": "models/c4.tar.gz",
        "raw_table": "instances",
        "state": "added",
        "n_rows": 396,
        "n_rejects": 0,
        "n_bytes": 0,
    }
    lake.curate(progress=False)
    return lake


def lines(archive: Path) -> dict[tuple[int, int, str, int], dict]:
    """Read all lines of an archive with Python's own tools, by checkpoint, task and question."""
    seeds = {"2": 0, "14": 1, "15": 2}
    found = {}
    with tarfile.open(archive) as outer:
        for member in outer:
            *_, seed, step = member.name.removesuffix(".tar.gz").split("/")
            with tarfile.open(fileobj=io.BytesIO(outer.extractfile(member).read())) as inner:
                for file in inner:
                    task, _, kind = file.name.split("/")[-1].rpartition("-")
                    if kind != "predictions.jsonl":
                        continue
                    for line in inner.extractfile(file).read().splitlines():
                        one = json.loads(line)
                        found[
                            seeds[seed.removeprefix("seed-")], int(step.removeprefix("step-")), task, one["doc_id"]
                        ] = one
    return found


def test_every_value_is_that_of_the_line(raw: Path, lake: ddcore.Lake) -> None:
    want = lines(raw / "models" / "c4.tar.gz")
    rows = lake.table("instances").to_pylist()
    assert len(rows) == len(want)
    for row in rows:
        line = want[row["seed"], row["step"], row["task"], row["doc_id"]]
        assert row["label"] == line["label"]
        assert row["native_id_type"] == {str: "string", int: "int", type(None): "null"}[type(line["native_id"])]
        assert row["native_id"] == (None if line["native_id"] is None else str(line["native_id"]))
        for name, value in line["metrics"].items():
            assert row[name] == value, name
    for row in lake.table("choices").to_pylist():
        line = want[row["seed"], row["step"], row["task"], row["doc_id"]]
        choice = line["model_output"][row["choice"]]
        assert {name: row[name] for name in choice} == choice


def test_aggregates_are_derived(lake: ddcore.Lake) -> None:
    t = lake.table("instance_task_metrics", where="derived_value IS NOT NULL")
    assert t.num_rows > 1000
    assert pc.max(pc.abs(pc.subtract(t["value"], t["derived_value"]))).as_py() < 1e-12
    assert lake.table("instance_checks").num_rows == 0


def test_again_is_nothing(raw: Path, lake: ddcore.Lake) -> None:
    snapshots = lake.snapshots().num_rows
    assert lake.ingest(raw, progress=False)["state"].to_pylist() == ["unchanged"]
    assert lake.snapshots().num_rows == snapshots
