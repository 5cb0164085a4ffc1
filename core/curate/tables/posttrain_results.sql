-- table: posttrain_results
-- summary: Results of OLMES dumps, one row per model, task and metric, with the task's configuration, the checkpoint or run that the model is, and all folders that hold the record.
-- grain: model_run, model_hash, task_name, metric
-- order: 81
-- source: olmes
-- The newest dump has a record that several have. Members of extra_metrics stand
-- beside the others, as in run_evals.
WITH item AS (
    SELECT _file, _row, unnest(json_items(metrics), recursive := true) FROM olmes_record
),
metric AS (
    SELECT _file, _row, key AS metric, value FROM item WHERE key <> 'extra_metrics' OR NOT coalesce(starts_with(value, '{'), false)
    UNION ALL
    SELECT * FROM (
        SELECT _file, _row, unnest(json_items(value), recursive := true) FROM item WHERE key = 'extra_metrics' AND starts_with(value, '{')
    ) AS extra
    WHERE NOT EXISTS (FROM item AS i WHERE i._file = extra._file AND i._row = extra._row AND i.key = extra.key)
),
number AS (
    SELECT *, try_cast(value AS DOUBLE) AS number FROM metric
),
primary_value AS (
    SELECT _file, _row, coalesce(max(number) FILTER (metric = 'primary_score'), max(number) FILTER (metric = primary_metric_name)) AS primary_score
    FROM number
    JOIN olmes_record USING (_file, _row)
    GROUP BY ALL
),
config AS (
    SELECT *, json_extract_string(task_config, ['split', 'num_shots', 'limit', 'fewshot_source', 'dataset_path', 'dataset_name', '$.metadata.alias', 'use_chat_format']) AS c
    FROM olmes_record
)
SELECT
    r.model_run,
    r.model_hash,
    m.model,
    m.revision,
    r.task_name,
    r.task,
    n.metric,
    n.number AS value,
    if(n.number IS NULL, n.value, NULL) AS text,
    r.primary_metric_name,
    p.primary_score,
    r.is_aggregate,
    r.num_instances,
    try_cast(r.c[2] AS BIGINT) AS num_shots,
    r.c[1] AS split,
    try_cast(r.c[3] AS DOUBLE) AS instance_limit,
    r.c[4] AS fewshot_source,
    r.c[5] AS dataset_path,
    r.c[6] AS dataset_name,
    try_cast(r.c[8] AS BOOLEAN) AS use_chat_format,
    r.c[7] AS task_alias,
    r.task_hash,
    r.evaluated_at,
    r.processing_seconds,
    m.stage,
    m.project,
    m.run_id,
    m.run_match,
    m.recipe,
    m.params,
    m.seed,
    m.step,
    m.pt_match,
    r.all_result_dirs,
    r.n_copies,
    r.n_differences,
    r.differences
FROM config AS r
JOIN number AS n USING (_file, _row)
JOIN primary_value AS p USING (_file, _row)
JOIN lake.main.posttrain_models AS m USING (model_run, model_hash)
ORDER BY r.model_run, r.model_hash, r.task_name, n.metric
