-- table: posttrain_models
-- summary: Models that OLMES dumps evaluate, one row per folder and model configuration, with the checkpoint or the run that they are.
-- grain: model_run, model_hash
-- order: 80
-- source: olmes
-- reads: evals
-- A name that leads nowhere stops nothing: pt_match and run_match say why. 'main'
-- is the last step that evals has, as in matched_runs.
WITH model AS (
    SELECT
        model_run,
        model_hash,
        any_value(model_config ->> 'model' ORDER BY evaluated_at DESC NULLS LAST) AS model,
        coalesce(any_value(model_config ->> 'revision' ORDER BY evaluated_at DESC NULLS LAST), nullif(regexp_extract(model_run, '__([^/]+)$', 1), '')) AS revision,
        any_value(model_config ->> 'model_path' ORDER BY evaluated_at DESC NULLS LAST) AS model_path,
        max(evaluated_at) AS evaluated_at,
        count(*) AS n_tasks
    FROM olmes_record
    GROUP BY model_run, model_hash
),
name AS (
    SELECT model_run, model_hash, name, min(rank) AS rank
    FROM (
        SELECT model_run, model_hash, unnest([model_run, regexp_replace(model_run, '__[^/]*$', ''), regexp_extract(model, '([^/]+)/*$', 1), regexp_extract(model_path, '([^/]+)/*$', 1)]) AS name, unnest([3, 4, 1, 2]) AS rank
        FROM model
    )
    WHERE name <> ''
    GROUP BY ALL
),
run AS (
    SELECT n.model_run, n.model_hash, count(DISTINCT (r.project, r.run_id)) AS n, any_value(r.project) AS project, any_value(r.run_id) AS run_id
    FROM name AS n
    JOIN lake.main.runs AS r ON r.run_id = n.name OR r.run_name = n.name
    GROUP BY ALL
),
checkpoint_name AS (
    SELECT model_run, model_hash, any_value(c ORDER BY rank) AS c
    FROM (SELECT *, regexp_extract(name, 'DataDecide-(.+)-([0-9]+[MB])(?:__.*)?$', ['recipe', 'params']) AS c FROM name)
    WHERE c.params <> ''
    GROUP BY ALL
),
recipe_name AS (SELECT DISTINCT recipe, name FROM facts_recipe_names),
known AS (
    SELECT
        m.*,
        c.c AS named,
        regexp_extract(coalesce(m.revision, 'main'), '^(?:(main)$|step([0-9]+)(?:-seed-(.+))?$)', ['main', 'step', 'seed']) AS rev,
        r.n AS n_runs,
        r.project,
        r.run_id,
        f.ckpt_recipe,
        f.ckpt_params,
        f.ckpt_steps,
        f.ckpt_seed
    FROM model AS m
    LEFT JOIN checkpoint_name AS c USING (model_run, model_hash)
    LEFT JOIN run AS r ON r.model_run = m.model_run AND r.model_hash = m.model_hash
    LEFT JOIN lake.main.runs AS f ON r.n = 1 AND f.project = r.project AND f.run_id = r.run_id
),
identified AS (
    SELECT
        k.*,
        CASE WHEN n_runs = 1 THEN 'ft' WHEN named IS NOT NULL THEN 'pt' END AS stage,
        if(n_runs = 1, ckpt_recipe, n.recipe) AS recipe,
        if(n_runs = 1, ckpt_params, z.params) AS params,
        if(n_runs = 1, ckpt_seed, s.seed::BIGINT) AS seed,
        if(n_runs = 1, ckpt_steps, coalesce(nullif(rev.main, ''), nullif(rev.step, ''))) AS steps
    FROM known AS k
    LEFT JOIN recipe_name AS n ON n.name = named.recipe
    LEFT JOIN facts_model_sizes AS z ON z.params = named.params
    LEFT JOIN facts_seed_names AS s ON s.seed_label = coalesce(nullif(replace(rev.seed, '-', ' '), ''), 'default')
),
eval_step AS (SELECT DISTINCT recipe, params, seed, step FROM lake.main.evals SEMI JOIN identified USING (recipe, params, seed)),
last_step AS (
    SELECT e.recipe, e.params, e.seed, max(e.step) AS step, max(e.step) >= 0.95 * any_value(m.total_steps) AS is_final
    FROM eval_step AS e
    JOIN lake.main.model_sizes AS m USING (params)
    GROUP BY ALL
),
stepped AS (
    SELECT i.*, l.step AS last_step, if(steps = 'main', if(l.is_final, l.step, NULL), try_cast(steps AS BIGINT)) AS step
    FROM identified AS i
    LEFT JOIN last_step AS l ON l.recipe = i.recipe AND l.params = i.params AND l.seed = i.seed
)
SELECT
    s.model_run,
    s.model_hash,
    s.model,
    s.revision,
    s.stage,
    if(s.n_runs = 1, s.project, NULL) AS project,
    if(s.n_runs = 1, s.run_id, NULL) AS run_id,
    CASE
        WHEN s.n_runs = 1 THEN 'exact'
        WHEN s.n_runs > 1 THEN s.n_runs || ' W&B runs have its name'
        WHEN s.named IS NOT NULL THEN 'no W&B run has its name: it is a pretraining checkpoint'
        ELSE 'no W&B run has its name'
    END AS run_match,
    s.recipe,
    s.params,
    s.seed,
    s.steps AS ckpt_steps,
    s.step,
    CASE
        WHEN s.stage IS NULL THEN 'its name is that of no checkpoint and no run'
        WHEN s.stage = 'pt' AND s.recipe IS NULL THEN 'the recipe ' || s.named.recipe || ' is unknown'
        WHEN s.stage = 'pt' AND s.params IS NULL THEN 'the size ' || s.named.params || ' is unknown'
        WHEN s.recipe IS NULL OR s.params IS NULL THEN 'the run names no checkpoint'
        WHEN s.steps IS NULL THEN 'the revision ' || s.revision || ' names no step'
        WHEN s.seed IS NULL THEN 'the seed of the checkpoint is unknown'
        WHEN s.last_step IS NULL THEN 'no such run in evals'
        WHEN e.step IS NOT NULL THEN 'exact'
        WHEN s.steps = 'main' THEN 'evals ends at step ' || s.last_step || ', before the final one'
        ELSE 'no such step in evals'
    END AS pt_match,
    s.n_tasks,
    s.evaluated_at
FROM stepped AS s
LEFT JOIN eval_step AS e ON e.recipe = s.recipe AND e.params = s.params AND e.seed = s.seed AND e.step = s.step
ORDER BY s.model_run, s.model_hash
