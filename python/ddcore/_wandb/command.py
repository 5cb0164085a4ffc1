"""``ddcore download wandb`` of the command line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from .._command import Parser
from ..errors import InvalidError
from . import download_wandb, read_projects


def main(parser: Parser, arguments: list[str]) -> None:
    """Download, and print how many runs had news, or with --json each of them."""
    _fill(parser)
    given = parser.parse_args(arguments)
    projects = given.projects + [p for path in given.files for p in read_projects(path)]
    try:
        rows = download_wandb(
            projects, given.dir, full=given.full, prune=given.prune, keys=given.keys, min_step=given.min_step,
            max_step=given.max_step, metadata=given.metadata, threads=given.threads, progress=not given.no_progress,
        ).to_pylist()  # fmt: skip
    except ImportError as error:
        problem = InvalidError(f"download wandb: {error}")
        problem.hint = "`pip install 'ddcore[wandb]'`"
        raise problem from error
    for line in [json.dumps(row, separators=(",", ":")) for row in rows] if given.json else _summary(rows):
        print(line)


def _summary(rows: list[dict[str, Any]]) -> list[str]:
    """Tell a project a line what came: "ml/ft: 2 grown, 3 new; 1,510 history rows"."""
    lines = []
    for project in dict.fromkeys(row["project"] for row in rows):
        news = [row for row in rows if row["project"] == project]
        counts = sorted(Counter(row["outcome"] for row in news).items())
        n_rows = sum(row["n_rows"] for row in news if row["outcome"] in ("new", "grown", "again"))
        lines.append(f"{project}: {', '.join(f'{n:,} {outcome}' for outcome, n in counts)}; {n_rows:,} history rows")
    return lines or ["nothing new"]


def _fill(p: Parser) -> None:
    p.usage = "%(prog)s ENTITY/PROJECT... DIR [flags]"
    p.description = "Download the runs of W&B projects, with their whole history, as files that `ddcore ingest` reads."
    p.epilog = (
        "The key is that of WANDB_API_KEY or `wandb login`, the server that of WANDB_BASE_URL. "
        "The files hold personal data as W&B gives them; ingest redacts."
    )
    p.add_argument("projects", nargs="*", metavar="ENTITY/PROJECT", help="projects, as in their URLs")
    p.add_argument("dir", metavar="DIR", help="where to write: DIR/data/ENTITY/PROJECT")
    p.add_argument("--projects", dest="files", action="append", default=[], metavar="FILE", help="more, one a line")
    p.add_argument("--full", action="store_true", help="look at every run, also where nothing shows a change")
    p.add_argument("--prune", action="store_true", help="with --full, drop the runs that W&B no longer has")
    p.add_argument("--keys", action="append", metavar="METRIC", help="keep this metric alone (repeat for more)")
    p.add_argument("--min-step", type=int, default=0, metavar="N", help="the first step to keep")
    p.add_argument("--max-step", type=int, metavar="N", help="the last step to keep")
    p.add_argument("--metadata", action="store_true", help="also the wandb-metadata.json of each run")
    p.add_argument("--threads", type=int, metavar="N", help="runs read at a time; default: 8")
    p.add_argument("--json", action="store_true", help="one JSON object per run with news; errors too are JSON")
    p.add_argument("--no-progress", action="store_true", help="no progress bar")
