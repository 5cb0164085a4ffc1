"""Reference facts for the rival runners, from core/contract/facts.

The runners for DuckDB and Polars build the same tables as ddcore, so they need
the same facts: metric names, seeds, recipe features and model columns. This
module hands them out as plain Python rows; it uses the standard library only,
so that importing it costs no runner anything worth measuring.
"""

import csv
import math
from pathlib import Path

FACTS = Path(__file__).resolve().parent.parent / "core" / "contract" / "facts"

PROBABILITIES = ("", "_per_token", "_per_char")
METRICS = [
    "correct_choice",
    "acc_raw",
    "acc_per_token",
    "acc_per_char",
    "acc_per_byte",
    "acc_uncond",
    "no_answer",
    "sum_logits_corr",
    "logits_per_token_corr",
    "logits_per_char_corr",
    "bits_per_byte_corr",
    *(f"{kind}{norm}" for kind in ("correct_prob", "margin", "total_prob") for norm in PROBABILITIES),
    *(f"uncond_correct_prob{norm}" for norm in PROBABILITIES),
    "uncond_total_prob",
    *(f"norm_correct_prob{norm}" for norm in PROBABILITIES),
    "primary_metric",
]
"""The 28 task metrics, in the order of full_eval."""

NEVER_UNCONDITIONAL = ("boolq", "winogrande")
"""Tasks without acc_uncond and the four uncond_* metrics."""

PPL_SETS = [
    "wikitext_103",
    "pile",
    "m2d2_s2orc",
    "ice",
    "dolma_wiki",
    "dolma_stack",
    "dolma_reddit",
    "dolma_pes2o",
    "dolma_common-crawl",
    "dolma_books",
    "c4_en",
]
"""The 11 perplexity sets, in the order of full_eval."""

KEYS = ["params", "data", "seed", "step"]
LEADING_MODEL_COLUMNS = ["total_steps", "warmup_steps", "lr_max", "batch_size"]

SEQUENCE = 2048
LR_BASE, LR_SIZE, LR_END = 0.0047, 108_000_000, 0.01
TOKENS_PER_PARAMETER, CHINCHILLA = 20, 5

SHARED_SETTINGS = {
    "default_seed": 6198,
    "length_str": "5xC",
    "lr_warmup_start": 0.0,
    "d_model": None,
    "n_heads": None,
    "n_layers": None,
    "mlp_ratio": None,
    "weight_tying": False,
    "alibi": False,
    "rope": True,
    "flash_attention": True,
    "attention_dropout": 0.0,
    "attention_layer_norm": False,
    "include_bias": False,
    "layer_norm_type": "rms",
    "layer_norm_with_affine": True,
    "layer_norm_eps": 1e-6,
    "bias_for_layer_norm": False,
    "attention_layer_norm_with_affine": False,
    "activation_type": "swiglu",
    "residual_dropout": 0.0,
    "embedding_dropout": 0.0,
    "max_sequence_length": SEQUENCE,
    "vocab_size": 50280,
    "embedding_size": 50304,
    "eos_token_id": 50279,
    "pad_token_id": 1,
    "init_device": "cuda",
    "init_fn": "normal",
    "init_std": 0.02,
    "init_cutoff_factor": 3,
}
"""Columns that are equal for every size; None marks those that a size sets."""


def read_facts(name: str) -> list[dict[str, str]]:
    """Rows of one reference table, as text."""
    with open(FACTS / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text: str) -> int | float:
    """The number in a CSV cell, an int where it is written as one."""
    return float(text) if "." in text else int(text)


def seeds() -> dict[str, int]:
    """Seed label to number."""
    return {row["seed_label"]: int(row["seed"]) for row in read_facts("seeds")}


def tasks() -> list[str]:
    """The 66 tasks plus mmlu_average, in the order of full_eval (by name)."""
    return sorted([row["task"] for row in read_facts("tasks")] + ["mmlu_average"])


def task_metrics() -> list[tuple[str, str]]:
    """The 1,866 (task, metric) pairs of full_eval, in column order."""
    return [
        (task, metric)
        for metric in METRICS
        for task in tasks()
        if not (task in NEVER_UNCONDITIONAL and "uncond" in metric)
    ]


def recipes() -> list[dict[str, object]]:
    """Recipe name (as `data`) and its 10 feature columns."""
    rows = read_facts("recipes")
    for row in rows:
        row.pop("family")
    return [{"data": row.pop("recipe"), **{k: number(v) for k, v in row.items()}} for row in rows]


def model(row: dict[str, str]) -> dict[str, object]:
    """One size's model columns, in the order of full_eval, from its facts."""
    size, batch = int(row["params_schedule"]), int(row["batch_size"])
    label = row["params"]
    total = CHINCHILLA * TOKENS_PER_PARAMETER * size
    warmup = round(size / (batch / SEQUENCE))
    total_steps = math.ceil(total / (batch * SEQUENCE))
    warmup_steps = math.ceil(warmup / (batch * SEQUENCE))
    lr_max = LR_BASE * (size / LR_SIZE) ** (-1 / 3)
    shape = {k: int(row[k]) for k in ("d_model", "n_heads", "n_layers", "mlp_ratio")}
    return {
        "params": label,
        "total_steps": total_steps,
        "warmup_steps": warmup_steps,
        "lr_max": lr_max,
        "batch_size": batch,
        **SHARED_SETTINGS,
        **shape,
        "params_numeric": float(label[:-1]) * {"M": 1e6, "B": 1e9}[label[-1]],
        "true_model_size": size,
        "total_tokens": total,
        "warmup_tokens": warmup,
        "lr_final": LR_END * lr_max,
        "total_seqs": round(total / SEQUENCE),
        "warmup_perc": warmup / total,
        "lr_decay_tokens": total - warmup,
        "lr_decay_steps": total_steps - warmup_steps,
    }


def models() -> list[dict[str, object]]:
    """Model columns of all 14 sizes."""
    return [model(row) for row in read_facts("model_sizes")]


def trailing_columns() -> list[str]:
    """The 10 recipe columns and 36 model columns that close full_eval."""
    first = {"data", "params", *LEADING_MODEL_COLUMNS}
    return [c for c in (*recipes()[0], *models()[0]) if c not in first]


def numeric_trailing_columns() -> list[str]:
    """Those of trailing_columns that have a mean: no text, no booleans."""
    sample = {**recipes()[0], **models()[0]}
    return [c for c in trailing_columns() if type(sample[c]) in (int, float)]


def full_eval_columns() -> list[str]:
    """The 1,939 column names of full_eval, in order."""
    return [
        *KEYS,
        "tokens",
        "compute",
        *LEADING_MODEL_COLUMNS,
        "lr_at_step",
        "cumulative_lr",
        *(f"{name}-valppl" for name in PPL_SETS),
        *(f"{task}_{metric}" for task, metric in task_metrics()),
        *trailing_columns(),
    ]
