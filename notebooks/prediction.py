"""A Marimo notebook on prediction: `marimo run notebooks/prediction.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="How runs end, from how they begin")

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
    # How runs end, from how they begin

    How well do the first checkpoints tell the last one, for sizes or recipes that no model has seen? Each fold
    holds out a group; models choose and calibrate themselves on the others, split by group again
    (`ddcore.predict`). Beside them stand what they must beat: the last value, the recipe's mean, a power law,
    the order at a small size. The lake is the one that `--lake` or the environment variable `DDCORE_LAKE`
    names: `marimo run notebooks/prediction.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    def open_lake():
        """Open the lake that was named, or make one of made-up results."""
        path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
        if path:
            return ddcore.open(str(path)), None
        folder = tempfile.TemporaryDirectory(prefix="ddcore-prediction-")
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
        n_recipes = lake.sql("SELECT count(DISTINCT recipe) AS n FROM evals")["n"][0].as_py()
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to predict: {error}"), kind="warn"))
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
    return main_tasks, sizes


@app.cell
def _(main_tasks):
    task = mo.ui.dropdown(main_tasks, value="arc_easy" if "arc_easy" in main_tasks else main_tasks[0], label="Task")
    window = mo.ui.dropdown(["5%", "10%", "20%", "30%", "50%", "80%"], value="30%", label="Window")
    groups = mo.ui.dropdown(
        {"sizes": ["params"], "recipes": ["recipe"], "sizes and recipes": ["params", "recipe"]},
        value="recipes",
        label="Held out",
    )
    models = mo.ui.multiselect(list(ddcore.predict.MODELS), value=list(ddcore.predict.MODELS), label="Models")
    mo.hstack([task, window, groups, models], justify="start", wrap=True)
    return groups, models, task, window


@app.cell
def _(groups, lake, models, task, window):
    mo.stop(not models.value, mo.callout(mo.md("Choose a model."), kind="neutral"))
    try:
        report = ddcore.predict.evaluate(
            lake, task.value, window=window.value, groups=groups.value, models=models.value
        )
    except (ddcore.InvalidError, ddcore.NotFoundError) as error:
        mo.stop(True, mo.callout(mo.md(str(error)), kind="neutral"))
    return (report,)


@app.cell
def _():
    def show(chart, data):
        """A chart with its table below."""
        table = mo.ui.table(data, selection=None, page_size=10)
        return mo.vstack([chart, mo.accordion({"The numbers": table})])

    def in_order(data, sizes):
        """The sizes that the data has, the smallest first."""
        return [s for s in sizes if s in data["params"].to_pylist()]

    return in_order, show


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Scores

    Over all held-out groups, with 95 % intervals by resampling them. Of `decision_accuracy`, pairs are recipes at
    one size, seeds averaged, and ties are wrong.
    """)
    return


@app.cell
def _(report):
    shown = ["rmse", "r2", "spearman", "decision_accuracy", "coverage_90"]
    overall = report.scores.filter(
        pc.and_(pc.equal(report.scores["group"], "all"), pc.is_in(report.scores["score"], pa.array(shown)))
    )
    order = list(dict.fromkeys(overall["model"].to_pylist()))
    base = alt.Chart(overall).encode(y=alt.Y("model:N", sort=order, title=None))
    marks = base.mark_rule(color="grey").encode(x="low:Q", x2="high:Q") + base.mark_point(
        filled=True, size=60, opacity=1
    ).encode(
        x=alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=3)),
        color=alt.Color("kind:N", sort=["model", "baseline"], title=None),
        tooltip=["model:N", *(alt.Tooltip(f"{c}:Q", format=".4f") for c in ("value", "low", "high"))],
    )
    scores = (
        marks.properties(width=120, height=alt.Step(22))
        .facet(column=alt.Column("score:N", sort=shown, title=None))
        .resolve_scale(x="independent")
        .properties(title=f"Scores of {report.config['target']}")
    )
    notes = "\n".join(f"- {note}" for note in report.notes)
    mo.vstack([scores, mo.md(notes), mo.accordion({"All scores": mo.ui.table(report.scores, selection=None)})])
    return (scores,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Predicted against actual

    Each dot is a run of a held-out group, its bar the 90 % interval, calibrated on errors of groups that the model
    had not seen. A dot on the dashed line is right.
    """)
    return


@app.cell
def _(report):
    against = report.plot()
    mo.vstack([against, mo.accordion({"The numbers": mo.ui.table(report.predictions, selection=None)})])
    return (against,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Errors by size

    Predicted less actual. A box off the line is a size that the model gets wrong on the whole, which no interval
    shows.
    """)
    return


@app.cell
def _(in_order, report, show, sizes):
    by_model = report.predictions.filter(pc.equal(report.predictions["kind"], "model"))
    errors = by_model.select(["model", "fold", "recipe", "params", "seed"]).append_column(
        "error", pc.subtract(by_model["predicted"], by_model["actual"])
    )
    boxes = alt.Chart(errors).encode(
        x=alt.X("params:N", sort=in_order(errors, sizes), title="Size", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("error:Q", title="Predicted less actual"),
    )
    zero = alt.Chart().mark_rule(color="grey", strokeDash=[4, 4]).encode(y=alt.datum(0))
    residuals = (
        alt.layer(zero, boxes.mark_boxplot(size=14, extent="min-max"), data=errors)
        .properties(width=max(170, 26 * len(in_order(errors, sizes))), height=200)
        .facet(facet=alt.Facet("model:N", title=None), columns=3)
        .properties(title=f"Errors of {report.config['target']} by size")
    )
    show(residuals, errors)
    return (residuals,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## How early?

    The same rows, predicted from longer and longer windows. Bands are 95 % by resampling groups; dashed lines are
    baselines.
    """)
    return


@app.cell
def _():
    score = mo.ui.dropdown(["rmse", "r2", "spearman", "decision_accuracy", "coverage_90"], value="rmse", label="Score")
    mo.hstack([score], justify="start")
    return (score,)


@app.cell
def _(groups, lake, models, task):
    try:
        forecast = ddcore.predict.forecast(
            lake,
            task.value,
            ["20%", "40%", "60%", "80%"],
            groups=groups.value,
            models=[m for m in models.value if m != "extra_trees"] or models.value,
        )
    except (ddcore.InvalidError, ddcore.NotFoundError) as error:
        mo.stop(True, mo.callout(mo.md(str(error)), kind="neutral"))
    return (forecast,)


@app.cell
def _(forecast, score, show):
    early = forecast.plot(score.value)
    show(early, forecast.scores)
    return (early,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Scaling laws

    Of one recipe: the task's loss (bits of the mean probability per character) by compute, and the metric by the
    loss, fitted to all sizes but the largest, which is the cross (`ddcore.scaling`).
    """)
    return


@app.cell
def _(lake):
    recipes = lake.sql("SELECT DISTINCT recipe FROM evals ORDER BY recipe")["recipe"].to_pylist()
    recipe = mo.ui.dropdown(recipes, value=recipes[0], label="Recipe")
    mo.hstack([recipe], justify="start")
    return (recipe,)


@app.cell
def _(lake, recipe, sizes, task):
    setup = ddcore.scaling.Setup("notebook", ("C",), helper_point=True, final=1)
    try:
        points = ddcore.scaling.checkpoints(lake, task.value, recipes=recipe.value, loss="surprisal_per_char")
        is_largest = pc.equal(points["params"], [s for s in sizes if s in points["params"].to_pylist()][-1])
        law = ddcore.scaling.fit(points.filter(pc.invert(is_largest)), setup, n_bootstrap=50)
    except (ddcore.InvalidError, ddcore.NotFoundError) as error:
        mo.stop(True, mo.callout(mo.md(str(error)), kind="neutral"))
    fits = law.plot(points.filter(is_largest))
    mo.vstack([fits, mo.ui.table(law.summary(), selection=None)])
    return (fits,)


if __name__ == "__main__":
    app.run()
