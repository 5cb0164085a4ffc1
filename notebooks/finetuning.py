"""A Marimo notebook on fine-tuning runs: `marimo run notebooks/finetuning.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Fine-tuning runs")

with app.setup:
    import html
    import os

    import altair as alt
    import marimo as mo
    import pyarrow.compute as pc

    import ddcore


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Fine-tuning runs

    What fine-tuning makes of a checkpoint: the task metrics after it (ft) against those before it (pt), how
    they depend on learning rate and tokens, and the matched groups, whose checkpoints are equally good.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/finetuning.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
    lake = ddcore.open(str(path)) if path else ddcore.demo_lake(checkpoints=-1, models=-1)
    return lake, path


@app.cell
def _(lake, path):
    try:
        counts = lake.sql("SELECT run_type, rule, count(*) AS n FROM runs GROUP BY ALL ORDER BY n DESC, run_type, rule")
        columns = lake.describe("matched_runs")["column_name"].to_pylist()
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to explore: {error}"), kind="warn"))
    n_runs = sum(counts["n"].to_pylist())
    mo.stop(
        not n_runs,
        mo.callout(mo.md("The lake holds no fine-tuning runs: ingest a W&B export, then curate."), kind="warn"),
    )
    tasks = [c[3:-15] for c in columns if c.startswith("ft_") and c.endswith("_primary_metric")]
    mo.vstack(
        [
            mo.callout(
                mo.md(
                    "**These results are made up** (`ddcore sample`): no lake was named."
                    if not path
                    else f"The lake holds {n_runs} runs."
                ),
                kind="info" if path else "warn",
            ),
            mo.accordion({"Runs by type and rule": mo.ui.table(counts, selection=None)}),
        ]
    )
    return (tasks,)


@app.cell
def _(lake, tasks):
    types = lake.sql("SELECT DISTINCT run_type FROM matched_runs ORDER BY ALL")["run_type"].to_pylist()
    mo.stop(not types, mo.callout(mo.md("None of the runs is of a known type: see `ddcore doctor`."), kind="warn"))
    task = mo.ui.dropdown(tasks, value="arc_easy" if "arc_easy" in tasks else tasks[0], label="Task")
    run_types = mo.ui.multiselect(types, value=types, label="Types of runs")
    mo.hstack([task, run_types], justify="start", wrap=True)
    return run_types, task


@app.cell
def _(lake, run_types, task):
    # The text of a type comes from the lake, and goes back as a parameter.
    runs = lake.sql(
        f"""
        SELECT run_id, run_type, ckpt_recipe AS recipe, ckpt_params AS params, lr, ft_tok, pt_match, pt_step,
            final_train_loss, ft_{task.value}_primary_metric AS ft, pt_{task.value}_primary_metric AS pt
        FROM matched_runs
        WHERE list_contains(string_split(?, chr(10)), run_type)
        ORDER BY run_id
        """,
        ["\n".join(run_types.value)],
    )
    return (runs,)


@app.cell
def _():
    def show(chart, data, nothing=""):
        """A chart with its table below, or the words that say why there is none."""
        if not data.num_rows:
            return mo.callout(mo.md(nothing), kind="neutral")
        return mo.vstack([chart, mo.accordion({"The numbers": mo.ui.table(data, selection=None, page_size=10)})])

    colour = alt.Color("recipe:N", title="Recipe")
    shape = alt.Shape("params:N", title="Size")
    tooltip = ["run_id:N", "recipe:N", "params:N", "lr:Q", "ft_tok:Q", "pt:Q", "ft:Q"]
    return colour, shape, show, tooltip


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## After fine-tuning against before

    On the line nothing has changed. A run stands here if the lake holds its checkpoint's own evaluation.
    """)
    return


@app.cell
def _(lake, run_types, show, task):
    try:
        before = ddcore.plot.ft_vs_pt(lake, task.value, run_types=run_types.value)
        shown = show(before, before.data)
    except ddcore.NotFoundError as error:
        shown = mo.callout(mo.md(str(error)), kind="neutral")
    reasons = lake.sql("SELECT pt_match, count(*) AS n FROM matched_runs GROUP BY ALL ORDER BY n DESC, pt_match")
    mo.vstack(
        [
            shown,
            mo.accordion({"Does the lake hold the runs' checkpoints?": mo.ui.table(reasons, selection=None)}),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Sweeps

    The metric after fine-tuning by learning rate, and by tokens; a line joins the runs of one checkpoint.
    """)
    return


@app.cell
def _(colour, runs, shape, show, task, tooltip):
    def sweep(column, title, ticks):
        data = runs.filter(pc.and_(pc.is_valid(runs["ft"]), pc.greater(runs[column], 0)))
        base = alt.Chart(data).encode(
            x=alt.X(f"{column}:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format=ticks), title=title),
            y=alt.Y("ft:Q", scale=alt.Scale(zero=False), title=f"{task.value}_primary_metric"),
            color=colour,
        )
        lines = base.mark_line(opacity=0.5).encode(detail=["params:N"])
        points = base.mark_point(filled=True, size=60).encode(shape=shape, tooltip=tooltip)
        return show(
            (lines + points).properties(width=480, height=260, title=f"{task.value} by {title.lower()}"),
            data,
            f"No run has {task.value} and a value of: {title.lower()}.",
        )

    mo.vstack([sweep("lr", "Learning rate", ".0e"), sweep("ft_tok", "Fine-tuning tokens", "~s")])
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Matched groups

    Checkpoints of different recipes and sizes that are equal in the group's metric: do they fine-tune alike?
    """)
    return


@app.cell
def _(lake, tasks):
    groups = lake.sql(
        "SELECT DISTINCT matched_group_name AS name FROM matched_runs WHERE name IS NOT NULL ORDER BY name"
    )
    names = groups["name"].to_pylist()
    mo.stop(not names, mo.callout(mo.md("The lake holds no matched runs."), kind="neutral"))
    group = mo.ui.dropdown(names, value=names[0], label="Group")
    chosen = mo.ui.multiselect(tasks, value=tasks[:4], label="Tasks")
    mo.hstack([group, chosen], justify="start", wrap=True)
    return chosen, group


@app.cell
def _(chosen, group, lake):
    metrics = "".join(f', ft_{t}_primary_metric AS "{t} ft", pt_{t}_primary_metric AS "{t} pt"' for t in chosen.value)
    members = lake.sql(
        f"""
        SELECT ckpt_recipe, ckpt_params, ckpt_steps, ckpt_seed, lr, ft_tok,
            "pt_pile-valppl", "pt_c4_en-valppl" {metrics}
        FROM matched_runs WHERE matched_group_name = ? ORDER BY ckpt_recipe, ckpt_params, ckpt_steps, ckpt_seed, lr
        """,
        [group.value],
    )

    def grid(rows, heads):
        """A table as HTML, whose columns stand under the heads of their groups."""

        def cell(value):
            return "" if value is None else f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))

        apart = 'style="padding: 0.1em 0.6em; text-align: left; white-space: nowrap"'
        top = "".join(f"<th {apart} colspan={len(names)}>{head}</th>" for head, names in heads)
        below = "".join(f"<th {apart}>{name}</th>" for _, names in heads for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td {apart}>{cell(v)}</td>" for v in row.values()) + "</tr>" for row in rows.to_pylist()
        )
        table = f"<table><thead><tr>{top}</tr><tr>{below}</tr></thead><tbody>{body}</tbody></table>"
        return mo.Html(f'<div style="overflow-x: auto">{table}</div>')

    heads = [
        ("Checkpoint", ["recipe", "size", "step", "seed"]),
        ("Fine-tuning", ["lr", "tokens"]),
        ("Perplexity of the checkpoint", ["pile", "c4_en"]),
        *((t, ["ft", "pt"]) for t in chosen.value),
    ]
    grid(members, heads)
    return


if __name__ == "__main__":
    app.run()
