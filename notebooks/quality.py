"""A Marimo notebook on the quality of the data: `marimo run notebooks/quality.py -- --lake my.lake`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Quality of the data")

with app.setup:
    import os
    import shutil

    import altair as alt
    import marimo as mo
    import pyarrow as pa

    import ddcore


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Quality of the data

    What is missing, what could not be used, what disagrees, and what has changed since an earlier build.
    The lake is the one that `--lake` or the environment variable `DDCORE_LAKE` names:
    `marimo run notebooks/quality.py -- --lake my.lake`.
    """)
    return


@app.cell
def _():
    path = mo.cli_args().get("lake") or os.environ.get("DDCORE_LAKE")
    if path:
        opened = ddcore.open(str(path))
    else:
        some = {"sizes": ["4M", "20M"], "recipes": ["C4", "Dolma1.7", "Falcon"]}
        opened = ddcore.demo_lake(**some, steps=3, runs=20, checkpoints=2, models=1)
        # A second version of the same files, with other values and a checkpoint more: something has changed.
        raw = os.path.join(os.path.dirname(opened.path), "raw")
        shutil.rmtree(raw)
        ddcore.sample(raw, **some, steps=4, seed=1, runs=-1, checkpoints=-1, models=-1)
        opened.ingest(raw)
        opened.curate()
    return opened, path


@app.cell
def _(opened, path):
    try:
        found = opened.sql("""
            SELECT
                (SELECT count(*) FROM raw.rejects) AS rejects,
                (SELECT coalesce(sum(n), 0)::BIGINT FROM raw.redactions) AS redactions,
                (SELECT count(*) FROM run_gaps WHERE NOT is_complete) AS gaps,
                (SELECT count(*) FROM instance_checks) AS instance_checks,
                (SELECT count(*) FROM posttrain_checks WHERE NOT is_ok) AS posttrain_checks
        """).to_pylist()[0]
    except ddcore.NotFoundError as error:
        mo.stop(True, mo.callout(mo.md(f"There is nothing to look at: {error}"), kind="warn"))
    labels = {
        "rejects": "raw rows rejected",
        "redactions": "personal data replaced",
        "gaps": "W&B runs with gaps",
        "instance_checks": "findings in instances",
        "posttrain_checks": "OLMES checks failed",
    }
    made_up = mo.md("**These results are made up** (`ddcore sample`): no lake was named.")
    lake = opened  # what follows runs only if there are tables to look at
    n_files = lake.files().num_rows
    mo.vstack(
        [
            mo.callout(mo.md(f"The lake holds {n_files:,} raw files."), kind="info")
            if path
            else mo.callout(made_up, kind="warn"),
            mo.hstack([mo.stat(f"{found[k]:,}", label=label, bordered=True) for k, label in labels.items()], wrap=True),
        ]
    )
    return (lake,)


@app.cell
def _():
    def show(chart, data, nothing, label="The numbers"):
        """A chart with its table below, or the words that say why there is none."""
        if not data.num_rows:
            return mo.callout(mo.md(nothing), kind="success")
        return mo.vstack([chart, mo.accordion({label: mo.ui.table(data, selection=None, page_size=10)})])

    def titled(title, *lines):
        return alt.Title(title, subtitle=list(lines), anchor="start", subtitleColor="#666")

    blue, red, grey = "#0072b2", "#d55e00", "#bbbbbb"
    return blue, grey, red, show, titled


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Missing checkpoints

    Which of the steps that any recipe has, at a size and seed, does each recipe have? Pale is all, red none.
    """)
    return


@app.cell
def _():
    kinds = {"task results": "evals", "perplexity": "perplexity", "evaluation instances": "instance_checkpoints"}
    kind = mo.ui.dropdown(kinds, value="task results", label="Checkpoints with")
    mo.hstack([kind], justify="start")
    return (kind,)


@app.cell
def _(kind, lake, red, show, titled):
    coverage = lake.sql(
        f"""
        WITH there AS (SELECT DISTINCT recipe, params, seed, step FROM {kind.value}),
        wanted AS (
            SELECT recipe, params, seed, step
            FROM (SELECT DISTINCT recipe FROM there), (SELECT DISTINCT params, seed, step FROM there)
        )
        SELECT w.recipe, w.params, w.seed, count(*) AS n_steps, count(t.step) AS n_there, n_there / n_steps AS share,
            array_to_string(list(w.step ORDER BY w.step) FILTER (t.step IS NULL)[:8], ', ') AS first_missing
        FROM wanted AS w LEFT JOIN there AS t USING (recipe, params, seed, step) JOIN model_sizes AS m USING (params)
        GROUP BY w.recipe, w.params, w.seed, m.params_exact ORDER BY m.params_exact, w.seed, w.recipe
        """
    )
    steps, those_there = (sum(coverage[c].to_pylist()) for c in ("n_steps", "n_there"))
    map_of_checkpoints = (
        alt.Chart(coverage)
        .mark_rect(stroke="white")
        .encode(
            x=alt.X("seed:O", title=None, axis=alt.Axis(labelAngle=0, ticks=False)),
            y=alt.Y("recipe:N", title=None),
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(domain=[0, 1], range=[red, "#e3edf7"], interpolate="rgb"),
                legend=alt.Legend(title="Steps there", format="~%"),
            ),
            tooltip=["recipe:N", "params:N", "seed:O", "n_there:Q", "n_steps:Q", "first_missing:N"],
        )
        .properties(width=alt.Step(17), height=alt.Step(17))
        .facet(
            alt.Column(
                "params:N", sort=coverage["params"].unique().to_pylist(), title="Model size, and below it the seed"
            ),
            spacing=6,
        )
        .resolve_scale(x="independent")
        .properties(
            title=titled(
                f"Checkpoints with {kind.selected_key}",
                f"{those_there:,} of {steps:,} are there, {steps - those_there:,} missing",
            )
        )
    )
    show(map_of_checkpoints, coverage, f"The lake holds no {kind.selected_key}.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Rejected rows

    Raw rows that no curated table can use. They stay in their raw tables; here is why they are not used.
    """)
    return


@app.cell
def _(lake, red, show, titled):
    reasons = lake.sql("""
        SELECT reason, count(*) AS n_rows, count(DISTINCT _file) AS n_files, min(text)[:200] AS an_example
        FROM raw.rejects GROUP BY reason ORDER BY n_rows DESC, reason LIMIT 25
    """)
    why = (
        alt.Chart(reasons)
        .mark_bar(color=red)
        .encode(
            x=alt.X("n_rows:Q", title="Raw rows", axis=alt.Axis(tickMinStep=1, format="~s")),
            y=alt.Y("reason:N", sort=None, title=None, axis=alt.Axis(labelLimit=320)),
            tooltip=["reason:N", "n_rows:Q", "n_files:Q", "an_example:N"],
        )
        .properties(width=380, height=alt.Step(22), title=titled("Rejected rows by reason", "The 25 commonest"))
    )
    show(why, reasons, "No raw row was rejected.")
    return (reasons,)


@app.cell
def _(lake, reasons):
    rejected = lake.rejects(limit=1000) if reasons.num_rows else None
    mo.accordion({"The rows (at most 1,000)": mo.ui.table(rejected, selection=None)}) if rejected else None
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Personal data

    What pseudonyms stand for in the text of W&B and OLMES files, by the rule of the policy that found it.
    """)
    return


@app.cell
def _(lake, show, titled):
    redacted = lake.sql("""
        SELECT rule, raw_table, sum(n)::BIGINT AS n, count(*) AS n_files
        FROM raw.redactions JOIN raw.files ON file_id = _file GROUP BY ALL ORDER BY n DESC, rule, raw_table
    """)
    by_rule = (
        alt.Chart(redacted)
        .mark_bar()
        .encode(
            x=alt.X("n:Q", title="Places", axis=alt.Axis(format="~s")),
            y=alt.Y("rule:N", sort="-x", title=None),
            color=alt.Color("raw_table:N", title="Raw table", scale=alt.Scale(scheme="viridis")),
            tooltip=["rule:N", "raw_table:N", "n:Q", "n_files:Q"],
        )
        .properties(width=380, height=alt.Step(24), title=titled("Personal data replaced, by rule"))
    )
    show(by_rule, redacted, "Nothing was replaced.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Gaps of W&B runs

    What the runs' histories lack, and where they disagree with the runs' summaries.
    """)
    return


@app.cell
def _(lake, red, show, titled):
    kinds_of_gaps = lake.sql("""
        WITH kinds AS (
            UNPIVOT (
                SELECT run_type, n_rows = 0 AS "no history", n_missing_steps > 0 AS "steps missing",
                    missing_metrics IS NOT NULL AS "metrics missing", n_without_step > 0 AS "rows without a step",
                    summary_differences IS NOT NULL AS "summary disagrees", n_token_resets > 0 AS "token count falls",
                    n_superseded > 0 AS "rows superseded", n_repeats > 0 AS "rows repeated"
                FROM run_gaps
            ) ON COLUMNS(* EXCLUDE run_type) INTO NAME gap VALUE has_it
        )
        SELECT gap, run_type, count(*) AS n_runs FROM kinds WHERE has_it GROUP BY ALL ORDER BY gap, run_type
    """)
    gap_map = alt.LayerChart(
        data=kinds_of_gaps,
        layer=[
            alt.Chart()
            .mark_rect(stroke="white")
            .encode(
                color=alt.Color("n_runs:Q", title="Runs", scale=alt.Scale(range=["#fbe3d3", red]), legend=None),
                tooltip=["gap:N", "run_type:N", "n_runs:Q"],
            ),
            alt.Chart().mark_text().encode(text=alt.Text("n_runs:Q", format=",d")),
        ],
    ).encode(
        x=alt.X("run_type:N", title=None, axis=alt.Axis(labelAngle=-30)),
        y=alt.Y("gap:N", title=None),
    )
    gap_map = gap_map.properties(
        width=alt.Step(64),
        height=alt.Step(26),
        title=titled(
            "Runs by gap and type",
            "A run may have several; falling tokens, superseded and repeated rows leave it complete",
        ),
    )
    show(gap_map, kinds_of_gaps, "No W&B run has a gap.")
    return (kinds_of_gaps,)


@app.cell
def _(kinds_of_gaps, lake):
    in_words = lake.table("run_gaps", where="gaps IS NOT NULL", columns=["run_id", "run_type", "gaps"], limit=5000)
    gap_table = mo.ui.table(in_words, selection=None)
    mo.accordion({"The gaps in words": gap_table}) if kinds_of_gaps.num_rows else None
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Checks of answers

    Evaluation instances and OLMES dumps hold every answer: means are derived again, counts compared.
    """)
    return


@app.cell
def _(lake, red, show, titled):
    problems = lake.sql("""
        SELECT problem, sum(n)::BIGINT AS n_cases, count(DISTINCT (recipe, params, seed, step)) AS n_checkpoints,
            any_value(example ORDER BY recipe, params, seed, step, task) AS an_example
        FROM instance_checks GROUP BY problem ORDER BY n_cases DESC, problem LIMIT 30
    """)
    instance_problems = (
        alt.Chart(problems)
        .mark_bar(color=red)
        .encode(
            x=alt.X("n_cases:Q", title="Cases (log scale)", scale=alt.Scale(type="symlog"), axis=alt.Axis(format="~s")),
            y=alt.Y("problem:N", sort=None, title=None, axis=alt.Axis(labelLimit=320)),
            tooltip=["problem:N", "n_cases:Q", "n_checkpoints:Q", "an_example:N"],
        )
        .properties(width=380, height=alt.Step(22), title=titled("Disagreements in evaluation instances"))
    )
    n_instances = lake.sql("SELECT coalesce(sum(n_instances), 0)::BIGINT AS n FROM instance_checkpoints")["n"][
        0
    ].as_py()
    show(instance_problems, problems, f"Nothing disagrees in {n_instances:,} evaluation instances.")
    return


@app.cell
def _(blue, grey, lake, red, show, titled):
    outcomes = lake.sql("""
        SELECT check_name, CASE WHEN is_ok THEN 'agrees' WHEN is_ok IS NULL THEN 'cannot be told' ELSE 'disagrees' END
            AS outcome, count(*) AS n, any_value(reason) AS a_reason
        FROM posttrain_checks GROUP BY ALL ORDER BY check_name, outcome
    """)
    olmes = (
        alt.Chart(outcomes)
        .mark_bar()
        .encode(
            x=alt.X("n:Q", title="Checks"),
            y=alt.Y("check_name:N", title=None),
            color=alt.Color(
                "outcome:N",
                title=None,
                scale=alt.Scale(domain=["agrees", "disagrees", "cannot be told"], range=[blue, red, grey]),
            ),
            tooltip=["check_name:N", "outcome:N", "n:Q", "a_reason:N"],
        )
        .properties(width=380, height=alt.Step(24), title=titled("Checks of OLMES dumps"))
    )
    failed = lake.table("posttrain_checks", where="NOT is_ok", limit=1000)
    mo.vstack(
        [
            show(olmes, outcomes, "The lake holds no OLMES dump."),
            mo.accordion({"What disagrees": mo.ui.table(failed, selection=None)}) if failed.num_rows else mo.md(""),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Drift

    Every build leaves a snapshot. How many rows had the tables then, and which values are others now?
    """)
    return


@app.cell
def _(lake):
    builds = [s for s in lake.snapshots().to_pylist() if s["message"].startswith("curate")][-10:]
    mo.stop(
        len(builds) < 2,
        mo.callout(mo.md(f"The lake has {len(builds)} build: nothing has changed since."), kind="neutral"),
    )

    def tables_of(number):
        """The tables of a build, not its views, with their numbers of rows and columns."""
        then = lake.at(number)
        tables = then.sql("""
            SELECT table_name, count(*) AS n_columns FROM duckdb_columns()
            WHERE schema_name = 'main' AND NOT internal AND table_name NOT IN (SELECT view_name FROM duckdb_views())
            GROUP BY table_name ORDER BY table_name
        """).to_pylist()
        counts = ", ".join(f'(SELECT count(*) FROM "{t["table_name"]}") AS "{t["table_name"]}"' for t in tables)
        n_rows = then.sql(f"SELECT {counts}").to_pylist()[0]
        return [{**t, "n_rows": n_rows[t["table_name"]]} for t in tables]

    history = {s["snapshot"]: tables_of(s["snapshot"]) for s in builds}
    numbers = list(history)
    before = mo.ui.dropdown({f"snapshot {n}": n for n in numbers[:-1]}, value=f"snapshot {numbers[-2]}", label="Then")
    after = mo.ui.dropdown({f"snapshot {n}": n for n in numbers[1:]}, value=f"snapshot {numbers[-1]}", label="Now")
    return after, before, history


@app.cell
def _(history, show, titled):
    def counts():
        """One row per table and build, of the tables whose number of rows has changed."""
        rows = [
            {"table": t["table_name"], "snapshot": n, "n_rows": t["n_rows"]}
            for n, tables in history.items()
            for t in tables
        ]
        former = {}
        for row in rows:
            row["change"] = row["n_rows"] / former[row["table"]] - 1 if former.get(row["table"]) else None
            former[row["table"]] = row["n_rows"]
        drifting = {r["table"] for r in rows if r["n_rows"] != former[r["table"]]}
        return pa.Table.from_pylist([r for r in rows if r["table"] in drifting])

    rows_then = counts()
    grid = alt.Chart(rows_then).encode(
        x=alt.X("snapshot:O", title="Snapshot", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("table:N", title=None),
        tooltip=["table:N", "snapshot:O", "n_rows:Q", alt.Tooltip("change:Q", format="+.1%")],
    )
    growth = grid.mark_rect(stroke="white").encode(
        color=alt.Color(
            "change:Q",
            title=["Change since", "the build before"],
            scale=alt.Scale(scheme="redblue", domain=[-0.5, 0.5], domainMid=0, clamp=True),
            legend=alt.Legend(format="+.0%"),
        )
    ) + grid.mark_text(fontSize=11).encode(text=alt.Text("n_rows:Q", format=",d"))
    growth = growth.properties(
        width=alt.Step(90), height=alt.Step(22), title=titled("Rows of the tables whose number changed, by build")
    )
    show(growth, rows_then, "All tables have as many rows as in the first of these builds.")
    return


@app.cell
def _(after, before, history):
    def comparable(number):
        """The tables of a build whose values can be compared column by column."""
        return {t["table_name"] for t in history[number] if t["n_columns"] <= 200}

    names = sorted(comparable(before.value) & comparable(after.value))
    table = mo.ui.dropdown(names, value="evals" if "evals" in names else names[0], label="Table")
    mo.hstack([table, before, after], justify="start", wrap=True)
    return (table,)


@app.cell
def _(after, before, blue, lake, show, table, titled):
    def compared():
        """Compare two builds of a table: rows by their grain, values of the rows that both have by column."""
        described = lake.at(after.value).describe(table.value).to_pylist()
        grain = [c["column_name"] for c in described if c["is_grain"]]
        then = set(lake.at(before.value).describe(table.value)["column_name"].to_pylist())
        values = [c["column_name"] for c in described if c["column_name"] in then and not c["is_grain"]]
        changed = ", ".join(
            f'count(*) FILTER (a.in_a AND b.in_b AND a."{c}" IS DISTINCT FROM b."{c}") AS "{c}"' for c in values
        )
        return lake.sql(
            f"""
            SELECT count(*) FILTER (a.in_a AND b.in_b) AS n_both, count(*) FILTER (b.in_b IS NULL) AS n_gone,
                count(*) FILTER (a.in_a IS NULL) AS n_new {", " + changed if changed else ""}
            FROM (SELECT *, true AS in_a FROM "{table.value}" AT (VERSION => {before.value})) AS a
            FULL JOIN (SELECT *, true AS in_b FROM "{table.value}" AT (VERSION => {after.value})) AS b
                USING ({", ".join(f'"{c}"' for c in grain)})
            """
        ).to_pylist()[0]

    result = compared()
    n_both, n_gone, n_new = (result.pop(name) for name in ("n_both", "n_gone", "n_new"))
    by_column = pa.Table.from_pylist(
        [{"column": c, "n_changed": n, "share": n / n_both} for c, n in result.items() if n],
        schema=pa.schema({"column": pa.string(), "n_changed": pa.int64(), "share": pa.float64()}),
    )
    words = f"{n_both:,} rows are in both builds, {n_new:,} are new, {n_gone:,} are gone"
    others = (
        alt.Chart(by_column)
        .mark_bar(color=blue)
        .encode(
            x=alt.X("share:Q", title="Rows with another value", axis=alt.Axis(format="~%")),
            y=alt.Y("column:N", sort=None, title=None),
            tooltip=["column:N", "n_changed:Q", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(
            width=380,
            height=alt.Step(18),
            title=titled(
                f"Values of {table.value} that are others in snapshot {after.value} than in {before.value}", words
            ),
        )
    )
    show(others, by_column, f"{words}. No value of the rows that are in both has changed.")
    return


@app.cell
def _(after, before, lake, table):
    mo.stop(before.value >= after.value, mo.callout(mo.md("Then is not before now."), kind="neutral"))
    # Beyond the usual limits: rows that are gone, more nulls, means that have moved.
    drifted = lake.at(after.value).drift(before.value, tables=table.value, progress=False)
    breaches = sum(drifted["is_breach"].to_pylist())
    mo.accordion(
        {f"Rows, nulls and means: {breaches} beyond the limits of `drift`": mo.ui.table(drifted, selection=None)}
    )
    return


if __name__ == "__main__":
    app.run()
