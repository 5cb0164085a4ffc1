-- table: instance_checkpoints
-- summary: The checkpoints with evaluation instances, one row each: how much there is of them, and the archive it came from.
-- grain: recipe, params, seed, step
-- order: 70
-- source: instances
-- reads: model_sizes
-- A checkpoint that lies in two archives counts once: the part that came in last.
SELECT
    p.recipe,
    p.params,
    p.seed,
    p.step,
    p.step * m.tokens_per_step::DOUBLE AS tokens,
    6 * m.params_exact * (p.step * m.tokens_per_step::DOUBLE) AS compute,
    p.n_tasks,
    p.n_instances,
    p.n_choices,
    p._file AS file_id,
    p.path
FROM instance_part AS p
JOIN lake.main.model_sizes AS m USING (params)
WHERE p.is_newest
