-- table: question_agreement
-- summary: How far seeds agree on which questions they answer rightly, one row per recipe, size, task and step at which two seeds or more have results.
-- grain: recipe, params, task, step
-- order: 78
-- source: instances
-- made by: view
-- rows: uncounted
-- Every pair of seeds is compared over the questions that both have a result for.
-- By chance, seeds with accuracies a and b agree on a b + (1 - a) (1 - b) of them.
-- kappa is Conger's (1980), which for two seeds is Cohen's (1960). Questions that
-- the same seeds answer alike are counted first, so pairs are made of few rows.
WITH question AS (
    SELECT recipe, params, task, step, doc_id, list_sort(list({seed: seed, is_right: is_right})) AS answers
    FROM main.question_results
    WHERE is_right IS NOT NULL
    GROUP BY ALL
    HAVING count(*) > 1
),
pattern AS (
    SELECT recipe, params, task, step, answers, count(*) AS n, sum(count(*)) OVER (PARTITION BY recipe, params, task, step) AS n_questions
    FROM question
    GROUP BY recipe, params, task, step, answers
),
answer AS (
    SELECT *, unnest(answers) AS a
    FROM pattern
),
two AS (
    SELECT *, unnest(answers) AS b
    FROM answer
),
pair AS (
    SELECT
        recipe,
        params,
        task,
        step,
        n_questions,
        a.seed,
        b.seed AS other_seed,
        sum(n) AS n,
        sum(if(a.is_right = b.is_right, n, 0)) AS n_agree,
        sum(if(a.is_right, n, 0)) / sum(n) AS accuracy,
        sum(if(b.is_right, n, 0)) / sum(n) AS other_accuracy
    FROM two
    WHERE a.seed != b.seed
    GROUP BY ALL
)
SELECT
    recipe,
    params,
    task,
    step,
    count(DISTINCT seed) AS n_seeds,
    count(*) // 2 AS n_pairs,
    n_questions::BIGINT AS n_questions,
    sum(n_agree) / sum(n) AS agreement,
    list_sum(list_sort(list(n * (accuracy * other_accuracy + (1 - accuracy) * (1 - other_accuracy))))) / sum(n) AS chance_agreement,
    CASE WHEN chance_agreement < 1 THEN (agreement - chance_agreement) / (1 - chance_agreement) END AS kappa
FROM pair
GROUP BY recipe, params, task, step, n_questions
