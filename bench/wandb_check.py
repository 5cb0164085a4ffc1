"""Check that all made the same of the W&B files.

wandb_check.py NOTEBOOK TYPED POLARS CLI DDCORE CURATED: the outputs of wandb.toml's
commands. Rows, runs and the sum of every number are compared exactly: math.fsum
rounds once, so that the order of rows does not matter. ddcore's history in raw
is compared; run_history must hold the same rows, each once.
"""

import math
import sys
from pathlib import Path

import duckdb

NUMBERS = ("step", "timestamp", "runtime", "train_loss", "total_tokens", "learning_rate")


def summary(history: str, runs: str, names: tuple[str, ...] = NUMBERS) -> dict[str, object]:
    """Count rows, runs and values, and sum each number exactly."""
    rows = duckdb.sql(f"SELECT run_id, {', '.join(names)} FROM {history}").fetchall()
    columns = dict(zip(("run_id", *names), zip(*rows, strict=True), strict=True))
    found: dict[str, object] = {"rows": len(rows), "runs with history": len(set(columns["run_id"]))}
    for name in names:
        values = [v for v in columns[name] if v is not None]
        found[f"{name} values"] = len(values)
        found[f"sum of {name}"] = math.fsum(values)
    found["runs"] = duckdb.sql(f"SELECT count(*), count(DISTINCT run_id) FROM {runs}").fetchone()
    return found


def parquet(path: Path | str) -> str:
    """A table function over Parquet files."""
    return f"read_parquet('{path}')"


def rival(folder: Path) -> tuple[str, str]:
    """Give the history and the runs of a rival's output."""
    return parquet(folder / "history.parquet"), parquet(folder / "runs.parquet")


def stored(folder: Path, schema: str, table: str) -> str:
    """Give a table of a lake by its files."""
    return parquet(folder / "lake" / "data" / schema / table / "*.parquet")


def main() -> None:
    """Compare, and stop at the first difference."""
    notebook, typed, polars, cli, ddcore, curated = (Path(p) for p in sys.argv[1:])
    want = summary(*rival(notebook))
    found = {"duckdb-typed": summary(*rival(typed)), "polars": summary(*rival(polars))}
    for name, lake in (("ddcore-cli", cli), ("ddcore", ddcore), ("ddcore-curate", curated)):
        found[name] = summary(stored(lake, "raw", "_wandb_history"), stored(lake, "raw", "_wandb_runs"))
    once = f"(SELECT DISTINCT run_id, step, timestamp, runtime, train_loss FROM {rival(notebook)[0]})"
    few = ("step", "train_loss")
    pairs = [(name, want, got) for name, got in found.items()]
    history, runs = stored(curated, "main", "run_history"), stored(curated, "main", "runs")
    pairs.append(("run_history", summary(once, rival(notebook)[1], few), summary(history, runs, few)))
    for name, expected, got in pairs:
        for key, value in expected.items():
            if got[key] != value:
                raise SystemExit(f"{name}: {key} is {got[key]}, the notebook's is {value}")
        total = expected["sum of train_loss"]
        print(f"{name} equals the notebook's: {expected['rows']:,} rows, sum of train_loss {total}")


if __name__ == "__main__":
    main()
