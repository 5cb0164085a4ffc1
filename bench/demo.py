"""The demo: raw files into a lake, curated tables out, a table printed and a chart written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import altair as alt
import ddcore

OUT = Path("demo")


def raw_files() -> list[Path]:
    """Take the real samples where they are, or make some."""
    data = Path(os.environ.get("DDCORE_DATA", "../shared/data"))
    sources = ("hf", "wandb", "eval-instances", "olmes-dump", "ladder")
    real = [data / source for source in sources if (data / source).is_dir()]
    if real:
        print("raw files: the samples at hand of DataDecide, its W&B runs, instances and dumps, and of the OLMo ladder")
        return real
    print("raw files: made by `ddcore sample` (no real data here; set DDCORE_DATA to its folder)")
    ddcore.sample(OUT / "raw")
    return [OUT / "raw"]


def show(*words: str) -> None:
    """Print a table as the command line shows it."""
    program = Path(sys.executable).with_name("ddcore")
    print(f"\n$ ddcore {' '.join(words)}", flush=True)
    subprocess.run([program, *words, "--lake", OUT / "demo.lake"], check=True)


def main() -> None:
    """Run the demo in the folder demo/."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    lake = ddcore.open(OUT / "demo.lake")
    lake.ingest(raw_files())
    lake.curate()
    show("tables")
    curves = lake.sql("""
        SELECT params, recipe, tokens, avg("pile-valppl") AS perplexity
        FROM perplexity GROUP BY ALL ORDER BY params, recipe, tokens
    """)
    show("table", "perplexity", "--columns", "params,recipe,seed,step,pile-valppl,c4_en-valppl", "--limit", "8")
    show("table", "matched_runs", "--columns", "run_type,ckpt_recipe,ckpt_params,lr,ft_tok,pt_match")
    show("table", "instance_task_metrics", "--where", "is_primary", "--limit", "4")
    chart = (
        alt.Chart(curves, title="Validation perplexity on the Pile")
        .mark_line(point=True)
        .encode(
            alt.X("tokens:Q", title="tokens seen").scale(type="log", nice=False).axis(format="~s"),
            alt.Y("perplexity:Q", title="perplexity").scale(type="log", nice=False),
            alt.Color("recipe:N"),
            alt.StrokeDash("params:N", sort=["4M", "20M", "60M", "150M", "1B"]).legend(symbolType="stroke"),
        )
        .properties(width=600, height=360)
    )
    chart.save(OUT / "perplexity.png", scale_factor=2)
    chart.save(OUT / "perplexity.html", inline=True)
    print(f"wrote {OUT}/perplexity.png, {OUT}/perplexity.html and the lake {OUT}/demo.lake")


if __name__ == "__main__":
    main()
