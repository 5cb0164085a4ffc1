"""Polars' side of the feature benchmark: the lake's evals to one Parquet file.

features_polars.py LAKE OUT_DIR

The features of features_ddcore.py as an expert writes them: columns for all
rows at once, plain sums by series, what belongs to the steps alone once for all
metrics. It reads the lake's own Parquet files, and trusts them to hold no null,
no NaN and no step twice, which ddcore looks after.
"""

import argparse
import functools
from pathlib import Path

import polars as pl

METRICS = ("primary_metric", "acc_raw", "correct_prob", "margin", "norm_correct_prob", "total_prob")
KEYS = ["recipe", "params", "seed", "task"]
MADE = ("mmlu_average", "olmes_10_macro_avg")
GRID = 4
REGRESSORS = ("step", "log_tokens", "early_step", "late_step")


def by_id(rows: pl.DataFrame, *made: pl.Expr, **named: pl.Expr) -> pl.DataFrame:
    """Aggregate the rows of each series; ids count from 0, in the order of rows."""
    return rows.lazy().group_by("id", maintain_order=True).agg(*made, **named).collect()


def prepare(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what does not depend on the metric: centred steps and their powers, halves, distances."""
    early = pl.col("at") <= 0.5
    rows = rows.with_columns(
        early_step=pl.when(early).then("step"),
        late_step=pl.when(~early).then("step"),
        log_tokens=pl.when(pl.col("tokens") > 0).then(pl.col("tokens").log()),
    )
    step = pl.col("step")
    base = by_id(rows, *(pl.col(c).mean().alias(f"{c}_mean") for c in REGRESSORS), start=step.first(), end=step.last())
    rows = pl.concat([rows, spread(base.drop("id"), rows["id"])], how="horizontal")
    rows = rows.with_columns((pl.col(c) - pl.col(f"{c}_mean")).alias(f"d_{c}") for c in REGRESSORS)
    z = pl.col("d_step") / ((pl.col("end") - pl.col("start")) / 2)
    same = pl.col("id") == pl.col("id").shift(1)
    width = pl.when(same).then(step - step.shift(1))
    following = pl.when(pl.col("id") == pl.col("id").shift(-1)).then(step.shift(-1))
    return rows.with_columns(z=z, z2=z**2, width=width, following=following)


def spread(by_series: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Give each row the values of its series."""
    return by_series[ids]


def shape(rows: pl.DataFrame) -> pl.DataFrame:
    """Sums that do not depend on the metric."""
    squares = {f"xx_{c}": (pl.col(f"d_{c}") ** 2).sum() for c in REGRESSORS}
    counts = {f"n_{c}": pl.col(c).count() for c in REGRESSORS}
    z2 = pl.col("z2")
    powers = {"s2": z2.sum(), "s3": (pl.col("z") * z2).sum(), "s4": (z2 * z2).sum()}
    ends = {"start": pl.col("start").first(), "end": pl.col("end").first()}
    means = {f"{c}_mean": pl.col(f"{c}_mean").first() for c in REGRESSORS}
    return by_id(rows, **squares, **counts, **powers, **ends, **means, n=pl.len())


def features(rows: pl.DataFrame, sums: pl.DataFrame) -> pl.DataFrame:
    """All features of the column v."""
    v, step = pl.col("v"), pl.col("step")
    simple = by_id(
        rows,
        v.first().alias("first"),
        v.last().alias("last"),
        v.mean().alias("mean"),
        v.std().alias("sd"),
        v.min().alias("min"),
        v.max().alias("max"),
        pl.col("v").arg_min().alias("low"),
        pl.col("v").arg_max().alias("high"),
        v.filter(pl.col("tokens") > 0).mean().alias("mean_with_tokens"),
        (pl.col("at") <= 1 / GRID).sum().alias("n_1"),
        (pl.col("at") <= 2 / GRID).sum().alias("n_2"),
        (pl.col("at") <= 3 / GRID).sum().alias("n_3"),
    )
    own = spread(simple.select("first", "last", "mean", "min", "max"), rows["id"])
    rows = pl.concat([rows, own], how="horizontal")
    dv = v - pl.col("mean")
    level = (pl.col("first") + pl.col("last")) / 2
    reached = pl.when(pl.col("first") < level).then(v >= level).otherwise(v <= level)
    off = (v - pl.col("last")).abs() > 0.05 * (pl.col("max") - pl.col("min"))
    log_v = pl.when(pl.col("min") > 0, pl.col("tokens") > 0).then(v.log())
    rows = rows.select(
        "id",
        log_v=log_v,
        area=(v + v.shift(1)) / 2 * pl.col("width"),
        half=pl.when(reached).then(step),
        begins=pl.when(off).then("following"),
        zy=pl.col("z") * dv,
        z2y=pl.col("z2") * dv,
        log_xy=pl.col("d_log_tokens") * log_v,
        **{f"xy_{c}": pl.col(f"d_{c}") * dv for c in REGRESSORS},
    )
    sum_names = ["area", "zy", "z2y", "log_xy", *(f"xy_{c}" for c in REGRESSORS)]
    added = by_id(
        rows,
        pl.col(sum_names).sum(),
        pl.col("half").min(),
        pl.col("begins").max(),
        pl.col("log_v").mean().alias("mean_log"),
    )
    return pl.concat([simple, added.drop("id"), sums.drop("id")], how="horizontal")


def table(found: pl.DataFrame, steps: pl.Series, values: pl.Series) -> pl.DataFrame:
    """Turn sums into features."""
    n, first, last = pl.col("n"), pl.col("first"), pl.col("last")
    offset = found.select(pl.col("n").cum_sum() - pl.col("n")).to_series()
    found = found.with_columns(
        min_step=steps.gather(offset + found["low"]),
        max_step=steps.gather(offset + found["high"]),
        **{f"at_{k}of{GRID}": values.gather(offset + found[f"n_{k}"].cast(pl.Int64) - 1) for k in range(1, GRID)},
    )

    def slope(name: str, top: str | None = None) -> pl.Expr:
        return pl.when(pl.col(f"n_{name}") >= 2).then(pl.col(top or f"xy_{name}") / pl.col(f"xx_{name}"))

    power = pl.when(pl.col("min") > 0).then(slope("log_tokens", "log_xy"))
    parabola = (pl.col("s2") * pl.col("z2y") - pl.col("s3") * pl.col("zy")) / (
        pl.col("s2") * (pl.col("s4") - pl.col("s2") ** 2 / n) - pl.col("s3") ** 2
    )
    several = n >= 2
    return found.select(
        n.cast(pl.Float64).alias("n"),
        "first",
        "last",
        pl.col("end").alias("last_step"),
        (last - first).alias("change"),
        "mean",
        "sd",
        "min",
        "min_step",
        "max",
        "max_step",
        *(pl.when(pl.col(f"n_{k}") > 0).then(f"at_{k}of{GRID}").alias(f"at_{k}of{GRID}") for k in range(1, GRID)),
        slope("step").alias("slope"),
        (pl.col("mean") - slope("step") * pl.col("step_mean")).alias("intercept"),
        slope("log_tokens").alias("slope_log"),
        (pl.col("mean_with_tokens") - slope("log_tokens") * pl.col("log_tokens_mean")).alias("intercept_log"),
        power.alias("power_exponent"),
        (pl.col("mean_log") - power * pl.col("log_tokens_mean")).alias("power_log_scale"),
        pl.when(n >= 3).then(2 * parabola / ((pl.col("end") - pl.col("start")) / 2) ** 2).alias("curvature"),
        (slope("late_step") - slope("early_step")).alias("slope_change"),
        pl.when(several, first != last).then("half").alias("half_step"),
        pl.when(several).then(pl.col("end") - pl.coalesce("begins", "start")).alias("plateau_steps"),
        pl.when(several).then("area").alias("area"),
    )


def points(lake: Path) -> pl.DataFrame:
    """Read the checkpoints within the published length, by series and step."""
    sizes = pl.scan_parquet(lake / "data/main/model_sizes/*.parquet").select("params", "published_steps")
    return (
        pl.scan_parquet(lake / "data/main/evals/*.parquet")
        .filter(~pl.col("task").is_in(MADE))
        .select(*KEYS, pl.col("step").cast(pl.Float64), "tokens", *METRICS)
        .join(sizes, on="params")
        .with_columns(at=pl.col("step") / pl.col("published_steps"))
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
    shared = prepare(rows.select("id", "step", "tokens", "at"))
    sums = shape(shared)
    tables = []
    for metric in METRICS:
        own = shared.with_columns(v=rows[metric])
        made = table(features(own, sums), rows["step"], rows[metric])
        name = (pl.col("task") + f"_{metric}").alias("series")
        tables.append(pl.concat([names.with_columns(name), made], how="horizontal"))
    pl.concat(tables).drop("id", "task").write_parquet(a.out / "features.parquet", compression="zstd")


if __name__ == "__main__":
    main()
