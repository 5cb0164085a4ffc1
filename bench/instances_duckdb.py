"""Evaluation instances by DuckDB: JSON to validated, sorted Parquet.

instances_duckdb.py RAW_DIR OUT_DIR [--archives]

By default what an expert writes: typed SQL over the JSON files that lie unpacked
under RAW_DIR/unpacked. With --archives what people write first: Python's tarfile
unpacks each checkpoint of RAW_DIR/instances/models/*.tar.gz into a temporary
folder, and DuckDB finds the types out. Both check keys and aggregates.
"""

import argparse
import io
import tarfile
import tempfile
from pathlib import Path

import duckdb

RANKINGS = ("raw", "per_token", "per_char", "per_byte", "uncond")
MEANS = ("sum_logits_corr", "logits_per_token_corr", "logits_per_char_corr", "logits_per_byte_corr")
WHOLE = (*tuple(f"predicted_index_{r}" for r in RANKINGS), "correct_choice")
REAL = (*tuple(f"acc_{r}" for r in RANKINGS), "no_answer", *MEANS)
CHOICE = {
    "sum_logits": "DOUBLE",
    "num_tokens": "BIGINT",
    "num_tokens_all": "BIGINT",
    "is_greedy": "BOOLEAN",
    "sum_logits_uncond": "DOUBLE",
    "logits_per_token": "DOUBLE",
    "logits_per_char": "DOUBLE",
    "logits_per_byte": "DOUBLE",
    "num_chars": "BIGINT",
}


def struct(fields: dict[str, str]) -> str:
    """Write a STRUCT type."""
    return "STRUCT(" + ", ".join(f"{name} {kind}" for name, kind in fields.items()) + ")"


def typed() -> str:
    """Name the columns of a prediction line with their types."""
    metrics = struct(dict.fromkeys(WHOLE, "BIGINT") | dict.fromkeys(REAL, "DOUBLE"))
    columns = {
        "doc_id": "BIGINT",
        "native_id": "JSON",
        "metrics": metrics,
        "model_output": struct(CHOICE) + "[]",
        "label": "BIGINT",
        "task_hash": "VARCHAR",
        "model_hash": "VARCHAR",
    }
    return ", columns = {" + ", ".join(f"{k}: '{v}'" for k, v in columns.items()) + "}"


PATH = r"'([^/]+)/([^/]+)/seed-(\d+)/step-(\d+)/(?:step-\d+/)?([^/]+)-(?:predictions\.jsonl|metrics\.json)$'"
KEYS = f"regexp_extract(filename, {PATH}, ['recipe', 'params', 'seed', 'step', 'task'])"


def convert(db: duckdb.DuckDBPyConnection, folder: Path, out: Path, name: str, options: str) -> None:
    """Turn the JSON files below a folder into two Parquet files."""
    db.execute(f"""
        CREATE OR REPLACE TABLE line AS SELECT {KEYS} AS key, * FROM read_json(
            '{folder}/**/*-predictions.jsonl',
            format = 'newline_delimited', filename = true, union_by_name = true{options})""")
    names = ", ".join(f"key.{name} AS {name}" for name in ("recipe", "params", "task"))
    key = f"{names}, key.seed::BIGINT AS seed, key.step::BIGINT AS step, doc_id"
    order = "ORDER BY recipe, params, seed, step, task, doc_id"
    db.execute(f"""
        COPY (FROM (
            SELECT {key}, native_id, unnest(metrics), label, len(model_output) AS n_choices, task_hash, model_hash
            FROM line) {order})
        TO '{out}/{name}instances.parquet' (FORMAT parquet, COMPRESSION zstd)""")
    db.execute(f"""
        COPY (FROM (
            SELECT {key}, generate_subscripts(model_output, 1) - 1 AS choice, unnest(model_output, recursive := true)
            FROM line) {order}, choice)
        TO '{out}/{name}choices.parquet' (FORMAT parquet, COMPRESSION zstd)""")
    check(db, folder)


def check(db: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Keys are unique, labels lie in range, aggregates are what the lines imply."""
    twice = db.sql("SELECT count(*) FROM (SELECT 1 FROM line GROUP BY key, doc_id HAVING count(*) > 1)").fetchone()
    wrong = db.sql(
        "SELECT count(*) FROM line WHERE label >= len(model_output) OR metrics.correct_choice <> label"
    ).fetchone()
    means = ", ".join(f"avg(metrics.{n}) AS {n}" for n in REAL)
    differ = " OR ".join(f"abs(a.metrics.{n} - d.{n}) > 1e-9 * abs(d.{n})" for n in REAL)
    columns = "{metrics: '" + struct(dict.fromkeys(REAL, "DOUBLE")) + "', num_instances: 'BIGINT'}"
    aggregates = db.sql(f"""
        WITH derived AS (SELECT key, count(*) AS n, {means} FROM line GROUP BY key)
        SELECT count(*) FROM (
            SELECT {KEYS} AS key, *
            FROM read_json('{folder}/**/*-metrics.json', filename = true, columns = {columns})) AS a
        FULL JOIN derived AS d USING (key) WHERE d.n IS DISTINCT FROM a.num_instances OR {differ}""").fetchone()
    if twice != (0,) or wrong != (0,) or aggregates != (0,):
        raise SystemExit(f"{folder}: {twice} keys twice, {wrong} labels, {aggregates} aggregates differ")


def unpack(archive: Path, out: Path, db: duckdb.DuckDBPyConnection) -> None:
    """Unpack an archive checkpoint by checkpoint, and convert each."""
    with tarfile.open(archive) as outer:
        for n, member in enumerate(m for m in outer if m.name.endswith(".tar.gz")):
            data = outer.extractfile(member)
            assert data is not None
            with tempfile.TemporaryDirectory(dir=out) as temp:
                folder = Path(temp) / member.name.removesuffix(".tar.gz")
                folder.mkdir(parents=True)
                with tarfile.open(fileobj=io.BytesIO(data.read())) as inner:
                    inner.extractall(folder, filter="data")
                convert(db, Path(temp), out, f"{archive.name}-{n}-", "")


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--archives", action="store_true")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect()
    db.execute("SET threads = 2; SET preserve_insertion_order = false")
    if not a.archives:
        convert(db, a.raw / "unpacked", a.out, "", typed())
        return
    for archive in sorted((a.raw / "instances" / "models").glob("*.tar.gz")):
        unpack(archive, a.out, db)


if __name__ == "__main__":
    main()
