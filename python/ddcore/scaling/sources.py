"""Checkpoints for `fit`: from the evaluations of a lake, and from the curves of the OLMo ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._points import invalid, not_found

if TYPE_CHECKING:
    from ..lake import Lake

__all__ = ["checkpoints", "from_curves", "ladder_task"]

#: Questions of each category of MMLU, as shares: the weights of arXiv 2412.04403.
MMLU_WEIGHTS = {"stem": 0.215, "humanities": 0.335, "social_sciences": 0.219, "other": 0.231}

#: A loss that every row has: bits of the mean probability per character.
SURPRISAL = "surprisal_per_char"

#: The split of each task that arXiv 2412.04403 evaluates.
LADDER_SPLITS = {
    "mmlu": "test", "hellaswag": "val", "arc_challenge": "test", "arc_easy": "test", "piqa": "val", "csqa": "val",
    "socialiqa": "val", "openbookqa": "test", "boolq": "val", "winogrande": "val",
}  # fmt: skip


def checkpoints(
    lake: Lake,
    task: str,
    metric: str = "primary_metric",
    *,
    loss: str = "bits_per_byte_corr",
    recipes: str | Iterable[str] | None = None,
    params: str | Iterable[str] | None = None,
    seeds: int | Iterable[int] | None = None,
) -> pa.Table:
    """Read what a lake holds of a task, averaged over seeds.

    Args:
        lake: The lake.
        task: A task of `evals`.
        metric: The column of `evals` to predict.
        loss: The column of `evals` in between; or surprisal_per_char, -log2(correct_prob_per_char), near to
            bits per byte, which the published rows have at every size.
        recipes: The recipes; default: all.
        params: The sizes; default: all.
        seeds: The seeds that the mean is over; default: all that a checkpoint has.

    Returns:
        One row per recipe, size and step: run (recipe and size), recipe, params, n_params (exact), step,
        tokens, n_seeds, loss, value. Step 0 and checkpoints that lack a number are left out.

    Raises:
        NotFoundError: There is no such lake, task, column, recipe or size.
        InvalidError: A size has no loss or no value at any step.

    Example:
        >>> ddcore.scaling.checkpoints(lake, "arc_easy", recipes="C4", loss="surprisal_per_char").column_names[-3:]
        ['n_seeds', 'loss', 'value']
    """
    filters: dict[str, Any] = {"task": task}
    filters |= {k: v for k, v in (("recipe", recipes), ("params", params), ("seed", seeds)) if v is not None}
    column = "correct_prob_per_char" if loss == SURPRISAL else loss
    columns = ["recipe", "params", "step", "tokens", *dict.fromkeys([column, metric])]
    rows = lake.table("evals", filters=filters, columns=columns, where="step > 0")
    named = pa.table({
        **{c: rows[c].cast(pa.string()) for c in ("recipe", "params")}, "step": rows["step"], "tokens": rows["tokens"],
        "loss": pc.negate(pc.log2(rows[column])) if loss == SURPRISAL else rows[column], "value": rows[metric],
    })  # fmt: skip
    everything = named
    named = named.filter(pc.and_(pc.is_finite(named["loss"]), pc.is_finite(named["value"])))
    _refuse_lost_sizes(everything, named, task, loss, metric)
    if everything.num_rows == 0:
        tasks, has = (
            lake.sql(f"SELECT DISTINCT {c} FROM evals ORDER BY ALL").column(0).to_pylist() for c in ("task", "seed")
        )
        if task not in tasks:
            raise not_found("task", task, tasks)
        raise not_found("checkpoint of that recipe, size and seed for", task, [f"seed {s}" for s in has])
    sizes = lake.table("model_sizes", columns=["params", "params_exact"])
    exact = dict(zip(sizes["params"].to_pylist(), sizes["params_exact"].to_pylist(), strict=True))
    means = named.group_by(["recipe", "params", "step", "tokens"], use_threads=False).aggregate(
        [("loss", "count"), ("loss", "mean"), ("value", "mean")]
    )
    out = pa.table({
        "run": pc.binary_join_element_wise(means["recipe"], means["params"], " "),
        "recipe": means["recipe"],
        "params": means["params"],
        "n_params": pa.array([exact[p] for p in means["params"].to_pylist()], pa.int64()),
        "step": means["step"],
        "tokens": means["tokens"],
        "n_seeds": means["loss_count"],
        "loss": means["loss_mean"],
        "value": means["value_mean"],
    })  # fmt: skip
    return out.sort_by([("recipe", "ascending"), ("n_params", "ascending"), ("step", "ascending")])


def _refuse_lost_sizes(everything: pa.Table, complete: pa.Table, task: str, loss: str, metric: str) -> None:
    """Say which sizes have no complete row: a law fitted without them would be another one."""
    runs = [set(zip(t["recipe"].to_pylist(), t["params"].to_pylist(), strict=True)) for t in (everything, complete)]
    lost = sorted(runs[0] - runs[1])
    if lost:
        raise invalid(
            f"{task} has no {loss} or no {metric} for {len(lost)} of {len(runs[0])} runs, e.g. {' '.join(lost[0])}",
            f"choose other params or recipes, or loss={SURPRISAL!r}", loss, tuple(" ".join(r) for r in lost[:3]),
        )  # fmt: skip


def from_curves(
    curves: Any, loss: str | Mapping[str, float], value: str | Mapping[str, float] | None = None
) -> pa.Table:
    """Turn curves, one row per run, checkpoint and metric, into checkpoints.

    Args:
        curves: A table of run, size, params_exact, tokens, metric, value, as a lake's `curves`.
        loss: The metric that is the loss, or several with their weights.
        value: The same for the value; None: none.

    Returns:
        One row per run and tokens that has all the metrics: run, params (the size), n_params, tokens, loss, value.
        A row of 0 tokens, before the training, is left out.

    Raises:
        InvalidError: There is no such column or metric.

    Example:
        >>> rows = {"run": ["a", "a"], "size": ["1B", "1B"], "params_exact": [1279395840] * 2, "tokens": [1e9] * 2}
        >>> rows |= {"metric": ["bpb", "acc"], "value": [0.9, 0.5]}
        >>> ddcore.scaling.from_curves(rows, "bpb", "acc").to_pylist()[0]["loss"]
        0.9
    """
    table = curves if isinstance(curves, pa.Table) else pa.table(curves)
    lacking = {"run", "size", "params_exact", "tokens", "metric", "value"} - set(table.column_names)
    if lacking:
        raise invalid(f"curves lack {', '.join(sorted(lacking))}", "pass a lake's table curves", min(lacking))
    wanted = {"loss": _weights(loss)} | ({} if value is None else {"value": _weights(value)})
    metrics = {m for weights in wanted.values() for m in weights}
    table = table.filter(pc.is_in(table["metric"].cast(pa.string()), pa.array(sorted(metrics))))
    found: dict[tuple[str, float], dict[str, float]] = {}
    about: dict[str, tuple[str, int]] = {}
    for row in table.select(["run", "size", "params_exact", "tokens", "metric", "value"]).to_pylist():
        if row["value"] is not None and row["tokens"]:
            found.setdefault((row["run"], row["tokens"]), {})[row["metric"]] = row["value"]
            about[row["run"]] = row["size"], row["params_exact"]
    missing = metrics.difference(*[set(v) for v in found.values()])
    if missing:
        raise invalid(
            f"curves have no metric {min(missing)}", "SELECT DISTINCT metric FROM curves lists them", "metric"
        )
    keys = sorted(k for k, v in found.items() if len(v) == len(metrics))
    columns: dict[str, Any] = {
        "run": [run for run, _ in keys],
        "params": [about[run][0] for run, _ in keys],
        "n_params": [about[run][1] for run, _ in keys],
        "tokens": [float(tokens) for _, tokens in keys],
    }
    for name, weights in wanted.items():
        share = np.array(list(weights.values())) / sum(weights.values())
        columns[name] = [float(share @ [found[k][m] for m in weights]) for k in keys]
    return pa.table(columns)


def ladder_task(task: str) -> tuple[dict[str, float], dict[str, float]]:
    """Give the ladder's metrics of a task, as arXiv 2412.04403 uses them: 5-shot, ranked classification.

    Args:
        task: mmlu (the mean over its four categories, weighted by questions), hellaswag, arc_challenge,
            arc_easy, piqa, csqa, socialiqa, openbookqa, boolq or winogrande.

    Returns:
        Weights of the metrics that make up the loss (bits per byte), and of those that make up the value
        (accuracy, normalised by length; boolq's is not): arguments for `from_curves`.

    Raises:
        InvalidError: There is no such task.

    Example:
        >>> ddcore.scaling.ladder_task("piqa")[0]
        {'eval/downstream_bpb/piqa_val_rc_5shot_bpb': 1.0}
    """
    if task not in LADDER_SPLITS:
        raise invalid(f"the ladder has no task {task!r}", f"take one of {', '.join(LADDER_SPLITS)}")
    parts = {f"mmlu_{c}": w for c, w in MMLU_WEIGHTS.items()} if task == "mmlu" else {task: 1.0}
    accuracy = "acc" if task == "boolq" else "len_norm"
    names = {f"{part}_{LADDER_SPLITS[task]}_rc_5shot": weight for part, weight in parts.items()}
    return (
        {f"eval/downstream_bpb/{name}_bpb": weight for name, weight in names.items()},
        {f"eval/downstream/{name}_{accuracy}": weight for name, weight in names.items()},
    )


def _weights(metric: str | Mapping[str, float]) -> dict[str, float]:
    return {metric: 1.0} if isinstance(metric, str) else dict(metric)
