-- table: question_results
-- summary: Whether a checkpoint answers a question rightly, one row per checkpoint, task and question: instances, by the task's primary metric.
-- grain: recipe, params, seed, step, task, doc_id
-- order: 75
-- source: instances
-- made by: view
-- rows: uncounted
-- A question of a checkpoint without that metric stays, as a null: neither right nor wrong.
SELECT
    i.recipe,
    i.params,
    i.seed,
    i.step,
    i.task,
    i.doc_id,
    CASE t.primary_metric_name
        WHEN 'acc_raw' THEN i.acc_raw
        WHEN 'acc_uncond' THEN i.acc_uncond
        WHEN 'acc_per_char' THEN i.acc_per_char
    END AS primary_metric,
    primary_metric = 1 AS is_right,
    i.logits_per_char_corr
FROM main.instances AS i
JOIN main.tasks AS t ON t.task = i.task
