"""A Marimo notebook on questions: `marimo run notebooks/instances.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Questions over training")

with app.setup:
    import os

    import altair as alt
    import marimo as mo

    import ddcore


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Questions over training

    What the evaluation instances tell that a task's mean does not: when a question is learnt, whether it is
    forgotten, whether seeds learn the same ones, and which questions tell good recipes from bad ones.
    A question is right if the task's primary metric says so.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/instances.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
    made_up = {"sizes": ["150M"], "steps": 1, "checkpoints": 16, "questions": 40, "runs": -1, "models": -1}
    lake = ddcore.open(str(path)) if path else ddcore.demo_lake(**made_up)
    return lake, path


@app.cell
def _(lake, path):
    try:
        checkpoints = lake.sql("""
            SELECT c.params, list(DISTINCT recipe ORDER BY recipe) AS recipes, count(*) AS n_checkpoints,
                sum(n_instances)::BIGINT AS n_instances
            FROM instance_checkpoints AS c JOIN model_sizes AS m ON m.params = c.params
            GROUP BY c.params, m.params_exact ORDER BY m.params_exact
        """)
        lake.describe("questions")
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to explore: {error}"), kind="warn"))
    mo.stop(
        not checkpoints.num_rows,
        mo.callout(mo.md("The lake holds no evaluation instances: ingest archives of them, then curate."), kind="warn"),
    )
    recipes_of = {row["params"]: row["recipes"] for row in checkpoints.to_pylist()}
    n_checkpoints, n_instances = (sum(checkpoints[c].to_pylist()) for c in ("n_checkpoints", "n_instances"))
    mo.callout(
        mo.md(
            "**These instances are made up** (`ddcore sample`): no lake was named."
            if not path
            else f"The lake holds {n_instances:,} instances of {n_checkpoints:,} checkpoints."
        ),
        kind="info" if path else "warn",
    )
    return (recipes_of,)


@app.cell
def _(recipes_of):
    size = mo.ui.dropdown(list(recipes_of), value=list(recipes_of)[-1], label="Model size")
    return (size,)


@app.cell
def _(lake, recipes_of, size):
    task_names = lake.sql(
        "SELECT DISTINCT task FROM instance_task_metrics SEMI JOIN tasks USING (task) WHERE params = ? ORDER BY task",
        [size.value],
    )["task"].to_pylist()
    # The steps that most recipes have, the last one first.
    common = lake.sql(
        """
        SELECT step FROM instance_checkpoints WHERE params = ?
        GROUP BY step ORDER BY count(DISTINCT recipe) DESC, step DESC
        """,
        [size.value],
    )["step"].to_pylist()
    recipe = mo.ui.dropdown(recipes_of[size.value], value=recipes_of[size.value][0], label="Recipe")
    task = mo.ui.dropdown(task_names, value="arc_easy" if "arc_easy" in task_names else task_names[0], label="Task")
    step = mo.ui.dropdown({f"{s:,}": s for s in sorted(common)}, value=f"{common[0]:,}", label="Step, for comparisons")
    mo.hstack([size, recipe, task, step], justify="start", wrap=True)
    return recipe, step, task


@app.cell
def _():
    def show(chart, data, nothing):
        """A chart with its table below, or the words that say why there is none."""
        if not data.num_rows:
            return mo.callout(mo.md(nothing), kind="neutral")
        return mo.vstack([chart, mo.accordion({"The numbers": mo.ui.table(data, selection=None, page_size=10)})])

    def titled(title, *lines):
        return alt.Title(title, subtitle=list(lines), anchor="start", subtitleColor="#666")

    steps_axis = alt.X("step:O", title="Step", axis=alt.Axis(format=",d", labelAngle=-45))
    return show, steps_axis, titled


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## When questions are learnt

    A row is a question, or some that are learnt at about the same time if there are many. The earlier a
    question is right for good, in the mean over the seeds, the higher it stands; below are those that are
    wrong in the end. Light spots among dark ones were forgotten for a while.
    """)
    return


@app.cell
def _(lake, recipe, show, size, steps_axis, task, titled):
    n_rows = 60  # more cannot be told apart on a screen
    chosen = [recipe.value, size.value, task.value]
    heat = lake.sql(
        f"""
        WITH place AS (
            SELECT doc_id, ntile({n_rows}) OVER (
                ORDER BY avg(coalesce(learnt_step, 2 * last_step)), avg(share_right) DESC, doc_id) AS place
            FROM questions WHERE recipe = ? AND params = ? AND task = ? GROUP BY doc_id
        )
        SELECT place, step, avg(accuracy) AS accuracy, count(DISTINCT doc_id) AS n_questions,
            max(n_seeds) AS n_seeds, min(doc_id) AS a_doc_id
        FROM question_curves JOIN place USING (doc_id)
        WHERE recipe = ? AND params = ? AND task = ? AND n_seeds > 0
        GROUP BY place, step ORDER BY place, step
        """,
        chosen + chosen,
    )
    most = max(heat["n_questions"].to_pylist(), default=1)
    n_seeds = max(heat["n_seeds"].to_pylist(), default=0)
    a_row = "a row is a question" if most == 1 else f"a row is up to {most} questions"
    heat_map = (
        alt.Chart(heat)
        .mark_rect()
        .encode(
            x=steps_axis,
            y=alt.Y("place:O", title="Questions, by when they are learnt", axis=alt.Axis(labels=False, ticks=False)),
            color=alt.Color(
                "accuracy:Q",
                title="Accuracy",
                scale=alt.Scale(domain=[0, 1], range=["#f1f5fa", "#08519c"]),
                legend=alt.Legend(format="~%"),
            ),
            tooltip=["step:Q", "n_questions:Q", "accuracy:Q", "n_seeds:Q", "a_doc_id:Q"],
        )
        .properties(
            width=480,
            height=360,
            title=titled(
                f"{task.value} during training: {recipe.value}, {size.value}",
                f"Accuracy by the primary metric, mean over {n_seeds} {'seed' if n_seeds == 1 else 'seeds'}; {a_row}",
            ),
        )
    )
    show(heat_map, heat, f"{recipe.value}, {size.value} has no results of {task.value}.")
    return (chosen,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Learning and forgetting

    Right now, right at least once so far, and right from now on: where the first two lines part, questions
    are forgotten, or were guessed. (At the last step "now" and "from now on" are the same.) Below, what each
    step brings and takes since the one before.
    """)
    return


@app.cell
def _(chosen, lake, recipe, show, size, steps_axis, task, titled):
    learning = lake.sql(
        """
        WITH result AS (
            SELECT seed, doc_id, step, is_right,
                lag(is_right) OVER (PARTITION BY seed, doc_id ORDER BY step) AS was_right
            FROM question_results WHERE recipe = ? AND params = ? AND task = ? AND is_right IS NOT NULL
        ), question AS (
            SELECT seed, doc_id, first_correct_step, learnt_step
            FROM questions WHERE recipe = ? AND params = ? AND task = ?
        )
        SELECT step,
            avg(is_right::INTEGER) AS right_now,
            avg(coalesce(first_correct_step <= step, false)::INTEGER) AS right_so_far,
            avg(coalesce(learnt_step <= step, false)::INTEGER) AS right_from_now_on,
            avg((is_right AND NOT was_right)::INTEGER) AS gained,
            -avg((was_right AND NOT is_right)::INTEGER) AS lost
        FROM result JOIN question USING (seed, doc_id) GROUP BY step ORDER BY step
        """,
        chosen + chosen,
    )
    labels = {
        "right_so_far": "right at least once so far",
        "right_now": "right now",
        "right_from_now_on": "right from now on",
        "gained": "wrong before, right now",
        "lost": "right before, wrong now",
    }
    named = f"{labels}[datum.kind]"
    percent = alt.Axis(format="~%")
    lines = (
        alt.Chart(learning)
        .transform_fold(["right_so_far", "right_now", "right_from_now_on"], as_=["kind", "share"])
        .transform_calculate(name=named)
        .mark_line(point=True)
        .encode(
            x=alt.X("step:Q", title="Step", axis=alt.Axis(format=",d")),
            y=alt.Y("share:Q", title="Share of questions", axis=percent, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "name:N",
                title="Questions that are",
                sort=list(labels.values())[:3],
                scale=alt.Scale(domain=list(labels.values())[:3], range=["#9ecae9", "#4c78a8", "#1b3a5c"]),
            ),
            tooltip=["step:Q", "name:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(
            width=480, height=240, title=titled(f"{task.value} learnt: {recipe.value}, {size.value}", "Mean over seeds")
        )
    )
    bars = (
        alt.Chart(learning)
        .transform_fold(["gained", "lost"], as_=["kind", "share"])
        .transform_calculate(name=named)
        .transform_filter("isValid(datum.share)")
        .mark_bar()
        .encode(
            x=steps_axis,
            y=alt.Y("share:Q", title="Share of questions", axis=percent),
            color=alt.Color(
                "name:N",
                title="Since the step before",
                scale=alt.Scale(domain=list(labels.values())[3:], range=["#4c78a8", "#e45756"]),
            ),
            tooltip=["step:Q", "name:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(width=480, height=180, title=titled("Gained and forgotten, step by step"))
    )
    curves = alt.vconcat(lines, bars).resolve_scale(color="independent")
    show(curves, learning, f"{recipe.value}, {size.value} has no results of {task.value}.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Do seeds learn the same questions?

    The dot is the share of questions on which two seeds agree, the tick what their accuracies alone would
    make expect. Kappa is where the dot stands between the tick (0) and full agreement (1).
    """)
    return


@app.cell
def _(lake, recipe, show, size, step, titled):
    by_task = lake.sql(
        """
        SELECT if(suite = 'mmlu', 'mmlu, ' || count(*) || ' subjects', any_value(task)) AS tasks,
            sum(n_questions)::BIGINT AS n_questions, max(n_seeds) AS n_seeds,
            sum(agreement * n_questions) / sum(n_questions) AS agreed,
            sum(chance_agreement * n_questions) / sum(n_questions) AS by_chance,
            if(by_chance < 1, (agreed - by_chance) / (1 - by_chance), NULL) AS kappa
        FROM question_agreement JOIN (SELECT task, suite FROM tasks) USING (task)
        WHERE recipe = ? AND params = ? AND step = ?
        GROUP BY suite, if(suite = 'mmlu', '', task) ORDER BY kappa DESC NULLS LAST, tasks
        """,
        [recipe.value, size.value, step.value],
    )
    tasks_axis = alt.Y("tasks:N", sort=by_task["tasks"].to_pylist(), title=None)
    base = alt.Chart(by_task).encode(
        y=tasks_axis,
        tooltip=[
            "tasks:N",
            "n_questions:Q",
            "n_seeds:Q",
            *(alt.Tooltip(f"{c}:Q", format=".3f") for c in ("agreed", "by_chance", "kappa")),
        ],
    )
    share = alt.Axis(format="~%")
    agreement = (
        base.mark_rule(color="#bbb", strokeWidth=2).encode(
            x=alt.X(
                "by_chance:Q",
                title="Questions on which two seeds agree",
                axis=share,
                scale=alt.Scale(zero=False, padding=12),
            ),
            x2="agreed:Q",
        )
        + base.mark_tick(color="#888", thickness=2, size=14).encode(x="by_chance:Q")
        + base.mark_point(filled=True, size=70, opacity=1).encode(
            x="agreed:Q",
            color=alt.Color("kappa:Q", title="Kappa", scale=alt.Scale(scheme="viridis", domain=[0, 1], clamp=True)),
        )
    ).properties(
        width=420,
        height=alt.Step(22),
        title=titled(
            f"Agreement of seeds by task: {recipe.value}, {size.value}",
            f"At step {step.value:,}; dot: agreement, tick: expected by chance; highest kappa first",
        ),
    )
    show(agreement, by_task, f"{recipe.value}, {size.value} has no two seeds at step {step.value:,}.")
    return


@app.cell
def _(lake, show, size, task, titled):
    kappas = lake.sql(
        """
        SELECT recipe, step, n_seeds, agreement, chance_agreement, kappa FROM question_agreement
        WHERE params = ? AND task = ? AND kappa IS NOT NULL ORDER BY recipe, step
        """,
        [size.value, task.value],
    )
    over_training = (
        alt.Chart(kappas)
        .mark_line(point=True)
        .encode(
            x=alt.X("step:Q", title="Step", axis=alt.Axis(format=",d")),
            y=alt.Y("kappa:Q", title="Kappa", scale=alt.Scale(zero=False)),
            color=alt.Color("recipe:N", title="Recipe"),
            tooltip=["recipe:N", "step:Q", "n_seeds:Q", alt.Tooltip("kappa:Q", format=".3f")],
        )
        .properties(
            width=480,
            height=260,
            title=titled(
                f"Agreement of seeds during training: {task.value}, {size.value}", "1 is full agreement, 0 is chance"
            ),
        )
    )
    show(over_training, kappas, f"No recipe of {size.value} has two seeds at one step.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Which questions order recipes as the task does?

    Of every two recipes that the whole task tells apart, a question may agree (1), disagree (-1) or see no
    difference (0). Right and wrong is a coarse measure: with few seeds most pairs are ties. The
    log-likelihood per character of the right answer tells more.
    """)
    return


@app.cell
def _(lake, show, size, step, task, titled):
    orders = lake.sql(
        """
        SELECT doc_id, n_recipes, n_pairs, n_agree, n_oppose, n_tied, accuracy_order, logits_order
        FROM question_orders WHERE params = ? AND task = ? AND step = ?
        ORDER BY logits_order DESC NULLS LAST, accuracy_order DESC, doc_id
        """,
        [size.value, task.value, step.value],
    )
    n_recipes = max(orders["n_recipes"].to_pylist(), default=0)
    counts = lake.sql(
        """
        WITH orders AS (
            UNPIVOT (SELECT doc_id, accuracy_order AS "accuracy", logits_order AS "log-likelihood per character"
                FROM question_orders WHERE params = ? AND task = ? AND step = ?)
            ON "accuracy", "log-likelihood per character" INTO NAME measure VALUE value
        ), binned AS (
            SELECT measure, round(value * 5) / 5 + 0.0 AS place, count(*) AS n_questions FROM orders GROUP BY ALL
        )
        SELECT measure, place, n_questions, n_questions / sum(n_questions) OVER (PARTITION BY measure) AS share
        FROM binned ORDER BY measure, place
        """,
        [size.value, task.value, step.value],
    )
    spread = (
        alt.Chart(counts)
        .mark_bar()
        .encode(
            x=alt.X(
                "place:O",
                scale=alt.Scale(domain=[i / 5 for i in range(-5, 6)]),
                title="Order of recipes: -1 opposite, 0 blind, 1 as the whole task",
                axis=alt.Axis(format=".1f", labelAngle=0),
            ),
            xOffset="measure:N",
            y=alt.Y("share:Q", title="Share of questions", axis=alt.Axis(format="~%")),
            color=alt.Color("measure:N", title="Question measured by", scale=alt.Scale(range=["#bab0ac", "#4c78a8"])),
            tooltip=["measure:N", "place:Q", "n_questions:Q", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(
            width=480,
            height=240,
            title=titled(
                f"Questions of {task.value} as judges of {n_recipes} recipes, {size.value}",
                f"At step {step.value:,}; each bar to 0.1 on both sides",
            ),
        )
    )
    show(spread, counts, f"{task.value} tells no two recipes of {size.value} apart at step {step.value:,}.")
    return (orders,)


@app.cell
def _(orders):
    best = mo.ui.table(orders, selection=None, page_size=10)
    mo.accordion({"Questions, best judges first": best}) if orders.num_rows else None
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## What does not fit together in the instances

    Disagreements that were found when they came in: of metrics, aggregates, schedules, versions.
    """)
    return


@app.cell
def _(lake, size):
    checks = lake.sql(
        "SELECT * FROM instance_checks WHERE params = ? ORDER BY n DESC, recipe, seed, step, task, problem LIMIT 1000",
        [size.value],
    )
    mo.ui.table(checks, selection=None, page_size=10) if checks.num_rows else mo.md(f"Nothing of {size.value}.")
    return


if __name__ == "__main__":
    app.run()
