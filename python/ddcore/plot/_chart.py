"""What all charts share: sizes, colours, titles, and the limits of what can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import altair as alt

from .. import _arguments, errors

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 5_000  # Altair refuses more
WIDTH, HEIGHT = 480, 320

# Okabe and Ito's colours, which people with any kind of colour blindness can
# tell apart (https://jfly.uni-koeln.de/color/); yellow last, it is faint on white.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#f0e442"]
BLUE, RED = COLOURS[0], COLOURS[4]
SIZES = alt.Scale(scheme="viridis")
OPAQUE = alt.Legend(symbolOpacity=1)  # also where the marks are pale


def missing(what: str, target: str, hint: str) -> errors.NotFoundError:
    """Make the error for a chart of nothing."""
    error = errors.NotFoundError(f"plot {target}: {what} ({hint})")
    error.target, error.hint = target, hint
    return error


def drawable(data: pa.Table, target: str, nothing: str, hint: str) -> pa.Table:
    """Give the table back if a chart can hold it: some rows, and not too many."""
    if data.num_rows == 0:
        raise missing(nothing, target, hint)
    if data.num_rows > MAX_ROWS:
        raise _arguments.invalid(f"plot {target}: {data.num_rows} points are more than {MAX_ROWS}", "choose fewer")
    return data


def distinct(data: pa.Table, column: str) -> list[str]:
    """Give a column's values in the order in which they first stand."""
    return list(dict.fromkeys(data[column].to_pylist()))


def by_recipe(data: pa.Table) -> tuple[str, alt.Color]:
    """Colour by recipe, or by family where more recipes are than can be told apart; give the column, too."""
    by = "recipe" if len(distinct(data, "recipe")) <= len(COLOURS) else "family"
    names = sorted(name for name in distinct(data, by) if name is not None)
    words = "Recipe" if by == "recipe" else "Family of recipes"
    return by, alt.Color(f"{by}:N", title=words, scale=colours(names), legend=OPAQUE)


def colours(names: Iterable[str]) -> alt.Scale:
    """Give each name its colour."""
    domain = list(names)
    return alt.Scale(domain=domain, range=(COLOURS * (len(domain) // len(COLOURS) + 1))[: len(domain)])


def title(text: str, *lines: str) -> alt.Title:
    """Write a title with lines below it; empty ones are left out."""
    below = [line[0].upper() + line[1:] for line in lines if line]
    return alt.Title(text, subtitle=below, anchor="start", subtitleColor="#666")


def titled(chart: alt.LayerChart, text: str, *lines: str) -> alt.LayerChart:
    """Give a chart its title and size."""
    return chart.properties(title=title(text, *lines), width=WIDTH, height=HEIGHT)


def tooltips(formats: Mapping[str, str]) -> list[alt.Tooltip]:
    """Give tooltips by their columns, each with its type, or a format of numbers."""
    return [
        alt.Tooltip(f"{column}:{how}", title=column.replace("_", " "))
        if how in ("N", "Q")
        else alt.Tooltip(f"{column}:Q", title=column.replace("_", " "), format=how)
        for column, how in formats.items()
    ]


def level(value: float) -> alt.Chart:
    """Draw a dashed line across the chart at a value of y."""
    at = alt.InlineData(values=[{"level": value}])
    line: alt.Chart = alt.Chart(at).mark_rule(color="grey", strokeDash=[4, 4]).encode(y="level:Q")
    return line


def identity(low: float, high: float) -> alt.Chart:
    """Draw the dashed line on which both axes are equal."""
    ends = alt.InlineData(values=[{"at": low}, {"at": high}])
    line: alt.Chart = alt.Chart(ends).mark_line(color="grey", strokeDash=[4, 4]).encode(x="at:Q", y="at:Q")
    return line
