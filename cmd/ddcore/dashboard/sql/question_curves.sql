SELECT recipe, doc_id, step, n_seeds, accuracy, logits_per_char_corr
FROM question_curves
WHERE params = {{params}} AND task = {{task}} AND doc_id BETWEEN {{first}} AND {{last}}
ORDER BY doc_id, recipe, step
