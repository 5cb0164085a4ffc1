"""Runs of the real W&B client, offline, against what ddcore reads of their logs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import ddcore

pytest.importorskip("wandb", reason="the W&B client is not installed: pip install --group test")

# A process of its own: the client starts a service and keeps it.
RUN = """
import sys, wandb
run = wandb.init(
    project="ft", entity="ml", id="250901-1_x", name="shown", dir=sys.argv[1], tags=["a"],
    config={"lr": 5e-05, "nested": {"a": 1, "b/c": [1, 2.5]}, "big": 168631869269606400000, "username": "canary7"},
)
for i in range(1, 501):
    run.log({"train_loss": 1.0 / i, "total_tokens": i * 1000, "eval/x:y": {"z": i}, "nan": float("nan")}, step=i * 10)
run.log({"note": "by canary7 in /home/canary7/x"}, step=6000)
run.summary["best"] = 0.5
run.finish()
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> ddcore.Lake:
    folder = tmp_path_factory.mktemp("offline")
    environment = os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", RUN, str(folder)], check=True, env=environment, timeout=120)
    lake = ddcore.open(folder / "test.lake")
    states = lake.ingest(folder / "wandb", progress=False)
    assert sum(states["n_rejects"].to_pylist()) == 0
    return lake


def test_the_run(lake: ddcore.Lake) -> None:
    [run] = lake.sql("SELECT * FROM raw.wandb_runs").to_pylist()
    assert (run["layout"], run["entity"], run["project"], run["run_id"]) == ("offline", "ml", "ft", "250901-1_x")
    assert (run["run_name"], run["state"]) == ("shown", "finished")
    config = json.loads(run["config"])
    assert config["nested"] == {"a": 1, "b/c": [1, 2.5]}
    assert config["lr"] == 5e-05
    assert config["big"] == 168631869269606400000
    assert json.loads(run["summary"])["best"] == 0.5


def test_the_history(lake: ddcore.Lake) -> None:
    rows = lake.sql("SELECT * FROM raw.wandb_history ORDER BY _row").to_pylist()
    assert len(rows) == 501
    for i, row in enumerate(rows[:500], start=1):
        assert (row["step"], row["train_loss"], row["total_tokens"]) == (i * 10, 1.0 / i, i * 1000.0)
        assert json.loads(row["metrics"])["eval/x:y"] == {"z": i}
    assert rows[500]["train_loss"] is None


def test_personal_data(lake: ddcore.Lake) -> None:
    for table in ["wandb_runs", "wandb_history"]:
        assert "canary7" not in str(lake.sql(f"SELECT * FROM raw.{table}").to_pylist())
    assert {"user"} <= set(lake.redactions()["rule"].to_pylist())


def test_no_byte_tells_who_ran_it_and_where(lake: ddcore.Lake) -> None:
    names = ["canary7", sys.executable] + [n for n in [socket.gethostname()] if len(n) > 3 and n != "localhost"]
    lake.curate(progress=False)
    files = [p for p in Path(lake.path).rglob("*") if p.is_file()]
    assert len(files) > 10
    for name in names:
        assert not [p.name for p in files if name.encode() in p.read_bytes()]
        for table in ["raw.wandb_runs", "raw.wandb_history", "raw.rejects", "runs", "run_history", "run_metrics"]:
            assert name not in str(lake.table(table).to_pylist()), table
