-- table: scaling_law_two_step
-- summary: Two-step predictions of the published scaling-law fits: size and tokens to the loss, the loss to the metric.
-- grain: recipe, task, metric, setup
-- order: 42
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
    step_1_y AS true_loss_setup,
    step_1_pred AS pred_loss,
    step_2_pred AS pred_value_from_true_loss,
    stacked_y AS true_value,
    stacked_pred AS pred_value,
    coalesce(abs_error_stacked, abs(stacked_pred - stacked_y)) AS abs_error,
    rel_error_stacked AS rel_error,
    decision_acc AS decision_accuracy
FROM fit_rows
WHERE NOT one_step
ORDER BY ALL
