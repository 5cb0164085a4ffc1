-- table: macro_avg
-- summary: Averages over tasks as published by allenai: 9 OLMES tasks, mmlu, and olmes_10_macro_avg.
-- grain: params, recipe, seed, step, task
-- order: 30
-- made by: macro
SELECT params, recipe, seed, step::BIGINT AS step, tokens, compute, task
FROM macro_key
ORDER BY id
