-- table: scaling_law_true
-- summary: The true losses and metrics of the 1B models that the published scaling-law fits predict.
-- grain: recipe, task, metric
-- order: 40
-- The files repeat the truth in every set-up. One-step fits give no loss, and
-- the intermediate ones put a metric in its place.
SELECT
    recipe,
    task,
    metric,
    arg_min(step_1_y, setup_rank) FILTER (NOT one_step AND NOT is_intermediate AND step_1_y IS NOT NULL) AS true_loss,
    arg_min(stacked_y, setup_rank) FILTER (stacked_y IS NOT NULL) AS true_value,
    count(DISTINCT stacked_y) AS n_values
FROM fit_rows
GROUP BY recipe, task, metric
ORDER BY ALL
