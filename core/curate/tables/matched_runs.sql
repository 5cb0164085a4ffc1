-- table: matched_runs
-- summary: One row per fine-tuning run of a known type: its checkpoint, what it was trained with, its results (ft), and the pretraining results at exactly its checkpoint (pt); matched runs with their group.
-- grain: project, run_id
-- order: 66
-- source: wandb
-- reads: evals
-- A checkpoint 'main' is the last one that evals has, where that lies within the
-- last twentieth of the schedule: a lake of early checkpoints does not hold the
-- final one. Perplexity is that of the same step, and of its own last one only where
-- it lacks that. (Of 4M it has a later step, from which the runs did not start.)
-- pt_match and pt_valppl_match say what came of it.
WITH run AS (
    SELECT *, if(run_type = 'matched', concat_ws(' / ', comparison_params, comparison_metric, comparison_recipe), NULL) AS matched_group_name
    FROM lake.main.runs
    WHERE run_type NOT IN ('old', 'other')
),
asked AS (
    SELECT project, run_id, ckpt_recipe AS recipe, ckpt_params AS params, ckpt_seed AS seed, try_cast(ckpt_steps AS BIGINT) AS step, ckpt_steps = 'main' AS is_main
    FROM run
),
wanted AS (SELECT DISTINCT recipe, params, seed FROM asked),
eval_step AS (SELECT DISTINCT recipe, params, seed, step FROM lake.main.evals SEMI JOIN wanted USING (recipe, params, seed)),
valppl_step AS (SELECT DISTINCT recipe, params, seed, step FROM lake.main.perplexity SEMI JOIN wanted USING (recipe, params, seed)),
last_step AS (
    SELECT e.source, e.recipe, e.params, e.seed, max(e.step) AS step, max(e.step) >= 0.95 * any_value(m.total_steps) AS is_final
    FROM (SELECT 'evals' AS source, * FROM eval_step UNION ALL SELECT 'perplexity', * FROM valppl_step) AS e
    JOIN lake.main.model_sizes AS m USING (params)
    GROUP BY ALL
),
found AS (
    SELECT
        a.*,
        if(is_main, if(le.is_final, le.step, NULL), a.step) AS eval_step,
        if(is_main, coalesce(if(le.is_final, same.step, NULL), if(lp.is_final, lp.step, NULL)), a.step) AS valppl_step,
        le.step AS last_eval_step,
        lp.step AS last_valppl_step
    FROM asked AS a
    LEFT JOIN last_step AS le ON le.source = 'evals' AND le.recipe = a.recipe AND le.params = a.params AND le.seed = a.seed
    LEFT JOIN valppl_step AS same ON same.recipe = a.recipe AND same.params = a.params AND same.seed = a.seed AND same.step = le.step
    LEFT JOIN last_step AS lp ON lp.source = 'perplexity' AND lp.recipe = a.recipe AND lp.params = a.params AND lp.seed = a.seed
),
ft AS (
    SELECT
        project,
        run_id,
        max(value) FILTER (task = 'arc_challenge') AS arc_challenge,
        max(value) FILTER (task = 'arc_easy') AS arc_easy,
        max(value) FILTER (task = 'boolq') AS boolq,
        max(value) FILTER (task = 'csqa') AS csqa,
        max(value) FILTER (task = 'hellaswag') AS hellaswag,
        max(value) FILTER (task = 'openbookqa') AS openbookqa,
        max(value) FILTER (task = 'piqa') AS piqa,
        max(value) FILTER (task = 'socialiqa') AS socialiqa,
        max(value) FILTER (task = 'winogrande') AS winogrande
    FROM lake.main.run_evals
    WHERE stage = 'ft' AND metric = 'primary_metric'
    GROUP BY ALL
),
pt AS (
    SELECT
        recipe,
        params,
        seed,
        step,
        max(primary_metric) FILTER (task = 'arc_challenge') AS arc_challenge,
        max(primary_metric) FILTER (task = 'arc_easy') AS arc_easy,
        max(primary_metric) FILTER (task = 'boolq') AS boolq,
        max(primary_metric) FILTER (task = 'csqa') AS csqa,
        max(primary_metric) FILTER (task = 'hellaswag') AS hellaswag,
        max(primary_metric) FILTER (task = 'openbookqa') AS openbookqa,
        max(primary_metric) FILTER (task = 'piqa') AS piqa,
        max(primary_metric) FILTER (task = 'socialiqa') AS socialiqa,
        max(primary_metric) FILTER (task = 'winogrande') AS winogrande,
        max(primary_metric) FILTER (task = 'mmlu_average') AS mmlu_average
    FROM lake.main.evals
    SEMI JOIN (SELECT recipe, params, seed, eval_step AS step FROM found) AS f USING (recipe, params, seed, step)
    GROUP BY ALL
)
SELECT
    r.project,
    r.run_id,
    r.run_type,
    r.method,
    if(r.matched_group_name IS NULL, NULL, dense_rank() OVER (PARTITION BY r.matched_group_name IS NULL ORDER BY r.matched_group_name)) AS matched_group,
    r.matched_group_name,
    r.ckpt_recipe,
    r.ckpt_params,
    r.ckpt_steps,
    r.ckpt_seed,
    r.lr,
    r.ft_tokens AS ft_tok,
    r.state,
    c.final_train_loss,
    c.best_train_loss,
    f.eval_step AS pt_step,
    CASE
        WHEN pt.step IS NOT NULL THEN 'exact'
        WHEN f.recipe IS NULL OR f.params IS NULL THEN 'the run names no checkpoint'
        WHEN f.seed IS NULL THEN 'the seed of the checkpoint is unknown'
        WHEN NOT f.is_main AND f.step IS NULL THEN 'the step ' || r.ckpt_steps || ' is no number'
        WHEN f.last_eval_step IS NULL THEN 'no such run in evals'
        WHEN f.is_main THEN 'evals ends at step ' || f.last_eval_step || ', before the final one'
        ELSE 'no such step in evals'
    END AS pt_match,
    f.valppl_step AS pt_valppl_step,
    CASE
        WHEN p.step IS NOT NULL THEN 'exact'
        WHEN f.recipe IS NULL OR f.params IS NULL THEN 'the run names no checkpoint'
        WHEN f.seed IS NULL THEN 'the seed of the checkpoint is unknown'
        WHEN NOT f.is_main AND f.step IS NULL THEN 'the step ' || r.ckpt_steps || ' is no number'
        WHEN f.last_valppl_step IS NULL THEN 'no such run in perplexity'
        WHEN f.is_main THEN 'perplexity ends at step ' || f.last_valppl_step || ', before the final one'
        ELSE 'no such step in perplexity'
    END AS pt_valppl_match,
    ft.arc_challenge AS ft_arc_challenge_primary_metric,
    ft.arc_easy AS ft_arc_easy_primary_metric,
    ft.boolq AS ft_boolq_primary_metric,
    ft.csqa AS ft_csqa_primary_metric,
    ft.hellaswag AS ft_hellaswag_primary_metric,
    ft.openbookqa AS ft_openbookqa_primary_metric,
    ft.piqa AS ft_piqa_primary_metric,
    ft.socialiqa AS ft_socialiqa_primary_metric,
    ft.winogrande AS ft_winogrande_primary_metric,
    pt.arc_challenge AS pt_arc_challenge_primary_metric,
    pt.arc_easy AS pt_arc_easy_primary_metric,
    pt.boolq AS pt_boolq_primary_metric,
    pt.csqa AS pt_csqa_primary_metric,
    pt.hellaswag AS pt_hellaswag_primary_metric,
    pt.openbookqa AS pt_openbookqa_primary_metric,
    pt.piqa AS pt_piqa_primary_metric,
    pt.socialiqa AS pt_socialiqa_primary_metric,
    pt.winogrande AS pt_winogrande_primary_metric,
    pt.mmlu_average AS pt_mmlu_average_primary_metric,
    p."wikitext_103-valppl" AS "pt_wikitext_103-valppl",
    p."pile-valppl" AS "pt_pile-valppl",
    p."m2d2_s2orc-valppl" AS "pt_m2d2_s2orc-valppl",
    p."ice-valppl" AS "pt_ice-valppl",
    p."dolma_wiki-valppl" AS "pt_dolma_wiki-valppl",
    p."dolma_stack-valppl" AS "pt_dolma_stack-valppl",
    p."dolma_reddit-valppl" AS "pt_dolma_reddit-valppl",
    p."dolma_pes2o-valppl" AS "pt_dolma_pes2o-valppl",
    p."dolma_common-crawl-valppl" AS "pt_dolma_common-crawl-valppl",
    p."dolma_books-valppl" AS "pt_dolma_books-valppl",
    p."c4_en-valppl" AS "pt_c4_en-valppl"
FROM run AS r
JOIN found AS f USING (project, run_id)
LEFT JOIN ft USING (project, run_id)
LEFT JOIN lake.main.run_curves AS c USING (project, run_id)
LEFT JOIN pt ON pt.recipe = f.recipe AND pt.params = f.params AND pt.seed = f.seed AND pt.step = f.eval_step
LEFT JOIN lake.main.perplexity AS p ON p.recipe = f.recipe AND p.params = f.params AND p.seed = f.seed AND p.step = f.valppl_step
ORDER BY r.project, r.run_id
