-- table: run_evals
-- summary: Evaluations that the runs carry: their own after fine-tuning (ft), and those of their checkpoint (pt), one row per run, stage, task and metric.
-- grain: project, run_id, stage, task, metric
-- order: 63
-- source: wandb
-- W&B's summary holds oe_eval_metrics/<task> (an object) and
-- oe_eval_metrics/<task>/<metric> (a number) side by side; the configuration
-- holds pretrain_eval_<task>_<metric> and pretrain_eval/<set>-validation/Perplexity.
WITH summary_item AS (
    SELECT run, key[17:] AS name, value, starts_with(value, '{') AS is_object
    FROM (SELECT run, unnest(json_items(summary), recursive := true) FROM wandb_run)
    WHERE starts_with(key, 'oe_eval_metrics/')
),
object AS (SELECT run, name AS task, value FROM summary_item WHERE is_object),
task_config AS (
    SELECT run, 'ft' AS stage, task, try_cast(c[1] AS BIGINT) AS num_shots, c[2] AS primary_metric_name, try_cast(c[3] AS BIGINT) AS num_instances, c[4] AS task_alias
    FROM (
        SELECT run, task,
            json_extract_string(value, ['$.task_config.num_shots', '$.task_config.primary_metric', '$.num_instances', '$.task_config.metadata.alias']) AS c
        FROM object
    )
),
from_object AS (
    SELECT run, task, key AS metric, value
    FROM (SELECT run, task, unnest(json_items(value), recursive := true) FROM object)
    WHERE key NOT IN ('extra_metrics', 'task_config', 'num_instances')
    UNION ALL
    SELECT run, task, key, value
    FROM (SELECT run, task, unnest(json_items(value -> 'extra_metrics'), recursive := true) FROM object)
),
number_name AS (
    SELECT name, regexp_extract(name, '^(.*?)(?:/([^/]*))?$', ['task', 'metric']) AS n
    FROM (SELECT DISTINCT name FROM summary_item WHERE NOT is_object)
),
from_number AS (SELECT run, n, value FROM summary_item JOIN number_name USING (name) WHERE NOT is_object),
config_item AS (
    SELECT run, key, value
    FROM (SELECT run, unnest(json_items(config), recursive := true) FROM wandb_run)
    WHERE starts_with(key, 'pretrain_eval')
),
-- Tasks and metrics both hold _: the longest task that is known wins.
known_task AS (
    SELECT task FROM facts_tasks
    UNION
    SELECT unnest(['mmlu', 'mmlu_average', 'olmes_10_macro_avg'])
),
config_name AS (
    SELECT key, arg_max(task, length(task)) AS task
    FROM (SELECT DISTINCT key FROM config_item)
    LEFT JOIN known_task ON starts_with(key, 'pretrain_eval_' || task || '_')
    GROUP BY key
),
from_config AS (
    SELECT
        run,
        CASE
            WHEN task IS NOT NULL THEN task
            WHEN suffix(key, '-validation/Perplexity') THEN regexp_extract(key, '^pretrain_eval/(.*)-validation', 1)
            ELSE regexp_replace(key, '^pretrain_eval.', '')
        END AS task,
        CASE
            WHEN task IS NOT NULL THEN key[16 + length(task):]
            WHEN suffix(key, '-validation/Perplexity') THEN 'valppl'
            ELSE 'value'
        END AS metric,
        value
    FROM config_item
    JOIN config_name USING (key)
),
value_of AS (
    SELECT run, 'ft' AS stage, task, metric, value, 1 AS rank FROM from_object
    UNION ALL
    SELECT run, 'ft', n.task, coalesce(nullif(n.metric, ''), 'primary_metric'), value, 2 FROM from_number
    UNION ALL
    SELECT run, 'pt', task, metric, value, 1 FROM from_config
),
number AS (
    SELECT run, stage, task, if(metric = 'primary_score', 'primary_metric', metric) AS metric, try_cast(value AS DOUBLE) AS value, rank
    FROM value_of
),
task_row AS (
    SELECT run, stage, task, metric, arg_min(value, rank) AS value, nullif(arg_max(value, rank), arg_min(value, rank)) AS other_value
    FROM number
    WHERE value IS NOT NULL
    GROUP BY ALL
)
SELECT
    k.project,
    k.run_id,
    v.stage,
    v.task,
    v.metric,
    v.value,
    v.other_value IS NOT NULL AS is_conflicting,
    v.other_value,
    c.num_shots,
    c.primary_metric_name,
    c.num_instances,
    c.task_alias
FROM task_row AS v
JOIN wandb_key AS k USING (run)
LEFT JOIN task_config AS c USING (run, stage, task)
ORDER BY v.run, v.stage, v.task, v.metric
