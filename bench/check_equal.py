"""Compare the tables of two runners: OUT_A OUT_B [--tables ...] [--common].

Rows are sorted by their keys and must have the same keys. Values must be equal
bit for bit, save those that are sums of several numbers or come from a formula
(means, deviations, mmlu_average, learning rates): these may differ by 1e-12,
because the order of summing and the last bit of cos() are nobody's contract.
The difference is relative to the value; that of a standard deviation, to its
mean where that is larger: a deviation is as exact as the values it is taken of.
NaN counts as null, as pandas writes it. The exit code is 1 on any difference.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

TOLERANCE = 1e-12
SHOWN = 3
KEYS = ["params", "data", "seed", "step"]
GROUP = ["params", "data", "step"]
TABLES = {
    "evals": [*KEYS, "task"],
    "perplexity": KEYS,
    "full_eval": KEYS,
    "mean_eval": GROUP,
    "std_eval": GROUP,
    "full_eval_melted": [*KEYS, "metric"],
    "mean_eval_melted": [*GROUP, "metric"],
}
ALIASES = {"recipe": "data"}
FROM_FORMULA = {"tokens", "compute", "lr_max", "lr_final", "warmup_perc", "lr_at_step", "cumulative_lr"}
AVERAGE = "mmlu_average"


@dataclass
class Verdict:
    """What the comparison of one table found."""

    table: str
    rows: int = 0
    columns: int = 0
    exact: int = 0
    largest: float = 0.0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The verdict as a row of a Markdown table."""
        more = len(self.problems) - SHOWN
        shown = self.problems[:SHOWN] + ([f"and {more} more"] if more > 0 else [])
        state = "; ".join(shown) or "equal"
        return f"| {self.table} | {self.rows:,} | {self.columns:,} | {self.exact:,} | {self.largest:.1e} | {state} |"


def find(out: Path, table: str) -> str | None:
    """The Parquet file or folder of a table, as something to scan."""
    for path in (out / f"{table}.parquet", out / table):
        if path.is_file():
            return str(path)
        if path.is_dir():
            return str(path / "**" / "*.parquet")
    return None


def load(source: str) -> pl.DataFrame:
    """Read a table with plain types: text, Float64 for all numbers, no NaN."""
    frame = pl.read_parquet(source)
    frame = frame.rename({k: v for k, v in ALIASES.items() if k in frame.columns})
    numbers = [c for c, t in frame.schema.items() if t.is_numeric()]
    names = [c for c, t in frame.schema.items() if t in (pl.Categorical, pl.Enum)]
    return frame.with_columns(pl.col(numbers).cast(pl.Float64).fill_nan(None), pl.col(names).cast(pl.String))


def sort_both(a: pl.DataFrame, b: pl.DataFrame, keys: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sort both by keys; text keys become Enum first, which is far quicker."""
    for key in keys:
        if a.schema[key] == pl.String:
            names = pl.Enum(pl.concat([a[key], b[key]]).unique().sort())
            a, b = (t.with_columns(pl.col(key).cast(names)) for t in (a, b))
    return a.sort(keys), b.sort(keys)


def loose_rows(frame: pl.DataFrame) -> pl.Series | None:
    """Rows of a long table whose values are averages over tasks."""
    for column in ("task", "metric"):
        if column in frame.columns:
            return frame[column].cast(pl.String).str.starts_with(AVERAGE)
    return None


def is_loose(table: str, column: str) -> bool:
    """Whether a whole column holds means or results of formulas."""
    return table.startswith(("mean_", "std_")) or column in FROM_FORMULA or column.startswith(f"{AVERAGE}_")


def relative_difference(a: pl.Series, b: pl.Series, scale: pl.Series | None) -> pl.Series:
    """|a - b| over the largest of |a|, |b| and |scale|, 0 where all are 0."""
    values = pl.DataFrame({"a": a, "b": b, "scale": scale if scale is not None else a})
    difference = (pl.col("a") - pl.col("b")).abs() / pl.max_horizontal(pl.all().abs())
    return values.select(difference.fill_nan(0.0)).to_series()


def compare_column(verdict: Verdict, pair: list[pl.Series], loose: pl.Series | None, scale: pl.Series | None) -> None:
    """Compare one column; `loose` marks the rows where the tolerance holds."""
    a, b = pair
    different = a.ne_missing(b)
    if not different.any():
        verdict.exact += 1
        return
    wrong = different
    if a.dtype == b.dtype == pl.Float64 and loose is not None:
        difference = relative_difference(a, b, scale)
        verdict.largest = max(verdict.largest, difference.filter(loose).max() or 0.0)
        wrong = different & ~(loose & (difference <= TOLERANCE).fill_null(False))
    if wrong.any():
        row = wrong.arg_true()[0]
        verdict.problems.append(f"{a.name}: {wrong.sum():,} rows differ, such as {a[row]!r} and {b[row]!r}")


def compare_columns(verdict: Verdict, a: pl.DataFrame, b: pl.DataFrame, common: bool) -> list[str]:
    """The columns of both; one that stands on one side only must be wholly null."""
    for here, there, side in ((a, b, "first"), (b, a, "second")):
        alone = [c for c in here.columns if c not in there.columns and here[c].null_count() < here.height]
        if alone and not common:
            verdict.problems.append(f"{len(alone)} columns only in the {side}, such as {alone[0]}")
    return [c for c in a.columns if c in b.columns]


def same_keys(verdict: Verdict, a: pl.DataFrame, b: pl.DataFrame) -> bool:
    """Whether both have the same keys; a repeated key is a problem of its own."""
    if not a.equals(b):
        verdict.problems.append("the keys differ")
    if a.height > 1 and (a[1:] == a[:-1]).select(pl.all_horizontal(pl.all()).any()).item():
        verdict.problems.append("a key occurs twice")
    return not verdict.problems


def means_of(table: str, out: Path) -> pl.DataFrame | None:
    """For deviations, the means that they belong to, in the same order."""
    source = find(out, "mean_eval") if table == "std_eval" else None
    if source is None:
        return None
    means = load(source)
    return sort_both(means, means, TABLES[table])[0]


def compare_table(table: str, outs: list[Path], common: bool) -> Verdict:
    """Compare one table of both outputs."""
    keys = TABLES[table]
    a, b = (load(find(out, table)) for out in outs)
    verdict = Verdict(table, a.height)
    columns = compare_columns(verdict, a, b, common)
    verdict.columns = len(columns)
    if a.height != b.height:
        verdict.problems.append(f"{a.height:,} and {b.height:,} rows")
        return verdict
    a, b = sort_both(a.select(columns), b.select(columns), keys)
    if not same_keys(verdict, a.select(keys), b.select(keys)):
        return verdict
    everywhere, rows = pl.repeat(True, a.height, eager=True), loose_rows(a)
    means = means_of(table, outs[0])
    for name in columns:
        loose = everywhere if is_loose(table, name) else rows
        scale = means[name] if means is not None and a.schema[name] == pl.Float64 else None
        compare_column(verdict, [a[name], b[name]], loose, scale)
    return verdict


def main() -> int:
    """Compare all tables that both outputs hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs=2, help="two output folders")
    parser.add_argument(
        "--tables", nargs="+", choices=TABLES, help="tables that both must hold; default: those they do"
    )
    parser.add_argument("--common", action="store_true", help="allow columns that only one side has")
    args = parser.parse_args()
    failed = compared = 0
    print("| table | rows | columns | exactly equal | largest allowed difference | result |\n|---|--:|--:|--:|--:|---|")
    for table in args.tables or TABLES:
        if not all(find(out, table) for out in args.out):
            failed += bool(args.tables)
            print(f"| {table} | | | | | not in both |")
            continue
        verdict = compare_table(table, args.out, args.common)
        print(verdict.line(), flush=True)
        compared += 1
        failed += bool(verdict.problems)
    return int(failed > 0 or compared == 0)


if __name__ == "__main__":
    sys.exit(main())
