"""What the TOML file of a refresh asks for."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import errors
from .._wandb import download_wandb, read_projects
from ..download import download_hf
from ..lake import Lake, open  # noqa: A004 - ours

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Section -> whose arguments its keys are, without those that the run gives.
SECTIONS: dict[str, Callable[..., Any]] = {
    "download.hf": download_hf,
    "download.wandb": download_wandb,
    "ingest": Lake.ingest,
    "curate": Lake.curate,
    "validate": Lake.drift,
    "publish": Lake.publish,
}
OURS = {"self", "progress", "since"}
MORE = {"download.wandb": {"projects_file"}, "validate": {"verify"}, "site": {"to"}}
PATHS = {"dir", "to", "paths", "patterns", "projects_file"}
TOP = ("lake", "data", "threads", "memory_limit")


@dataclass(frozen=True)
class Plan:
    """A TOML file: the lake, and each section with its arguments."""

    file: Path
    lake: Lake
    sections: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, file: str) -> Plan:
        """Read a file; relative paths in it are from its folder."""
        try:
            with Path(file).open("rb") as f:
                text = tomllib.load(f)
        except FileNotFoundError:
            hint = "docs/refresh.md has an example"
            raise errors.make(errors.NotFoundError, "refresh", file, "there is no such file", hint) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise _refused(file, f"it is no TOML: {error}", "docs/refresh.md has an example") from None
        return cls._of(Path(file).resolve(), text)

    @classmethod
    def _of(cls, file: Path, text: dict[str, Any]) -> Plan:
        flat: dict[str, Any] = {}
        for key, value in text.items():
            if key == "download" and isinstance(value, dict):
                flat |= {f"download.{source}": arguments for source, arguments in value.items()}
            else:
                flat[key] = value
        sections = _sections(str(file), flat)
        if "lake" not in flat:
            raise _refused(str(file), "it names no lake", 'begin with lake = "my.lake"')
        if not isinstance(flat["lake"], str):
            raise _refused(str(file), f"lake is {flat['lake']!r}, no text", 'begin with lake = "my.lake"')
        base = file.parent
        options = {key: flat[key] for key in TOP[1:] if key in flat}
        lake = open(_from(base, flat["lake"]), **options)
        return cls(file, lake, {name: _absolute(base, arguments) for name, arguments in sections.items()})

    def section(self, name: str) -> dict[str, Any] | None:
        """Give the arguments of a section; None where it is not asked for."""
        return self.sections.get(name)

    def ingested(self) -> dict[str, Any] | None:
        """Give the arguments of ingest: without a section, the folders of the downloads."""
        folders = [s["dir"] for name, s in self.sections.items() if name.startswith("download.")]
        arguments = self.sections.get("ingest", {})
        paths = arguments.get("paths", folders)
        return {**arguments, "paths": paths} if paths else None

    def beside(self, suffix: str) -> Path:
        """Give a file of the refresh's own."""
        return self.file.with_suffix(suffix)


def _sections(file: str, flat: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the sections, and refuse what is neither a section nor a key before them."""
    known = [*SECTIONS, "site"]
    sections = {key: value for key, value in flat.items() if key not in TOP}
    for name, arguments in sections.items():
        if name not in known:
            what = f"section [{name}]" if isinstance(arguments, dict) else f"key {name}"
            raise _refused(file, f"there is no {what}", errors.near_names(name, [*TOP, *known]))
        if not isinstance(arguments, dict):
            raise _refused(file, f"{name} is {arguments!r}, no section", f"write [{name}], and its keys below")
        _check(file, name, arguments)
    return sections


def _check(file: str, name: str, arguments: dict[str, Any]) -> None:
    """Refuse keys that the section's function does not take, and miss none that it needs."""
    known, needed = set(MORE.get(name, ())), {"to"} if name == "site" else set()
    if name in SECTIONS:
        parameters = {k: p for k, p in inspect.signature(SECTIONS[name]).parameters.items() if k not in OURS}
        known |= set(parameters) - ({"ingest"} if name == "download.hf" else set())
        needed = {k for k, p in parameters.items() if p.default is inspect.Parameter.empty}
    if name == "download.wandb" and "projects_file" in arguments:
        needed -= {"projects"}
    if name == "ingest":
        needed = set()
    for key in arguments:
        if key not in known:
            raise _refused(file, f"[{name}] knows no {key}", errors.near_names(key, sorted(known)))
        if name == "validate" and key.startswith("max_"):
            _check_limit(file, key, arguments[key])
    if missing := sorted(needed - set(arguments)):
        raise _refused(file, f"[{name}] lacks {missing[0]}", f"add {missing[0]} = …")


def _check_limit(file: str, key: str, value: Any) -> None:
    """Refuse at once what drift would refuse when there is something to compare."""
    if type(value) not in (int, float) or not value >= 0:
        raise _refused(file, f"[validate] {key} is {value!r}", "a limit is a number from 0 on")


def _absolute(base: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    out = dict(arguments)
    for key in PATHS & set(arguments):
        value = arguments[key]
        out[key] = [_from(base, v) for v in value] if isinstance(value, list) else _from(base, value)
    if "projects_file" in out:
        out["projects"] = read_projects(out.pop("projects_file"))
    return out


def _from(base: Path, place: Any) -> Any:
    """Give a path from the file's folder; places elsewhere (s3://, ducklake:) stay."""
    if not isinstance(place, str) or "://" in place or place.startswith("ducklake:"):
        return place
    return os.path.join(base, os.path.expanduser(place))


def _refused(file: str, why: str, hint: str) -> errors.Error:
    return errors.make(errors.InvalidError, "refresh", file, why, hint)
