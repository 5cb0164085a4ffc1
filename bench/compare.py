"""Run rival commands in turn and compare their time and memory.

    compare.py --raw RAW_DIR --rounds 3 --config bench/commands.toml
    compare.py --raw RAW_DIR --command 'duckdb={venvs}/duckdb/bin/python {bench}/duckdb_run.py {raw} {out}'

In the words of a command {raw} is the folder of raw files, {out} a fresh folder
for its output, {bench} this folder and {venvs} the one given by --venvs.

Commands alternate (A B C A B C ...), so that a slow minute of the machine
hits all of them. Measured per run, for the whole process: wall time, user plus
system time, and the peak resident size of the largest process in its tree
(rusage of os.wait4). Each run writes into a folder of its own. The median of
the rounds is reported, as Markdown on standard output and as JSON.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

THREADS = 2
THREAD_VARIABLES = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "GOMAXPROCS", "RAYON_NUM_THREADS")


@dataclass
class Command:
    """One competitor: a name and the words to run, with {raw} and {out} in them."""

    name: str
    run: list[str]
    env: dict[str, str] = field(default_factory=dict)


@dataclass
class Measurement:
    """What one run of one command took."""

    name: str
    round: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    output_mb: float


def from_toml(path: Path) -> list[Command]:
    """Commands from a file of [[command]] tables with name, run and env."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["command"]
    return [Command(t["name"], as_words(t["run"]), t.get("env", {})) for t in tables]


def as_words(run: str | list[str]) -> list[str]:
    """A command as a list of words; text is split as a shell would."""
    return shlex.split(run) if isinstance(run, str) else run


def from_text(text: str) -> Command:
    """A command given as name=words."""
    name, separator, words = text.partition("=")
    if not separator or not words.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not name=command")
    return Command(name, shlex.split(words))


def folder_mb(folder: Path) -> float:
    """Size of all files below folder; a file with two names counts once."""
    stats = (p.stat() for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return sum({s.st_ino: s.st_size for s in stats}.values()) / 1e6


def fill(words: list[str], places: dict[str, Path]) -> list[str]:
    """Put folders in the places marked with their names in braces."""
    for name, folder in places.items():
        words = [w.replace("{" + name + "}", str(folder)) for w in words]
    return words


def measure(command: Command, places: dict[str, Path], turn: int, log: Path) -> Measurement:
    """Run one command to its end; a failure stops the comparison."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(THREADS)), **command.env}
    places["out"].mkdir(parents=True)
    words = fill(command.run, places)
    with open(log, "wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(words, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command.name} failed with {process.returncode}; its output is in {log}")
    cpu = usage.ru_utime + usage.ru_stime
    return Measurement(command.name, turn, wall, cpu, usage.ru_maxrss * 1024 / 1e6, folder_mb(places["out"]))


def warm(raw: Path) -> None:
    """Read the raw files once, so that no command pays for a cold disk."""
    for path in (p for p in raw.rglob("*") if p.is_file()):
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def run_rounds(
    commands: list[Command], places: dict[str, Path], work: Path, rounds: int, keep: bool
) -> list[Measurement]:
    """Run all commands in turn, rounds times; each output is removed when measured, save kept ones."""
    results = []
    for turn in range(1, rounds + 1):
        for command in commands:
            out = work / f"round-{turn}" / command.name
            log = work / f"{command.name}-{turn}.log"
            results.append(measure(command, places | {"out": out}, turn, log))
            print(describe(results[-1]), file=sys.stderr, flush=True)
            if not (keep and turn == rounds):
                shutil.rmtree(out)
            os.sync()
    return results


def describe(m: Measurement) -> str:
    """One run as a line of text."""
    cost = f"{m.wall_seconds:.2f} s wall, {m.cpu_seconds:.2f} s CPU, {m.peak_rss_mb:,.0f} MB peak"
    return f"round {m.round} {m.name}: {cost}"


def summarise(results: list[Measurement]) -> list[dict[str, object]]:
    """Medians per command, with ratios to the first command."""
    names = list(dict.fromkeys(m.name for m in results))
    rows = []
    for name in names:
        runs = [m for m in results if m.name == name]
        row = {"name": name, "rounds": len(runs)}
        for key in ("wall_seconds", "cpu_seconds", "peak_rss_mb", "output_mb"):
            row[key] = statistics.median(getattr(m, key) for m in runs)
        row["wall_min"] = min(m.wall_seconds for m in runs)
        row["wall_max"] = max(m.wall_seconds for m in runs)
        rows.append(row)
    for row in rows:
        row["wall_ratio"] = row["wall_seconds"] / rows[0]["wall_seconds"]
        row["peak_rss_ratio"] = row["peak_rss_mb"] / rows[0]["peak_rss_mb"]
    return rows


def markdown(rows: list[dict[str, object]]) -> str:
    """The summary as a Markdown table."""
    first = rows[0]["name"]
    lines = [
        f"| command | wall s | min - max | CPU s | peak RSS MB | output MB | wall / {first} | RSS / {first} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in rows:
        cells = (
            r["name"],
            f"{r['wall_seconds']:.2f}",
            f"{r['wall_min']:.2f} - {r['wall_max']:.2f}",
            f"{r['cpu_seconds']:.2f}",
            f"{r['peak_rss_mb']:,.0f}",
            f"{r['output_mb']:,.0f}",
            f"{r['wall_ratio']:.2f}",
            f"{r['peak_rss_ratio']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with the raw files")
    parser.add_argument("--config", type=Path, help="TOML file of commands")
    parser.add_argument("--command", type=from_text, action="append", default=[], help="name=command, repeatable")
    parser.add_argument("--only", nargs="+", help="names of the commands to run, of those given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="where outputs and logs go")
    parser.add_argument(
        "--venvs", type=Path, default=Path(__file__).parents[1] / "build/bench/venvs", help="what {venvs} stands for"
    )
    parser.add_argument("--keep", action="store_true", help="keep the outputs of the last round")
    parser.add_argument("--json", type=Path, help="where to write the figures as JSON")
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> list[Command]:
    """The commands to run, in the order given."""
    commands = (from_toml(args.config) if args.config else []) + args.command
    if args.only:
        commands = [c for c in commands if c.name in args.only]
    if not commands:
        raise SystemExit("no command to run: give --config or --command")
    return commands


def main() -> None:
    """Compare the commands that were given."""
    args = arguments()
    commands = chosen(args)
    work = Path(tempfile.mkdtemp(prefix="compare-", dir=args.work)).resolve()
    places = {"raw": args.raw.resolve(), "bench": Path(__file__).resolve().parent, "venvs": args.venvs.absolute()}
    print(f"outputs and logs: {work}", file=sys.stderr)
    warm(args.raw)
    results = run_rounds(commands, places, work, args.rounds, args.keep)
    rows = summarise(results)
    print(markdown(rows))
    if args.json:
        figures = {"threads": THREADS, "summary": rows, "runs": [asdict(m) for m in results]}
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
