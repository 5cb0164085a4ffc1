"""Decision accuracy of all tasks, sizes and metrics: ddcore against a pandas loop on the same lake.

decisions.py LAKE [--rounds N] [--bootstrap N] [--metrics N]

The loop is what a notebook does: read `evals`, and for each size, task and metric
take the mean over seeds (to 12 digits, for ties) at the last step that all recipes
have, then compare all pairs of the recipes that both sizes have. --metrics takes the first ones only.
Both start from the curated lake, with 2 threads; the counts must be equal.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import ddcore
import pandas as pd
import pyarrow as pa

LOWER_IS_BETTER = {"bits_per_byte_corr", "no_answer"}
TARGET = "1B"
Means = dict[tuple[str, str], dict[str, float]]
Counts = dict[tuple[str, str, str], tuple[int, int, int]]


def scores(lake: ddcore.Lake, size: str, metrics: list[str], target: Means | None) -> Iterator[tuple[str, str, Any]]:
    """Give each task's and metric's mean over seeds by recipe, at the last common step."""
    columns = ["recipe", "seed", "step", "task", *metrics]
    table = lake.table("evals", params=size, columns=columns, order_by=[]).to_pandas()
    for task, rows in table.groupby("task"):
        for metric in metrics:
            known = rows[["recipe", "step", metric]].dropna()
            if target is not None:
                known = known[known["recipe"].isin(target.get((str(task), metric), {}))]
            by_step = known.groupby("step")["recipe"].nunique()
            common = by_step[by_step == known["recipe"].nunique()]
            if len(common):
                last = known[known["step"] == common.index.max()]
                means = last.groupby("recipe")[metric].agg(lambda v: float(f"{sum(v) / len(v):.11e}"))
                yield str(task), metric, dict(means)


def loop(lake: ddcore.Lake, metrics: list[str]) -> Counts:
    """Compare all pairs, one size, task and metric at a time."""
    sizes = lake.sql("SELECT DISTINCT params FROM evals")["params"].to_pylist()
    target = {(task, metric): means for task, metric, means in scores(lake, TARGET, metrics, None)}
    out: Counts = {}
    for size in sizes:
        if size == TARGET:
            continue
        for task, metric, means in scores(lake, size, metrics, target):
            truth = target[task, metric]
            right = ties = pairs = 0
            for a, b in itertools.combinations(sorted(means), 2):
                x, y = means[a] - means[b], truth[a] - truth[b]
                if metric in LOWER_IS_BETTER:
                    x, y = -x, -y
                pairs += 1
                right += (x > 0) == (y > 0) and x != 0 and y != 0
                ties += x == 0 or y == 0
            if pairs:
                out[task, metric, size] = (pairs, right, ties)
    return out


def asked(lake: ddcore.Lake, metrics: list[str], bootstrap: int) -> pa.Table:
    """Ask ddcore for the same."""
    return lake.decision_accuracy(metric=metrics, bootstrap=bootstrap, progress=False)


def timed(f: Callable[[], Any], rounds: int) -> tuple[Any, float, float]:
    """Run f several times; give its result, and the medians of seconds and CPU seconds."""
    walls, cpus, result = [], [], None
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        result = f()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return result, statistics.median(walls), statistics.median(cpus)


def main() -> None:
    """Measure, check and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bootstrap", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=28)
    a = parser.parse_args()
    lake = ddcore.open(a.lake, threads=2)
    described = lake.describe("evals")["column_name"].to_pylist()
    metrics = described[described.index("task") + 1 :][: a.metrics]
    table, wall, cpu = timed(lambda: asked(lake, metrics, 0), a.rounds)
    _, wall_all, cpu_all = timed(lambda: asked(lake, metrics, a.bootstrap), 1)
    counts, wall_loop, cpu_loop = timed(lambda: loop(lake, metrics), 1)
    rows = [r for r in table.to_pylist() if r["refusal"] is None]
    own = {(r["task"], r["metric"], r["small"]): (r["n_pairs"], r["n_correct"], r["n_ties"]) for r in rows}
    if own != counts:
        raise SystemExit(f"the answers differ: {len(own)} and {len(counts)} rows")
    print("| decision accuracy | s | CPU s | against the loop |\n|---|--:|--:|--:|")
    print(f"| a pandas {pd.__version__} loop over tasks, sizes and metrics | {wall_loop:.1f} | {cpu_loop:.1f} | 1.00 |")
    print(f"| ddcore, {len(metrics)} metrics, no resamples | {wall:.2f} | {cpu:.1f} | {wall / wall_loop:.3f} |")
    print(f"| the same with {a.bootstrap} resamples | {wall_all:.1f} | {cpu_all:.1f} | {wall_all / wall_loop:.3f} |")
    print(f"\nThe counts of pairs, right ones and ties are equal in all {len(own):,} rows.")


if __name__ == "__main__":
    main()
