"""A Marimo notebook on decision accuracy: `marimo run notebooks/decisions.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Decisions from small models")

with app.setup:
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
    # Decisions from small models

    Of two data recipes, which is the better one at the target size? How often do small models tell,
    what does it cost, and how much of the answer is the noise of seeds? Decision accuracy is the share of
    pairs of recipes that both sizes order alike (arXiv 2504.11393); a coin has 0.5, and ties are wrong.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/decisions.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    def open_lake():
        """Open the lake that was named, or make one of made-up results."""
        path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
        if path:
            return ddcore.open(str(path)), None
        folder = tempfile.TemporaryDirectory(prefix="ddcore-decisions-")
        lake = ddcore.open(os.path.join(folder.name, "sample.lake"))
        raw = os.path.join(folder.name, "raw")
        ddcore.sample(raw)
        lake.ingest(os.path.join(raw, "hf"))
        lake.curate()
        return lake, folder  # the folder goes when nothing holds it any more

    lake, made_up = open_lake()
    return lake, made_up


@app.cell
def _(lake, made_up):
    try:
        sizes = lake.sql("""
            SELECT params FROM evals JOIN model_sizes AS m USING (params)
            GROUP BY params, m.params_exact ORDER BY m.params_exact
        """)["params"].to_pylist()
        tasks = lake.sql("SELECT DISTINCT task FROM evals ORDER BY task")["task"].to_pylist()
        columns = lake.describe("evals")["column_name"].to_pylist()
        n_recipes = lake.sql("SELECT count(DISTINCT recipe) AS n FROM evals")["n"][0].as_py()
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to compare: {error}"), kind="warn"))
    mo.stop(
        len(sizes) < 2 or n_recipes < 2,
        mo.callout(
            mo.md(
                f"The lake holds {len(sizes)} model sizes and {n_recipes} recipes: a decision needs two recipes "
                "at two sizes. Ingest more results, then curate."
            ),
            kind="warn",
        ),
    )
    metrics = columns[columns.index("task") + 1 :]
    # The 57 subjects of MMLU stand behind their average.
    main_tasks = [t for t in tasks if not t.startswith("mmlu_") or t == "mmlu_average"]
    mo.callout(
        mo.md(
            "**These results are made up** (`ddcore sample`): no lake was named."
            if made_up
            else f"The lake holds {n_recipes} recipes and {len(sizes)} model sizes."
        ),
        kind="warn" if made_up else "info",
    )
    return main_tasks, metrics, sizes


@app.cell
def _(metrics, sizes):
    target = mo.ui.dropdown(sizes[1:], value=sizes[-1], label="Target size")
    metric = mo.ui.dropdown(metrics, value="primary_metric", label="Metric of small models")
    target_metric = mo.ui.dropdown(metrics, value="primary_metric", label="Metric at the target")
    seeds = mo.ui.dropdown(
        {"mean over seeds": "mean", "each seed alone": "single"}, value="mean over seeds", label="Seeds"
    )
    mo.hstack([target, metric, target_metric, seeds], justify="start", wrap=True)
    return metric, seeds, target, target_metric


@app.cell
def _(lake, main_tasks, metric, seeds, target, target_metric):
    def compare(step, bootstrap, tasks):
        """Decision accuracy of all smaller sizes, or the words that say why there is none."""
        try:
            return lake.decision_accuracy(
                target=target.value,
                metric=metric.value,
                target_metric=target_metric.value,
                seeds=seeds.value,
                task=tasks,
                step=step,
                bootstrap=bootstrap,
            )
        except (ddcore.InvalidError, ddcore.NotFoundError) as error:
            mo.stop(True, mo.callout(mo.md(str(error)), kind="neutral"))

    asked = compare("last", 1000, main_tasks)
    last = asked.filter(pc.is_null(asked["refusal"]))
    return asked, compare, last


@app.cell
def _():
    def show(chart, data):
        """A chart with its table below."""
        table = mo.ui.table(data, selection=None, page_size=10)
        return mo.vstack([chart, mo.accordion({"The numbers": table})])

    def in_order(data, sizes):
        """The sizes that the data has, the smallest first."""
        return [s for s in sizes if s in data["small"].to_pylist()]

    return in_order, show


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Tasks and sizes

    At the last checkpoint that a size's recipes have in common. Blue orders recipes as the target does,
    white is a coin, red is worse. Tasks stand in the order of their mean.
    """)
    return


@app.cell
def _(asked, in_order, last, metric, show, sizes, target):
    heat = alt.Chart(last).encode(
        x=alt.X("small:N", sort=in_order(last, sizes), title="Small size", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("task:N", sort=alt.EncodingSortField("decision_accuracy", op="mean", order="descending"), title=None),
        tooltip=[
            "task:N",
            "small:N",
            "step:Q",
            alt.Tooltip("decision_accuracy:Q", format=".3f"),
            alt.Tooltip("low:Q", format=".3f"),
            alt.Tooltip("high:Q", format=".3f"),
            "n_correct:Q",
            "n_ties:Q",
            "n_pairs:Q",
            "n_recipes:Q",
            alt.Tooltip("recipe_noise:Q", format=".4f"),
        ],
    )
    cells = heat.mark_rect(stroke="white").encode(
        color=alt.Color(
            "decision_accuracy:Q",
            scale=alt.Scale(scheme="redblue", domain=[0, 1], domainMid=0.5),
            legend=alt.Legend(title=["Decision", "accuracy"], format=".1f"),
        )
    )
    dark = "datum.decision_accuracy > 0.83 || datum.decision_accuracy < 0.17"
    numbers = heat.mark_text(fontSize=11).encode(
        text=alt.Text("decision_accuracy:Q", format=".2f"),
        color=alt.condition(dark, alt.value("white"), alt.value("#222")),
    )
    n_sizes = len(in_order(last, sizes))
    heat_map = (cells + numbers).properties(
        width=max(260, 46 * n_sizes),
        height=alt.Step(24),
        title=f"Decision accuracy by task and size, {metric.value} for {target.value}",
    )
    left_out = asked.filter(pc.is_valid(pc.coalesce(asked["refusal"], asked["missing"])))
    mo.vstack(
        [
            show(heat_map, last),
            mo.accordion({f"What is missing ({left_out.num_rows} rows)": mo.ui.table(left_out, selection=None)})
            if left_out.num_rows
            else mo.md(""),
        ]
    )
    return (heat_map,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Accuracy against compute

    Every checkpoint of the small sizes, by its training compute as a share of the target's. The black steps
    are the frontier: the best accuracy so far for that compute. The band is the bootstrap interval of the
    frontier's rows; the best of many noisy rows flatters.
    """)
    return


@app.cell
def _(main_tasks):
    preferred = "olmes_10_macro_avg" if "olmes_10_macro_avg" in main_tasks else main_tasks[0]
    task = mo.ui.dropdown(main_tasks, value=preferred, label="Task")
    mo.hstack([task], justify="start")
    return (task,)


@app.cell
def _(compare, in_order, metric, seeds, show, sizes, target, target_metric, task, lake):
    every = compare("all", 0, task.value)
    every = every.filter(pc.greater(every["compute"], 0))
    mo.stop(not every.num_rows, mo.callout(mo.md("There is no trained checkpoint."), kind="neutral"))
    best = lake.compute_frontier(
        target=target.value,
        metric=metric.value,
        target_metric=target_metric.value,
        seeds=seeds.value,
        task=task.value,
    )
    # The last step of the frontier goes on to the dearest checkpoint.
    dearest = pc.max(every["compute_fraction"]).as_py()
    end = best.slice(best.num_rows - 1).set_column(
        best.schema.get_field_index("compute_fraction"), best.schema.field("compute_fraction"), pa.array([dearest])
    )
    steps = pa.concat_tables([best, end])
    share = alt.X(
        "compute_fraction:Q",
        scale=alt.Scale(type="log", nice=False),
        title=f"Compute, as a share of {target.value}'s",
        axis=alt.Axis(format="~p", grid=False),
    )
    accuracy = alt.Y("decision_accuracy:Q", scale=alt.Scale(zero=False), title="Decision accuracy")
    named = [
        "small:N",
        "step:Q",
        alt.Tooltip("compute:Q", format=".2e"),
        alt.Tooltip("decision_accuracy:Q", format=".3f"),
    ]
    by_size = alt.Color("small:O", sort=in_order(every, sizes), scale=alt.Scale(scheme="viridis"), title="Small size")
    curves = alt.Chart(every).encode(x=share, y=accuracy, color=by_size, tooltip=named)
    base = alt.Chart(steps).encode(x=share)
    coin = alt.Chart(pa.table({"coin": [0.5]})).mark_rule(color="grey", strokeDash=[4, 4]).encode(y="coin:Q")
    frontier = (
        base.mark_area(color="grey", opacity=0.15, interpolate="step-after").encode(y="low:Q", y2="high:Q")
        + coin
        + curves.mark_line(opacity=0.6, strokeWidth=1.5)
        + curves.mark_point(filled=True, size=28, opacity=0.9)
        + base.mark_line(color="black", strokeWidth=2.5, interpolate="step-after").encode(y=accuracy)
    ).properties(width=560, height=360, title=f"Decision accuracy against compute, {task.value}")
    show(frontier, best)
    return (frontier,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Recipe noise

    How far the means of recipes lie apart, over how far the seeds of one recipe do. On the line at 1 recipes
    differ no more than seeds: decisions there are luck.
    """)
    return


@app.cell
def _(in_order, lake, main_tasks, metric, show, sizes):
    try:
        measured = lake.recipe_noise(metric=metric.value, task=main_tasks)
    except ddcore.InvalidError as error:
        mo.stop(True, mo.callout(mo.md(str(error)), kind="neutral"))
    measured = measured.filter(pc.is_valid(measured["spread_to_noise"]))
    measured = measured.rename_columns(["small" if c == "params" else c for c in measured.column_names])
    ordered = in_order(measured, sizes)
    medians = measured.group_by("task").aggregate([("spread_to_noise", "approximate_median")])
    by_ratio = medians.sort_by([("spread_to_noise_approximate_median", "descending")])["task"].to_pylist()
    points = alt.Chart(measured).encode(
        x=alt.X(
            "spread_to_noise:Q",
            scale=alt.Scale(type="log", nice=False, padding=12),
            title="Spread of recipes / noise of seeds",
        ),
        y=alt.Y("task:N", sort=by_ratio, title=None),
    )
    ratio = (
        alt.Chart(pa.table({"one": [1]})).mark_rule(color="grey", strokeDash=[4, 4]).encode(x="one:Q")
        + points.mark_line(color="lightgrey", strokeWidth=1.5).encode(detail="task:N", order="spread_to_noise:Q")
        + points.mark_point(filled=True, size=70, opacity=0.95).encode(
            color=alt.Color("small:O", sort=ordered, scale=alt.Scale(scheme="viridis"), title="Size"),
            tooltip=[
                "task:N",
                "small:N",
                "step:Q",
                alt.Tooltip("recipe_noise:Q", format=".4f"),
                alt.Tooltip("recipe_spread:Q", format=".4f"),
                alt.Tooltip("spread_to_noise:Q", format=".2f"),
                "n_recipes:Q",
                "n_seeds:Q",
            ],
        )
    )
    noise = ratio.properties(
        width=520, height=alt.Step(24), title=f"Spread of recipes over noise of seeds, {metric.value}"
    )
    show(noise, measured)
    return (noise,)


if __name__ == "__main__":
    app.run()
