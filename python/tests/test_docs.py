"""The documentation site, and what documents say of the packaging."""

from __future__ import annotations

import html.parser
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import ddcore
import native

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class Fetched(html.parser.HTMLParser):
    """Collects what a browser fetches of itself when it shows a page."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        values = {name: value or "" for name, value in attrs}
        self.urls += [values["src"]] if "src" in values else []
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect", "modulepreload"):
            self.urls.append(values["href"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with a page that no section names; broken links and other warnings fail."""
    work = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", work / "docs")
    shutil.copy(ROOT / "mkdocs.yml", work)
    (work / "python").symlink_to(ROOT / "python")
    (work / "docs/stray.md").write_text("# A stray page\n\nIt is in no section.\n")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet"],
        cwd=work,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return work / "build/site"


def test_the_site_has_all_pages(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in site.glob("*.html")} == pages | {"404", "stray"}
    assert {path.stem for path in site.glob("*.md")} == pages | {"stray"}
    menu = (site / "index.html").read_text()
    assert re.search(r"More\s.*A stray page", menu, re.DOTALL)
    assert (site / "llms.txt").read_text().startswith("# ddcore\n")


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        found = Fetched()
        found.feed(page.read_text())
        assert found.urls
        assert not [url for url in found.urls if "//" in url], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", sheet.read_text()), sheet.name


def test_the_reference_shows_the_public_python(site: Path) -> None:
    page = (site / "python-reference.html").read_text()
    methods = [n for n, _ in inspect.getmembers(ddcore.Lake, inspect.isfunction) if not n.startswith("_")]
    names = [f"Lake.{method}" for method in methods] + [n for n in ddcore.__all__ if not n.startswith("_")]
    for path in (ROOT / "python/ddcore").iterdir():
        if path.suffix in ("", ".py") and not path.name.startswith("_"):
            module = importlib.import_module("ddcore." + path.stem)
            public = {name for name in getattr(module, "__all__", []) if callable(getattr(module, name))}
            names += [] if public & set(ddcore.__all__) else public  # those are exported by ddcore itself
    for name in names:
        assert re.search(rf'id="ddcore\.([\w.]+\.)?{name}"', page), name
    assert "&gt;&gt;&gt;" in re.sub(r"<[^>]+>", "", page)  # the examples


def test_the_table_of_extras() -> None:
    page = (ROOT / "docs/packaging.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", page, re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    assert rows == {
        extra: ", ".join(re.sub(r"[<>=].*", "", requirement) for requirement in requirements)
        for extra, requirements in extras.items()
    }
    assert set(extras) - {"all", "distributed", "duckdb"} == set(re.findall(r"[\w]+", re.sub(r".*\[", "", rows["all"])))


def test_one_version_in_all_files() -> None:
    version = native.project_version()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    recipe = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text())
    assert version == PROJECT["version"] == citation["version"] == recipe["context"]["version"]
    assert citation["license"] == recipe["about"]["license"] == PROJECT["license"]
    assert citation["abstract"] == recipe["about"]["summary"] == PROJECT["description"]
    assert {i["value"] for r in citation["references"] for i in r["identifiers"]} == {
        "arXiv:2504.11393",
        "arXiv:2412.04403",
    }
    pinned = [r.partition(";")[0].strip() for r in PROJECT["dependencies"] if not r.startswith("duckdb-")]
    assert [r.replace(" ", "") for r in recipe["requirements"]["run"]] == [
        f"python{PROJECT['requires-python']}",
        *pinned,
    ]


def test_the_changelog_has_a_heading_for_the_next_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", text, re.MULTILINE)
    assert headings[0] in ("Unreleased", native.project_version())
    assert len(headings) == text.count("\n## ")


def test_workflows_call_what_there_is() -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text() + (ROOT / "build.mk").read_text(), re.MULTILINE)
    )
    commands = []
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            commands += [step["run"] for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    assert {c.split()[1] for c in commands if c.startswith("make ")} <= targets
    assert any("cibuildwheel" in c for c in commands)


SNIPPET = """
import pyarrow as pa

import ddcore
import ddcore.plot
from ddcore import scaling

lake: ddcore.Lake = ddcore.open("my.lake", threads=2)
lake.ingest(["raw"], progress=lambda p: print(p.done, p.total))
lake.curate(progress=False)
table: pa.Table = lake.table("evals", params="4M", recipe=["C4"], columns=["step"], limit=3)
reader: pa.RecordBatchReader = lake.scan("evals", task="boolq")
past: ddcore.Lake = lake.at(2)
try:
    lake.decision_accuracy("4M", target="20M", bootstrap=0)
except ddcore.NotFoundError as error:
    hint: str = error.hint
ddcore.plot.curves(lake, "pile-valppl", params="4M").save("curves.png")
law = scaling.fit({"n_params": [1e8], "tokens": [1e9], "loss": [3.0]}, "ladder")
ddcore.sample("raw", sizes=["4M"], steps=2)
"""

WRONG = """
import ddcore

ddcore.open(3)
ddcore.open("my.lake").table()
ddcore.open("my.lake").tabel("evals")
"""


def test_mypy_checks_code_that_uses_ddcore(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SNIPPET)
    (tmp_path / "wrong.py").write_text(WRONG)
    skipped = "[mypy-altair.*,numpy.*,pyarrow.*,scipy.*]\nfollow_imports = skip\nignore_missing_imports = true\n"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = true\n{skipped}")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "good.py", "wrong.py"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert re.findall(r"^(\w+).py:(\d+): error: .*\[([\w-]+)\]$", shown, re.MULTILINE) == [
        ("wrong", "4", "arg-type"),
        ("wrong", "5", "call-arg"),
        ("wrong", "6", "attr-defined"),
    ], shown
