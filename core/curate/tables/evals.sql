-- table: evals
-- summary: Task results, one row per checkpoint and task with 28 typed metrics; mmlu_average and olmes_10_macro_avg are tasks of ours.
-- grain: params, recipe, seed, step, task
-- order: 10
-- made by: matrix
-- The id columns of a checkpoint; the metrics come from the parsed dictionaries.
SELECT params, recipe, seed, step::BIGINT AS step, tokens, compute
FROM checkpoint
ORDER BY id
