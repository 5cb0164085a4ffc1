"""The folder of a W&B download, stopped wherever it may be."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ddcore
from ddcore import _command
from ddcore._wandb import command
from ddcore._wandb.folder import Folder, Held, locked

SELECTION = {"keys": None, "min_step": 0, "max_step": None, "metadata": False}


class Stopped(BaseException):
    """As if the process had been killed."""


def held(name: str, rows: int) -> Held:
    return Held(name, "finished", None, None, rows, rows + 1, rows, rows, "", "")


def history(name: str, version: int, rows: range) -> io.BytesIO:
    return io.BytesIO(b"".join(b'{"run_id":"%s","v":%d,"step":%d}\n' % (name.encode(), version, i) for i in rows))


def download(path: Path) -> None:
    """Take three runs; then one grows and one comes again: two times what a folder goes through."""
    folder = Folder(path, "ml", "ft", SELECTION)
    for name, rows in [("a", 3), ("b", 2), ("c", 0)]:
        if name not in folder.runs:
            folder.add(held(name, rows), {"run_id": name, "v": 1}, history(name, 1, range(rows)), again=True)
    if folder.runs["a"].rows == 3:
        folder.add(held("a", 2), {"run_id": "a", "v": 2}, history("a", 1, range(3, 5)), again=False)
    if folder.runs["b"].rows == 2:
        folder.add(held("b", 1), {"run_id": "b", "v": 2}, history("b", 2, range(1)), again=True)
    folder.tidy()
    folder.close()


def contents(path: Path) -> dict[str, Any]:
    lines = {name: (path / name).read_text().splitlines() for name in ("runs.jsonl", "history.jsonl")}
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["run_count"] == len(lines["runs.jsonl"])
    assert manifest["history_count"] == len(lines["history.jsonl"])
    runs = sorted(json.dumps(json.loads(line)["run"]) for line in lines["runs.jsonl"])
    return {"runs": runs, "history": sorted(lines["history.jsonl"]), "files": sorted(p.name for p in path.iterdir())}


def stop_at(n: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Let the n-th call that makes something last be the end, before or after it is done."""
    count = [0]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def stopping(*arguments: Any, **more: Any) -> Any:
            count[0] += 1
            if count[0] == n:
                raise Stopped
            done = call(*arguments, **more)
            count[0] += 1
            if count[0] == n:
                raise Stopped
            return done

        return stopping

    patch.setattr(os, "fsync", counted(lambda _: None))  # which takes its time
    patch.setattr(os, "replace", counted(os.replace))
    return count


def test_stopped_anywhere_it_goes_on(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        count = stop_at(-1, patch)
        download(tmp_path / "whole")
    want = contents(tmp_path / "whole")
    assert want["files"] == ["history.jsonl", "manifest.json", "runs.jsonl", "state.json"]
    assert len(want["history"]) == 6
    assert count[0] > 20
    for n in range(1, count[0] + 1):
        path = tmp_path / str(n)
        with pytest.MonkeyPatch.context() as patch:
            stop_at(n, patch)
            with pytest.raises(Stopped):
                download(path)
        download(path)
        assert contents(path) == want, n


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    for name, text, says in [
        ("history.jsonl", "{}\n", "without a state.json"),
        ("state.json", "{", "cannot be read"),
        ("state.json", '{"runs": {}}', "was not written by `ddcore download wandb`"),
    ]:
        path = tmp_path / says[:7]
        path.mkdir()
        (path / name).write_text(text)
        with pytest.raises(ddcore.InvalidError, match=says) as caught:
            Folder(path, "ml", "ft", SELECTION)
        assert caught.value.target == str(path)
        assert [(p.name, p.read_text()) for p in path.iterdir()] == [(name, text)]


def test_a_file_that_lost_bytes_is_no_base(tmp_path: Path) -> None:
    download(tmp_path)
    os.truncate(tmp_path / "history.jsonl", 10)
    with pytest.raises(ddcore.InvalidError, match=r"history.jsonl has 10 bytes"):
        Folder(tmp_path, "ml", "ft", SELECTION)


def test_without_the_client_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match=r"pip install 'ddcore\[wandb\]'"):
        ddcore.download_wandb("ml/ft", tmp_path, progress=False)
    words = ["download", "wandb"]
    assert _command.run(words, command.main, ["ml/ft", str(tmp_path)]) == 2
    assert "hint: `pip install 'ddcore[wandb]'`" in capsys.readouterr().err


def test_one_download_at_a_time(tmp_path: Path) -> None:
    (tmp_path / ".download-left").mkdir()
    with locked(tmp_path) as scratch:
        assert not (tmp_path / ".download-left").exists()
        with pytest.raises(ddcore.BusyError, match="another download"), locked(tmp_path):
            pass
        assert os.path.isdir(scratch)
    assert os.listdir(tmp_path) == [".lock"]
