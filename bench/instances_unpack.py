"""Unpack the archives of RAW_DIR/instances into RAW_DIR/unpacked, for the rival that reads plain JSON.

instances_unpack.py RAW_DIR
"""

import io
import sys
import tarfile
from pathlib import Path


def main() -> None:
    """Unpack each archive, and those inside."""
    raw = Path(sys.argv[1])
    for archive in sorted((raw / "instances" / "models").glob("*.tar.gz")):
        with tarfile.open(archive) as outer:
            for member in outer:
                folder = raw / "unpacked" / member.name.removesuffix(".tar.gz")
                folder.mkdir(parents=True)
                packed = outer.extractfile(member)
                assert packed is not None
                with tarfile.open(fileobj=io.BytesIO(packed.read())) as inner:
                    inner.extractall(folder, filter="data")


if __name__ == "__main__":
    main()
