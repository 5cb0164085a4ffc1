-- table: instance_task_metrics
-- summary: Aggregates of evaluation instances, one row per checkpoint, task and metric: as the task's own file says, and as the instances imply.
-- grain: recipe, params, seed, step, task, metric
-- order: 71
-- source: instances
SELECT p.recipe, p.params, p.seed, p.step, m.task, m.metric, m.value, m.derived_value, m.is_primary, t.n_instances
FROM instance_metric_rows AS m
JOIN instance_part AS p ON p._file = m._file AND p.is_newest
JOIN instance_task_rows AS t ON t._file = m._file AND t.task = m.task
