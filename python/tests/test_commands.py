"""The subcommands that only Python has, as the installed `ddcore` runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ddcore
from ddcore import _cli, _notebook, errors

ROOT = Path(__file__).parents[2]


def run(*arguments: str, where: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ddcore", *arguments],
        cwd=where,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_go_program_lists_the_same_commands() -> None:
    done = run("help")
    assert done.returncode == 0, done.stderr
    for words in _cli.COMMANDS:
        assert f"\n  {words[0]} " in done.stdout
        assert run(*words, "--help").stdout.startswith(f"usage: ddcore {' '.join(words)}")


def test_exit_codes_are_those_of_the_go_program() -> None:
    text = (ROOT / "core/contract/error.go").read_text()
    listed = {name: int(code) for code, name in re.findall(r'\{\w+, (\d+), "(\w+)", "\w+"\}', text)}
    assert {name: getattr(ddcore, name).exit_code for name in listed} == listed
    assert len(listed) == len(errors.CLASSES)


def test_notebooks_are_in_the_wheel() -> None:
    assert _notebook.folder() == Path(ddcore.__file__).parent / "notebooks"
    assert {f.name for f in _notebook.folder().glob("*.py")} == {f.name for f in (ROOT / "notebooks").glob("*.py")}
    done = run("notebook")
    assert done.returncode == 0
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == sorted(
        f.stem for f in (ROOT / "notebooks").glob("*.py")
    )
    assert all(len(line.split()) > 2 for line in done.stdout.splitlines())


def test_a_notebook_is_copied_once(tmp_path: Path) -> None:
    done = run("notebook", "explore", "--no-open", "--to", "mine", where=tmp_path)
    assert done.returncode == 0, done.stderr
    copy = tmp_path / done.stdout.strip()
    assert copy.read_bytes() == (ROOT / "notebooks/explore.py").read_bytes()
    copy.write_text("changed")
    assert run("notebook", "explore", "--no-open", "--to", "mine", where=tmp_path).returncode == 0
    assert copy.read_text() == "changed"


def test_the_copy_is_opened_with_the_lake(tmp_path: Path) -> None:
    """A Marimo that tells what it was asked stands in for the editor, which would never end."""
    (tmp_path / "marimo.py").write_text("import os, sys; print(sys.argv[1:], os.environ['DDCORE_LAKE'])")
    (tmp_path / "my.lake").mkdir()
    done = run("notebook", "explore", "--lake", "my.lake", where=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["explore.py", f"['edit', 'explore.py'] {tmp_path / 'my.lake'}"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["notebook", "explor"], 3, "there is no notebook 'explor'"),
        (["notebook", "explore", "--nope"], 2, "unrecognized arguments: --nope"),
        (["notebook", "explore", "--no-open", "--to", os.devnull], 6, os.devnull),
    ],
)
def test_mistakes_are_told_as_by_the_go_program(arguments: list[str], code: int, says: str, tmp_path: Path) -> None:
    done = run(*arguments, where=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ddcore: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_json_errors_are_a_line(tmp_path: Path) -> None:
    done = run("notebook", "explor", "--json", where=tmp_path)
    assert done.returncode in (2, 3)
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["exit"] == done.returncode
    assert error["kind"] in ("invalid", "not_found")
