"""pandas' side of the feature benchmark: the lake's evals to one Parquet file.

features_pandas.py LAKE OUT_DIR

The features of features_ddcore.py as an expert writes them: columns for all
rows at once and sums by group, no function that is called for each group. It
reads the lake's own Parquet files, and trusts them to hold no null, no NaN and
no step twice, which ddcore looks after.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

METRICS = ("primary_metric", "acc_raw", "correct_prob", "margin", "norm_correct_prob", "total_prob")
KEYS = ["recipe", "params", "seed", "task"]
MADE = ("mmlu_average", "olmes_10_macro_avg")
GRID = 4


def line(x: pd.Series, y: pd.Series, groups: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Slope and intercept of each group's least-squares line; rows of NaN are left out."""
    y = y.where(x.notna())
    by = pd.DataFrame({"x": x, "y": y}).groupby(groups, sort=False)
    count, means = by["x"].count(), by.mean()
    dx, dy = x - means["x"].reindex(groups).to_numpy(), y - means["y"].reindex(groups).to_numpy()
    sums = pd.DataFrame({"xx": dx * dx, "xy": dx * dy}).groupby(groups, sort=False).sum()
    slope = (sums["xy"] / sums["xx"]).where(count >= 2)
    return slope, means["y"] - slope * means["x"]


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """All features of the column v."""
    groups, v, step = rows["id"], rows["v"], rows["step"]
    by = rows.groupby("id", sort=False)
    n, first, last = by.size(), by["v"].first(), by["v"].last()
    low, high = by["v"].min(), by["v"].max()

    def spread(values: pd.Series) -> np.ndarray:
        return values.to_numpy()[groups.to_numpy()]

    def line_of(x: pd.Series, y: pd.Series, keep: pd.Series) -> tuple[pd.Series, pd.Series]:
        return line(x.where(keep), y, groups)

    out = {"n": n.astype(float), "first": first, "last": last, "last_step": by["step"].last()}
    out |= {"change": last - first, "mean": by["v"].mean(), "sd": by["v"].std()}
    out |= {"min": low, "min_step": step[by["v"].idxmin()].set_axis(n.index)}
    out |= {"max": high, "max_step": step[by["v"].idxmax()].set_axis(n.index)}
    for k in range(1, GRID):
        inside = rows[rows["at"] <= k / GRID]
        out[f"at_{k}of{GRID}"] = inside.groupby("id", sort=False)["v"].last()
    whole = pd.Series(True, index=rows.index)
    has_tokens = rows["tokens"] > 0
    out["slope"], out["intercept"] = line_of(step, v, whole)
    out["slope_log"], out["intercept_log"] = line_of(rows["log_tokens"], v, has_tokens)
    logs = np.log(v.where(spread(low > 0)))
    power, scale = line_of(rows["log_tokens"], logs, has_tokens)
    out["power_exponent"], out["power_log_scale"] = power.where(low > 0), scale.where(low > 0)

    z = (step - spread(by["step"].mean())) / spread((out["last_step"] - by["step"].first()) / 2)
    dv = v - spread(out["mean"])
    parts = pd.DataFrame({"s2": z**2, "s3": z**3, "s4": z**4, "sy": z * dv, "sy2": z**2 * dv})
    s = parts.groupby(groups, sort=False).sum()
    c = (s.s2 * s.sy2 - s.s3 * s.sy) / (s.s2 * (s.s4 - s.s2**2 / n) - s.s3**2)
    out["curvature"] = (2 * c / ((out["last_step"] - by["step"].first()) / 2) ** 2).where(n >= 3)

    early = rows["at"] <= 0.5
    counts = early.groupby(groups, sort=False).sum()
    change = line_of(step, v, ~early)[0] - line_of(step, v, early)[0]
    out["slope_change"] = change.where((counts >= 2) & (n - counts >= 2))

    level = (first + last) / 2
    reached = np.where(spread(first < level), v >= spread(level), v <= spread(level))
    half = rows[reached].groupby("id", sort=False)["step"].first()
    out["half_step"] = half.where((n >= 2) & (first != last))

    off = (v - spread(last)).abs() > spread(0.05 * (high - low))
    begins = by["step"].shift(-1)[off].groupby(groups[off], sort=False).last().reindex(n.index)
    plateau = out["last_step"] - begins.fillna(by["step"].first())
    out["plateau_steps"] = plateau.where(n >= 2)
    area = (v + by["v"].shift(1)) / 2 * (step - by["step"].shift(1))
    out["area"] = area.groupby(groups, sort=False).sum().where(n >= 2)
    return pd.DataFrame(out)


def points(lake: Path) -> pd.DataFrame:
    """Read the checkpoints within the published length, by series and step."""
    sizes = pd.read_parquet(lake / "data/main/model_sizes", columns=["params", "published_steps"])
    rows = pd.read_parquet(lake / "data/main/evals", columns=[*KEYS, "step", "tokens", *METRICS])
    rows = rows[~rows["task"].isin(MADE)].merge(sizes, on="params")
    rows["at"] = rows["step"] / rows["published_steps"]
    rows = rows[rows["at"] <= 1].sort_values([*KEYS, "step"], ignore_index=True)
    rows["step"] = rows["step"].astype(float)
    rows["log_tokens"] = np.log(rows["tokens"].where(rows["tokens"] > 0))
    rows["id"] = rows.groupby(KEYS, sort=False, observed=True).ngroup()
    return rows


def main() -> None:
    """Make the features and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    rows = points(a.lake)
    names = rows.groupby("id", sort=False)[KEYS].first()
    shared = rows[["id", "step", "tokens", "at", "log_tokens"]]
    tables = []
    for metric in METRICS:
        made = features(shared.assign(v=rows[metric]))
        tables.append(names.assign(series=names["task"] + f"_{metric}").drop(columns="task").join(made))
    pd.concat(tables).to_parquet(a.out / "features.parquet", compression="zstd", index=False)


if __name__ == "__main__":
    main()
