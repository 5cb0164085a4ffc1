"""DuckDB's side of the W&B benchmark: the two legacy files into two Parquet files.

wandb_duckdb.py RAW_DIR OUT_DIR [--auto]

--auto is what the old notebook did: read_json_auto finds the types, and all of
a run is kept as it was found. Without it an expert names the types: the columns
that an analysis needs, configuration and summary as JSON text.
"""

import argparse
from pathlib import Path

import duckdb

RUNS = {
    "run_id": "VARCHAR",
    "run_name": "VARCHAR",
    "state": "VARCHAR",
    "project": "VARCHAR",
    "entity": "VARCHAR",
    "created_at": "VARCHAR",
    "config": "JSON",
    "summary": "JSON",
    "wandb_metadata": "JSON",
}
METRICS = "STRUCT(train_loss DOUBLE, total_tokens DOUBLE, learning_rate DOUBLE)"
ENTRY = f"STRUCT(run_id VARCHAR, step BIGINT, timestamp DOUBLE, runtime DOUBLE, metrics {METRICS})"


def read_auto(path: Path) -> str:
    """Let DuckDB find the types."""
    return f"read_json_auto('{path}')"


def read_typed(path: Path, columns: dict[str, str], records: bool) -> str:
    """Name the types; a line of the history is a list, not a record."""
    return f"read_json('{path}', format = 'newline_delimited', records = {records}, columns = {columns})"


def main() -> None:
    """Convert both files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--auto", action="store_true")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    runs, history = (a.raw / "wandb" / "legacy" / f"wandb_{kind}.jsonl" for kind in ("runs", "history"))
    compression = "snappy" if a.auto else "zstd"
    if a.auto:
        from_runs, from_history = read_auto(runs), read_auto(history)
    else:
        from_runs, from_history = read_typed(runs, RUNS, True), read_typed(history, {"json": f"{ENTRY}[]"}, False)
    connection = duckdb.connect(config={"threads": 2})
    for query, name in (
        (f"SELECT * FROM {from_runs}", "runs"),
        (f"SELECT unnest(json, recursive := true) FROM {from_history}", "history"),
    ):
        target = a.out / f"{name}.parquet"
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION {compression})")


if __name__ == "__main__":
    main()
