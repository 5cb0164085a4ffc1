-- table: question_orders
-- summary: Which questions order recipes as their whole task does, one row per size, task, step and question at which the task tells two recipes or more apart.
-- grain: params, task, step, doc_id
-- order: 79
-- source: instances
-- made by: view
-- rows: uncounted
-- Of every two recipes the one with the higher accuracy over all questions is the
-- better one; recipes that are equal there make no pair. All is a mean over seeds.
-- The orders are Somers' D (1962) of the question on the task.
WITH score AS (
    SELECT m.recipe, m.params, m.task, m.step, round(list_avg(list_sort(list(m.derived_value))), 12) AS score
    FROM main.instance_task_metrics AS m
    JOIN main.tasks AS t ON t.task = m.task AND t.primary_metric_name = m.metric
    WHERE m.derived_value IS NOT NULL
    GROUP BY ALL
),
question AS (
    SELECT
        q.params,
        q.task,
        q.step,
        q.doc_id,
        list({score: s.score, accuracy: q.accuracy, logits: q.logits_per_char_corr}) AS recipes
    FROM main.question_curves AS q
    JOIN score AS s ON s.recipe = q.recipe AND s.params = q.params AND s.task = q.task AND s.step = q.step
    WHERE q.n_seeds > 0
    GROUP BY ALL
),
recipe AS (
    SELECT *, unnest(recipes) AS better
    FROM question
),
pair AS (
    SELECT params, task, step, doc_id, len(recipes) AS n_recipes, better, unnest(recipes) AS worse
    FROM recipe
)
SELECT
    params,
    task,
    step,
    doc_id,
    n_recipes,
    count(*) AS n_pairs,
    count(*) FILTER (WHERE better.accuracy > worse.accuracy) AS n_agree,
    count(*) FILTER (WHERE better.accuracy < worse.accuracy) AS n_oppose,
    n_pairs - n_agree - n_oppose AS n_tied,
    (n_agree - n_oppose) / n_pairs AS accuracy_order,
    avg(sign(better.logits - worse.logits)) AS logits_order
FROM pair
WHERE better.score > worse.score
GROUP BY ALL
