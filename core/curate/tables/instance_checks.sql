-- table: instance_checks
-- summary: What disagrees in the evaluation instances: one row per checkpoint, task and problem, with the number of cases and the first of them.
-- grain: recipe, params, seed, step, task, problem
-- order: 72
-- source: instances
-- reads: model_sizes
-- Problems of a checkpoint as a whole have the task ''. Published runs end up to
-- ten steps behind the schedule of their size (perplexities of the small sizes).
SELECT p.recipe, p.params, p.seed, p.step, c.task, c.problem, c.n, c.example
FROM instance_problem_rows AS c
JOIN instance_part AS p ON p._file = c._file AND p.is_newest
UNION ALL
SELECT recipe, params, seed, step, '', 'schedule', 1, format('step {} of a run of {} steps', step, last_step)
FROM instance_part
JOIN (SELECT params, greatest(published_steps, total_steps) + 10 AS last_step FROM lake.main.model_sizes) USING (params)
WHERE is_newest AND step > last_step
UNION ALL
SELECT recipe, params, seed, step, '', 'two versions', count(DISTINCT content), format('{} and {}: the first one counts', arg_max(path, is_newest::INTEGER), arg_min(path, is_newest::INTEGER))
FROM instance_part
GROUP BY ALL
HAVING count(DISTINCT content) > 1
UNION ALL
SELECT p.recipe, p.params, p.seed, p.step, '', 'same bytes', count(*), format('{} has the bytes of {}', min(p.path), min(o.path))
FROM instance_part AS p
JOIN instance_part AS o ON o.sha256 = p.sha256 AND (o.recipe, o.params, o.seed, o.step) <> (p.recipe, p.params, p.seed, p.step) AND o.is_newest
WHERE p.is_newest
GROUP BY ALL
