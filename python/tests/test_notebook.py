"""notebooks/explore.py: clean, and it runs in all the ways that Marimo runs notebooks."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket as sockets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import websockets.sync.client  # Marimo brings it

import ddcore
from notebook_runs import TIMEOUT, exported

NOTEBOOK = "explore"

T = TypeVar("T")


def test_it_is_exported_with_its_charts(notebook: Path, lake: ddcore.Lake) -> None:
    page = exported(notebook, lake.path)
    assert "The lake holds 2 recipes and 2 model sizes." in page
    for title in ("pile-valppl by model size", "arc_easy_primary_metric during training, 20M", "noise of the seeds"):
        assert title in page, title
    assert "Recipes by arc_easy_primary_metric, 20M" in page


def test_the_lake_may_be_an_argument(notebook: Path, lake: ddcore.Lake) -> None:
    assert "The lake holds 2 recipes" in exported(notebook, "", "--", "--lake", lake.path)


@pytest.mark.parametrize("kind", ["none", "raw only"])
def test_a_lake_without_tables_is_told_and_no_error(notebook: Path, workplace: Path, kind: str) -> None:
    lake = ddcore.open(notebook.parent / "young.lake")
    if kind == "raw only":
        lake.ingest(workplace / "raw")
    assert "There is nothing to explore: " in exported(notebook, lake.path)


def test_one_seed_is_told_and_no_error(notebook: Path, real_lake: ddcore.Lake) -> None:
    page = exported(notebook, real_lake.path)
    assert "no size and recipe has two seeds" in page


@contextmanager
def served(notebook: Path, lake: str) -> Iterator[str]:
    with sockets.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--headless", "--no-token", "--no-sandbox", "--host", "127.0.0.1", "--port", str(port)]
    log = notebook.with_suffix(".log")
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "marimo", "run", *options, notebook.name],
            cwd=notebook.parent,
            env={**os.environ, "DDCORE_LAKE": lake},
            stdout=out,
            stderr=out,
        )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(TIMEOUT)


def until(ask: Callable[[], T | None], what: str) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + TIMEOUT
    while (found := ask()) is None:
        assert time.monotonic() < deadline, f"no {what} in {TIMEOUT} s"
        time.sleep(0.1)  # between two questions; nothing is taken to be ready after it
    return found


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            return int(response.status)
    except (ConnectionError, urllib.error.URLError):
        return None


def test_it_is_served(notebook: Path, lake: ddcore.Lake) -> None:
    with served(notebook, lake.path) as url:
        assert until(lambda: status(url), "answer") == 200


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--window-size=1100,3200"]
FLAGS += ["--remote-debugging-port=0"]

# Marimo's charts and errors lie in shadow roots, where a plain query does not look.
LOOK = """
(() => {
    const found = {charts: 0, text: "", errors: 0};
    const look = (root) => {
        found.charts += root.querySelectorAll("canvas.marks, svg.marks").length;
        found.text += root.textContent ?? document.body?.textContent ?? "";
        found.errors += root.querySelectorAll(".marimo-error").length;
        root.querySelectorAll("*").forEach((e) => e.shadowRoot && look(e.shadowRoot));
    };
    look(document);
    return found;
})()
"""


@contextmanager
def browser(url: str, profile: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Show a page in a headless Chromium; give the function that asks it by its DevTools protocol."""
    assert CHROMIUM
    note = profile / "DevToolsActivePort"

    def port() -> str | None:
        lines = note.read_text().splitlines() if note.exists() else []
        return lines[0] if len(lines) == 2 else None

    def page() -> str | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{until(port, 'browser')}/json/list") as response:
            pages = [p for p in json.load(response) if p["type"] == "page"]
        return pages[0]["webSocketDebuggerUrl"] if pages else None

    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with websockets.sync.client.connect(until(page, "page"), max_size=None) as socket:

            def ask(method: str, **params: Any) -> dict[str, Any]:
                socket.send(json.dumps({"id": 1, "method": method, "params": params}))
                result: dict[str, Any] = json.loads(socket.recv(TIMEOUT))["result"]
                return result

            yield ask
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_a_browser_shows_it(notebook: Path, lake: ddcore.Lake) -> None:
    with served(notebook, lake.path) as url:
        until(lambda: status(url), "answer")
        with browser(url, notebook.parent / "profile") as ask:

            def four_charts() -> dict[str, Any] | None:
                seen = ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]
                return seen if seen["charts"] >= 4 else None

            found = until(four_charts, "four charts")
            shot = ask("Page.captureScreenshot")["data"]
    (notebook.parent / "screenshot.png").write_bytes(base64.b64decode(shot))  # for whoever looks into pytest's folder
    assert found["errors"] == 0
    assert "The lake holds 2 recipes and 2 model sizes." in found["text"]
    assert "Recipes, best first" in found["text"]
