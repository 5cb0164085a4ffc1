-- table: ladder_runs
-- summary: Runs of the OLMo ladder, one row per run: parameters, FLOPs, length, and whether the paper fits or predicts it.
-- grain: run
-- order: 80
-- source: ladder
-- Sizes that ddcore has no facts of keep their label, and have no parameters.
SELECT
    r.run,
    r.size,
    f.label AS model_label,
    r.multiple,
    r.is_rerun,
    list_contains(string_split(f.runs, ' '), r.run) AND f.role = 'fit' IS TRUE AS is_fitted,
    list_contains(string_split(f.runs, ' '), r.run) AND f.role = 'target' IS TRUE AS is_target,
    f.params_exact::BIGINT AS params_exact,
    f.flops_per_token::DOUBLE AS flops_per_token,
    e.tokens_per_step,
    e.peak_learning_rate,
    e.n_checkpoints,
    e.first_step,
    e.last_step,
    e.tokens,
    e.tokens * f.flops_per_token::DOUBLE AS compute
FROM ladder_run AS r
JOIN (
    SELECT
        run, max(tokens_per_step) AS tokens_per_step, max(peak_learning_rate) AS peak_learning_rate, count(*) AS n_checkpoints,
        min(step) AS first_step, max(step) AS last_step, max(tokens) AS tokens
    FROM ladder_entry
    GROUP BY run
) AS e USING (run)
LEFT JOIN facts_ladder_models AS f USING (size)
ORDER BY r.run
