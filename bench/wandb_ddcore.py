"""ddcore's side of the W&B benchmark: the two legacy files into a new lake.

wandb_ddcore.py RAW_DIR OUT_DIR [--curate]

Personal data is redacted on the way, as always. --curate also makes the
curated tables.
"""

import argparse
from pathlib import Path

import ddcore


def main() -> None:
    """Run ingest, and curate if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--curate", action="store_true")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lake = ddcore.open(a.out / "lake", threads=2)
    lake.ingest(a.raw / "wandb" / "legacy", progress=False)
    if a.curate:
        lake.curate(progress=False)


if __name__ == "__main__":
    main()
