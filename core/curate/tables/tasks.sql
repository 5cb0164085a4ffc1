-- table: tasks
-- summary: The 66 evaluation tasks with their suite and primary metric.
-- grain: task
-- order: 3
SELECT task, suite, primary_metric AS primary_metric_name, n_choices::BIGINT AS n_choices
FROM facts_tasks
ORDER BY task
