"""``ddcore download wandb`` of the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from .. import errors
from . import download_wandb, read_projects

# Exit codes, as the Go program has them.
CODES = {"invalid": 2, "not_found": 3, "contract": 4, "busy": 5, "io": 6, "internal": 70, "cancelled": 130}


def main(arguments: list[str]) -> int:
    """Run the command with the words behind its name; give the exit code."""
    given = _parser().parse_args(arguments)
    try:
        projects = given.projects + [p for path in given.files for p in read_projects(path)]
        rows = download_wandb(
            projects, given.dir, full=given.full, prune=given.prune, keys=given.keys, min_step=given.min_step,
            max_step=given.max_step, metadata=given.metadata, threads=given.threads, progress=not given.no_progress,
        ).to_pylist()  # fmt: skip
    except errors.Error as error:
        print(f"ddcore: {error}", file=sys.stderr)
        return CODES[error.kind]
    except ImportError as error:
        print(f"ddcore: {error}", file=sys.stderr)
        return CODES["invalid"]
    except KeyboardInterrupt:
        print("ddcore: download wandb: interrupted (run the command again: what is complete is kept)", file=sys.stderr)
        return CODES["cancelled"]
    if given.json:
        print("\n".join(json.dumps(row, separators=(",", ":")) for row in rows), end="\n" if rows else "")
        return 0
    counts = Counter(row["outcome"] for row in rows)
    runs = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(counts.items())) or "nothing new"
    print(f"{runs}; {sum(row['n_rows'] for row in rows if row['outcome'] not in ('deleted', 'dropped')):,} history rows")
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="ddcore download wandb",
        usage="%(prog)s ENTITY/PROJECT... DIR [flags]",
        description="Download the runs of W&B projects, with their whole history, as files that `ddcore ingest` reads.",
        epilog="The key is WANDB_API_KEY's or that of `wandb login`, the server WANDB_BASE_URL's. "
        "The files hold personal data as W&B gives them; ingest redacts.",
    )
    p.add_argument("projects", nargs="*", metavar="ENTITY/PROJECT", help="projects, as in their URLs")
    p.add_argument("dir", metavar="DIR", help="where to write: DIR/data/ENTITY/PROJECT")
    p.add_argument("--projects", dest="files", action="append", default=[], metavar="FILE", help="more projects, one a line")
    p.add_argument("--full", action="store_true", help="look at every run, also where nothing shows a change")
    p.add_argument("--prune", action="store_true", help="with --full, drop the runs that W&B no longer has")
    p.add_argument("--keys", action="append", metavar="METRIC", help="keep this metric alone (repeat for more)")
    p.add_argument("--min-step", type=int, default=0, metavar="N", help="the first step to keep")
    p.add_argument("--max-step", type=int, metavar="N", help="the last step to keep")
    p.add_argument("--metadata", action="store_true", help="also wandb-metadata.json of each run")
    p.add_argument("--threads", type=int, metavar="N", help="runs read at a time (default 8)")
    p.add_argument("--json", action="store_true", help="one JSON object per run with news")
    p.add_argument("--no-progress", action="store_true", help="no progress bar")
    return p
