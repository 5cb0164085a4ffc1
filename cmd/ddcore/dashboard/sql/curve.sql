WITH value AS (
    SELECT params, recipe, seed, step, tokens, compute, {{metric}} AS value
    FROM {{table}} WHERE {{condition}} AND isfinite({{metric}})
), point AS (
    SELECT
        params, recipe, step, any_value(tokens) AS tokens, any_value(compute) AS compute,
        avg(value) AS mean, min(value) AS low, max(value) AS high, stddev_samp(value) AS sd, count(*) AS n_seeds
    FROM value GROUP BY params, recipe, step
), numbered AS (
    SELECT
        *, row_number() OVER (PARTITION BY params, recipe ORDER BY step) - 1 AS i,
        count(*) OVER (PARTITION BY params, recipe) AS n
    FROM point
)
SELECT
    recipe, family, params, params_exact AS n_params, step, tokens, compute, mean, low, high, sd, n_seeds
FROM numbered JOIN model_sizes USING (params) JOIN recipes USING (recipe)
WHERE i % ceil(n / {{points}}.0) = 0 OR i = n - 1
ORDER BY n_params, recipe, step
