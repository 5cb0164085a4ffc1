"""What an evaluation found: predictions, scores, and how to make them again."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import _arguments
from ._data import Data
from ._folds import Fold, Groups
from ._intervals import LEVELS
from ._scores import SCORES, Decisions, resampled, scores

if TYPE_CHECKING:
    import altair as alt

    from ..lake import Lake
    from .evaluate import Part

__all__ = ["Report"]

SIZES = ("params", "size", "ckpt_params")
ITEMS = ("recipe", "ckpt_recipe", "run")


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """An evaluation: made by `evaluate`.

    Attributes:
        predictions: A row per model and item: model, kind ("model" or "baseline"), fold, group, the columns
            that identify the item, actual, predicted, and the ends of the 50 and 90 % intervals, in the
            target's unit.
        scores: A row per model, group and score: model, kind, group ("all", or a fold's), score, value, low,
            high (95 %, by resampling groups; null of a single group), n_rows, n_groups.
        config: All that the result depends on, as JSON can hold it: arguments, seed, versions, the lake's
            snapshot, names of features, folds, what each fold chose, and which baselines had no columns.
    """

    predictions: pa.Table
    scores: pa.Table
    config: dict[str, Any]

    def __repr__(self) -> str:
        """Write what was evaluated and the best model."""
        best = min(self.overall("rmse").items(), key=lambda item: item[1])
        groups = " and ".join(self.config["groups"])
        return f"<Report {self.config['target']} by {groups}: best {best[0]}, RMSE {best[1]:.4g}>"

    @property
    def notes(self) -> list[str]:
        """What the reader should know, in words."""
        c, out = self.config, []
        if c["n_without_target"]:
            n = c["n_without_target"]
            out.append(f"{n} rows without a target (no final checkpoint, or not evaluated) were left out.")
        out += [f"The baseline {name} could not be had: {why}." for name, why in c["unavailable"].items()]
        if c["left_out"]:
            out.append(f"Left out, as they have no value in any row: {', '.join(c['left_out'])}.")
        n = len({f["fold"] for f in c["fold_ids"]})
        if n < 10:
            out.append(f"There are {n} folds only: read the intervals of scores with care.")
        return out

    def overall(self, score: str) -> dict[str, float]:
        """Give one score over all groups, by model.

        Args:
            score: rmse, mae, r2, spearman, kendall, decision_accuracy, n_pairs, coverage_50, width_50,
                coverage_90 or width_90.

        Returns:
            Numbers by model, without those that have none.

        Raises:
            InvalidError: There is no such score.
        """
        rows = self.scores.to_pylist()
        if score not in (known := sorted({r["score"] for r in rows})):
            raise _arguments.invalid(f"there is no score {score!r}", f"scores are: {', '.join(known)}")
        return {
            r["model"]: r["value"]
            for r in rows
            if r["group"] == "all" and r["score"] == score and r["value"] is not None
        }

    def plot(self) -> alt.ConcatChart:
        """Draw predicted against actual values with 90 % intervals, a panel per model (``ddcore[plot]``)."""
        from . import _charts

        return _charts.against_actual(self)

    def to_markdown(self) -> str:
        """Write the scores, the notes and how it was made, as Markdown."""
        from . import _pages

        return _pages.markdown(self)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the same with charts, as a page that needs nothing else (``ddcore[plot]``).

        Args:
            path: The file to write; it appears when it is whole.

        Raises:
            StorageError: It cannot be written.
        """
        from . import _pages

        _pages.write(_arguments.path(path), _pages.html(self))

    def save(self, lake: Lake, name: str) -> pa.Table:
        """Keep the predictions in a lake, as `predictions.<name>`; `predictions.saved` tells `config`.

        Args:
            lake: The lake.
            name: The table's name; a former one is replaced.

        Returns:
            One row: table_name, n_rows, snapshot.

        Raises:
            InvalidError: The name is none.
            BusyError: Another process is writing, and DDCORE_LOCK_TIMEOUT has passed.
        """
        return lake.save_predictions(self.predictions, name, read_at=self.config["snapshot"], config=self.config)


def make_report(
    data: Data, groups: Groups, folds: list[Fold], parts: dict[str, Part], models: list[str], config: dict[str, Any]
) -> Report:
    """Score the predictions and lay everything out as tables."""
    n = len(data.y)
    fold_of = np.empty(n, dtype=object)
    for fold in folds:
        fold_of[fold.test] = fold.name
    group_of = [" / ".join(labels) for labels in zip(*groups.labels, strict=True)]
    items = {name: data.table[name] for name in data.ids}
    decisions = Decisions(_first(data, ITEMS, [str(i) for i in range(n)]), _first(data, SIZES, [""] * n))
    tables, rows = [], []
    for model in [*models, *(p for p in parts if p not in models)]:
        part, kind = parts[model], "model" if model in models else "baseline"
        ends = [(part.predicted - half, part.predicted + half) for half in part.halves]
        columns: dict[str, Any] = {
            "model": [model] * n, "kind": [kind] * n, "fold": fold_of.tolist(), "group": group_of, **items,
            "actual": data.y, "predicted": part.predicted,
        }  # fmt: skip
        for level, (low, high) in zip(LEVELS, ends, strict=True):
            columns |= {f"lower_{100 * level:.0f}": low, f"upper_{100 * level:.0f}": high}
        tables.append(pa.table(columns))
        rows += _score(data, groups, folds, model, kind, part, ends, decisions, config)
    schema = pa.schema(
        [(c, pa.string()) for c in ("model", "kind", "group", "score")]
        + [(c, pa.float64()) for c in ("value", "low", "high")]
        + [("n_rows", pa.int64()), ("n_groups", pa.int64())]
    )
    return Report(pa.concat_tables(tables), pa.Table.from_pylist(rows, schema=schema), config)


def _score(
    data: Data, groups: Groups, folds: list[Fold], model: str, kind: str, part: Part, ends: Any, decisions: Decisions,
    config: dict[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    def score(rows: Any, weights: Any) -> dict[str, float | None]:
        return scores(data.y, part.predicted, ends, decisions, rows, weights)

    n = len(data.y)
    low_high = resampled(score, groups, config["n_bootstrap"], config["seed"]) if config["n_bootstrap"] else {}
    wanted = [("all", np.arange(n), len(folds), low_high)]
    wanted += [(f.name, f.test, 1, {}) for f in folds]
    rows = []
    for name, where, n_groups, intervals in wanted:
        found = score(where, np.ones(len(where)))
        for s in SCORES:
            low, high = intervals.get(s, (None, None))
            rows.append({
                "model": model, "kind": kind, "group": name, "score": s, "value": found[s], "low": low, "high": high,
                "n_rows": len(where), "n_groups": n_groups,
            })  # fmt: skip
    return rows


def _first(data: Data, columns: tuple[str, ...], otherwise: list[str]) -> list[str]:
    for name in columns:
        if name in data.table.column_names:
            return [str(v) for v in data.table[name].to_pylist()]
    return otherwise
