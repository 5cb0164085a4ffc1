"""`ddcore predict` as it is installed, and the notebook on prediction."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ddcore
from ddcore import _command, _predict

NOTEBOOK = Path(__file__).parents[2] / "notebooks/prediction.py"
FAST = ("--target", "arc_easy", "--window", "40%", "--bootstrap", "0", "--models", "elastic_net")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A curated lake of three sizes and four recipes."""
    folder = tmp_path_factory.mktemp("predict")
    sizes, recipes = ["4M", "20M", "60M"], ["C4", "Dolma1.7", "Falcon", "FineWeb-Pro"]
    ddcore.sample(
        folder / "raw", sizes=sizes, recipes=recipes, seeds=["default"], steps=8, runs=-1, checkpoints=-1, models=-1,
        progress=False,
    )  # fmt: skip
    made = ddcore.open(folder / "my.lake")
    made.ingest(folder / "raw", progress=False)
    made.curate(progress=False)
    return made.path


def run(*words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=os.environ | variables, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip


def command(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run("-m", "ddcore", "predict", *words, cwd=cwd)


def test_it_prints_reports_and_keeps(lake: str, tmp_path: Path) -> None:
    own = shutil.copytree(lake, tmp_path / "own.lake")
    done = command(
        "--lake", str(own), *FAST, "-g", "recipe", "--report", "r.html", "--save", "early", "-o", "csv", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = {(r["model"], r["score"]): r for r in csv.DictReader(io.StringIO(done.stdout))}
    report = ddcore.predict.evaluate(
        ddcore.open(lake),
        "arc_easy",
        window="40%",
        groups="recipe",
        models="elastic_net",
        n_bootstrap=0,
        progress=False,
    )
    assert float(rows["elastic_net", "rmse"]["value"]) == report.overall("rmse")["elastic_net"]
    assert "<svg" in (tmp_path / "r.html").read_text()
    kept = ddcore.open(own).table("predictions.early", order_by=[])
    assert kept.num_rows == report.predictions.num_rows
    assert "The baseline recipe_mean could not be had" in done.stderr


def here(*words: str) -> int:
    """Run the command in this process: its imports take longer than all it does."""
    return _command.run(("predict",), _predict.main, list(words))


def test_the_forms_of_scores(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.md"
    assert here("-l", lake, *FAST, "-q", "-f", "recipe=C4", "-f", "recipe=Falcon", "--report", str(report)) == 0
    table = capsys.readouterr()
    assert table.err == ""
    assert table.out.splitlines()[0].split()[:3] == ["model", "rmse", "mae"]
    assert table.out.splitlines()[1].startswith("elastic_net ")
    assert report.read_text().startswith("# Prediction of target_arc_easy")
    assert here("-l", lake, *FAST, "-q", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {r["kind"] for r in rows} == {"model", "baseline"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--window", "20%"], 2, "--target"),
        (["-t", "arc_easy", "-w", "100%"], 2, "target_params"),
        (["-t", "arc_easy", "-w", "40%", "-f", "recipe"], 2, "COLUMN=VALUE"),
        (["-t", "arc_easy", "-w", "40%", "--report", "r.pdf"], 2, "neither .html nor .md"),
        (["-t", "arc_eazy", "-w", "40%"], 3, "near names: arc_easy"),
        (["-t", "arc_easy", "-w", "40%", "-m", "forest"], 2, "extra_trees"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_wrong_usage_is_told(
    lake: str, words: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here("--lake", lake, *words) == code
    assert told in capsys.readouterr().err


def test_the_notebook_is_clean_and_has_its_charts(lake: str, tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    checked = run("-m", "marimo", "check", "--strict", NOTEBOOK.name, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    words = ["export", "html", NOTEBOOK.name, "-o", "page.html", "--no-sandbox"]
    done = run("-m", "marimo", *words, cwd=tmp_path, DDCORE_LAKE=lake)
    assert done.returncode == 0, done.stdout + done.stderr
    page = html.unescape(html.unescape((tmp_path / "page.html").read_text()))
    of = "target_arc_easy_primary_metric__final"
    for title in (f"Scores of {of}", f"Predicted against actual: {of}", f"Errors of {of}", f"RMSE by window: {of}"):
        assert title in page, title
    assert "Both steps: value" in page or "scaling law: " in page
