"""A Marimo notebook with ten questions in SQL: `marimo run notebooks/sql_tour.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A tour in SQL")

with app.setup:
    import os

    import altair as alt
    import marimo as mo

    import ddcore


@app.cell(hide_code=True)
def _():
    mo.md("""
    # A tour in SQL

    Ten questions that everyone asks of these results, each one query. Copy them: `lake.sql(query, parameters)`
    in Python, `ddcore sql` on the command line. The tables are described by `lake.describe(name)`.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/sql_tour.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
    lake = ddcore.open(str(path)) if path else ddcore.demo_lake(steps=4, runs=20, checkpoints=2, models=-1)
    return lake, path


@app.cell
def _(lake, path):
    try:
        there = lake.sql("""
            SELECT list(DISTINCT task ORDER BY task) AS tasks, count(DISTINCT recipe) AS n_recipes FROM evals
        """).to_pylist()[0]
        sizes = lake.sql("""
            SELECT params FROM evals JOIN model_sizes AS m USING (params) GROUP BY params, m.params_exact
            ORDER BY m.params_exact
        """)["params"].to_pylist()
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to ask: {error}"), kind="warn"))
    mo.stop(not sizes, mo.callout(mo.md("The lake holds no task results: ingest some, then curate."), kind="warn"))
    tasks = there["tasks"]
    size = mo.ui.dropdown(sizes, value=sizes[-1], label="Model size (`$size`)")
    task = mo.ui.dropdown(tasks, value="arc_easy" if "arc_easy" in tasks else tasks[0], label="Task (`$task`)")
    mo.vstack(
        [
            mo.callout(
                mo.md(
                    f"The lake holds {there['n_recipes']} recipes and {len(sizes)} model sizes."
                    if path
                    else "**These results are made up** (`ddcore sample`): no lake was named."
                ),
                kind="info" if path else "warn",
            ),
            mo.hstack([task, size], justify="start"),
        ]
    )
    return size, sizes, task


@app.cell
def _(lake, size, task):
    def answer(question, query, draw=None):
        """Ask a query, with the chosen task and size in it; show a chart or the rows, and the SQL below."""
        for name, value in (("$task", task.value), ("$size", size.value)):
            query = query.replace(name, "'" + value.replace("'", "''") + "'")
        rows = lake.sql(query)
        table = mo.ui.table(rows, selection=None, page_size=10)
        shown = [table] if draw is None else [draw(rows), mo.accordion({"The rows": table})]
        if not rows.num_rows:
            shown = [mo.callout(mo.md("The lake holds nothing to answer this."), kind="neutral")]
        lines = query.strip("\n").splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        sql = "\n".join(line[indent:] for line in lines).rstrip()
        return mo.vstack([mo.md(f"## {question}"), *shown, mo.accordion({"The SQL": mo.md(f"```sql\n{sql}\n```")})])

    return (answer,)


@app.cell
def _(answer):
    answer(
        "1. What is there, by model size?",
        """
        SELECT params, count(DISTINCT recipe) AS recipes, count(DISTINCT seed) AS seeds,
            count(DISTINCT (recipe, seed, step)) AS checkpoints, max(step) AS last_step,
            round(max(tokens) / 1e9, 2) AS billion_tokens
        FROM evals JOIN model_sizes AS m USING (params)
        GROUP BY params, m.params_exact ORDER BY m.params_exact
        """,
    )
    return


@app.cell
def _(answer):
    answer(
        "2. Which recipe is best at each size?",
        """
        WITH final AS (
            SELECT params, recipe, avg(primary_metric) AS value FROM evals WHERE task = $task
            GROUP BY params, recipe, step QUALIFY step = max(step) OVER (PARTITION BY params, recipe)
        )
        SELECT params, arg_max(recipe, value) AS best, round(max(value), 4) AS value,
            arg_max(recipe, value, 2)[2] AS second, round(max(value, 2)[2], 4) AS its_value
        FROM final JOIN model_sizes AS m USING (params) GROUP BY params, m.params_exact ORDER BY m.params_exact
        """,
    )
    return


@app.cell
def _(answer, sizes):
    def ranks(rows):
        base = alt.Chart(rows).encode(
            x=alt.X("params:N", sort=sizes, title="Model size", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("place:Q", title="Place", scale=alt.Scale(reverse=True, nice=False, padding=10)),
            color=alt.Color("family:N", scale=alt.Scale(scheme="viridis"), legend=None),
            detail="recipe:N",
            tooltip=["recipe:N", "params:N", "place:Q", alt.Tooltip("value:Q", format=".3f")],
        )
        ends = base.transform_filter(alt.datum.params == sizes[-1]).mark_text(align="left", dx=8)
        lines = base.mark_line(interpolate="monotone") + base.mark_point(filled=True, size=60, opacity=1)
        return (lines + ends.encode(text="recipe:N")).properties(width=480, height=300, title="Places of the recipes")

    answer(
        "3. Do recipes keep their places from size to size?",
        """
        WITH final AS (
            SELECT params, recipe, avg(primary_metric) AS value FROM evals WHERE task = $task
            GROUP BY params, recipe, step QUALIFY step = max(step) OVER (PARTITION BY params, recipe)
        )
        SELECT params, recipe, family, value, rank() OVER (PARTITION BY params ORDER BY value DESC) AS place
        FROM final JOIN recipes USING (recipe) JOIN model_sizes AS m USING (params)
        ORDER BY m.params_exact, place, recipe
        """,
        ranks,
    )
    return


@app.cell
def _(answer):
    def differences(rows):
        return (
            alt.Chart(rows)
            .mark_bar(color="#0072b2")
            .encode(
                x=alt.X("times_noise:Q", title="Lead over the next recipe / deviation over seeds"),
                y=alt.Y("recipe:N", sort=None, title=None),
                tooltip=["recipe:N", "value:Q", "sd:Q", "n_seeds:Q", "lead:Q", "times_noise:Q"],
            )
            .properties(width=380, height=alt.Step(20), title="Leads, best recipe first")
        )

    answer(
        "4. Is a recipe's lead larger than the noise of seeds?",
        """
        WITH by_step AS (
            SELECT recipe, step, avg(primary_metric) AS value, stddev_samp(primary_metric) AS sd, count(*) AS n_seeds
            FROM evals WHERE task = $task AND params = $size GROUP BY recipe, step HAVING n_seeds > 1
            QUALIFY step = max(step) OVER (PARTITION BY recipe)
        )
        SELECT recipe, step, value, sd, n_seeds, value - lead(value) OVER (ORDER BY value DESC) AS lead,
            lead / (SELECT sqrt(avg(sd * sd)) FROM by_step) AS times_noise
        FROM by_step ORDER BY value DESC
        """,
        differences,
    )
    return


@app.cell
def _(answer):
    def needed(rows):
        return (
            alt.Chart(rows)
            .mark_bar(color="#0072b2")
            .encode(
                x=alt.X("share:Q", title="Tokens needed, as a share of the whole run", axis=alt.Axis(format="~%")),
                y=alt.Y("recipe:N", sort=None, title=None),
                tooltip=["recipe:N", "tokens:Q", alt.Tooltip("share:Q", format=".0%"), "goal:Q"],
            )
            .properties(width=380, height=alt.Step(20), title="Tokens to reach the weakest recipe's last value")
        )

    answer(
        "5. How much less data does a good recipe need?",
        """
        WITH curve AS (
            SELECT recipe, tokens, avg(primary_metric) AS value FROM evals
            WHERE task = $task AND params = $size GROUP BY recipe, tokens
        ), goal AS (
            SELECT min(last_value) AS goal, max(last_tokens) AS whole_run
            FROM (SELECT arg_max(value, tokens) AS last_value, max(tokens) AS last_tokens FROM curve GROUP BY recipe)
        )
        SELECT recipe, min(tokens) AS tokens, min(tokens) / any_value(whole_run) AS share, any_value(goal) AS goal
        FROM curve, goal WHERE value >= goal GROUP BY recipe ORDER BY tokens, recipe
        """,
        needed,
    )
    return


@app.cell
def _(answer, sizes):
    def correlation(rows):
        return (
            alt.Chart(rows)
            .mark_line(point=True, color="#0072b2")
            .encode(
                x=alt.X("params:N", sort=sizes, title="Model size", axis=alt.Axis(labelAngle=0)),
                y=alt.Y("r:Q", title="Correlation over recipes", scale=alt.Scale(domain=[-1, 1])),
                tooltip=["params:N", alt.Tooltip("r:Q", format=".2f"), "n_recipes:Q"],
            )
            .properties(width=480, height=220, title="Perplexity (negative log) and task, correlated over recipes")
        )

    answer(
        "6. Does a better perplexity make a better task?",
        """
        WITH final AS (
            SELECT params, e.recipe, avg(e.primary_metric) AS value, avg(-ln(p."c4_en-valppl")) AS fit
            FROM evals AS e JOIN perplexity AS p USING (params, recipe, seed, step) WHERE task = $task
            GROUP BY params, e.recipe, step QUALIFY step = max(step) OVER (PARTITION BY params, e.recipe)
        )
        SELECT params, corr(value, fit) AS r, count(*) AS n_recipes
        FROM final JOIN model_sizes AS m USING (params)
        GROUP BY params, m.params_exact HAVING n_recipes > 2 ORDER BY m.params_exact
        """,
        correlation,
    )
    return


@app.cell
def _(answer, sizes):
    def best_for_compute(rows):
        return (
            alt.Chart(rows)
            .mark_point(filled=True, size=80, opacity=1)
            .encode(
                x=alt.X(
                    "budget:Q",
                    title="Training compute (FLOPs, log scale)",
                    scale=alt.Scale(type="log", padding=12, nice=False),
                    axis=alt.Axis(format=".0e", grid=False),
                ),
                y=alt.Y("value:Q", title="Best mean over recipes", scale=alt.Scale(zero=False)),
                color=alt.Color("params:O", sort=sizes, title="Model size", scale=alt.Scale(scheme="viridis")),
                tooltip=["budget:Q", "params:N", "step:Q", "value:Q"],
            )
            .properties(width=480, height=260, title="The best size for each budget of compute")
        )

    answer(
        "7. Which size is best for a budget of compute?",
        """
        WITH curve AS (
            SELECT params, step, any_value(compute) AS compute, avg(primary_metric) AS value
            FROM evals WHERE task = $task AND compute > 0 GROUP BY params, step
        ), ends AS (
            SELECT log10(min(compute)) AS low, log10(max(compute)) AS high FROM curve
        ), budgets AS (
            SELECT pow(10, low + (high - low) * i / 20) * (1 + 1e-9) AS budget FROM ends, range(0, 21) AS r(i)
        ), reached AS (
            SELECT budget, s.params, c.step, c.value
            FROM budgets CROSS JOIN (SELECT DISTINCT params FROM curve) AS s
            ASOF JOIN curve AS c ON c.params = s.params AND budget >= c.compute
        )
        SELECT budget, arg_max(params, value) AS params, arg_max(step, value) AS step, max(value) AS value
        FROM reached GROUP BY budget ORDER BY budget
        """,
        best_for_compute,
    )
    return


@app.cell
def _(answer):
    def properties(rows):
        return (
            alt.Chart(rows)
            .mark_bar()
            .encode(
                x=alt.X("r:Q", title="Correlation over recipes", scale=alt.Scale(domain=[-1, 1])),
                y=alt.Y("property:N", sort=None, title=None),
                color=alt.condition("datum.r > 0", alt.value("#0072b2"), alt.value("#d55e00")),
                tooltip=["property:N", alt.Tooltip("r:Q", format=".2f"), "n_recipes:Q"],
            )
            .properties(width=380, height=alt.Step(20), title="What goes with a good recipe")
        )

    answer(
        "8. Which properties of the data go with good results?",
        """
        WITH final AS (
            SELECT recipe, avg(primary_metric) AS value FROM evals WHERE task = $task AND params = $size
            GROUP BY recipe, step QUALIFY step = max(step) OVER (PARTITION BY recipe)
        ), properties AS (
            UNPIVOT (SELECT recipe, COLUMNS(* EXCLUDE (recipe, family))::DOUBLE FROM recipes)
            ON COLUMNS(* EXCLUDE recipe) INTO NAME property VALUE amount
        )
        SELECT property, corr(value, amount) AS r, count(*) AS n_recipes
        FROM final JOIN properties USING (recipe) GROUP BY property HAVING isfinite(r) ORDER BY r DESC, property
        """,
        properties,
    )
    return


@app.cell
def _(answer):
    def gains(rows):
        return (
            alt.Chart(rows)
            .mark_bar()
            .encode(
                x=alt.X("gain:Q", title="Mean gain of the primary metric by fine-tuning"),
                y=alt.Y("model:N", sort=None, title=None),
                color=alt.condition("datum.gain > 0", alt.value("#0072b2"), alt.value("#d55e00")),
                tooltip=["model:N", "n_runs:Q", alt.Tooltip("gain:Q", format="+.4f"), "best_lr:Q"],
            )
            .properties(width=380, height=alt.Step(20), title="Fine-tuned less pretrained, arc_easy")
        )

    answer(
        "9. What does fine-tuning bring?",
        """
        SELECT ckpt_recipe || ', ' || ckpt_params AS model, count(*) AS n_runs,
            avg(ft_arc_easy_primary_metric - pt_arc_easy_primary_metric) AS gain,
            arg_max(lr, ft_arc_easy_primary_metric) AS best_lr
        FROM matched_runs WHERE pt_arc_easy_primary_metric IS NOT NULL AND ft_arc_easy_primary_metric IS NOT NULL
        GROUP BY model ORDER BY gain DESC, model
        """,
        gains,
    )
    return


@app.cell
def _(answer):
    answer(
        "10. Which questions does no recipe ever get right?",
        """
        SELECT task, count(*) AS questions, count(*) FILTER (best = 0) AS never_right,
            round(count(*) FILTER (best = 0) / count(*), 3) AS share,
            any_value(doc_id ORDER BY doc_id) FILTER (best = 0) AS one_of_them
        FROM (SELECT task, doc_id, max(is_right::INTEGER) AS best FROM question_results GROUP BY task, doc_id)
        GROUP BY task ORDER BY share DESC, task
        """,
    )
    return


if __name__ == "__main__":
    app.run()
