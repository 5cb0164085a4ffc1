-- Pretraining runs, with what is known of each before it starts. Its length is
-- the published one, not that of its checkpoints: what came later must not move
-- a window.
SELECT
    i.recipe,
    i.params,
    i.seed,
    r.* EXCLUDE (recipe),
    m.* EXCLUDE (params),
    m.published_steps::DOUBLE AS _length,
    m.tokens_per_step::DOUBLE AS _tokens_per_step,
    m.params_exact::DOUBLE AS _parameters,
    m.params_exact AS _rank
FROM (SELECT DISTINCT data AS recipe, params, seed FROM lake.main.full_eval) AS i
JOIN lake.main.recipes AS r USING (recipe)
JOIN lake.main.model_sizes AS m USING (params)
