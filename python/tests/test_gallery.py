"""All notebooks: clean, and they run without a lake and with one; what quality and sql_tour say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ddcore
from notebook_runs import FOLDER, exported, run

NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))
QUICK = [name for name in NAMES if name != "prediction"]  # it fits models: test_predict_command.py runs it


def copied(name: str, to: Path) -> Path:
    return Path(shutil.copy(FOLDER / f"{name}.py", to))


def test_marimo_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    files = [copied(name, tmp_path).name for name in NAMES]
    run("-m", "marimo", "check", "--strict", *files, cwd=tmp_path)


def test_the_page_on_notebooks_names_all() -> None:
    page = (FOLDER.parent / "docs/notebooks.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == NAMES


@pytest.mark.parametrize("name", QUICK)
def test_without_a_lake_it_says_that_its_results_are_made_up(name: str, tmp_path: Path) -> None:
    page = exported(copied(name, tmp_path))
    assert re.search(r"These \w+ are made up", page)
    assert "marimo-progress" in page  # Marimo's own bars, of sample, ingest and curate


def test_they_run_as_scripts(lake: ddcore.Lake, tmp_path: Path) -> None:
    """All in one process, which loads what they share once."""
    files = [copied(name, tmp_path).name for name in QUICK]
    run("-c", f"import runpy; [runpy.run_path(f, run_name='__main__') for f in {files}]", cwd=tmp_path, lake=lake.path)


DEMO = """
import os, ddcore
some = dict(sizes=["4M"], recipes=["C4"], steps=1, runs=-1, checkpoints=-1, models=-1)
lake = ddcore.demo_lake(**some)
assert lake == ddcore.demo_lake(**some)
assert lake.table("evals").num_rows > 0
assert os.listdir(os.path.join(os.path.dirname(lake.path), "raw"))
print(lake.path)
"""


def test_the_demo_lake_is_made_once_and_goes(tmp_path: Path) -> None:
    path = run("-c", DEMO, cwd=tmp_path).splitlines()[-1]
    assert Path(path).parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ddcore.InvalidError, match="near names: 4M"):
        ddcore.demo_lake(sizes=["4MM"])
    with pytest.raises(TypeError, match="size"):
        ddcore.demo_lake(size="4M")


def test_the_tour_answers_ten_questions(lake: ddcore.Lake, tmp_path: Path) -> None:
    page = exported(copied("sql_tour", tmp_path), lake.path)
    assert [int(n) for n in re.findall(r"<h2 [^>]*>(\d+)\. ", page)] == list(range(1, 11))
    assert "The lake holds 2 recipes and 2 model sizes." in page
    for title in ("Places of the recipes", "Leads, best recipe first", "The best size for each budget of compute"):
        assert title in page, title
    assert page.count("The lake holds nothing to answer this.") == 1  # two recipes have no correlation over recipes


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    """Two builds; before the second the last checkpoint was taken out, a text broken, and a value changed."""
    folder = tmp_path_factory.mktemp("changed")
    lake = ddcore.open(folder / "my.lake")
    ddcore.sample(folder / "raw", sizes=["4M"], recipes=["C4", "Dolma1.7"], steps=2, runs=-1, checkpoints=-1, models=-1)
    lake.ingest(folder / "raw")
    lake.curate()
    for i, file in enumerate(sorted((folder / "raw/hf/eval-results").rglob("train-*.parquet"))):
        rows = pq.read_table(file)
        kept = [r for r in rows.to_pylist() if (r["data"], r["seed"], r["step"]) != ("C4", "default", 5725)]
        if i == 0:
            kept[0]["metrics"] = "{'acc_raw': "
            kept[1]["metrics"] = re.sub(r"('acc_raw': )[\d.]+", r"\g<1>0.123", kept[1]["metrics"])
        pq.write_table(pa.Table.from_pylist(kept, rows.schema), file)
    lake.ingest(folder / "raw")
    lake.curate()
    return lake


def test_quality_tells_what_is_missing_rejected_and_changed(changed: ddcore.Lake, tmp_path: Path) -> None:
    page = exported(copied("quality", tmp_path), changed.path)
    assert "17 of 18 are there, 1 missing" in page
    assert "Rejected rows by reason" in page
    assert changed.rejects()["reason"][0].as_py() in page
    then, now = (s["snapshot"] for s in changed.snapshots().to_pylist() if s["message"].startswith("curate"))
    before, after = (changed.at(n).sql("SELECT count(*) AS n FROM evals")["n"][0].as_py() for n in (then, now))
    assert f"{after:,} rows are in both builds, 0 are new, {before - after:,} are gone" in page
    assert f"Values of evals that are others in snapshot {now} than in {then}" in page
    assert "Rows of the tables whose number changed, by build" in page
    for nothing in ("Nothing was replaced.", "run has a gap.", "The lake holds no OLMES dump."):
        assert nothing in page, nothing


def test_one_build_has_no_drift(lake: ddcore.Lake, tmp_path: Path) -> None:
    page = exported(copied("quality", tmp_path), lake.path)
    assert "The lake has 1 build: nothing has changed since." in page
    for title in ("Personal data replaced, by rule", "Runs by gap and type", "Checks of OLMES dumps"):
        assert title in page, title
    assert "No raw row was rejected." in page


@pytest.mark.parametrize("name", ["quality", "sql_tour"])
def test_a_lake_without_tables_is_told_and_no_error(name: str, tmp_path: Path) -> None:
    page = exported(copied(name, tmp_path), str(tmp_path / "none.lake"))
    assert re.search("There is nothing to (look at|ask): ", page)
