"""Progress bars: drawn where one can be seen, closed however the call ends."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import ddcore
from ddcore import progress
from ddcore.progress import Progress


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0)


def terminal() -> contextlib.redirect_stderr[Terminal]:
    """Let stderr be a terminal for a while; a fixture cannot, as pytest captures stderr for each test anew."""
    return contextlib.redirect_stderr(Terminal())


def test_a_function_is_called_with_what_the_core_says(tmp_path: Path) -> None:
    seen: list[Progress] = []
    ddcore.sample(tmp_path / "raw", sizes=["4M", "20M"], progress=seen.append)
    lake = ddcore.open(tmp_path / "x.lake")
    lake.ingest(tmp_path / "raw", progress=seen.append)
    lake.curate(progress=seen.append)
    assert {"rows", "B", "tables"} >= {p.unit for p in seen} >= {"tables"}
    assert all(p.done <= p.total for p in seen if p.total > 0)
    assert any(p.what == "matched_runs" for p in seen)  # the last one; quick ones may go by unseen


def test_nothing_is_written_where_nobody_looks(own_lake: ddcore.Lake, capfd: pytest.CaptureFixture[str]) -> None:
    own_lake.curate(force=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("show", [False, True])
def test_a_terminal_shows_a_bar_unless_it_was_refused(own_lake: ddcore.Lake, show: bool) -> None:
    with terminal() as out:
        own_lake.curate(force=True, progress=show)
    text = out.getvalue()
    assert ("curate: 100%" in text) == show
    assert bool(re.search(r"\b(\d+)/\1 ", text)) == show
    assert show or not text


def test_units() -> None:
    with terminal() as out, progress.bar("ingest") as report:
        assert report
        report(Progress(0, 0, "", "waiting for process 7 (curate)"))
        report(Progress(1 << 20, 4 << 20, "B", "reading a.parquet"))
        report(Progress(3 << 20, 4 << 20, "B", "ingesting a.parquet"))
        report(Progress(1 << 20, 4 << 20, "B", "ingesting b.parquet"))  # another phase starts again
        report(Progress(1_500_000, 3_000_000, "rows", ""))
        report(Progress(2, 15, "tables", "evals"))
    text = out.getvalue()
    for part in (
        "waiting for process 7 (curate)",
        "1.00M/4.00M",
        "3.00M/4.00M",
        "B/s",
        "1.50M/3.00M",
        "rows/s",
        "2/15",
    ):
        assert part in text, part
    assert "ingest: 100%" in text
    assert "15/15" in text
    assert text.endswith("\n")


class BrokenError(Exception):
    """Something of the user's own."""


@pytest.mark.parametrize("kind", [BrokenError, KeyboardInterrupt, ddcore.InvalidError])
def test_the_bar_is_closed_when_the_call_fails(kind: type[BaseException]) -> None:
    from tqdm.auto import tqdm

    def call() -> None:
        with progress.bar("ingest") as report:
            assert report
            report(Progress(1, 4, "tables", "evals"))
            assert len(tqdm._instances) == 1
            raise kind

    with terminal() as out, pytest.raises(kind):
        call()
    assert not tqdm._instances
    text = out.getvalue()
    assert "1/4" in text
    assert "4/4" not in text  # it did not end well, and does not look so
    assert text.endswith("\n")


def test_a_failing_verb_shows_no_bar(own_lake: ddcore.Lake) -> None:
    with terminal() as out, pytest.raises(ddcore.NotFoundError):
        own_lake.ingest("none/")
    assert not out.getvalue()


def test_a_report_of_ones_own_that_fails_stops_the_call(own_lake: ddcore.Lake) -> None:
    def report(_: Progress) -> None:
        raise BrokenError

    with pytest.raises(BrokenError):
        own_lake.curate(force=True, progress=report)
    assert own_lake.curate()["state"].unique().to_pylist() in (["up to date"], ["built"])


def test_reports_are_drawn_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Progress] = []

    class Bar:
        def __init__(self, title: str) -> None:
            self.title = title

        def show(self, p: Progress) -> None:
            drawn.append(p)

        def close(self, ok: bool) -> None:
            drawn.append(Progress(-1, -1, str(ok), ""))

    now = [0.0]
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.1)
    monkeypatch.setattr(progress, "_TqdmBar", Bar)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.bar("sample") as report:
        assert report
        for i in range(1000):
            now[0] = i / 1000
            report(Progress(i, 1000, "rows", ""))
        report(Progress(1, 15, "tables", ""))  # another unit is shown at once
    assert 10 <= len(drawn) <= 13
    assert drawn[-2:] == [Progress(1, 15, "tables", ""), Progress(-1, -1, "True", "")]


def test_marimo_shows_its_own_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    import marimo as mo

    said: list[Any] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            said.append(options["title"])

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            said.append("closed")

        def update(self, increment: int, subtitle: str) -> None:
            said.append((increment, subtitle))

    monkeypatch.setattr(mo, "running_in_notebook", lambda: True)
    monkeypatch.setattr(mo.status, "progress_bar", Bar)
    with progress.bar("ingest") as report:
        assert report
        report(Progress(0, 0, "", "waiting"))
        report(Progress(1 << 20, 4 << 20, "B", "reading"))
        report(Progress(0, 4 << 20, "B", "ingesting"))
        report(Progress(3, 4, "tables", ""))
    assert said == [
        "ingest",
        (0, "waiting"),
        (25, "reading, 1.0 of 4.0 MiB"),
        (-25, "ingesting, 0.0 of 4.0 MiB"),
        (75, "3 of 4 tables"),
        (25, ""),
        "closed",
    ]
