"""Published data sets, from where they are published to a folder or a lake."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _arguments, _native, errors
from .lake import Lake, open  # noqa: A004 - ours
from .progress import Show, bar

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["download_hf"]


def download_hf(
    dir: str | os.PathLike[str],  # noqa: A002 - the core's name for it
    *,
    ppl: bool = False,
    olmes: bool = False,
    olmes_details: str | Sequence[str] | None = None,
    scaling_law: bool = False,
    macro_avg: bool = False,
    all: bool = False,  # noqa: A002 - as datadec's users know it
    repo: str | None = None,
    include: str | Sequence[str] | None = None,
    revision: str = "main",
    dry_run: bool = False,
    offline: bool = False,
    workers: int | None = None,
    ingest: Lake | str | os.PathLike[str] | None = None,
    budget: str | int | None = None,
    backend: Literal["ddcore", "huggingface_hub"] = "ddcore",
    progress: Show = True,
) -> pa.Table:
    """Download published results from the Hugging Face Hub.

    The revision is pinned to a commit, every file is checked by its hash, what an interrupted run has left is
    used, and files that are here or in the cache of huggingface_hub are not downloaded. `HF_ENDPOINT` names a
    mirror, `HF_TOKEN` (or `hf auth login`) gives the token.

    Args:
        dir: The folder for the files; they come to lie in it as <repository>/<path>, and `lake.ingest(dir)`
            recognises them.
        ppl: The perplexities, allenai/DataDecide-ppl-results.
        olmes: The task results, allenai/DataDecide-eval-results.
        olmes_details: The evaluation instances of these recipes, e.g. ["C4"], or "all";
            allenai/DataDecide-eval-instances.
        scaling_law: The published scaling-law fits.
        macro_avg: The published averages over tasks.
        all: All of these: more than 120 GB.
        repo: Any other data set of the hub, as "owner/name".
        include: Files of that data set, as patterns in which * also matches /; default: all.
        revision: A branch, a tag or a commit of the data sets.
        dry_run: Only tell what would be downloaded.
        offline: Ask no server: take what the folder and the cache hold. HF_HUB_OFFLINE=1 does the same.
        workers: How many files to download at a time; default: 4.
        ingest: A lake: each file is taken into it as soon as it is here, and deleted then; files that lay
            here before are kept.
        budget: With ingest: the most that downloads may occupy on the disk at any time, e.g. "20GB", or in
            bytes; default: as much as the two largest files.
        backend: "huggingface_hub" lets that library fetch the files into its cache first (extra ``hf``): for
            files of more than 50 GB, which the hub gives by its Xet protocol only.
        progress: True for a progress bar where one can be seen, False for none, or a function to call.

    Returns:
        One row per file: repo, path, n_bytes, sha256, state (downloaded, present, cached, would download,
        ingested, in the lake, or outdated: of an earlier revision) and revision, the commit.

    Raises:
        NotFoundError: There is no such data set, revision, file or recipe; offline: it is not here.
        InvalidError: Nothing was chosen, or the budget is less than the largest file.
        BusyError: Another process downloads into this folder.
        StorageError: No network, no room, a gated data set, or a server that sends another file than it lists.

    Example:
        >>> ddcore.download_hf("downloads", ppl=True)["state"].to_pylist()
        ['downloaded']
    """
    arguments: dict[str, Any] = {
        "dir": _arguments.path(dir),
        "ppl": ppl,
        "olmes": olmes,
        "olmes_details": _arguments.names(olmes_details),
        "scaling_law": scaling_law,
        "macro_avg": macro_avg,
        "all": all,
        "repo": repo,
        "include": _arguments.names(include),
        "revision": revision,
        "offline": offline,
        "workers": None if workers is None else operator.index(workers),
        "ingest": ingest is not None,
        "budget": None if budget is None else str(budget),
    }
    if backend == "huggingface_hub":
        if ingest is not None:
            raise _arguments.invalid(
                "huggingface_hub fills its cache, which has no budget", "download without ingest, then lake.ingest(dir)"
            )
        if not dry_run:
            _fill_cache(_native.table("download_hf", "", {**arguments, "dry_run": True}))
    elif backend != "ddcore":
        raise _arguments.invalid(f"there is no backend {backend!r}", '"ddcore" or "huggingface_hub"')
    arguments["dry_run"] = dry_run
    with bar("download", progress) as report:
        if ingest is None:
            return _native.table("download_hf", "", arguments, None, report)
        return (ingest if isinstance(ingest, Lake) else open(ingest))._read("download_hf", arguments, report)


def _fill_cache(wanted: pa.Table) -> None:
    """Let huggingface_hub bring what is not here into its cache, from which ddcore then takes it, checked."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise _arguments.invalid("huggingface_hub is not installed", "pip install 'ddcore[hf]'") from None
    for file in wanted.to_pylist():
        if file["state"] != "would download":
            continue
        try:
            hf_hub_download(
                file["repo"],
                file["path"],
                repo_type="dataset",
                revision=file["revision"],
                endpoint=os.environ.get("HF_ENDPOINT"),
            )
        except OSError as error:
            raise errors.StorageError(f"download {file['repo']}/{file['path']}: {error}") from error
