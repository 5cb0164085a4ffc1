"""`make bench`: all benchmarks at full shape, into docs/benchmarks.md.

run.py [--rounds N] [--full DIR]

Makes the raw files (`ddcore sample`) and one environment a rival under
build/bench, once; then runs compare.py, the checks of its outputs, queries.py, decisions.py and predict.py.
"""

import argparse
import datetime
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
WORK = TOP / "build" / "bench"
RIVALS = ("datadec", "duckdb", "polars")
DDCORE = TOP / ".venv" / "bin" / "ddcore"
FEATURE_COMMANDS = ("ddcore", "polars", "pandas")
# Runs without history and runs that crashed leave 500,136 rows.
WANDB_SHAPE = ("--runs", "500", "--history-rows", "1115", "--checkpoints", "-1")
# Six checkpoints with all questions: 226,092 instances in 366 MB of JSON; then 60.
INSTANCES = ("--recipes", "C4", "--runs", "-1", "--questions", "-1")
INSTANCES_SHAPE = (*INSTANCES, "--sizes", "150M", "--checkpoints", "6")
MORE_INSTANCES_SHAPE = (*INSTANCES, "--checkpoints", "60")
INSTANCES_COMMANDS = ("tarfile", "duckdb", "ddcore", "ddcore-1")
WANDB_COMMANDS = ("notebook", "duckdb-typed", "polars", "ddcore-cli", "ddcore", "ddcore-curate")


def venv(name: str) -> tuple[Path, bool]:
    """Give the Python of a venv, and tell whether it is new."""
    python = WORK / "venvs" / name / "bin" / "python"
    if python.exists():
        return python, False
    subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
    return python, True


def environments() -> Path:
    """Make a venv for each rival, with its pinned packages, and one for ddcore with what its wheel needs."""
    for name in RIVALS:
        python, is_new = venv(name)
        if is_new:
            extra = ["pyarrow"] if name == "duckdb" else []
            subprocess.run(
                [python, "-m", "pip", "-q", "install", "--no-deps", "-r", HERE / f"requirements-{name}.txt", *extra],
                check=True,
            )
    python, _ = venv("ddcore")
    [wheel] = (TOP / "dist").glob("*.whl")
    for options in ([wheel], ["--force-reinstall", "--no-deps", wheel]):  # another build has the same version
        subprocess.run([python, "-m", "pip", "-q", "install", *options], check=True)
    return WORK / "venvs"


def sample(folder: Path, *shape: str) -> Path:
    """Give raw files of that shape; make them once."""
    if not folder.is_dir():
        print(f"making a sample: {' '.join(shape)}", file=sys.stderr)
        subprocess.run([DDCORE, "sample", folder, *shape], check=True, stdout=subprocess.DEVNULL)
    return folder


def output(*words: str | Path) -> str:
    """Run a command to its end and give what it writes."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(name: str, raw: Path, config: str, rounds: int) -> tuple[str, Path]:
    """Run the commands of a file; give the table, and where the last outputs are."""
    work = WORK / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    script = [sys.executable, HERE / "compare.py", "--raw", raw, "--venvs", WORK / "venvs", "--config", HERE / config]
    table = output(*script, "--rounds", str(rounds), "--work", work, "--keep", "--json", WORK / f"{name}.json")
    return table, next(work.glob(f"compare-*/round-{rounds}"))


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
    venvs, where = environments(), machine()
    python = venvs / "duckdb" / "bin" / "python"
    table, made = compare(
        "full", a.full or sample(WORK / "raw", "--full", "--checkpoints", "-1"), "commands.toml", a.rounds
    )
    own = TOP / ".venv" / "bin" / "python"
    queries = output(own, HERE / "queries.py", made / "ddcore" / "lake", python)
    decisions = output(own, HERE / "decisions.py", made / "ddcore" / "lake", "--rounds", str(a.rounds))
    predictions = output(own, HERE / "predict.py", "--rounds", str(a.rounds))
    features, outputs = compare("features", made / "ddcore" / "lake", "features.toml", a.rounds)
    polars = venvs / "polars" / "bin" / "python"
    equal = output(polars, HERE / "features_check.py", *(outputs / name for name in FEATURE_COMMANDS))
    wandb, made = compare("wandb", sample(WORK / "wandb-raw", *WANDB_SHAPE), "wandb.toml", a.rounds)
    check = output(python, HERE / "wandb_check.py", *(made / name for name in WANDB_COMMANDS))
    raw = sample(WORK / "instances-raw", *INSTANCES_SHAPE)
    if not (raw / "unpacked").exists():
        subprocess.run([sys.executable, HERE / "instances_unpack.py", raw], check=True)
    instances, made = compare("instances", raw, "instances.toml", a.rounds)
    same = output(python, HERE / "instances_check.py", *(made / name for name in INSTANCES_COMMANDS))
    more, _ = compare(
        "instances-60", sample(WORK / "instances-raw-60", *MORE_INSTANCES_SHAPE), "instances60.toml", a.rounds
    )
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    page = (
        f"# Benchmarks\n\nWritten by `make bench` on {day}; {where}; {a.rounds} rounds, medians.\n"
        "What is compared, and how we stood in for what datadec lacks: `bench/README.md`.\n\n"
        f"{(HERE / 'goals.md').read_text(encoding='utf-8')}\n"
        f"## Raw files to all curated tables, full shape\n\n{table}\n"
        f"## Features: 69,300 series x 6 metrics, 25 features each\n\n{features}\n{equal}\n"
        f"## Decision accuracy: all tasks, sizes and metrics of the full shape\n\n{decisions}\n"
        f"## Prediction: 300 rows x 40 columns\n\n{predictions}\n"
        f"## W&B: 500 runs, 500,136 history rows, 212 MB of JSONL\n\n{wandb}\n{check}\n"
        "## Instances: 6 checkpoints, 226,092 instances, 823,470 choices, 366 MB of JSON in archives of 64 MB\n\n"
        f"{instances}\n{same}\n"
        f"## Instances: 60 checkpoints, 2,260,920 instances\n\n{more}\n"
        f"## Results in Python\n\n{queries}"
    )
    (TOP / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
