"""Build ddcore's curated tables with hand-written DuckDB SQL: RAW_DIR OUT_DIR.

The fastest form found; README.md names the alternatives that were slower.
"""

import sys
import time
from pathlib import Path

import duckdb

import facts

THREADS = 2
KEYS = ", ".join(facts.KEYS)
GROUP = "params, data, step"
PPL = [f"{name}-valppl" for name in facts.PPL_SETS]


def text(value: object) -> str:
    """A value as a SQL literal."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def literals(values: list[object]) -> str:
    """Values as a list of SQL literals."""
    return ", ".join(text(v) for v in values)


def names(columns: list[str]) -> str:
    """Columns as a list of quoted names."""
    return ", ".join(f'"{c}"' for c in columns)


def values_table(name: str, rows: list[dict[str, object]]) -> str:
    """SQL that creates a small table of facts."""
    cells = ", ".join(f"({literals(list(row.values()))})" for row in rows)
    return f"CREATE TABLE {name} AS FROM (VALUES {cells}) t({names(list(rows[0]))})"


def enum_type(name: str, values: list[str]) -> str:
    """SQL that creates an ENUM, which is cheaper to group, copy and write than text."""
    return f"CREATE TYPE {name} AS ENUM ({literals(values)})"


def seed_number() -> str:
    """SQL expression for the number of a seed label."""
    cases = " ".join(f"WHEN {text(k)} THEN {v}" for k, v in facts.seeds().items())
    return f"CAST(CASE seed {cases} ELSE error('unknown seed ' || seed) END AS BIGINT) AS seed"


def create_facts(db: duckdb.DuckDBPyConnection) -> None:
    """Load the reference facts and the names as ENUM types."""
    models, recipes = facts.models(), facts.recipes()
    named = [{"task": t} | {m: f"{t}_{m}" for m in facts.METRICS} for t in facts.tasks()]
    metrics = [row[m] for row in named for m in facts.METRICS] + PPL
    db.execute(enum_type("params_name", [m["params"] for m in models]))
    db.execute(enum_type("recipe_name", [r["data"] for r in recipes]))
    db.execute(enum_type("task_name", facts.tasks()))
    db.execute(enum_type("metric_name", metrics))
    db.execute(values_table("model", models))
    db.execute(values_table("recipe", recipes))
    db.execute(values_table("name_text", named))
    typed = ", ".join(f"CAST({m} AS metric_name) AS name_{m}" for m in facts.METRICS)
    db.execute(f"CREATE TABLE name AS SELECT CAST(task AS task_name) AS task, {typed} FROM name_text")


def create_evals(db: duckdb.DuckDBPyConnection, files: str) -> None:
    """Parse each metrics text once, as JSON, into typed columns; add mmlu_average."""
    shape = "{" + ", ".join(f'"{m}": "DOUBLE"' for m in facts.METRICS) + "}"
    db.execute(f"""
        CREATE TABLE evals AS
        SELECT CAST(params AS params_name) AS params, CAST(data AS recipe_name) AS data, {seed_number()}, step,
               CAST(task AS task_name) AS task,
               unnest(from_json(array_to_string(string_split(metrics, ''''), '"'), {text(shape)}))
        FROM read_parquet({text(files)})""")
    db.execute(f"""
        INSERT INTO evals BY NAME
        SELECT {KEYS}, 'mmlu_average' AS task, avg(COLUMNS([{literals(facts.METRICS)}]))
        FROM evals WHERE starts_with(task, 'mmlu_') GROUP BY ALL""")
    db.execute(f"""
        CREATE TABLE rate AS
        SELECT CAST(params AS params_name) AS params, max(tokens) / max(step) AS tokens_per_step,
               max(compute) / max(step) AS compute_per_step
        FROM read_parquet({text(files)}) GROUP BY ALL""")


def create_perplexity(db: duckdb.DuckDBPyConnection, files: str) -> None:
    """Rename the perplexity columns."""
    renamed = ", ".join(f'"eval/{s}-validation/Perplexity" AS "{s}-valppl"' for s in facts.PPL_SETS)
    db.execute(f"""
        CREATE TABLE perplexity AS
        SELECT CAST(params AS params_name) AS params, CAST(data AS recipe_name) AS data, {seed_number()},
               CAST(step AS DOUBLE) AS step, {renamed}
        FROM read_parquet({text(files)})""")


def wide() -> str:
    """SQL that turns evals into one column per task and metric.

    Lists per checkpoint, then each task's place in them: half the time of PIVOT,
    which first groups by checkpoint and task.
    """
    lists = ", ".join(f"list({m}) AS {m}" for m in facts.METRICS)
    places = ", ".join(f'list_position(present, {text(t)}) AS "at {t}"' for t in facts.tasks())
    cells = ", ".join(f'{m}["at {t}"] AS "{t}_{m}"' for t, m in facts.task_metrics())
    return f"""
        SELECT {KEYS}, {cells} FROM (
            SELECT *, {places} FROM (
                SELECT {KEYS}, list(task) AS present, {lists} FROM evals GROUP BY ALL))"""


def create_full_eval(db: duckdb.DuckDBPyConnection) -> None:
    """Join evals made wide, perplexities, facts and learning rates.

    The sum of trapezoids under the cosine has a closed form, with x = pi / D
    and n steps of decay: sum' cos(tx) = sin(nx) / (2 tan(x / 2)).
    """
    columns = names(facts.full_eval_columns()[len(facts.KEYS) :])
    db.execute(f"""
        CREATE TABLE full_eval AS
        WITH wide AS ({wide()}),
        joined AS (
            SELECT *, step * tokens_per_step AS tokens, step * compute_per_step AS compute,
                   least(step, warmup_steps) AS up, least(step - warmup_steps, lr_decay_steps) AS n,
                   pi() / lr_decay_steps AS x, (lr_max - lr_final) / 2 AS half
            FROM perplexity FULL JOIN wide USING ({KEYS})
            LEFT JOIN rate USING (params) LEFT JOIN model USING (params) LEFT JOIN recipe USING (data)),
        rated AS (
            SELECT *,
                   CASE WHEN n <= 0 THEN lr_max * step / warmup_steps WHEN n >= lr_decay_steps THEN lr_final
                        ELSE lr_final + half * (1 + cos(pi() * n / lr_decay_steps)) END AS lr_at_step,
                   lr_max * up * up / (2 * warmup_steps)
                   + CASE WHEN n > 0 THEN lr_final * n + half * (n + sin(n * x) / (2 * tan(x / 2))) ELSE 0 END
                     AS cumulative_lr
            FROM joined)
        SELECT {KEYS}, {columns} FROM rated""")


def averaged_columns() -> list[str]:
    """The columns of full_eval that have a mean: numbers that are no keys."""
    skipped = set(facts.KEYS) | set(facts.trailing_columns()) - set(facts.numeric_trailing_columns())
    return [c for c in facts.full_eval_columns() if c not in skipped]


def over_seeds(function: str) -> str:
    """SQL for an aggregate over seeds of all numeric columns."""
    columns = ", ".join(f'{function}("{c}") AS "{c}"' for c in averaged_columns())
    return f"SELECT {GROUP}, {columns} FROM full_eval GROUP BY {GROUP}"


def create_means(db: duckdb.DuckDBPyConnection) -> None:
    """Means over seeds of the long tables, to melt."""
    for table, keys, columns in (("evals", f"{GROUP}, task", facts.METRICS), ("perplexity", GROUP, PPL)):
        mean = f"avg(COLUMNS([{literals(columns)}]))"
        db.execute(f"CREATE TABLE mean_{table} AS SELECT {keys}, {mean} FROM {table} GROUP BY {keys}")


def melted(keys: str, evals: str, perplexity: str) -> str:
    """SQL that melts the two long tables, one metric after another.

    Half the time of UNPIVOT with the name put together from task and metric.
    """
    ids = f"{keys}, step * tokens_per_step AS tokens"
    parts = [
        f"SELECT {ids}, name_{m} AS metric, {m} AS value"
        f" FROM {evals} JOIN rate USING (params) JOIN name USING (task) WHERE {m} IS NOT NULL"
        for m in facts.METRICS
    ]
    parts += [
        f'SELECT {ids}, CAST({text(p)} AS metric_name) AS metric, "{p}" AS value'
        f' FROM {perplexity} JOIN rate USING (params) WHERE "{p}" IS NOT NULL'
        for p in PPL
    ]
    return " UNION ALL ".join(parts)


def run(raw: Path, out: Path) -> None:
    """Build and write all tables."""
    db = duckdb.connect()
    db.execute(f"SET threads = {THREADS}")
    db.execute("SET preserve_insertion_order = false")
    start = time.perf_counter()

    def done(what: str) -> None:
        print(f"{time.perf_counter() - start:6.2f} s  {what}", flush=True)

    def write(table: str, query: str, options: str = "") -> None:
        db.execute(f"COPY ({query}) TO {text(str(out / table))} (FORMAT parquet, COMPRESSION zstd{options})")
        done(f"wrote {table}")

    create_facts(db)
    done("facts")
    create_evals(db, str(raw / "hf/eval-results/data/train-*.parquet"))
    done("evals")
    create_perplexity(db, str(raw / "hf/ppl-results/data/train-*.parquet"))
    write("evals.parquet", "FROM evals")
    write("perplexity.parquet", "FROM perplexity")
    write("full_eval_melted.parquet", melted(KEYS, "evals", "perplexity"))
    create_means(db)
    write("mean_eval_melted.parquet", melted(GROUP, "mean_evals", "mean_perplexity"))
    create_full_eval(db)
    done("full_eval")
    db.execute("DROP TABLE evals")
    write("full_eval.parquet", "FROM full_eval", ", ROW_GROUP_SIZE 12288")
    write("mean_eval.parquet", over_seeds("avg"))
    write("std_eval.parquet", over_seeds("stddev_samp"))


def main() -> None:
    """Read the arguments and run."""
    raw, out = (Path(a) for a in sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    run(raw, out)


if __name__ == "__main__":
    main()
