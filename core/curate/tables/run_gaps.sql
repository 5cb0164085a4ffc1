-- table: run_gaps
-- summary: What each run's history lacks: missing steps and metrics, and where it disagrees with the run's summary; one row per run, said in words in `gaps`.
-- grain: project, run_id
-- order: 65
-- source: wandb
-- The grid of steps is the commonest distance between logged steps; it ends at
-- the last step that the export's state or the run's summary knows.
WITH state AS (
    SELECT project, key AS run_id, max(try_cast(value::JSON ->> 'last_history_step' AS BIGINT)) AS last_step
    FROM (
        SELECT coalesce(project, '') AS project, unnest(json_items(record::JSON -> 'runs'), recursive := true)
        FROM wandb_record
        WHERE kind = 'state'
    )
    GROUP BY ALL
),
summary AS (
    SELECT run, try_cast(s[1] AS BIGINT) AS last_step, try_cast(s[2] AS DOUBLE) AS train_loss, try_cast(s[3] AS DOUBLE) AS learning_rate,
        try_cast(s[4] AS DOUBLE) AS total_tokens
    FROM (SELECT run, json_extract_string(summary, ['_step', 'train_loss', 'learning_rate', 'total_tokens']) AS s FROM wandb_run)
),
without_step AS (SELECT run, count(*) AS n FROM wandb_logged WHERE step IS NULL GROUP BY run),
version AS (
    SELECT run, sum(n - 1)::BIGINT AS n_repeats, count(*) FILTER (version > 1) AS n_superseded
    FROM wandb_version
    GROUP BY run
),
-- Each entry with the step and the tokens before it.
ordered AS (
    SELECT *, lag(step) OVER earlier AS step_before, lag(total_tokens) OVER earlier AS tokens_before
    FROM wandb_entry
    WINDOW earlier AS (PARTITION BY run ORDER BY step, occurrence)
),
logged AS (
    SELECT
        run,
        count(*) AS n_rows,
        count(*) FILTER (occurrence = 1) AS n_steps,
        min(step) AS first_step,
        max(step) AS last_step,
        mode(step - step_before) FILTER (step > step_before) AS step_interval,
        count(*) FILTER (total_tokens < tokens_before) AS n_token_resets,
        [count(*) - count(train_loss), count(*) - count(learning_rate), count(*) - count(total_tokens)] AS n_null,
        arg_max(train_loss, (step, occurrence)) AS train_loss,
        arg_max(learning_rate, (step, occurrence)) AS learning_rate,
        arg_max(total_tokens, (step, occurrence)) AS total_tokens
    FROM ordered
    GROUP BY run
),
hole AS (
    SELECT run, list(step_before || ' to ' || step ORDER BY step) AS holes
    FROM ordered
    JOIN (SELECT run, step_interval FROM logged) USING (run)
    WHERE step - step_before > step_interval
    GROUP BY run
),
counted AS (
    SELECT
        k.*,
        t.run_type,
        r.run IS NOT NULL AS has_run,
        coalesce(l.n_rows, 0) AS n_rows,
        coalesce(v.n_repeats, 0) AS n_repeats,
        coalesce(v.n_superseded, 0) AS n_superseded,
        coalesce(w.n, 0) AS n_without_step,
        l.first_step,
        l.last_step,
        nullif(greatest(s.last_step, y.last_step), -1) AS expected_last_step,
        l.step_interval,
        if(l.first_step > l.step_interval AND l.first_step % l.step_interval = 0, l.step_interval, l.first_step) AS grid_start,
        l.n_steps,
        h.holes,
        coalesce(l.n_token_resets, 0) AS n_token_resets,
        list_filter([
            if(l.n_null[1] = 0, NULL, 'train_loss in ' || if(l.n_null[1] = l.n_rows, 'all', l.n_null[1]::VARCHAR)),
            if(l.n_null[2] = 0, NULL, 'learning_rate in ' || if(l.n_null[2] = l.n_rows, 'all', l.n_null[2]::VARCHAR)),
            if(l.n_null[3] = 0 OR t.run_type = 'dpo' AND l.n_null[3] = l.n_rows, NULL, 'total_tokens in ' || if(l.n_null[3] = l.n_rows, 'all', l.n_null[3]::VARCHAR))
        ], lambda x: x IS NOT NULL) AS missing,
        list_filter([
            if(l.train_loss <> y.train_loss, 'train_loss ' || l.train_loss || ' and ' || y.train_loss, NULL),
            if(l.learning_rate <> y.learning_rate, 'learning_rate ' || l.learning_rate || ' and ' || y.learning_rate, NULL),
            if(l.total_tokens <> y.total_tokens, 'total_tokens ' || l.total_tokens || ' and ' || y.total_tokens, NULL)
        ], lambda x: x IS NOT NULL) AS differing
    FROM wandb_key AS k
    JOIN wandb_rule AS t USING (run)
    LEFT JOIN wandb_run AS r USING (run)
    LEFT JOIN logged AS l USING (run)
    LEFT JOIN version AS v USING (run)
    LEFT JOIN without_step AS w USING (run)
    LEFT JOIN hole AS h USING (run)
    LEFT JOIN state AS s ON s.project = k.project AND s.run_id = k.run_id
    LEFT JOIN summary AS y USING (run)
),
expected AS (
    SELECT
        *,
        CASE
            WHEN n_rows = 0 THEN 0
            WHEN step_interval IS NULL THEN n_steps
            ELSE greatest(n_steps, (greatest(expected_last_step, last_step) - grid_start) // step_interval + 1)
        END AS n_expected_steps
    FROM counted
),
said AS (
    SELECT
        *,
        list_filter([
            if(has_run, NULL, 'the run itself is in no file'),
            if(n_rows > 0, NULL, 'no history: ' || if(expected_last_step IS NULL, 'none was exported and no step is known', 'it should reach step ' || expected_last_step)),
            if(n_rows > 0 AND n_expected_steps > n_steps, (n_expected_steps - n_steps) || ' of ' || n_expected_steps || ' steps are missing', NULL),
            if(first_step > grid_start, 'it starts at step ' || first_step, NULL),
            if(expected_last_step > last_step, 'it ends at step ' || last_step || ' of ' || expected_last_step, NULL),
            if(holes IS NOT NULL, 'holes from step ' || array_to_string(holes[:5], ', ') || if(len(holes) > 5, ' and ' || (len(holes) - 5) || ' more', ''), NULL),
            if(missing <> [], 'missing in rows: ' || array_to_string(missing, ', '), NULL),
            if(differing <> [], 'last logged and summary differ: ' || array_to_string(differing, ', '), NULL),
            if(n_without_step > 0, n_without_step || ' rows without a step', NULL)
        ], lambda x: x IS NOT NULL) AS words,
        list_filter([
            if(n_token_resets > 0, 'the run was resumed: total_tokens starts anew, times: ' || n_token_resets, NULL),
            if(n_superseded > 0, 'rows that were exported again with other values: ' || n_superseded, NULL)
        ], lambda x: x IS NOT NULL) AS notes
    FROM expected
)
SELECT
    project,
    run_id,
    run_type,
    n_rows,
    n_repeats,
    n_superseded,
    n_without_step,
    first_step,
    last_step,
    expected_last_step,
    step_interval,
    n_expected_steps,
    n_expected_steps - coalesce(n_steps, 0) AS n_missing_steps,
    nullif(array_to_string(missing, ', '), '') AS missing_metrics,
    nullif(array_to_string(differing, ', '), '') AS summary_differences,
    n_token_resets,
    words = [] AS is_complete,
    nullif(array_to_string(words || notes, '; '), '') AS gaps
FROM said
ORDER BY run
