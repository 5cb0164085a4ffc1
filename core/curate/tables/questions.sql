-- table: questions
-- summary: When a run learns and forgets a question, one row per run, task and question.
-- grain: recipe, params, seed, task, doc_id
-- order: 77
-- source: instances
-- made by: view
-- rows: uncounted
-- Only steps with a result count, in their order: a missing checkpoint joins its
-- neighbours. A question is learnt at the step from which on it is always right.
WITH followed AS (
    SELECT
        recipe,
        params,
        seed,
        task,
        doc_id,
        step,
        is_right,
        lag(is_right) OVER (PARTITION BY recipe, params, seed, task, doc_id ORDER BY step) AS was_right
    FROM main.question_results
    WHERE is_right IS NOT NULL
)
SELECT
    recipe,
    params,
    seed,
    task,
    doc_id,
    count(*) AS n_checkpoints,
    max(step) AS last_step,
    arg_max(is_right, step) AS is_learnt,
    CASE WHEN is_learnt THEN max(step) FILTER (WHERE is_right AND was_right IS NOT true) END AS learnt_step,
    min(step) FILTER (WHERE is_right) AS first_correct_step,
    count(*) FILTER (WHERE was_right AND NOT is_right) AS n_forgotten,
    avg(is_right::INTEGER) AS share_right
FROM followed
GROUP BY ALL
