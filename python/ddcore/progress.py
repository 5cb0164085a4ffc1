"""Progress bars: tqdm on a terminal or in Jupyter, Marimo's own in Marimo."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from ._native import Progress

__all__ = ["Progress", "Show", "bar"]

SECONDS_BETWEEN = 0.1

#: What the argument ``progress`` of a verb takes: True for a bar where one can be
#: seen, False for none, or a function that is called with each Progress.
Show: TypeAlias = "bool | Callable[[Progress], None]"


class _Bar(Protocol):
    def show(self, p: Progress) -> None: ...
    def close(self, ok: bool) -> None: ...


@contextmanager
def bar(title: str, show: Show = True) -> Iterator[Callable[[Progress], None] | None]:
    """Give the function that draws the progress of a call, or None for no bar.

    Like the bars of huggingface_hub, it is drawn in notebooks and on a terminal
    and not into a file; ``TQDM_DISABLE=1`` turns it off. It is closed however
    the call ends.

    Args:
        title: What is going on, e.g. "ingest".
        show: True, False, or a function of one's own.

    Yields:
        A function to call with each Progress, from any one thread.
    """
    if callable(show):
        yield show
        return
    if not show:
        yield None
        return
    drawn = _Lazy(title)
    ok = False
    try:
        yield drawn
        ok = True
    finally:
        drawn.close(ok)


class _Lazy:
    """Makes the bar when there is something to show, and draws it seldom."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: _Bar | None = None
        self.last: Progress | None = None
        self.drawn_at = float("-inf")

    def __call__(self, p: Progress) -> None:
        if p == self.last:
            return
        now = time.monotonic()
        if now - self.drawn_at < SECONDS_BETWEEN and self.last is not None and p.unit == self.last.unit:
            return
        if self.bar is None:
            self.bar = _MarimoBar(self.title) if _in_marimo() else _TqdmBar(self.title)
        self.last, self.drawn_at = p, now
        self.bar.show(p)

    def close(self, ok: bool) -> None:
        if self.bar is not None:
            self.bar.close(ok)


class _TqdmBar:
    def __init__(self, title: str) -> None:
        self.title = title
        self.tqdm: Any = None

    def show(self, p: Progress) -> None:
        total = p.total if p.total > 0 else None
        if self.tqdm is None:
            from tqdm.auto import tqdm

            # disable=None: only where stderr is a terminal; in Jupyter tqdm.auto
            # is a widget, for which that does not matter.
            self.tqdm = tqdm(total=total, desc=self.title, disable=None, mininterval=SECONDS_BETWEEN)
        t = self.tqdm
        if t.disable:
            return
        if t.total != total or p.done < t.n:  # another phase of the call
            t.reset(total)
        t.unit, t.unit_scale, t.unit_divisor = p.unit or "it", p.unit in ("B", "rows"), 1024 if p.unit == "B" else 1000
        t.set_postfix_str(p.what, refresh=False)
        t.n = p.done
        t.refresh()

    def close(self, ok: bool) -> None:
        t = self.tqdm
        if t is None or t.disable:
            return
        if ok:
            t.set_postfix_str("", refresh=False)
            t.n = t.total or t.n
            t.refresh()
        t.close()


class _MarimoBar:
    """Marimo's bar, in percent; while the total is not known it stands still."""

    def __init__(self, title: str) -> None:
        import marimo as mo

        self.context: Any = mo.status.progress_bar(total=100, title=title, show_eta=True, show_rate=False)
        self.bar: Any = self.context.__enter__()
        self.percent = 0

    def show(self, p: Progress) -> None:
        percent = min(100 * p.done // p.total, 100) if p.total > 0 else self.percent
        self.bar.update(increment=percent - self.percent, subtitle=describe(p))
        self.percent = percent

    def close(self, ok: bool) -> None:
        if ok:
            self.bar.update(increment=100 - self.percent, subtitle="")
        self.context.__exit__(None, None, None)


def describe(p: Progress) -> str:
    """Write how far a call is: "committing, 1.2 of 3.4 MiB"."""
    if p.total <= 0:
        return p.what
    divisor, units = (1 << 20, "MiB") if p.unit == "B" else (1, p.unit)
    digits = 1 if divisor > 1 else 0
    amount = f"{p.done / divisor:,.{digits}f} of {p.total / divisor:,.{digits}f} {units}"
    return f"{p.what}, {amount}" if p.what else amount


def _in_marimo() -> bool:
    marimo = sys.modules.get("marimo")  # not imported: then this is no Marimo notebook
    return marimo is not None and bool(marimo.running_in_notebook())
