"""The text of Python dictionaries: what evals holds against what Python itself reads.

Hypothesis makes the texts; then all of them go through one ingest and one
build, because those take seconds and not the microseconds of a test case.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import re
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import ddcore

N_WELL_FORMED = 600
N_DAMAGED = 1000

# Names that ddcore takes for values beside Python's own literals.
NAMES = {
    "nan": math.nan, "NaN": math.nan, "inf": math.inf, "Infinity": math.inf,
    "null": None, "true": True, "false": False,
}  # fmt: skip

TASKS = ["arc_easy", "arc_challenge", "boolq", "csqa", "hellaswag", "openbookqa", "piqa", "socialiqa", "winogrande"]


@dataclasses.dataclass
class Row:
    """What became of one text."""

    text: str
    values: dict[str, float | None] | None  # in evals
    reason: str | None  # in rejects


def collect(strategy: st.SearchStrategy[str], n: int) -> list[str]:
    """Draw n texts, the same in every run."""
    found: list[str] = []

    @settings(
        max_examples=n,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(text: str) -> None:
        found.append(text)

    draw()
    return list(dict.fromkeys(found))


def through_the_lake(texts: list[str], folder: Path) -> list[Row]:
    """Ingest the texts as the metrics of as many raw rows, and curate."""
    rows = [
        {
            "params": "4M", "data": "C4", "task": TASKS[i % len(TASKS)], "step": float(i // len(TASKS)),
            "seed": "default", "chinchilla": "5xC", "tokens": 1.0, "compute": 1.0, "metrics": text,
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
    lake = ddcore.open(folder / "x.lake")
    report = lake.ingest(folder / "train-00000-of-00001.parquet").to_pylist()
    rejects = {r["row"]: r for r in lake.rejects().to_pylist()}
    assert [(r["n_rows"], r["n_rejects"]) for r in report] == [(len(texts), len(rejects))]
    for i, reject in rejects.items():
        assert reject["path"] == "train-00000-of-00001.parquet"
        assert reject["text"] == texts[i]
        assert reject["reason"].startswith("metrics ")
    lake.curate()
    assert lake.sql("SELECT metrics FROM raw.hf_eval_results ORDER BY _file, _row")["metrics"].to_pylist() == texts
    evals = {(r["task"], r["step"]): r for r in lake.table("evals", task=TASKS).to_pylist()}
    out = []
    for i, text in enumerate(texts):
        values = evals.pop((TASKS[i % len(TASKS)], i // len(TASKS)), None)
        if values:
            values = {k: values[k] for k in list(values)[7:]}
        out.append(Row(text, values, rejects[i]["reason"] if i in rejects else None))
        assert (values is None) == (i in rejects), f"neither in evals nor rejected, or both: {text!r}"
    assert not evals
    return out


def reference(text: str) -> dict[Any, Any]:
    """Read text as Python does, and a few names more."""

    class Named(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return ast.copy_location(ast.Constant(NAMES[node.id]), node) if node.id in NAMES else node

    found = ast.literal_eval(Named().visit(ast.parse(text.strip(" \t\r\n"), mode="eval")))
    if not isinstance(found, dict):
        raise ValueError("no dictionary")
    return found


def same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))


def differences(row: Row, expected: dict[Any, Any]) -> list[tuple[str, Any, Any]]:
    """Compare the metrics of a row with a dictionary."""
    out = []
    for metric, value in (row.values or {}).items():
        wanted = expected.get(metric)
        if not same(value, None if wanted is None else float(wanted)):
            out.append((metric, value, wanted))
    return out


@pytest.fixture(scope="module")
def metrics(lake: ddcore.Lake) -> dict[str, tuple[float, float]]:
    """The metrics of evals, with the least and the greatest value that the contract allows."""
    out = {}
    for row in lake.describe("evals").to_pylist()[7:]:
        text = row["range"]
        low, high = (-math.inf, float(text[3:])) if text.startswith("<= ") else map(float, text.strip("[]").split(","))
        out[row["column_name"]] = (low, high)
    assert len(out) == 28
    return out


def metric_values(low: float, high: float) -> st.SearchStrategy[Any]:
    """Values that a metric may have: numbers in its range, None and nan."""
    options: list[st.SearchStrategy[Any]] = [
        st.floats(max(low, -1.7e308), high),
        st.sampled_from([high, math.nan, None, 0, 0.0]),
    ]
    if high >= 1:
        options.append(st.booleans())
    if low == -math.inf:
        options += [st.just(-math.inf), st.integers(-(10**40), 0)]
    return st.one_of(options)


def dictionaries(metrics: dict[str, tuple[float, float]]) -> st.SearchStrategy[dict[Any, Any]]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.integers(10**18, 10**40)
    anything = st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner)
            | st.lists(inner).map(tuple)
            | st.sets(scalars, min_size=1)
            | st.dictionaries(st.text() | st.integers(), inner)
        ),
        max_leaves=8,
    )
    keys = st.text() | st.sampled_from(["predicted_index_raw", "Acc_raw", "acc_raw ", "'", '"', "\\"]) | st.integers()
    unknown = st.dictionaries(keys.filter(lambda k: k not in metrics), anything, max_size=4)
    known = st.fixed_dictionaries({}, optional={m: metric_values(*r) for m, r in metrics.items()})

    def mixed(parts: tuple[dict[Any, Any], dict[Any, Any], Any]) -> dict[Any, Any]:
        items = [*parts[0].items(), *parts[1].items()]
        parts[2].shuffle(items)
        return dict(items)

    return st.tuples(known, unknown, st.randoms(use_true_random=False)).map(mixed)


def test_evals_hold_what_python_reads(metrics: dict[str, tuple[float, float]], tmp_path: Path) -> None:
    texts = collect(dictionaries(metrics).map(repr), N_WELL_FORMED)
    for row in through_the_lake(texts, tmp_path / "well_formed"):
        assert row.reason is None, f"refused: {row.text!r}: {row.reason}"
        wrong = differences(row, reference(row.text))
        assert not wrong, f"{row.text!r}: {wrong}"


def damaged(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with a part cut off, a character too many or too few, or from nowhere."""
    odd = st.sampled_from(list("{}[]():,'\"\\ \t\n0159eE+-._xbNanif\x00\u00e9\u2028"))

    def change(parts: tuple[str, float, str, str]) -> str:
        text, where, how, extra = parts
        i = int(where * len(text))
        return {
            "cut": text[:i],
            "behead": text[i:],
            "drop": text[:i] + text[i + 1 :],
            "insert": text[:i] + extra + text[i:],
            "replace": text[:i] + extra + text[i + 1 :],
            "double": text + text,
        }[how]

    ways = st.sampled_from(["cut", "behead", "drop", "insert", "insert", "replace", "replace", "double"])
    return st.tuples(texts, st.floats(0, 1, exclude_max=True), ways, odd).map(change) | st.text()


def lenient(text: str) -> dict[Any, Any]:
    """Read text as the reference does, but let any escape and a NUL be in strings: raw keeps those as they are."""
    return reference(re.sub(r"\\([xuUN])", r"\\\\\1", text).replace("\0", "\ufffd"))


def in_range(text: str, metrics: dict[str, tuple[float, float]]) -> bool:
    """Tell whether a text breaks no contract: a greater value would stop the build, and not be a reject."""
    try:
        found = lenient(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return True
    values = [(found[m], *r) for m, r in metrics.items() if isinstance(found.get(m), (bool, int, float))]
    return all(low <= v <= high or v != v for v, low, high in values)


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_damaged_texts_are_rejects_or_what_python_reads(
    metrics: dict[str, tuple[float, float]], tmp_path: Path
) -> None:
    whole = st.fixed_dictionaries(
        {"acc_raw": metric_values(*metrics["acc_raw"])},
        optional={
            "sum_logits_corr": metric_values(*metrics["sum_logits_corr"]),
            "x": st.text() | st.lists(st.integers() | st.none()) | st.dictionaries(st.text(), st.floats()),
            1: st.text(),
        },
    )
    texts = [t for t in collect(damaged(whole.map(repr)), N_DAMAGED) if in_range(t, metrics)]
    n_rejects = n_refused = 0
    for row in through_the_lake(texts, tmp_path / "damaged"):
        try:
            expected = lenient(row.text)
        except (ValueError, SyntaxError):
            assert row.reason, f"taken, though Python cannot read it: {row.text!r}"
            n_rejects += 1
            continue
        if row.reason:  # Python's source knows more than repr ever writes: 0b1, 1_000, b'x', 'a' 'b'
            assert row.text != repr(expected), f"refused, though Python can read it: {row.text!r}: {row.reason}"
            n_refused += 1
            continue
        wrong = differences(row, expected)
        assert not wrong, f"{row.text!r}: {wrong}"
    assert n_refused < len(texts) / 50
    assert n_rejects > N_DAMAGED / 4


def test_what_no_dictionary_is_becomes_a_reject(tmp_path: Path) -> None:
    texts = [
        "", " ", "None", "[]", "1", "{", "}", "{'acc_raw'}", "{'acc_raw': }", "{'acc_raw': 0.5", "{'acc_raw': 0.5}}",
        "{'acc_raw' 0.5}", "{'acc_raw': 0.5 'acc_uncond': 0.5}", "{'acc_raw': 0,5}", "{'acc_raw': 1.2.3}",
        "{'acc_raw': 01}", "{'acc_raw': --1}", "{'acc_raw': 1e}", "{'acc_raw': Nan}", "{'acc_raw': none}",
        "{'acc_raw': 'high'}", "{'acc_raw': [0.5]}", "{'acc_raw': {}}", "{acc_raw: 0.5}", "{'acc_raw: 0.5}",
        "{'acc_raw': 0.5}; import os", "__import__('os')", "{'x': open('x')}", "{'acc_raw': 0.5}\x00", "\x00",
        "{'x': " + "[" * 1000 + "]" * 1000 + "}", "{'x': " * 5000,
    ]  # fmt: skip
    rows = through_the_lake(texts, tmp_path / "none")
    assert not [row.text for row in rows if row.reason is None]
    reasons = {row.text: row.reason for row in rows}
    assert reasons["{'acc_raw': 'high'}"] == 'metrics acc_raw: expected a number, found "high"'
    assert "at byte 12" in (reasons["{'acc_raw': none}"] or "")


def test_dictionaries_that_are_odd_but_right(tmp_path: Path) -> None:
    texts = {
        "{}": {},
        " {'acc_raw' : .5 , } ": {"acc_raw": 0.5},
        "{'acc_raw': 0.25, 'acc_raw': 0.75}": {"acc_raw": 0.75},  # as in Python, the last one counts
        "{'acc_raw': True, 'acc_uncond': False}": {"acc_raw": 1, "acc_uncond": 0},
        "{'sum_logits_corr': -1e400, 'margin': -0.0}": {"sum_logits_corr": -math.inf, "margin": -0.0},
        '{"acc_raw": 0.1, "no_answer": null, "x": true}': {"acc_raw": 0.1},
        "{'acc_raw': 5e-324, 'acc_uncond': 0.1000000000000000055511151231257827}": {
            "acc_raw": 5e-324,
            "acc_uncond": 0.1,
        },
    }
    for row in through_the_lake(list(texts), tmp_path / "odd"):
        assert row.reason is None
        assert not differences(row, texts[row.text])
