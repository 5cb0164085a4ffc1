"""ddcore's side of the instances benchmark: archives into a new lake.

instances_ddcore.py RAW_DIR OUT_DIR [--threads N]
"""

import argparse
from pathlib import Path

import ddcore


def main() -> None:
    """Run ingest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lake = ddcore.open(a.out / "lake", threads=a.threads)
    lake.ingest(a.raw / "instances" / "models", progress=False)


if __name__ == "__main__":
    main()
