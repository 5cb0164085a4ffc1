"""Run datadec 0.1.0, as shipped, on local raw files: RAW_DIR OUT_DIR [--melts].

Only what the wheel lacks is stood in for (README.md says it in full): the
download, the csv of recipe features, and metrics that occur nowhere in the
raw files. Every stage from metrics_expand to aggregate is the package's own.
"""

import argparse
import csv
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa

import facts

THREADS = 2


def refuse_download(*_: object, **__: object) -> None:
    """Stands for datasets.load_dataset, which no stage here may reach."""
    raise RuntimeError("the benchmark places the raw files; nothing is downloaded")


def import_datadec() -> ModuleType:
    """Import datadec without the `datasets` package, needed for downloads only."""
    stub = ModuleType("datasets")
    stub.load_dataset = refuse_download
    sys.modules["datasets"] = stub
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid
    importlib.import_module("datadec.data")
    return importlib.import_module("datadec")


def write_features(path: Path) -> None:
    """Write the dataset_features.csv that the wheel lacks, with its spellings."""
    spelling = {
        row["recipe"]: row["name"] for row in facts.read_facts("recipe_names") if row["source"] == "datadec_features"
    }
    rows = [{"dataset": spelling[row["data"]], **row} for row in facts.recipes()]
    columns = [c for c in rows[0] if c != "data"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def use_features(package: ModuleType, path: Path) -> None:
    """Make the package look for its csv at path."""

    class Paths(package.paths.DataDecidePaths):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)
            self.ds_details_csv_path = path

    package.data.DataDecidePaths = Paths


def allow_absent_metrics(package: ModuleType) -> None:
    """Give metrics that no row holds an empty column; the package stops without."""
    expand = package.parsing.list_col_to_columns

    def with_all_metrics(frame: pd.DataFrame, column: str) -> pd.DataFrame:
        expanded = expand(frame, column)
        for name in package.constants.METRIC_NAMES:
            if name not in expanded:
                expanded[name] = np.nan
        return expanded

    package.parsing.list_col_to_columns = with_all_metrics


def place_downloads(raw: Path, data_dir: Path) -> None:
    """Put the raw files where the download stage would leave them, as links.

    pandas reads a directory of Parquet files like one file, so that this costs
    datadec nothing.
    """
    for source, name in (("eval-results", "downstream_eval"), ("ppl-results", "ppl_eval")):
        target = data_dir / f"{name}.parquet"
        target.mkdir(parents=True)
        for file in sorted((raw / "hf" / source / "data").glob("train-*.parquet")):
            (target / file.name).symlink_to(file.resolve())


def melt(package: ModuleType, decide: object, out: Path) -> None:
    """Write full_eval and mean_eval melted by the package's own method.

    By default it melts only 301 of its columns; asked for all task and
    perplexity columns, it does the work that the others do.
    """
    wanted = {f"{task}_{metric}" for task, metric in facts.task_metrics()}
    wanted |= set(package.constants.PPL_TYPES)
    for name, per_seed in (("full_eval", True), ("mean_eval", False)):
        frame = decide.load_dataframe(name)
        metrics = [c for c in frame.columns if c in wanted]
        melted = decide.melt_for_plotting(frame, metrics=metrics, include_seeds=per_seed)
        melted.to_parquet(out / f"{name}_melted.parquet", index=False)


def run(raw: Path, out: Path, melts: bool) -> None:
    """Run the package's stages on raw and leave its tables in out."""
    pa.set_cpu_count(THREADS)
    package = import_datadec()
    data_dir = out / "datadecide"
    shutil.rmtree(data_dir, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        features = Path(scratch) / "dataset_features.csv"
        write_features(features)
        use_features(package, features)
        allow_absent_metrics(package)
        place_downloads(raw, data_dir)
        decide = package.data.DataDecide(str(out), verbose=True)
    if melts:
        melt(package, decide, out)
    for name in ("full_eval", "mean_eval", "std_eval"):
        link = out / f"{name}.parquet"
        link.unlink(missing_ok=True)
        os.link(data_dir / link.name, link)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--melts", action="store_true", help="also write the melted tables")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    run(args.raw, args.out, args.melts)


if __name__ == "__main__":
    main()
