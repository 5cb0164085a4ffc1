"""`ddcore predict`: evaluates models on a lake's features, prints their scores, keeps and reports them."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from . import _command
from .errors import InvalidError
from .lake import open as open_lake

if TYPE_CHECKING:
    from .predict import Report

FORMATS = ("table", "json", "ndjson", "csv")
# Flags that go to `features` as they are.
LISTS = {
    "--tasks": "tasks of evals; default: that of the target",
    "--metrics": "metrics; default: primary_metric, train_loss, or all of curves",
    "--stats": "names of features (docs/features.md); default: all",
    "--deltas": "comparisons to add: windows, tasks, sizes",
}


def main(parser: _command.Parser, arguments: list[str]) -> None:
    """Evaluate, print, and write what was asked for."""
    a = _arguments(parser, arguments)
    features: dict[str, Any] = {"window": a.window, "filters": _filters(a.filter), "where": a.where}
    features |= {n: getattr(a, n) for n in ("target_at", "target_params", "source", "tasks", "metrics", "stats")}
    features |= {"deltas": a.deltas}
    try:
        from . import predict
    except ImportError as missing:
        error = InvalidError(f"predict: {missing.name or 'a package'} is not installed")
        error.hint = "`pip install 'ddcore[predict,plot]'`"
        raise error from missing
    lake = open_lake(a.lake, threads=a.threads, memory_limit=a.memory_limit, snapshot=a.snapshot)
    report = predict.evaluate(
        lake, a.target, groups=a.groups, folds=a.folds, models=a.models or predict.DEFAULT_MODELS, seed=a.seed,
        n_bootstrap=a.bootstrap, progress=not a.quiet, **{k: v for k, v in features.items() if v is not None},
    )  # fmt: skip
    if a.report:
        _write(report, a.report)
    if a.save:
        report.save(lake.at(None), a.save)
    _print(report, "json" if a.json else a.format)
    if not a.quiet:
        print("\n".join(report.notes), file=sys.stderr)


def _arguments(parser: _command.Parser, arguments: list[str]) -> argparse.Namespace:
    parser.description = (
        "Predict how runs end from how they begin: nested cross-validation by group, of models and of what "
        "they must beat. Prints the scores over all groups."
    )
    _command.add_lake(parser)
    add = parser.add_argument
    add("-t", "--target", required=True, help="a task (its primary metric), <task>_<metric>, or another series")
    add("-w", "--window", action="append", required=True, help="[from:]to, e.g. 20%%; may be given several times")
    add("-g", "--groups", action="append", help="the column to hold out by: params, recipe, …; two: both at once")
    add("--folds", type=int, help="hold out so many parts of the groups; default: each group")
    add("-m", "--models", action="append", help="elastic_net, gaussian_process, extra_trees; default: all three")
    add("--target-at", help="final (default), best, gain, or a place such as 50%%")
    add("--target-params", help="take the target at this size")
    add("--source", help="evals (default), run_history or curves")
    for flag, text in LISTS.items():
        add(flag, action="append", help=text)
    add("-f", "--filter", action="append", default=[], metavar="COLUMN=VALUE", help="which items")
    add("--where", help="a condition on the items in SQL")
    add("--seed", type=int, default=0, help="of all that is random; default: 0")
    add("--bootstrap", type=int, default=200, help="draws of groups for 95 %% intervals, 0: none; default: 200")
    add("--report", metavar="FILE", help="also write a report: .html (with charts) or .md")
    add("--save", metavar="NAME", help="also keep the predictions in the lake, as predictions.<name>")
    add("-o", "--format", choices=FORMATS, default="table", help="how to print the scores")
    add("--json", action="store_true", help="the same as --format json; errors, too")
    add("-q", "--quiet", action="store_true", help="no progress and no notes on stderr")
    add("--snapshot", type=int, help="read the lake as it was at this snapshot")
    add("--threads", type=int, help="threads to read the lake with")
    add("--memory-limit", help="memory for DuckDB, e.g. 4GB")
    a = parser.parse_args(arguments)
    if not a.lake:
        parser.error("there is no lake: name one with --lake or DDCORE_LAKE")
    if a.report and not a.report.endswith((".html", ".md")):
        parser.error(f"--report {a.report}: its ending is neither .html nor .md")
    for name in ("groups", "models", *(flag[2:] for flag in LISTS)):  # commas, as the Go program takes them
        given = getattr(a, name)
        setattr(a, name, None if given is None else [part for text in given for part in text.split(",")])
    return a


def _filters(given: list[str]) -> dict[str, Any] | None:
    filters: dict[str, list[str]] = {}
    for text in given:
        column, equal, value = text.partition("=")
        if not equal or not column:
            error = InvalidError(f"predict: --filter {text} is not COLUMN=VALUE")
            error.hint = "e.g. -f recipe=C4"
            raise error
        filters.setdefault(column, []).append(value)
    return dict(filters) or None


def _write(report: Report, path: str) -> None:
    if path.endswith(".html"):
        report.to_html(path)
        return
    from .predict._pages import write

    write(path, report.to_markdown())


def _print(report: Report, form: str) -> None:
    """Print the scores over all groups."""
    rows = [{k: v for k, v in r.items() if k != "group"} for r in report.scores.to_pylist() if r["group"] == "all"]
    if form == "json":
        print(json.dumps(rows, indent=1))
    elif form == "ndjson":
        print("\n".join(json.dumps(r) for r in rows))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        scores = list(dict.fromkeys(r["score"] for r in rows))
        found = {(r["model"], r["score"]): r["value"] for r in rows}
        lines = [["model", *scores]]
        lines += [[m, *(_cell(found[m, s]) for s in scores)] for m in dict.fromkeys(r["model"] for r in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
            print("  ".join(cells))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value.is_integer() and value > 1 else f"{value:.4f}"
