"""Polars' side of the feature benchmark: the lake's evals to one Parquet file.

features_polars.py LAKE OUT_DIR

The features of features_ddcore.py by hand: sums of columns that are computed
for all rows at once, one group_by a metric. It reads the lake's own Parquet
files, and trusts them to hold no null, no NaN and no step twice, which ddcore
looks after.
"""

import argparse
import functools
from pathlib import Path

import polars as pl

METRICS = ("primary_metric", "acc_raw", "correct_prob", "margin", "norm_correct_prob", "total_prob")
KEYS = ["recipe", "params", "seed", "task"]
MADE = ("mmlu_average", "olmes_10_macro_avg")
GRID = 4


def line(x: str, y: str, keep: pl.Expr | None = None) -> tuple[pl.Expr, pl.Expr]:
    """Slope and intercept of the least-squares line."""
    a, b = pl.col(x), pl.col(y)
    if keep is not None:
        a, b = a.filter(keep), b.filter(keep)
    slope = ((a - a.mean()) * (b - b.mean())).sum() / ((a - a.mean()) ** 2).sum()
    slope = pl.when(a.len() >= 2).then(slope)
    return slope, b.mean() - slope * a.mean()


def curvature() -> pl.Expr:
    """Second derivative of the least-squares parabola, on steps scaled to 1."""
    scale = (pl.col("step").last() - pl.col("step").first()) / 2
    z = (pl.col("step") - pl.col("step").mean()) / scale
    dy = pl.col("v") - pl.col("v").mean()
    s2, s3, s4 = (z**2).sum(), (z**3).sum(), (z**4).sum()
    c = (s2 * (z**2 * dy).sum() - s3 * (z * dy).sum()) / (s2 * (s4 - s2 * s2 / pl.len()) - s3 * s3)
    return pl.when(pl.len() >= 3).then(2 * c / scale**2)


def features() -> list[pl.Expr]:
    """All features of the column v."""
    v, step, n = pl.col("v"), pl.col("step"), pl.len()
    slope, intercept = line("step", "v")
    slope_log, intercept_log = line("log_tokens", "v", pl.col("tokens") > 0)
    power, scale = line("log_tokens", "log_v", pl.col("tokens") > 0)
    early, late = pl.col("at") <= 0.5, pl.col("at") > 0.5
    change = pl.when(early.sum() >= 2, late.sum() >= 2).then(line("step", "v", late)[0] - line("step", "v", early)[0])
    level = (v.first() + v.last()) / 2
    reached = pl.when(v.first() < level).then(v >= level).otherwise(v <= level)
    off = (v - v.last()).abs() > 0.05 * (v.max() - v.min())
    begins = pl.coalesce(step.shift(-1).filter(off).last(), step.first())
    return [
        n.cast(pl.Float64).alias("n"),
        v.first().alias("first"),
        v.last().alias("last"),
        step.last().alias("last_step"),
        (v.last() - v.first()).alias("change"),
        v.mean().alias("mean"),
        v.std().alias("sd"),
        v.min().alias("min"),
        step.get(v.arg_min()).alias("min_step"),
        v.max().alias("max"),
        step.get(v.arg_max()).alias("max_step"),
        *(v.filter(pl.col("at") <= k / GRID).last().alias(f"at_{k}of{GRID}") for k in range(1, GRID)),
        slope.alias("slope"),
        intercept.alias("intercept"),
        slope_log.alias("slope_log"),
        intercept_log.alias("intercept_log"),
        pl.when(v.min() > 0).then(power).alias("power_exponent"),
        pl.when(v.min() > 0).then(scale).alias("power_log_scale"),
        curvature().alias("curvature"),
        change.alias("slope_change"),
        pl.when(n >= 2, v.first() != v.last()).then(step.filter(reached).first()).alias("half_step"),
        pl.when(n >= 2).then(step.last() - begins).alias("plateau_steps"),
        pl.when(n >= 2).then(((v + v.shift(1)) / 2 * (step - step.shift(1))).sum()).alias("area"),
    ]


def points(lake: Path) -> pl.DataFrame:
    """Read the checkpoints within the published length, by series and step."""
    sizes = pl.scan_parquet(lake / "data/main/model_sizes/*.parquet").select("params", "published_steps")
    return (
        pl.scan_parquet(lake / "data/main/evals/*.parquet")
        .filter(~pl.col("task").is_in(MADE))
        .select(*KEYS, pl.col("step").cast(pl.Float64), "tokens", *METRICS)
        .join(sizes, on="params")
        .with_columns(at=pl.col("step") / pl.col("published_steps"), log_tokens=pl.col("tokens").log())
        .filter(pl.col("at") <= 1)
        .collect()
        .sort(*KEYS, "step")
    )


def main() -> None:
    """Make the features and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    rows = points(a.lake)
    series = functools.reduce(lambda x, y: x + "__" + y, (pl.col(k).cast(pl.String) for k in KEYS))
    rows = rows.with_columns(id=series.rle_id())
    names = rows.group_by("id", maintain_order=True).agg(pl.col(k).first() for k in KEYS)
    shared = rows.select("id", "step", "tokens", "at", "log_tokens")
    tables = []
    for metric in METRICS:
        own = shared.with_columns(v=rows[metric]).with_columns(log_v=pl.col("v").log())
        made = own.lazy().group_by("id", maintain_order=True).agg(features()).collect()
        name = (pl.col("task") + f"_{metric}").alias("series")
        tables.append(names.with_columns(name).join(made, on="id", maintain_order="left"))
    pl.concat(tables).drop("id", "task").write_parquet(a.out / "features.parquet", compression="zstd")


if __name__ == "__main__":
    main()
