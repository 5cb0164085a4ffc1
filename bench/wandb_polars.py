"""Polars' side of the W&B benchmark: the two legacy files into two Parquet files.

wandb_polars.py RAW_DIR OUT_DIR

The types are named, as the expert names them to DuckDB. read_ndjson takes no
line that is a list: a line of the history is read as text, then decoded.
"""

import argparse
from pathlib import Path

import polars as pl

TEXTS = ("run_id", "run_name", "state", "project", "entity", "created_at", "config", "summary", "wandb_metadata")
METRICS = pl.Struct({"train_loss": pl.Float64, "total_tokens": pl.Float64, "learning_rate": pl.Float64})
ENTRY = pl.Struct(
    {"run_id": pl.String, "step": pl.Int64, "timestamp": pl.Float64, "runtime": pl.Float64, "metrics": METRICS}
)
NO_SEPARATOR = "\x01"  # JSON holds no such byte: a line is one cell


def main() -> None:
    """Convert both files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    legacy = a.raw / "wandb" / "legacy"
    runs = pl.scan_ndjson(legacy / "wandb_runs.jsonl", schema=dict.fromkeys(TEXTS, pl.String))
    runs.sink_parquet(a.out / "runs.parquet", compression="zstd")
    lines = pl.scan_csv(
        legacy / "wandb_history.jsonl",
        separator=NO_SEPARATOR,
        has_header=False,
        quote_char=None,
        new_columns=["line"],
    )
    entries = lines.select(entry=pl.col("line").str.json_decode(pl.List(ENTRY))).explode("entry", empty_as_null=False)
    history = entries.unnest("entry").unnest("metrics")
    history.sink_parquet(a.out / "history.parquet", compression="zstd")


if __name__ == "__main__":
    main()
