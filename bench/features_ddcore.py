"""ddcore's side of the feature benchmark: a curated lake to one Parquet file.

features_ddcore.py LAKE OUT_DIR

The 66 tasks of evals and six metrics, over whole runs: 25 recipes x 14 sizes x
3 seeds x 66 tasks are 69,300 series; 415,800 rows of features.
"""

import argparse
from pathlib import Path

import ddcore
import pyarrow.parquet as pq

METRICS = ("primary_metric", "acc_raw", "correct_prob", "margin", "norm_correct_prob", "total_prob")


def main() -> None:
    """Make the features and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lake = ddcore.open(a.lake, threads=2)
    tasks = lake.table("tasks", columns=["task"]).column(0).to_pylist()
    made = lake.features(window="100%", tasks=tasks, metrics=METRICS, metadata=[], long=True)
    pq.write_table(
        made,
        a.out / "features.parquet",
        compression="zstd",
        use_dictionary=["recipe", "params", "family", "series", "window"],
    )


if __name__ == "__main__":
    main()
