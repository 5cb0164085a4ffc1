"""Check that all made the same of the instances.

instances_check.py OUT_DIR...: the outputs of instances.toml's commands. Rows,
and the exact sum of every number (math.fsum rounds once, so that the order of
rows does not matter), of instances and of choices.
"""

import math
import sys
from pathlib import Path

import duckdb

from instances_duckdb import CHOICE, REAL, WHOLE

NUMBERS = {
    "instances": ("doc_id", "label", "n_choices", *WHOLE, *REAL),
    "choices": ("doc_id", "choice", *(name for name, kind in CHOICE.items() if kind != "BOOLEAN")),
}


def files(out: Path, table: str) -> str:
    """Give the Parquet files of a table, of a rival or of a lake."""
    stored = out / "lake" / "data" / "raw" / f"_{table}" / "*.parquet"
    return str(stored if (out / "lake").exists() else out / f"*{table}.parquet")


def summary(out: Path, table: str) -> dict[str, object]:
    """Count rows and sum each number exactly."""
    found: dict[str, object] = {}
    for name in NUMBERS[table]:
        rows = duckdb.sql(f"SELECT {name} FROM read_parquet('{files(out, table)}')").fetchall()
        found["rows"] = len(rows)
        found[name] = math.fsum(v for (v,) in rows if v is not None)
    return found


def main() -> None:
    """Compare, and stop at the first difference."""
    first, *others = (Path(p) for p in sys.argv[1:])
    for table in NUMBERS:
        want = summary(first, table)
        for out in others:
            got = summary(out, table)
            for name, value in want.items():
                if got[name] != value:
                    raise SystemExit(f"{table}, {name}: {out.name} has {got[name]}, {first.name} {value}")
        print(f"{table}: {want['rows']:,} rows and {len(want) - 1} sums are equal in all")


if __name__ == "__main__":
    main()
