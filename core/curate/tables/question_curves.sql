-- table: question_curves
-- summary: Accuracy per question over training, one row per recipe, size, task, question and step: means over the seeds that have a result there.
-- grain: recipe, params, task, doc_id, step
-- order: 76
-- source: instances
-- made by: view
-- rows: uncounted
-- Numbers are added in their order: a sum in the order of threads has other last bits each time.
SELECT
    recipe,
    params,
    task,
    doc_id,
    step,
    count(primary_metric) AS n_seeds,
    avg(primary_metric) AS accuracy,
    list_avg(list_sort(list(logits_per_char_corr))) AS logits_per_char_corr
FROM main.question_results
GROUP BY ALL
