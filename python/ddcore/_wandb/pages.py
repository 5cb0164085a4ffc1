"""The pages of a run's history: stretches of steps, as wide as the run's rows allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

PAGE = 1000  # rows that a page should have


def rows(pages: Any, lines: int, ask: Callable[[Callable[[], Any]], Any]) -> Iterator[dict[str, Any]]:
    """Give each row of a scan once.

    The client asks for stretches of as many steps as it wants rows, which makes
    thousands of requests of a run that logs every ten thousandth step. So the width
    is chosen by how many rows W&B counted. A page that comes out much fuller is
    asked for again in smaller ones: a server thins out what it finds too much.

    Args:
        pages: A HistoryScan of the client, not read from.
        lines: How many rows are to be expected.
        ask: Makes a call that may fail.

    Yields:
        Rows as the client gives them. Rows that were exported as Parquet and are
        live, too, come once.
    """
    end = pages.max_step + 1
    pages.page_size = max(PAGE, PAGE * (end - pages.page_offset) // max(lines, 1))
    is_counted = True  # `lines` is to be trusted
    seen: set[tuple[Any, Any]] = set()
    while (row := ask(lambda: next(pages, None))) is not None:
        if pages.scan_offset == 1:  # the first of a page
            n = len(set(map(_key, pages.rows)))
            if n > 2 * PAGE and pages.page_size > PAGE:
                pages.page_offset -= pages.page_size
                pages.page_size = max(PAGE, PAGE * pages.page_size // n)
                pages.rows, pages.scan_offset = [], 0
                is_counted = is_counted and lines > PAGE
                continue
            lines -= n
            if is_counted and lines <= PAGE:
                pages.page_size = max(PAGE, end - pages.page_offset)
            elif n < PAGE // 2:
                pages.page_size *= 2
            seen.clear()
        if (key := _key(row)) not in seen:
            seen.add(key)
            yield row


def _key(row: dict[str, Any]) -> tuple[Any, Any]:
    return row.get("_step"), row.get("_timestamp")
