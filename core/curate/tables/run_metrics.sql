-- table: run_metrics
-- summary: What the runs logged beside loss, learning rate and tokens, one row per run, step and metric.
-- grain: project, run_id, step, occurrence, metric
-- order: 62
-- source: wandb
SELECT
    k.project,
    k.run_id,
    m.step,
    m.occurrence,
    m.key AS metric,
    try_cast(m.value AS DOUBLE) AS value,
    if(try_cast(m.value AS DOUBLE) IS NULL, m.value, NULL) AS text
FROM (
    SELECT run, step, occurrence, unnest(json_items(metrics), recursive := true)
    FROM wandb_entry
    WHERE metrics IS NOT NULL
) AS m
JOIN wandb_key AS k USING (run)
ORDER BY m.run, m.step, m.occurrence, m.key
