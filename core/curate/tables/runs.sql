-- table: runs
-- summary: Fine-tuning runs of W&B, one row per run: what its id and its configuration say, in one form.
-- grain: project, run_id
-- order: 60
-- source: wandb
-- The id comes first, then the configuration, then the defaults. A run that no
-- rule knows keeps what its configuration gives.
WITH field AS (
    SELECT
        r.*,
        t.run_type,
        t.rule,
        t.fields,
        json_transform(t.fields, '{"ckpt_params": "VARCHAR", "ckpt_recipe": "VARCHAR", "ckpt_seed": "VARCHAR", "ckpt_steps": "VARCHAR", "comparison_metric": "VARCHAR", "comparison_params": "VARCHAR", "comparison_recipe": "VARCHAR", "epochs": "VARCHAR", "exp_name": "VARCHAR", "ft_lr": "VARCHAR", "ft_tokens": "VARCHAR", "lr": "VARCHAR", "max_train_samples": "VARCHAR", "reduce_loss": "VARCHAR", "timestamp": "VARCHAR", "tokens_per_epoch": "VARCHAR"}') AS f,
        t.run_type NOT IN ('old', 'other') AS is_known,
        contains(r.run_id, '_Ft_') AS is_full,
        json_extract_string(config, ['learning_rate', 'num_train_epochs', 'seed', 'dpo_beta', 'dpo_loss_type', 'reduce_loss', 'max_train_samples', 'model_name_or_path', 'model_revision']) AS c,
        regexp_extract(c[8], 'DataDecide-(.+)-([0-9]+[MB])(/|$)', ['recipe', 'params']) AS model,
        regexp_extract(c[9], '^(?:(main)$|step([0-9]+)(?:-seed-(.+))?)', ['main', 'step', 'seed']) AS revision,
        json_extract_string(summary, ['$._runtime', '$._wandb.runtime', '$.total_tokens']) AS s
    FROM wandb_run AS r
    JOIN wandb_rule AS t USING (run)
),
filled AS (
    SELECT
        *,
        coalesce(f.ckpt_recipe, nullif(model.recipe, '')) AS recipe_name,
        coalesce(f.ckpt_params, nullif(model.params, '')) AS params_name,
        coalesce(f.ckpt_steps, nullif(revision.step, ''), 'main') AS steps_name,
        coalesce(nullif(replace(revision.seed, '-', ' '), ''), 'default') AS seed_label,
        if(is_full, 2, coalesce(try_cast(f.epochs AS DOUBLE), try_cast(c[2] AS DOUBLE), if(is_known, 1, NULL))) AS epochs,
        if(is_full, 665127434, tokens_number(f.tokens_per_epoch)) AS per_epoch,
        tokens_number(f.ft_tokens) AS named_tokens
    FROM field
),
recipe_name AS (SELECT DISTINCT recipe, name FROM facts_recipe_names),
last_runtime AS (SELECT run, max(runtime) AS seconds FROM wandb_entry GROUP BY run)
SELECT
    project,
    run_id,
    entity,
    run_name,
    run_type,
    rule,
    fields AS rule_fields,
    if(run_type = 'dpo' OR c[4] IS NOT NULL, 'dpo', 'finetune') AS method,
    f.exp_name AS exp_name,
    state,
    try_strptime(f.timestamp, ['%Y_%m_%d-%H_%M_%S', '%y%m%d-%H%M%S']) AS named_at,
    wandb_time(created_at) AS created_at,
    wandb_time(metadata ->> 'startedAt') AS started_at,
    wandb_time(updated_at) AS updated_at,
    coalesce(try_cast(s[1] AS DOUBLE), try_cast(s[2] AS DOUBLE), l.seconds) AS wall_seconds,
    n.recipe AS ckpt_recipe,
    params_name AS ckpt_params,
    regexp_replace(steps_name, '^step', '') AS ckpt_steps,
    seed.seed::BIGINT AS ckpt_seed,
    coalesce(try_cast(f.lr AS DOUBLE), try_cast(c[1] AS DOUBLE)) AS lr,
    epochs AS n_epochs,
    try_cast(c[3] AS BIGINT) AS ft_seed,
    per_epoch AS tokens_per_epoch,
    coalesce(if(is_full, NULL, named_tokens), per_epoch * epochs) AS ft_tokens,
    CASE
        WHEN is_full THEN 'full fine-tune'
        WHEN named_tokens IS NOT NULL THEN 'named'
        WHEN per_epoch IS NOT NULL THEN 'per epoch x epochs'
    END AS ft_tokens_rule,
    try_cast(s[3] AS DOUBLE) AS num_finetuned_tokens_real,
    if(run_type = 'matched', coalesce(cn.recipe, 'Dolma1.7'), NULL) AS comparison_recipe,
    f.comparison_params AS comparison_params,
    CASE
        WHEN run_type <> 'matched' THEN NULL
        WHEN f.comparison_metric IS NULL THEN 'pile-valppl'
        WHEN f.comparison_metric = 'c4' THEN 'c4_en-valppl'
        WHEN suffix(f.comparison_metric, '-valppl') THEN f.comparison_metric
        ELSE f.comparison_metric || '-valppl'
    END AS comparison_metric,
    try_cast(f.ft_lr AS DOUBLE) AS ft_lr,
    try_cast(c[4] AS DOUBLE) AS dpo_beta,
    c[5] AS dpo_loss_type,
    coalesce(f.reduce_loss, c[6]) AS reduce_loss,
    coalesce(try_cast(f.max_train_samples AS BIGINT), try_cast(c[7] AS BIGINT)) AS max_train_samples,
    exports,
    n_copies,
    n_differences > 0 AS is_conflicting,
    n_differences,
    differences
FROM filled
LEFT JOIN recipe_name AS n ON n.name = recipe_name
LEFT JOIN recipe_name AS cn ON cn.name = f.comparison_recipe
-- Ids hold the seed's number, as in full_eval; a revision holds its label.
LEFT JOIN facts_seeds AS seed ON seed.seed = f.ckpt_seed OR (f.ckpt_seed IS NULL AND seed.seed_label = filled.seed_label)
LEFT JOIN last_runtime AS l USING (run)
ORDER BY run
