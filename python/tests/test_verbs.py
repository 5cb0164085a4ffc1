"""The Python face against the core's list of verbs: nothing missing, nothing of its own, all documented."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ddcore
from ddcore import _native

ROOT = Path(__file__).parents[2]

# A verb is the method of its name, and these beside it.
MORE: dict[str, list[Callable[..., Any]]] = {
    "table": [ddcore.Lake.scan],
    "sql": [ddcore.Lake.scan_sql],
    "export": [ddcore.Lake.export_sql],
}
NO_METHOD = {"verbs"}  # the list that this test reads
FACE_ONLY = {"self", "progress", "equal", "backend"}  # `equal` is filters, written as keywords


def core() -> dict[str, set[str]]:
    rows = _native.table("verbs").to_pylist()
    return {
        verb: {r["argument"] for r in rows if r["verb"] == verb and r["argument"]} for verb in {r["verb"] for r in rows}
    }


def methods(verb: str) -> list[Callable[..., Any]]:
    return [getattr(ddcore.Lake, verb, None) or getattr(ddcore, verb), *MORE.get(verb, [])]


def public() -> dict[str, Callable[..., Any]]:
    found = {f"Lake.{n}": f for n, f in inspect.getmembers(ddcore.Lake, inspect.isfunction) if not n.startswith("_")}
    for name in ddcore.__all__:
        if inspect.isfunction(value := getattr(ddcore, name)):
            found[name] = value
    return found


@pytest.mark.parametrize("verb", sorted(core().keys() - NO_METHOD))
def test_methods_take_the_arguments_of_their_verb(verb: str) -> None:
    taken: set[str] = set()
    for method in methods(verb):
        taken |= set(inspect.signature(method).parameters) - FACE_ONLY
    taken = {name.removesuffix("_") for name in taken}  # from_: Python keeps `from` for itself
    if verb == "doctor":
        taken -= {"lake"}  # doctor takes its lake as an argument
    assert taken == core()[verb]


def test_every_public_function_is_a_verb() -> None:
    verbs = {m for verb in core().keys() - NO_METHOD for m in methods(verb)}
    others = {name for name, f in public().items() if f not in verbs}
    assert others == {"attach", "demo_lake", "open", "Lake.at"}


def test_every_public_function_has_its_docs() -> None:
    for name, f in public().items():
        doc = inspect.getdoc(f) or ""
        wanted = ["Returns:", "Example:", ">>>"]
        if set(inspect.signature(f).parameters) - {"self"}:
            wanted.append("Args:")
        missing = [w for w in wanted if w not in doc]
        assert not missing, f"the docstring of {name} lacks {missing}"
        for parameter in inspect.signature(f).parameters:
            assert parameter == "self" or f"{parameter}: " in doc, f"the docstring of {name} lacks {parameter}"


def test_the_guide_names_everything_public() -> None:
    guide = (ROOT / "docs/python.md").read_text()
    import ddcore.plot

    names = [n.removeprefix("Lake.") for n in public()] + ddcore.plot.__all__
    names += [n for n in ddcore.__all__ if n.endswith("Error") or n == "Error"]
    missing = [n for n in names if n not in guide]
    assert not missing, f"docs/python.md does not mention {missing}"


def test_star_import_gives_what_all_names() -> None:
    space: dict[str, Any] = {}
    exec("from ddcore import *", space)
    assert set(ddcore.__all__) <= set(space)


def test_annotations_are_there_for_type_checkers() -> None:
    assert (Path(ddcore.__file__).parent / "py.typed").is_file()
    for name, f in public().items():
        signature = inspect.signature(f)
        assert signature.return_annotation is not inspect.Signature.empty, name
        assert all(p.annotation is not inspect.Parameter.empty for n, p in signature.parameters.items() if n != "self")
