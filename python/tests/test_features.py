"""Features, as Python users get them: roles, values against NumPy's, errors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import ddcore


def roles(table: pa.Table) -> dict[str, str]:
    return {f.name: f.metadata[b"role"].decode() for f in table.schema}


def test_columns_tell_their_roles(lake: ddcore.Lake) -> None:
    made = lake.features(target="arc_easy", window=["10%", "50%"], deltas="windows", metadata=["params_exact"])
    found = roles(made)
    assert [n for n, r in found.items() if r == "id"] == ["recipe", "params", "seed"]
    assert [n for n, r in found.items() if r == "group"] == ["family"]
    assert [n for n, r in found.items() if r == "metadata"] == ["params_exact"]
    assert [n for n, r in found.items() if r == "target"] == ["target_arc_easy_primary_metric__final"]
    assert all(n.startswith("arc_easy_primary_metric__") for n, r in found.items() if r == "feature")
    assert b"meaning" in made.schema.field("arc_easy_primary_metric__50pct__slope").metadata
    assert made.num_rows == len(set(zip(*(made[k].to_pylist() for k in ("recipe", "params", "seed")), strict=True)))


def test_values_are_those_of_numpy(lake: ddcore.Lake) -> None:
    made = lake.features(metrics="pile-valppl", window="100%", stats=["mean", "sd", "slope", "last"]).to_pylist()
    for row in made:
        curve = lake.table(
            "perplexity", recipe=row["recipe"], params=row["params"], seed=row["seed"], where="step <= 14594"
        ).to_pandas()
        limit = lake.table("model_sizes", params=row["params"])["published_steps"][0].as_py()
        curve = curve[curve["step"] <= limit].sort_values("step")
        v, step = curve["pile-valppl"], curve["step"]
        assert row["pile-valppl__100pct__last"] == v.iloc[-1]
        assert row["pile-valppl__100pct__mean"] == pytest.approx(v.mean(), rel=1e-12)
        if len(v) < 2:
            assert row["pile-valppl__100pct__slope"] is None
            continue
        assert row["pile-valppl__100pct__sd"] == pytest.approx(v.std(), rel=1e-9)
        assert row["pile-valppl__100pct__slope"] == pytest.approx(np.polyfit(step, v, 1)[0], rel=1e-9)


def test_filters_have_both_spellings(lake: ddcore.Lake) -> None:
    made = lake.features(window="50%", params="4M", filters={"recipe": ["C4"]}, stats="n")
    assert set(made["params"].to_pylist()) == {"4M"}
    assert set(made["recipe"].to_pylist()) == {"C4"}
    with pytest.raises(ddcore.InvalidError, match="given twice"):
        lake.features(window="50%", params="4M", filters={"params": "4M"})
    with pytest.raises(ddcore.NotFoundError, match="no column"):
        lake.features(window="50%", windows="20%")


def test_a_window_that_holds_its_target_is_refused(lake: ddcore.Lake) -> None:
    with pytest.raises(ddcore.InvalidError, match="reaches its target") as caught:
        lake.features(target="arc_easy", window="100%")
    assert "target_params" in caught.value.hint
    made = lake.features(target="arc_easy", target_params="20M", window="100%", stats="last")
    assert set(made["params"].to_pylist()) == {"4M"}


def test_the_same_call_gives_the_same_bytes(own_lake: ddcore.Lake) -> None:
    def made() -> pa.Table:
        return own_lake.features(target="boolq", window="50%", save="early")

    first = made()
    assert first.equals(made())
    kept = own_lake.table("features.early", order_by=["params", "recipe", "seed"])
    assert kept.cast(first.schema).equals(first)
    record = own_lake.sql("FROM features.saved").to_pylist()
    assert [r["name"] for r in record] == ["early"]
    assert own_lake.at(record[0]["snapshot"]).features(target="boolq", window="50%").equals(first)
