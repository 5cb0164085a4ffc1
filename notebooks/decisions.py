"""A Marimo notebook on decision accuracy: `marimo run notebooks/decisions.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Decisions from small models")

with app.setup:
    import os

    import altair as alt
    import marimo as mo
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
    path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
    lake = ddcore.open(str(path)) if path else ddcore.demo_lake(runs=-1, checkpoints=-1, models=-1)
    return lake, path


@app.cell
def _(lake, path):
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
            if not path
            else f"The lake holds {n_recipes} recipes and {len(sizes)} model sizes."
        ),
        kind="info" if path else "warn",
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
def _():
    def show(draw, *arguments, **options):
        """Draw a chart with its table below, or say why there is none."""
        try:
            chart = draw(*arguments, **options)
        except (ddcore.InvalidError, ddcore.NotFoundError) as error:
            return mo.callout(mo.md(str(error)), kind="neutral")
        table = mo.ui.table(chart.data, selection=None, page_size=10)
        return mo.vstack([chart, mo.accordion({"The numbers": table})])

    return (show,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Tasks and sizes

    At the last checkpoint that a size's recipes have in common: blue orders recipes as the target does.
    Tasks stand in the order of their mean.
    """)
    return


@app.cell
def _(metric, seeds, target, target_metric):
    asked = {
        "metric": metric.value,
        "target": target.value,
        "target_metric": target_metric.value,
        "seeds": seeds.value,
    }
    return (asked,)


@app.cell
def _(asked, lake, main_tasks, show):
    show(ddcore.plot.decision_heatmap, lake, task=main_tasks, **asked)
    return


@app.cell
def _(asked, lake, main_tasks):
    try:
        answers = lake.decision_accuracy(task=main_tasks, bootstrap=0, progress=False, **asked)
    except (ddcore.InvalidError, ddcore.NotFoundError):  # the chart above says the same
        mo.stop(True)
    left_out = answers.filter(pc.is_valid(pc.coalesce(answers["refusal"], answers["missing"])))
    missing = mo.ui.table(left_out.drop_columns(["low", "high"]), selection=None)
    mo.accordion({f"What is missing ({left_out.num_rows} rows)": missing}) if left_out.num_rows else None
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Accuracy against compute

    Every checkpoint of the small sizes. The black steps are the frontier: the best accuracy for that compute
    or less, with its bootstrap interval. The best of many noisy rows flatters.
    """)
    return


@app.cell
def _(main_tasks):
    preferred = "olmes_10_macro_avg" if "olmes_10_macro_avg" in main_tasks else main_tasks[0]
    task = mo.ui.dropdown(main_tasks, value=preferred, label="Task")
    mo.hstack([task], justify="start")
    return (task,)


@app.cell
def _(asked, lake, show, task):
    show(ddcore.plot.frontier, lake, task.value, **asked)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Recipe noise

    How far the means of recipes lie apart, over how far the seeds of one recipe do. On the line at 1 recipes
    differ no more than seeds: decisions there are luck.
    """)
    return


@app.cell
def _(lake, main_tasks, metric, show, sizes):
    def spread_to_noise():
        """Draw each task's ratio at each size; 1 is the dashed line."""
        measured = lake.recipe_noise(metric=metric.value, task=main_tasks)
        measured = measured.filter(pc.is_valid(measured["spread_to_noise"]))
        medians = measured.group_by("task").aggregate([("spread_to_noise", "approximate_median")])
        by_ratio = medians.sort_by([("spread_to_noise_approximate_median", "descending")])["task"].to_pylist()
        points = alt.Chart().encode(
            x=alt.X(
                "spread_to_noise:Q",
                scale=alt.Scale(type="log", nice=False, padding=12),
                title="Spread of recipes / noise of seeds (log scale)",
            ),
            y=alt.Y("task:N", sort=by_ratio, title=None),
        )
        one = alt.Chart(alt.InlineData(values=[{"one": 1}])).mark_rule(color="grey", strokeDash=[4, 4])
        layers = [
            one.encode(x="one:Q"),
            points.mark_line(color="lightgrey", strokeWidth=1.5).encode(detail="task:N", order="spread_to_noise:Q"),
            points.mark_point(filled=True, size=70, opacity=0.95).encode(
                color=alt.Color("params:O", sort=sizes, scale=alt.Scale(scheme="viridis"), title="Size"),
                tooltip=[
                    "task:N",
                    "params:N",
                    "step:Q",
                    alt.Tooltip("recipe_noise:Q", format=".4f"),
                    alt.Tooltip("recipe_spread:Q", format=".4f"),
                    alt.Tooltip("spread_to_noise:Q", format=".2f"),
                    "n_recipes:Q",
                    "n_seeds:Q",
                ],
            ),
        ]
        title = f"Spread of recipes over noise of seeds, {metric.value}"
        return alt.LayerChart(data=measured, layer=layers).properties(width=520, height=alt.Step(24), title=title)

    show(spread_to_noise)
    return


if __name__ == "__main__":
    app.run()
