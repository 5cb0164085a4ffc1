-- table: full_eval
-- summary: The wide table: one row per checkpoint with perplexities, all task metrics, the recipe's features and the model's configuration; 1,939 columns as published by datadec.
-- grain: params, data, seed, step
-- types: step DOUBLE
-- order: 20
-- made by: matrix
-- The columns <task>_<metric> stand after the perplexities; the learning rates
-- are filled in by schedule.go.
SELECT
    c.params,
    c.recipe AS data,
    c.seed,
    c.step,
    c.tokens,
    c.compute,
    m.total_steps,
    m.warmup_steps,
    m.lr_max,
    m.batch_size,
    NULL::DOUBLE AS lr_at_step,
    NULL::DOUBLE AS cumulative_lr,
    p."wikitext_103-valppl",
    p."pile-valppl",
    p."m2d2_s2orc-valppl",
    p."ice-valppl",
    p."dolma_wiki-valppl",
    p."dolma_stack-valppl",
    p."dolma_reddit-valppl",
    p."dolma_pes2o-valppl",
    p."dolma_common-crawl-valppl",
    p."dolma_books-valppl",
    p."c4_en-valppl",
    r.* EXCLUDE (recipe, family),
    m.* EXCLUDE (params, params_exact, published_steps, tokens_per_step, total_steps, warmup_steps, lr_max, batch_size)
FROM checkpoint AS c
JOIN lake.main.recipes AS r USING (recipe)
JOIN lake.main.model_sizes AS m USING (params)
LEFT JOIN lake.main.perplexity AS p ON p.params = c.params AND p.recipe = c.recipe AND p.seed = c.seed AND p.step = c.step
ORDER BY c.id
