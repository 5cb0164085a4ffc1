SELECT
    r.project, r.run_id, r.run_type, r.method, r.state, r.ckpt_recipe, r.ckpt_params, r.ckpt_steps, r.lr, r.ft_tokens, r.created_at,
    c.final_train_loss, g.n_rows, g.first_step, g.last_step, g.expected_last_step, g.n_missing_steps, g.n_token_resets, g.is_complete, g.gaps
FROM runs AS r
LEFT JOIN run_gaps AS g USING (project, run_id)
LEFT JOIN run_curves AS c USING (project, run_id)
ORDER BY r.created_at DESC NULLS LAST, r.project, r.run_id
LIMIT {{rows}}
