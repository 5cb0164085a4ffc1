SELECT
    doc_id, count(*) AS n_runs, count(DISTINCT recipe) AS n_recipes, avg(is_learnt::INT) AS share_learnt,
    avg(share_right) AS share_right, median(learnt_step) AS learnt_step, avg(n_forgotten) AS n_forgotten
FROM questions WHERE params = {{params}} AND task = {{task}}
GROUP BY doc_id ORDER BY doc_id LIMIT {{rows}}
