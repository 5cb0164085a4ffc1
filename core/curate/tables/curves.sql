-- table: curves
-- summary: Pretraining curves of the OLMo ladder, one row per run, checkpoint and metric, with the mean over the four categories of MMLU.
-- grain: run, tokens, metric
-- order: 81
-- source: ladder
-- Files without tokens: step x tokens per step. One run was evaluated once,
-- without a step. MMLU's mean is over categories, whatever their size, and there
-- only where all four are.
WITH category AS (
    SELECT metric, regexp_replace(metric, '/mmlu_(stem|humanities|social_sciences|other)_', '/mmlu_average_') AS average
    FROM (SELECT DISTINCT metric FROM ladder_value)
    WHERE average <> metric
),
value AS (
    SELECT run, step, tokens, metric, value FROM ladder_value
    UNION ALL
    SELECT run, step, tokens, average,
        (sum(value) FILTER (contains(metric, 'mmlu_humanities_')) + sum(value) FILTER (contains(metric, 'mmlu_other_'))
            + sum(value) FILTER (contains(metric, 'mmlu_social_sciences_')) + sum(value) FILTER (contains(metric, 'mmlu_stem_'))) / 4
    FROM ladder_value
    JOIN category USING (metric)
    GROUP BY ALL
    HAVING count(*) = 4
),
metric AS (
    SELECT
        metric,
        regexp_extract(metric, '^eval/downstream[a-z_]*/(.+)_(val|test)_(rc|mc)_[0-9]+shot_(.+)$', ['task', 'split', 'prompt_format', 'measure']) AS m,
        regexp_extract(metric, '^eval/(.+)-validation/CrossEntropyLoss$', 1) AS corpus
    FROM (SELECT DISTINCT metric FROM value)
)
SELECT
    n.run,
    r.size,
    f.params_exact::BIGINT AS params_exact,
    r.multiple,
    n.step,
    n.tokens,
    n.tokens * f.flops_per_token::DOUBLE AS compute,
    metric,
    nullif(if(corpus <> '', corpus, m.task), '') AS task,
    nullif(if(corpus <> '', 'validation', m.split), '') AS split,
    nullif(m.prompt_format, '') AS prompt_format,
    nullif(if(corpus <> '', 'loss', m.measure), '') AS measure,
    n.value
FROM value AS n
JOIN metric USING (metric)
JOIN ladder_run AS r USING (run)
LEFT JOIN facts_ladder_models AS f USING (size)
ORDER BY n.run, n.tokens, metric
