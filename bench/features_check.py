"""Check that all made the same features.

features_check.py FIRST OTHER...: output folders. Every row of the first, which
is ddcore's, must be in the others and the other way round; nulls must be the
same, values within 1e-9 of their size (of SCALE, where that is greater).

Steps where a curve first passes a level may differ for values at exactly that
level: sums in another order round otherwise. At most 1 in 10,000 may.
"""

import sys
from pathlib import Path

import polars as pl

KEYS = ["recipe", "params", "seed", "series"]
LEVELS = ("half_step", "plateau_steps")
RELATIVE = 1e-9


def read(folder: str) -> pl.DataFrame:
    """Read an output, by its keys; ids as text, so that types do not matter."""
    table = pl.read_parquet(Path(folder) / "features.parquet")
    return table.with_columns(pl.col(k).cast(pl.String) for k in KEYS).sort(KEYS)


def differences(a: pl.DataFrame, b: pl.DataFrame, name: str) -> int:
    """Count values that differ: one is null, or they are apart by more than rounding."""
    x, y = a[name], b[name].fill_nan(None)
    size = pl.max_horizontal(x.abs(), y.abs(), pl.lit(SCALE.get(name, 0.0)))
    apart = (x - y).abs() > RELATIVE * size
    wrong = pl.DataFrame({"x": x, "y": y}).select((x.is_null() != y.is_null()) | apart.fill_null(False))
    return int(wrong.to_series().sum())


# Fitted lines of nearly constant values are differences of rounding errors:
# values are below 1, steps reach 69,369.
SCALE = {"slope": 1e-9, "slope_change": 1e-9, "curvature": 1e-12, "slope_log": 1e-6, "power_exponent": 1e-3}
SCALE |= {"intercept": 1e-3, "intercept_log": 1e-3, "power_log_scale": 1e-3, "sd": 1e-6, "change": 1e-6}


def main() -> None:
    """Compare, and stop at the first difference."""
    first = read(sys.argv[1])
    for folder in sys.argv[2:]:
        other = read(folder)
        if not first.select(KEYS).equals(other.select(KEYS)):
            raise SystemExit(f"{folder} has other rows: {other.height:,} against {first.height:,}")
        names = [c for c in other.columns if c not in KEYS]
        for name in names:
            found = differences(first, other, name)
            if found > (first.height / 10_000 if name in LEVELS else 0):
                raise SystemExit(f"{folder}: {name} differs in {found:,} of {first.height:,} rows")
        print(f"{Path(folder).name}: {first.height:,} rows of {len(names)} features are equal")


if __name__ == "__main__":
    main()
