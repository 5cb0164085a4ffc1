"""Build ddcore's curated tables with hand-written Polars: RAW_DIR OUT_DIR.

The fastest form found; README.md names the alternatives that were slower.
"""

import math
import os
import sys
import time
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "2"  # read when Polars is imported

import polars as pl

import facts

KEYS, METRICS, TASKS = facts.KEYS, facts.METRICS, facts.tasks()
GROUP = ["params", "data", "step"]
PPL = [f"{name}-valppl" for name in facts.PPL_SETS]

PARAMS = pl.Enum([row["params"] for row in facts.models()])
RECIPE = pl.Enum([row["data"] for row in facts.recipes()])
TASK = pl.Enum(TASKS)
METRIC = pl.Enum([f"{task}_{metric}" for task in TASKS for metric in METRICS] + PPL)


def typed_keys() -> list[pl.Expr]:
    """The key columns of a raw file: names as Enum, the seed as its number."""
    seed = pl.col("seed").replace_strict(facts.seeds(), return_dtype=pl.Int64)
    return [pl.col("params").cast(PARAMS), pl.col("data").cast(RECIPE), seed, pl.col("step").cast(pl.Float64)]


def read_evals(files: str) -> pl.DataFrame:
    """Parse each metrics text once, as JSON, into typed columns; add mmlu_average."""
    parsed = pl.col("metrics").str.replace_all("'", '"', literal=True)
    parsed = parsed.str.json_decode(pl.Struct(dict.fromkeys(METRICS, pl.Float64))).alias("m")
    raw = pl.scan_parquet(files).select(*typed_keys(), pl.col("task").cast(TASK), parsed)
    evals = raw.unnest("m").collect(engine="streaming")
    mmlu = [task for task in TASKS if task.startswith("mmlu_")]
    average = (
        evals.lazy()
        .filter(pl.col("task").is_in(mmlu))
        .group_by(KEYS)
        .agg(pl.col(METRICS).mean())
        .with_columns(task=pl.lit("mmlu_average", dtype=TASK))
        .select(evals.columns)
        .collect(engine="streaming")
    )
    return pl.concat([evals, average])


def read_rates(files: str) -> pl.DataFrame:
    """Tokens and compute per step of each size."""
    raw = pl.scan_parquet(files)
    largest = raw.group_by(pl.col("params").cast(PARAMS)).agg(pl.col("tokens", "compute", "step").max())
    rates = largest.select(
        "params",
        tokens_per_step=pl.col("tokens") / pl.col("step"),
        compute_per_step=pl.col("compute") / pl.col("step"),
    )
    return rates.collect(engine="streaming")


def read_perplexity(files: str) -> pl.DataFrame:
    """Rename the perplexity columns."""
    renamed = [pl.col(f"eval/{s}-validation/Perplexity").alias(f"{s}-valppl") for s in facts.PPL_SETS]
    return pl.scan_parquet(files).select(*typed_keys(), *renamed).collect()


def widen(evals: pl.DataFrame) -> pl.DataFrame:
    """One column per task and metric; scattering each task's rows beats pivot."""
    checkpoints = evals.select(KEYS).unique()
    placed = evals.join(checkpoints.with_row_index("place"), on=KEYS, how="left", maintain_order="left")
    parts = placed.partition_by("task", as_dict=True)
    empty = pl.repeat(None, checkpoints.height, dtype=pl.Float64, eager=True)
    columns = {}
    for task, metric in facts.task_metrics():
        part = parts.get((task,))
        columns[f"{task}_{metric}"] = empty if part is None else empty.clone().scatter(part["place"], part[metric])
    return checkpoints.with_columns(**columns)


def learning_rate() -> list[pl.Expr]:
    """lr_at_step and cumulative_lr.

    The sum of trapezoids under the cosine has a closed form, with x = pi / D
    and n steps of decay: sum' cos(tx) = sin(nx) / (2 tan(x / 2)).
    """
    step, warmup, peak, end = (pl.col(c) for c in ("step", "warmup_steps", "lr_max", "lr_final"))
    length = pl.col("lr_decay_steps")
    n, x, half = pl.min_horizontal(step - warmup, length), math.pi / length, (peak - end) / 2
    up = pl.min_horizontal(step, warmup)
    at_step = (
        pl.when(n <= 0)
        .then(peak * step / warmup)
        .when(n >= length)
        .then(end)
        .otherwise(end + half * (1 + (math.pi * n / length).cos()))
    )
    decayed = pl.when(n > 0).then(end * n + half * (n + (n * x).sin() / (2 * (x / 2).tan()))).otherwise(0.0)
    return [at_step.alias("lr_at_step"), (peak * up * up / (2 * warmup) + decayed).alias("cumulative_lr")]


def build_full_eval(wide: pl.DataFrame, perplexity: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Join evals made wide, perplexities, facts and learning rates."""
    models = pl.DataFrame(facts.models()).with_columns(pl.col("params").cast(PARAMS))
    recipes = pl.DataFrame(facts.recipes()).with_columns(pl.col("data").cast(RECIPE))
    return (
        perplexity.join(wide, on=KEYS, how="full", coalesce=True)
        .join(rates, on="params", how="left")
        .join(models, on="params", how="left")
        .join(recipes, on="data", how="left")
        .with_columns(
            (pl.col("step") * pl.col("tokens_per_step")).alias("tokens"),
            (pl.col("step") * pl.col("compute_per_step")).alias("compute"),
            *learning_rate(),
        )
        .select(facts.full_eval_columns())
    )


def averaged_columns() -> list[str]:
    """The columns of full_eval that have a mean: numbers that are no keys."""
    skipped = set(KEYS) | set(facts.trailing_columns()) - set(facts.numeric_trailing_columns())
    return [c for c in facts.full_eval_columns() if c not in skipped]


def melt(evals: pl.DataFrame, perplexity: pl.DataFrame, rates: pl.DataFrame, keys: list[str]) -> pl.LazyFrame:
    """Melt the two long tables, one metric after another.

    The number of a task and that of a metric give the number of its name in
    METRIC, so that no text is put together.
    """
    first = pl.col("task").to_physical().cast(pl.UInt16) * len(METRICS)
    ids = [*keys, (pl.col("step") * pl.col("tokens_per_step")).alias("tokens")]
    evals, perplexity = (t.lazy().join(rates.lazy(), on="params") for t in (evals, perplexity))
    parts = [
        evals.select(*ids, (first + i).cat.to(METRIC).alias("metric"), pl.col(m).alias("value"))
        for i, m in enumerate(METRICS)
    ]
    parts += [
        perplexity.select(*ids, pl.lit(name, dtype=METRIC).alias("metric"), pl.col(name).alias("value")) for name in PPL
    ]
    return pl.concat(parts).filter(pl.col("value").is_not_null())


def means(table: pl.DataFrame, keys: list[str], columns: list[str]) -> pl.DataFrame:
    """Means over seeds of a long table."""
    return table.lazy().group_by(keys).agg(pl.col(columns).mean()).collect(engine="streaming")


def run(raw: Path, out: Path) -> None:
    """Build and write all tables."""
    start = time.perf_counter()

    def done(what: str) -> None:
        print(f"{time.perf_counter() - start:6.2f} s  {what}", flush=True)

    def write(name: str, table: pl.DataFrame | pl.LazyFrame) -> None:
        table.lazy().sink_parquet(out / f"{name}.parquet", compression="zstd")
        done(f"wrote {name}")

    files = str(raw / "hf/eval-results/data/train-*.parquet")
    evals = read_evals(files)
    done("evals")
    rates = read_rates(files)
    perplexity = read_perplexity(str(raw / "hf/ppl-results/data/train-*.parquet"))
    write("evals", evals)
    write("perplexity", perplexity)
    write("full_eval_melted", melt(evals, perplexity, rates, KEYS))
    mean_evals, mean_ppl = means(evals, [*GROUP, "task"], METRICS), means(perplexity, GROUP, PPL)
    write("mean_eval_melted", melt(mean_evals, mean_ppl, rates, GROUP))
    full_eval = build_full_eval(widen(evals), perplexity, rates)
    done("full_eval")
    write("full_eval", full_eval)
    averaged = pl.col(averaged_columns())
    write("mean_eval", full_eval.group_by(GROUP).agg(averaged.mean()))
    write("std_eval", full_eval.group_by(GROUP).agg(averaged.std()))


def main() -> None:
    """Read the arguments and run."""
    raw, out = (Path(a) for a in sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    run(raw, out)


if __name__ == "__main__":
    main()
