"""The examples of the docstrings and of the documents run as they stand."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import ddcore
import ddcore.plot

ROOT = Path(__file__).parents[2]


def documented() -> list[Any]:
    found = [f for _, f in inspect.getmembers(ddcore.Lake, inspect.isfunction) if ">>>" in (f.__doc__ or "")]
    found += [f for n in ddcore.__all__ if inspect.isfunction(f := getattr(ddcore, n))]
    return found + [getattr(ddcore.plot, n) for n in ddcore.plot.__all__]


@pytest.fixture
def workshop(workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small lake and its raw files, as the working folder."""
    shutil.copytree(workplace, tmp_path / "workshop")
    monkeypatch.chdir(tmp_path / "workshop")
    return tmp_path / "workshop"


@pytest.mark.parametrize("function", documented(), ids=lambda f: f"{f.__module__}.{f.__qualname__}")
@pytest.mark.usefixtures("workshop", "hub")
def test_docstring(function: Any) -> None:
    space = {"ddcore": ddcore, "lake": ddcore.open("my.lake")}
    tests = doctest.DocTestFinder(recurse=False).find(function, function.__qualname__, globs=space)
    assert sum(len(t.examples) for t in tests) > 0
    for test in tests:
        failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
        assert not failed


def run_blocks(page: str) -> int:
    """Run a page's blocks of Python in their order, and count them."""
    text = (ROOT / page).read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    space: dict[str, Any] = {}
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], page, "exec"), space)
    return len(blocks)


def test_the_page_on_python(workshop: Path) -> None:
    (workshop / "raw").rename(workshop / "downloads")
    shutil.rmtree(workshop / "my.lake")  # the page makes it
    assert run_blocks("docs/python.md") >= 5


@pytest.mark.usefixtures("workshop", "hub")
def test_the_page_on_downloads() -> None:
    assert run_blocks("docs/download.md") >= 1


@pytest.mark.usefixtures("workshop")
@pytest.mark.parametrize("page", ["sources", "analysis"])
def test_the_pages_on_sources_and_analysis(page: str) -> None:
    assert run_blocks(f"docs/{page}.md") >= 1


def test_the_tutorial_installs_what_shows_its_tables() -> None:
    text = (ROOT / "docs/tutorial.md").read_text()
    installed = re.search(r"pip install (.*?) +#", text)
    assert installed is not None
    assert "pandas" in installed[1].split() or ".to_pandas()" not in text


def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_blocks("docs/tutorial.md") >= 8
    shown = re.findall(r">([^<>]+)</text>", (tmp_path / "curves.svg").read_text())
    assert shown == re.findall(r">([^<>]+)</text>", (ROOT / "docs/tutorial.svg").read_text())  # as it is shown there


def test_the_tutorial_on_the_command_line(tmp_path: Path) -> None:
    page = (ROOT / "docs/tutorial.md").read_text()
    (commands,) = re.findall(r"^```sh\n(ddcore sample.*?)^```", page, re.DOTALL | re.MULTILINE)
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    shown = subprocess.check_output(
        ["bash", "-euc", commands], cwd=tmp_path, env={**os.environ, "PATH": path}, text=True
    )
    assert re.search(r"full_eval +\d+ +1939 ", shown)


@pytest.mark.usefixtures("workshop", "hub")
def test_the_migration_guide() -> None:
    assert run_blocks("docs/migration.md") >= 8


@pytest.mark.usefixtures("workshop")
def test_the_readme() -> None:
    assert run_blocks("README.md") == 1


@pytest.mark.usefixtures("workshop")
def test_the_page_on_hosting() -> None:
    assert run_blocks("docs/hosting.md") >= 4
