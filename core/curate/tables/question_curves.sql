-- table: question_curves
-- summary: Accuracy per question over training, one row per recipe, size, task, question and step: means over the seeds that have a result there.
-- grain: recipe, params, task, doc_id, step
-- order: 76
-- source: instances
-- made by: view
-- rows: uncounted
SELECT
    recipe,
    params,
    task,
    doc_id,
    step,
    count(primary_metric) AS n_seeds,
    avg(primary_metric) AS accuracy,
    favg(logits_per_char_corr) AS logits_per_char_corr
FROM main.question_results
GROUP BY ALL
