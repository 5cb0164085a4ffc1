"""A Marimo notebook on fine-tuning runs: `marimo run notebooks/finetuning.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Fine-tuning runs")

with app.setup:
    import html
    import os
    import tempfile

    import altair as alt
    import marimo as mo
    import pyarrow as pa
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
    def open_lake():
        """Open the lake that was named, or make one of made-up results."""
        path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
        if path:
            return ddcore.open(str(path)), None
        folder = tempfile.TemporaryDirectory(prefix="ddcore-finetuning-")
        lake = ddcore.open(os.path.join(folder.name, "sample.lake"))
        raw = os.path.join(folder.name, "raw")
        ddcore.sample(raw)
        lake.ingest(raw)
        lake.curate()
        return lake, folder  # the folder goes when nothing holds it any more

    lake, made_up = open_lake()
    return lake, made_up


@app.cell
def _(lake, made_up):
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
                    if made_up
                    else f"The lake holds {n_runs} runs."
                ),
                kind="warn" if made_up else "info",
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
    def show(chart, data, nothing):
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
def _(colour, lake, runs, shape, show, task, tooltip):
    both = runs.filter(pc.and_(pc.is_valid(runs["ft"]), pc.is_valid(runs["pt"])))
    ends = pc.min_max(pa.concat_arrays([both[c].combine_chunks() for c in ("ft", "pt")]) if both else pa.array([]))
    line = alt.Chart(pa.table({"at": [ends["min"].as_py(), ends["max"].as_py()]}))
    identity = line.mark_line(color="grey", strokeDash=[4, 4]).encode(x="at:Q", y="at:Q")
    scale = alt.Scale(zero=False)
    points = (
        alt.Chart(both)
        .mark_point(filled=True, size=70)
        .encode(
            x=alt.X("pt:Q", scale=scale, title="Before fine-tuning"),
            y=alt.Y("ft:Q", scale=scale, title="After fine-tuning"),
            color=colour,
            shape=shape,
            tooltip=tooltip,
        )
    )
    before = (identity + points).properties(
        width=480, height=360, title=f"{task.value}_primary_metric after fine-tuning against before"
    )
    reasons = lake.sql("SELECT pt_match, count(*) AS n FROM matched_runs GROUP BY ALL ORDER BY n DESC, pt_match")
    mo.vstack(
        [
            show(before, both, f"No run has {task.value} both before and after fine-tuning: see below."),
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
    def sweep(column, title):
        data = runs.filter(pc.and_(pc.is_valid(runs["ft"]), pc.greater(runs[column], 0)))
        base = alt.Chart(data).encode(
            x=alt.X(f"{column}:Q", scale=alt.Scale(type="log"), title=title),
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

    mo.vstack([sweep("lr", "Learning rate"), sweep("ft_tok", "Fine-tuning tokens")])
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

        top = "".join(f"<th colspan={len(names)}>{head}</th>" for head, names in heads)
        below = "".join(f"<th>{name}</th>" for _, names in heads for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{cell(v)}</td>" for v in row.values()) + "</tr>" for row in rows.to_pylist()
        )
        return mo.Html(f"<table><thead><tr>{top}</tr><tr>{below}</tr></thead><tbody>{body}</tbody></table>")

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
