"""`make bench`: all benchmarks at full shape, into docs/benchmarks.md.

run.py [--rounds N] [--full DIR]

Makes the raw files (`ddcore sample --full`) and one environment a rival under
build/bench, once; then runs compare.py and queries.py.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
WORK = TOP / "build" / "bench"
RIVALS = ("datadec", "duckdb", "polars")


def environments() -> Path:
    """Make a venv for each rival, with its pinned packages."""
    for name in RIVALS:
        python = WORK / "venvs" / name / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            extra = ["pyarrow"] if name == "duckdb" else []
            subprocess.run(
                [python, "-m", "pip", "-q", "install", "--no-deps", "-r", HERE / f"requirements-{name}.txt", *extra],
                check=True,
            )
    return WORK / "venvs"


def raw_files(folder: Path | None) -> Path:
    """Give the raw files of the full shape; make them once."""
    if folder:
        return folder
    raw = WORK / "raw"
    if not (raw / "hf").is_dir():
        print("making 1,410,750 task results", file=sys.stderr)
        subprocess.run(
            [TOP / ".venv" / "bin" / "ddcore", "sample", raw, "--full"], check=True, stdout=subprocess.DEVNULL
        )
    return raw


def machine() -> str:
    """Describe the machine without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, load average at the start {os.getloadavg()[0]:.1f}"


def main() -> None:
    """Run all and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", type=Path, help="folder with raw files of the full shape; default: make them")
    a = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    venvs, raw, where = environments(), raw_files(a.full), machine()
    figures = WORK / "figures.json"
    compare = [sys.executable, HERE / "compare.py", "--raw", raw, "--venvs", venvs, "--config", HERE / "commands.toml"]
    table = subprocess.run(
        [*compare, "--rounds", str(a.rounds), "--work", WORK, "--keep", "--json", figures],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    lake = WORK / f"round-{a.rounds}" / "ddcore" / "lake"
    queries = subprocess.run(
        [TOP / ".venv" / "bin" / "python", HERE / "queries.py", lake, venvs / "duckdb" / "bin" / "python"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    page = (
        f"# Benchmarks\n\nWritten by `make bench` on {day}; {where}; {a.rounds} rounds, medians.\n"
        "What is compared, and how we stood in for what datadec lacks: `bench/README.md`.\n\n"
        f"## Raw files to all curated tables, full shape\n\n{table}\n## Results in Python\n\n{queries}"
    )
    (TOP / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)
    print(json.dumps({"figures": str(figures)}), file=sys.stderr)


if __name__ == "__main__":
    main()
