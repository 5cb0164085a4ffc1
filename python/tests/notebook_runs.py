"""Runs the notebooks of the project, each in a copy: Marimo writes beside its notebooks."""

from __future__ import annotations

import html
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "notebooks"
TIMEOUT = 120


def run(*command: str, cwd: Path, lake: str = "") -> str:
    """Run Python with a lake named, and give all that it printed; the folder is that of temporary files, too."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "DDCORE_LAKE": lake, "TMPDIR": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def exported(notebook: Path, lake: str = "", *arguments: str) -> str:
    """Run a notebook and give its page, without its code; a cell that fails is an error."""
    page = notebook.with_suffix(".html")
    run("-m", "marimo", "export", "html", notebook.name, "-o", page.name, "--no-sandbox", "--no-include-code", *arguments, cwd=notebook.parent, lake=lake)  # fmt: skip # noqa: E501
    return html.unescape(html.unescape(page.read_text())).replace("\\u003C", "<").replace("\\u003E", ">")
