"""A lake of made-up results, for whoever has none yet."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import Any

from .lake import Lake, open  # noqa: A004 - ours
from .progress import Show
from .verbs import sample

# The folders of this process, which go when it ends; by the options of their results.
_folders: dict[str, tempfile.TemporaryDirectory[str]] = {}
_making = threading.Lock()


def demo_lake(*, progress: Show = True, **options: Any) -> Lake:
    """Make a curated lake of made-up results, to try what needs one.

    It lies in the folder of temporary files and goes when Python ends. What kills Python, as Marimo does with
    its kernels, leaves it to whoever tidies that folder.

    Args:
        progress: True for progress bars where they can be seen, False for none, or a function to call.
        **options: What the results are: all arguments of `sample` but dir. Fewer are made faster:
            runs=-1, checkpoints=-1 and models=-1 leave the pretraining results.

    Returns:
        The lake, the same one whenever the options are the same. The raw files lie beside it, in raw.

    Raises:
        TypeError: `sample` has no such argument.
        InvalidError: A size, recipe or seed is unknown; the message holds near names.
        StorageError: The folder of temporary files is full.

    Example:
        >>> lake = ddcore.demo_lake(sizes=["4M"], recipes=["C4"], steps=1, runs=-1, checkpoints=-1, models=-1)
        >>> lake.table("full_eval")["data"].unique().to_pylist()
        ['C4']
    """
    key = repr(sorted(options.items()))
    with _making:  # two threads that ask at once get one lake
        if key not in _folders:
            folder = tempfile.TemporaryDirectory(prefix="ddcore-demo-")
            raw = os.path.join(folder.name, "raw")
            sample(raw, progress=progress, **options)
            lake = open(os.path.join(folder.name, "demo.lake"))
            lake.ingest(raw, progress=progress)
            lake.curate(progress=progress)
            _folders[key] = folder
        return open(os.path.join(_folders[key].name, "demo.lake"))
