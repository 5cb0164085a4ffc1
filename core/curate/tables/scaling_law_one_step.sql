-- table: scaling_law_one_step
-- summary: One-step predictions of the published scaling-law fits: size and tokens straight to the metric.
-- grain: recipe, task, metric, setup
-- order: 41
SELECT
    recipe,
    task,
    metric,
    setup,
    n_fit_params,
    has_helper_points,
    is_intermediate,
    step_2_fraction,
    held_out,
    stacked_y AS true_value,
    stacked_pred AS pred_value,
    coalesce(abs_error_stacked, abs(stacked_pred - stacked_y)) AS abs_error,
    rel_error_stacked AS rel_error,
    decision_acc AS decision_accuracy
FROM fit_rows
WHERE one_step
ORDER BY ALL
