"""Reports as Markdown, and as pages that need nothing else."""

from __future__ import annotations

import html as escape
import json
import os
import re
import tempfile
from typing import TYPE_CHECKING, Any

from .. import errors
from ._scores import SCORES

if TYPE_CHECKING:
    from .report import Report

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:13px}th,td{padding:.25em .7em;border-bottom:1px solid #ddd;"
    "text-align:right}th:first-child,td:first-child{text-align:left}svg{max-width:100%;height:auto}"
    "pre{background:#f6f6f6;padding:1em;overflow:auto;font-size:12px}"
)
HEADS = {
    "rmse": "RMSE", "mae": "MAE", "r2": "R²", "spearman": "Spearman", "kendall": "Kendall",
    "decision_accuracy": "decision accuracy", "n_pairs": "pairs", "coverage_50": "in 50 %", "width_50": "width 50 %",
    "coverage_90": "in 90 %", "width_90": "width 90 %",
}  # fmt: skip
BY_GROUP = ("rmse", "decision_accuracy")

Table = tuple[list[str], list[list[str]]]


def markdown(report: Report) -> str:
    """Write a report: what, scores, scores by group, notes, configuration."""
    parts = [f"# {_title(report)}", _summary(report), _text_table(_overall(report))]
    for score in BY_GROUP:
        parts += [f"## {HEADS[score]} by held-out group", _text_table(_by_group(report, score))]
    parts += ["\n".join(f"- {note}" for note in report.notes)] if report.notes else []
    parts += ["## Configuration", f"```json\n{_config(report)}\n```"]
    return "\n\n".join(parts) + "\n"


def html(report: Report) -> str:
    """Write the same as HTML, with the charts as SVG in it."""
    body = [f"<h1>{escape.escape(_title(report))}</h1><p>{escape.escape(_summary(report))}</p>"]
    body += [_html_table(_overall(report)), _svg(report.plot())]
    for score in BY_GROUP:
        body += [f"<h2>{HEADS[score]} by held-out group</h2>", _html_table(_by_group(report, score))]
    if report.notes:
        body.append("<ul>" + "".join(f"<li>{escape.escape(note)}</li>" for note in report.notes) + "</ul>")
    body.append(f"<h2>Configuration</h2><pre>{escape.escape(_config(report))}</pre>")
    head = f'<meta charset="utf-8"><title>{escape.escape(_title(report))}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def write(path: str, text: str) -> None:
    """Write a file, which appears when it is whole."""
    folder, name = os.path.split(os.path.abspath(path))
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=f".{name}.", delete=False) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as problem:
        error = errors.StorageError(f"predict: {path}: {problem.strerror} (name a file in a folder that is there)")
        error.op, error.target, error.hint = "predict", path, "name a file in a folder that is there"
        raise error from problem


def _title(report: Report) -> str:
    return f"Prediction of {report.config['target']}"


def _summary(report: Report) -> str:
    c = report.config
    what = f"{c['n_rows']} rows, {len(c['feature_names'])} features; held out: {' and '.join(c['groups'])}, "
    what += f"{len(c['fold_ids'])} folds. "
    if c["n_bootstrap"]:
        what += f"In brackets: 95 % by {c['n_bootstrap']} resamples of the groups. "
    return what + "Pairs are recipes at one size, seeds averaged; ties count as wrong."


def _overall(report: Report) -> Table:
    found = {(r["model"], r["score"]): r for r in report.scores.to_pylist() if r["group"] == "all"}
    models = list(dict.fromkeys(m for m, _ in found))
    return ["model", *(HEADS[s] for s in SCORES)], [[m, *(_cell(found[m, s]) for s in SCORES)] for m in models]


def _by_group(report: Report, score: str) -> Table:
    rows = [r for r in report.scores.to_pylist() if r["group"] != "all" and r["score"] == score]
    found = {(r["group"], r["model"]): r for r in rows}
    groups, models = (list(dict.fromkeys(r[k] for r in rows)) for k in ("group", "model"))
    lines = [[g, str(found[g, models[0]]["n_rows"]), *(_cell(found[g, m]) for m in models)] for g in groups]
    return ["group", "rows", *models], lines


def _cell(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    if row["score"] == "n_pairs":
        return f"{row['value']:.0f}"
    digits = 2 if row["score"].startswith("coverage") else 3 if row["score"] not in ("rmse", "mae") else 4
    low, high = row["low"], row["high"]
    ends = "" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{row['value']:.{digits}f}{ends}"


def _text_table(table: Table) -> str:
    head, rows = table
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _html_table(table: Table) -> str:
    head, rows = table
    first = "".join(f"<th>{escape.escape(c)}</th>" for c in head)
    rest = "".join("<tr>" + "".join(f"<td>{escape.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div style="overflow:auto"><table><tr>{first}</tr>{rest}</table></div>'


def _config(report: Report) -> str:
    return json.dumps(report.config, indent=1, sort_keys=True, ensure_ascii=False)


def _svg(chart: Any) -> str:
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError("to_html draws with vl-convert-python: pip install 'ddcore[plot]'") from error
    svg = str(vl_convert.vegalite_to_svg(chart.to_dict()))
    # Vega counts its clipping paths on and on in a process; a page's are 1, 2, ...
    names: dict[str, str] = {}
    return re.sub(r'(?<=[#"])clip\d+', lambda m: names.setdefault(m[0], f"clip{len(names) + 1}"), svg)
