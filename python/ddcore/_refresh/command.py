"""`ddcore refresh`: for a terminal, cron or CI."""

from __future__ import annotations

import json

from .. import _command, errors
from .plan import Plan
from .run import Run, locked


def main(parser: _command.Parser, arguments: list[str]) -> None:
    """Run a refresh; tell each step, or everything as one JSON object."""
    parser.description = "Download, ingest, curate, validate, publish, as a TOML file tells: only what has changed."
    parser.add_argument("file", help="the TOML file; docs/refresh.md has one")
    parser.add_argument("--accept", action="store_true", help="publish although validation fails")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="the summary as JSON; an error, too")
    args = parser.parse_args(arguments)
    plan = Plan.read(args.file)
    with locked(plan):
        run = Run(plan, args.accept, not args.quiet)
        failed: errors.Error | None = None
        try:
            run.go()
        except errors.Error as error:
            failed = error
            raise
        finally:
            if args.json:
                print(json.dumps(run.summary(failed)), flush=True)
            else:
                for s in run.steps:
                    print(f"{s.step:14}  {s.state:9}  {s.elapsed_seconds:8.1f} s  {s.detail}", flush=True)
