"""How early a run tells how it ends: accuracy against the window."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _arguments
from ..lake import Lake
from ..progress import Progress, Show, bar
from . import _models
from ._data import role
from ._input import source
from ._numbers import invalid
from .evaluate import DEFAULT_MODELS, run
from .report import Report

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Forecast", "forecast"]


@dataclasses.dataclass(frozen=True, repr=False)
class Forecast:
    """Evaluations of the same rows by several windows: made by `forecast`.

    Attributes:
        scores: A row per window, model and score: window, end (of the window, in `unit`), model, kind, score,
            value, low, high (95 %, by resampling groups), n_rows.
        reports: The report of each window.
        target: The column that is predicted.
        unit: The windows' unit: "% of the run", "steps" or "10^9 tokens" as they were given.
        n_rows: The rows: those that have a value in every window.
        n_left_out: Rows that lack a value in one of the windows.
        groups: What is held out.
    """

    scores: pa.Table
    reports: dict[str, Report]
    target: str
    unit: str
    n_rows: int
    n_left_out: int
    groups: tuple[str, ...]

    def __repr__(self) -> str:
        """Write what was forecast."""
        return f"<Forecast {self.target} by {', '.join(self.reports)}: {self.n_rows} rows>"

    def plot(self, score: str = "decision_accuracy") -> alt.LayerChart:
        """Draw a score against the end of the window (``ddcore[plot]``).

        Args:
            score: As `Report.overall` names them.

        Returns:
            A line per model with a band of 95 %; baselines are dashed.
        """
        from . import _charts

        if score not in self.scores["score"].to_pylist():
            raise invalid(f"there is no score {score!r}", f"take of {', '.join(_charts.TITLES)}")
        return _charts.over_windows(self, score)


def forecast(
    lake: Lake,
    target: str,
    windows: Iterable[str],
    *,
    groups: str | Iterable[str] | None = None,
    folds: int | None = None,
    models: str | Iterable[str] | Mapping[str, Any] = DEFAULT_MODELS,
    seed: int = 0,
    n_bootstrap: int = 200,
    progress: Show = True,
    **features: Any,
) -> Forecast:
    """Evaluate with the features of one window after another, on the same rows.

    Args:
        lake: The lake.
        target: As in `evaluate`.
        windows: Windows of one unit, e.g. ["5%", "10%", "20%", "50%"].
        groups: As in `evaluate`.
        folds: As in `evaluate`.
        models: As in `evaluate`.
        seed: As in `evaluate`.
        n_bootstrap: As in `evaluate`.
        progress: As in `evaluate`.
        **features: As in `evaluate`, without window.

    Returns:
        The forecast.

    Raises:
        InvalidError: As `evaluate`; or the windows are of several units, or no row has a value in all of them.
        NotFoundError: As `evaluate`.

    Example:
        >>> curve = ddcore.predict.forecast(
        ...     lake, "arc_easy", ["30%", "60%"], models="elastic_net", stats="last", progress=False
        ... )
        >>> sorted(set(curve.scores["end"].to_pylist()))
        [30.0, 60.0]
    """
    wanted = _arguments.names(windows) or []
    ends = [_end(w) for w in wanted]
    units = {unit for _, unit in ends}
    if len(wanted) < 2 or len(set(wanted)) < len(wanted) or len(units) != 1:
        raise invalid(f"windows: {', '.join(wanted) or 'none'}", "pass two or more of one unit, e.g. ['10%', '20%']")
    if not isinstance(lake, Lake):
        raise invalid(f"{type(lake).__name__} is no lake", "windows are cut from the curves of a lake")
    if "window" in features:
        raise invalid("window is given beside windows", "leave window out", "window")
    reports: dict[str, Report] = {}
    with bar("forecast", progress) as show:
        named = _models.read(models)
        found = source(lake, target, {**features, "window": wanted})
        parts, n_left_out = _by_window(found.table, wanted)
        for i, (window, part) in enumerate(parts.items()):

            def report(p: Progress, i: int = i, window: str = window) -> None:
                if show:
                    show(Progress(i * p.total + p.done, len(parts) * p.total, p.unit, f"{window}, {p.what}"))

            own = dataclasses.replace(found, table=part, arguments={**found.arguments, "window": [window]})
            reports[window] = run(own, target, groups, folds, named, seed, n_bootstrap, report)
    tables = []
    for (window, made), (end, _) in zip(reports.items(), ends, strict=True):
        rows = made.scores.filter(pc.equal(made.scores["group"], "all")).drop_columns(["group", "n_groups"])
        about = {"window": [window] * rows.num_rows, "end": [end] * rows.num_rows}
        tables.append(pa.table({**about, **{n: rows[n] for n in rows.column_names}}))
    config = next(iter(reports.values())).config
    return Forecast(
        pa.concat_tables(tables), reports, config["target"], units.pop(), config["n_rows"], n_left_out,
        tuple(config["groups"]),
    )  # fmt: skip


def _end(window: str) -> tuple[float, str]:
    """Read where a window ends, and in which unit; the core says what is wrong with one."""
    found = re.fullmatch(r"(?:.*:)?\s*([\d.]+)\s*(.*)", window.strip())
    if not found:
        return 0.0, "?"
    unit = {"%": "% of the run", "": "steps"}.get(found[2], found[2])
    return float(found[1]), unit


def _name(window: str) -> str:
    """Write a window as names of columns have it (docs/analysis.md#features)."""
    text = re.sub(r"^0(%|steps|tokens)?:", "", re.sub(r"\s+", "", window))  # from the start: not in the name
    text = re.sub(r"(%|steps|tokens)?:", "to", text).replace("%", "pct").replace(".", "p")
    return text if text[-1:].isalpha() else text + "steps"


def _by_window(table: pa.Table, windows: list[str]) -> tuple[dict[str, pa.Table], int]:
    """Give the columns of each window, with the rows that have a value in all windows."""
    features = [f.name for f in table.schema if role(f) == "feature"]
    others = [f.name for f in table.schema if role(f) != "feature"]
    columns: dict[str, list[str]] = {}
    known = np.ones(table.num_rows, dtype=bool)
    for window in windows:
        own = [n for n in features if f"__{_name(window)}__" in n and "_less_" not in n]
        if not own:
            raise invalid(f"no feature is of the window {window}", "write windows as 20%, 5000 steps or 2B tokens")
        columns[window] = own
        counts = [n for n in own if n.endswith("__n")]
        told = [n for n in own if n not in counts and not n.endswith("__n_not_finite")] or own
        has = [np.asarray(pc.is_valid(table[n]).to_numpy(zero_copy_only=False)) for n in told]
        known &= np.logical_or.reduce(has)
    rows = table.filter(pa.array(known))
    if not rows.num_rows:
        raise invalid(f"no row has a value in all of {', '.join(windows)}", "leave the shortest window out")
    return {w: rows.select([*others, *own]) for w, own in columns.items()}, int((~known).sum())
