"""ddcore's side of the benchmark: raw files into a new lake, all curated tables out.

ddcore_run.py RAW_DIR OUT_DIR [--export]

The lake is OUT_DIR/lake; --export also writes its tables as Parquet into
OUT_DIR, as the rivals do, for check_equal.py (that is not part of the timing).
"""

import argparse
from pathlib import Path

import ddcore

TABLES = ("evals", "perplexity", "full_eval", "mean_eval", "std_eval", "full_eval_melted", "mean_eval_melted")


def main() -> None:
    """Run ingest and curate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--export", action="store_true")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lake = ddcore.open(a.out / "lake", threads=2)
    files = [f"{a.raw}/hf/{kind}-results/data/train-*.parquet" for kind in ("eval", "ppl")]
    lake.ingest(files, progress=False)
    lake.curate(progress=False)
    if a.export:
        for table in TABLES:
            lake.export(table, a.out / f"{table}.parquet")


if __name__ == "__main__":
    main()
