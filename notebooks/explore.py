"""A Marimo notebook to explore a lake: `marimo run notebooks/explore.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="DataDecide results")

with app.setup:
    import os

    import marimo as mo

    import ddcore


@app.cell(hide_code=True)
def _():
    mo.md("""
    # DataDecide results

    How perplexity and task metrics depend on the data recipe, on model size and on the seed.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/explore.py -- --lake my.lake`.
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
            SELECT params FROM full_eval JOIN model_sizes AS m USING (params)
            GROUP BY params, m.params_exact ORDER BY m.params_exact
        """)["params"].to_pylist()
        by_family = lake.sql("""
            SELECT family, list(recipe ORDER BY recipe) AS recipes FROM recipes
            WHERE recipe IN (SELECT data FROM full_eval) GROUP BY family ORDER BY family
        """)["recipes"].to_pylist()
        tasks = lake.sql("""
            SELECT DISTINCT task FROM evals WHERE task != 'olmes_10_macro_avg' ORDER BY task
        """)["task"].to_pylist()  # that average is no column of full_eval
        columns = lake.describe("evals")["column_name"].to_pylist()
        ppl_columns = lake.describe("perplexity")["column_name"].to_pylist()
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to explore: {error}"), kind="warn"))
    mo.stop(not sizes, mo.callout(mo.md("The lake holds no results: ingest raw files, then curate."), kind="warn"))
    all_recipes = sorted(recipe for family in by_family for recipe in family)
    some_recipes = [family[0] for family in by_family]
    metrics = columns[columns.index("task") + 1 :]
    perplexities = [c for c in ppl_columns if c.endswith("-valppl")]
    mo.callout(
        mo.md(
            "**These results are made up** (`ddcore sample`): no lake was named."
            if not path
            else f"The lake holds {len(all_recipes)} recipes and {len(sizes)} model sizes."
        ),
        kind="info" if path else "warn",
    )
    return all_recipes, metrics, perplexities, sizes, some_recipes, tasks


@app.cell
def _(all_recipes, metrics, perplexities, sizes, some_recipes, tasks):
    recipes = mo.ui.multiselect(all_recipes, value=some_recipes, label="Recipes")
    size = mo.ui.dropdown(sizes, value=sizes[-1], label="Model size")
    perplexity = mo.ui.dropdown(
        perplexities, value="pile-valppl" if "pile-valppl" in perplexities else perplexities[0], label="Perplexity"
    )
    task = mo.ui.dropdown(tasks, value="arc_easy" if "arc_easy" in tasks else tasks[0], label="Task")
    metric = mo.ui.dropdown(metrics, value="primary_metric", label="Metric")
    band = mo.ui.dropdown(
        {"lowest to highest": "range", "standard deviation": "sd"}, value="lowest to highest", label="Band over seeds"
    )
    mo.vstack([recipes, mo.hstack([perplexity, task, metric, size, band], justify="start", wrap=True)])
    return band, metric, perplexity, recipes, size, task


@app.cell
def _():
    def show(draw, *arguments, **options):
        """Draw a chart with its table below, or say why there is none."""
        try:
            chart = draw(*arguments, **options)
        except ddcore.NotFoundError as error:
            return mo.callout(mo.md(str(error)), kind="neutral")
        table = mo.ui.table(chart.data, selection=None, page_size=10)
        return mo.vstack([chart, mo.accordion({"The numbers": table})])

    return (show,)


@app.cell
def _(lake, metric, task):
    # Some tasks lack some metrics: boolq and winogrande have none without the question.
    column = f"{task.value}_{metric.value}"
    is_there = column in lake.describe("full_eval")["column_name"].to_pylist()
    mo.stop(not is_there, mo.callout(mo.md(f"There is no `{metric.value}` of {task.value}."), kind="warn"))
    return (column,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Perplexity against model size
    """)
    return


@app.cell
def _(lake, perplexity, recipes, show):
    show(ddcore.plot.size_scaling, lake, perplexity.value, recipes=recipes.value)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## A task's metric during training
    """)
    return


@app.cell
def _(band, column, lake, recipes, show, size):
    show(ddcore.plot.curves, lake, column, params=size.value, recipes=recipes.value, band=band.value)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Seed noise

    A difference between recipes means something where it is larger than the difference between seeds.
    """)
    return


@app.cell
def _(column, lake, recipes, show):
    show(ddcore.plot.seed_noise, lake, column, recipes=recipes.value)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Recipes, best first
    """)
    return


@app.cell
def _(column, lake, show, size):
    show(ddcore.plot.recipe_ranking, lake, column, params=size.value)
    return


if __name__ == "__main__":
    app.run()
