-- Fine-tuning runs, with what is known of each before it starts. What is
-- measured at its end (state, run time, tokens in the summary) is left out.
SELECT
    t.project,
    t.run_id,
    t.run_type,
    t.method,
    t.exp_name,
    t.ckpt_recipe,
    t.ckpt_params,
    t.ckpt_steps,
    t.ckpt_seed,
    t.lr,
    t.n_epochs,
    t.ft_seed,
    t.tokens_per_epoch,
    t.ft_tokens,
    t.comparison_recipe,
    t.comparison_params,
    t.comparison_metric,
    t.ft_lr,
    t.dpo_beta,
    t.dpo_loss_type,
    t.reduce_loss,
    t.max_train_samples,
    p.matched_group_name,
    p.* LIKE 'pt_%',
    r.* EXCLUDE (recipe),
    m.* EXCLUDE (params),
    coalesce(g.expected_last_step, g.last_step)::DOUBLE AS _length,
    NULL::DOUBLE AS _tokens_per_step,
    NULL::DOUBLE AS _parameters,
    0 AS _rank
FROM lake.main.runs AS t
LEFT JOIN lake.main.matched_runs AS p USING (project, run_id)
LEFT JOIN lake.main.run_gaps AS g USING (project, run_id)
LEFT JOIN lake.main.recipes AS r ON r.recipe = t.ckpt_recipe
LEFT JOIN lake.main.model_sizes AS m ON m.params = t.ckpt_params
