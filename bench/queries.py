"""How fast results reach Python: a cold start, and rows per second against Python's duckdb.

queries.py LAKE PYTHON_WITH_DUCKDB

Prints Markdown. Each figure is the median of seven runs in fresh processes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COLD = """
import time; t = time.perf_counter()
import ddcore; imported = time.perf_counter() - t
lake = ddcore.open({lake!r}, threads=2)
lake.sql("SELECT params, recipe, avg(acc_raw) AS acc FROM evals WHERE task = 'arc_easy' GROUP BY ALL")
print([imported, time.perf_counter() - t])
"""
FILES = {
    "10 M rows x 4 doubles": """
        SELECT range::DOUBLE AS a, random() AS b, range % 1000 / 7 AS c, random() * range AS d
        FROM range(10_000_000)""",
    "5 M rows, 3 numbers and 3 texts": """
        SELECT range AS a, random() AS b, range % 7 AS c, 'recipe ' || range % 25 AS d, md5(range::VARCHAR) AS e,
            repeat('x', (range % 40)::INTEGER) AS f
        FROM range(5_000_000)""",
}
MAKE = """
import ddcore
ddcore.open({lake!r}, threads=2).export_sql({sql!r}, {path!r})
"""
OURS = """
import resource, time, ddcore
lake = ddcore.open({lake!r}, threads=2); lake.sql("SELECT 1")
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
t = time.perf_counter(); table = lake.sql("SELECT * FROM read_parquet({path!r})"); s = time.perf_counter() - t
print([s, table.num_rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024])
"""
DUCKDB = """
import resource, time, duckdb, pyarrow
con = duckdb.connect(config={{"threads": 2}}); con.execute("SELECT 1").fetchall()
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
query = "SELECT * FROM read_parquet({path!r})"
t = time.perf_counter(); table = con.execute(query).to_arrow_table(); s = time.perf_counter() - t
print([s, table.num_rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024])
"""
ROUNDS = 7


def run(python: str, code: str) -> list[float]:
    """Run code in a fresh process and read the list that it prints."""
    return json.loads(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout)


def median(rows: list[list[float]], column: int) -> float:
    """Give the median of one column."""
    return statistics.median(r[column] for r in rows)


def main() -> None:
    """Measure and print."""
    lake, duckdb_python = sys.argv[1:]
    print("| figure | ddcore | Python's duckdb 1.5.5 | throughput |\n|---|--:|--:|--:|")
    cold = [run(sys.executable, COLD.format(lake=lake)) for _ in range(ROUNDS)]
    print(f"| `import ddcore`, cold | {median(cold, 0) * 1e3:.0f} ms | | |")
    print(f"| import, open and a first query on `evals`, cold | {median(cold, 1) * 1e3:.0f} ms | | |")
    with tempfile.TemporaryDirectory() as folder:
        for name, sql in FILES.items():
            compare(name, {"lake": lake, "sql": sql, "path": str(Path(folder) / "rows.parquet")}, duckdb_python)
    print(
        f"\nMedians of {ROUNDS} pairs of fresh processes; throughput against Python's duckdb on the same Parquet file."
    )


def compare(name: str, values: dict[str, str], duckdb_python: str) -> None:
    """Measure one file's way from Parquet to pyarrow.Table, and print it."""
    Path(values["path"]).unlink(missing_ok=True)
    run_quietly(MAKE.format(**values))
    pairs = [
        (run(sys.executable, OURS.format(**values)), run(duckdb_python, DUCKDB.format(**values))) for _ in range(ROUNDS)
    ]
    ours, rival = [p[0] for p in pairs], [p[1] for p in pairs]
    ratio = statistics.median(r[0] / o[0] for o, r in pairs)
    print(f"| {name}, Parquet to pyarrow.Table | {median(ours, 0):.2f} s | {median(rival, 0):.2f} s | {ratio:.2f} |")
    print(f"| the same: growth of peak memory | {median(ours, 2):.0f} MiB | {median(rival, 2):.0f} MiB | |")


def run_quietly(code: str) -> None:
    """Run code that prints nothing."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
