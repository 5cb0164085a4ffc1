"""`ddcore notebook`: opens a copy of a notebook that lies in the wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import _command, errors

HERE = Path(__file__).parent


def folder() -> Path:
    """Give where the notebooks lie: in the wheel, or in the project."""
    installed = HERE / "notebooks"
    return installed if installed.is_dir() else HERE.parents[1] / "notebooks"


def titles() -> dict[str, str]:
    """Give each notebook's name and first sentence."""
    found = {}
    for file in sorted(folder().glob("*.py")):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        found[file.stem] = first.strip('"').partition(":")[0].removeprefix("A Marimo notebook ")
    return found


def main(parser: _command.Parser, arguments: list[str]) -> None:
    """List the notebooks, or open a copy of one."""
    parser.description = "Open a ready notebook in Marimo, or list them. A copy is made, which is yours to change."
    parser.add_argument("name", nargs="?", help="the notebook; without it they are listed")
    _command.add_lake(parser)
    parser.add_argument("--to", default=".", metavar="DIR", help="the folder of the copy; default: the current one")
    parser.add_argument("--no-open", action="store_true", help="only copy it")
    args = parser.parse_args(arguments)
    known = titles()
    if args.name is None:
        width = max(map(len, known))
        print("\n".join(f"{name:{width}}  {title}" for name, title in known.items()))
        return
    if args.name not in known:
        why = f"there is no notebook {args.name!r}"
        raise errors.make(errors.NotFoundError, "notebook", "", why, "notebooks are: " + ", ".join(known))
    copy = _copied(args.name, Path(args.to))
    print(copy, flush=True)
    if not args.no_open:
        _edit(copy, args.lake)


def _copied(name: str, to: Path) -> Path:
    """Copy the notebook, unless a copy is there: it may have been changed."""
    to.mkdir(parents=True, exist_ok=True)
    copy = to / f"{name}.py"
    if not copy.exists():
        shutil.copyfile(folder() / copy.name, copy)
    return copy


def _edit(notebook: Path, lake: str | None) -> None:
    if importlib.util.find_spec("marimo") is None:
        hint = "`pip install 'ddcore[marimo,plot]'`"
        raise errors.make(errors.InvalidError, "notebook", "", "Marimo is not installed", hint)
    environment = os.environ | ({"DDCORE_LAKE": os.path.abspath(lake) if os.path.isdir(lake) else lake} if lake else {})
    done = subprocess.run([sys.executable, "-m", "marimo", "edit", str(notebook)], env=environment, check=False)
    if done.returncode > 0:
        why = f"marimo ended with exit code {done.returncode}"
        raise errors.make(errors.InvalidError, "notebook", "", why, "its message stands above")
