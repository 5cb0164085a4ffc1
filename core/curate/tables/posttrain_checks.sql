-- table: posttrain_checks
-- summary: What of the OLMES dumps was checked, one row per model, task, check and metric: aggregates derived again from the questions, files that are missing, copies that differ.
-- grain: model_run, model_hash, task_name, check_name, metric
-- order: 85
-- source: olmes
-- Means are equal to 1e-9: the order of summing is not known.
WITH instance_value AS (
    SELECT model_run, model_hash, task_name, key AS metric, try_cast(CASE value WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE value END AS DOUBLE) AS value
    FROM (SELECT model_run, model_hash, task_name, unnest(json_items(metrics), recursive := true) FROM olmes_instance WHERE metrics IS NOT NULL)
),
mean AS (
    SELECT model_run, model_hash, task_name, metric, fsum(value) / count(value) AS derived_value, count(value) AS n_instances
    FROM instance_value
    WHERE value IS NOT NULL
    GROUP BY ALL
),
result AS (SELECT * FROM lake.main.posttrain_results WHERE value IS NOT NULL),
questions AS (SELECT model_run, model_hash, task_name, count(*) AS n, count(*) FILTER (n_differences > 0) AS n_differing FROM olmes_instance GROUP BY ALL),
derived AS (
    SELECT r.model_run, r.model_hash, r.task_name, 'mean' AS check_name, r.metric, r.value, m.derived_value, m.n_instances
    FROM result AS r
    JOIN questions USING (model_run, model_hash, task_name)
    LEFT JOIN mean AS m ON m.model_run = r.model_run AND m.model_hash = r.model_hash AND m.task_name = r.task_name
        AND m.metric = if(r.metric = 'primary_score', r.primary_metric_name, r.metric)
),
macro AS (
    SELECT r.model_run, r.model_hash, r.task_name, 'macro average' AS check_name, r.metric, r.value, if(p.n = p.expected, p.score, NULL) AS derived_value, NULL::BIGINT AS n_instances
    FROM result AS r
    JOIN (
        SELECT a.model_run, a.model_hash, a.task_name, any_value(try_cast(a.task_config ->> '$.metadata.num_tasks' AS BIGINT)) AS expected, fsum(t.primary_score) / count(t.primary_score) AS score, count(t.primary_score) AS n
        FROM olmes_record AS a
        LEFT JOIN (SELECT DISTINCT model_run, model_hash, task_name, primary_score FROM lake.main.posttrain_results WHERE NOT is_aggregate) AS t USING (model_run, model_hash)
        WHERE a.is_aggregate
        GROUP BY ALL
    ) AS p USING (model_run, model_hash, task_name)
    WHERE r.metric IN ('primary_score', 'primary_score_macro')
),
compared AS (
    SELECT
        *,
        if(derived_value IS NULL, NULL, value = derived_value OR abs(value - derived_value) <= 1e-9 * greatest(1, abs(value))) AS is_ok,
        CASE
            WHEN derived_value IS NOT NULL THEN NULL
            WHEN check_name = 'mean' THEN 'no question has this metric as a number'
            ELSE 'the model has more or fewer tasks than the aggregate: which ones are its is not said'
        END AS unknown
    FROM (FROM derived UNION ALL FROM macro)
),
counted AS (
    SELECT r.model_run, r.model_hash, r.task_name, 'questions' AS check_name, '' AS metric, r.num_instances::DOUBLE AS value, q.n::DOUBLE AS derived_value, q.n AS n_instances,
        if(r.num_instances IS NULL, NULL, r.num_instances = q.n) AS is_ok
    FROM olmes_record AS r
    JOIN questions AS q USING (model_run, model_hash, task_name)
),
answer AS (
    SELECT i.model_run, i.model_hash, i.task_name, count(*) AS n, count(*) FILTER (i.sum_logits_corr IS DISTINCT FROM c.sum_logits) AS n_off
    FROM lake.main.posttrain_instances AS i
    LEFT JOIN lake.main.posttrain_choices AS c ON c.model_run = i.model_run AND c.model_hash = i.model_hash AND c.task_name = i.task_name AND c.doc_id = i.doc_id AND c.choice = coalesce(i.correct_choice, i.label)
    WHERE i.sum_logits_corr IS NOT NULL
    GROUP BY ALL
),
held AS (
    SELECT model_run, model_hash, task_name, kind FROM olmes_newest GROUP BY ALL
),
held_kinds AS (
    SELECT model_run, model_hash, task_name, list(kind) AS kinds FROM held GROUP BY ALL
),
all_checks AS (
    SELECT model_run, model_hash, task_name, check_name, metric, value, derived_value, n_instances, is_ok,
        if(is_ok, NULL, coalesce(unknown, 'the ' || if(check_name = 'mean', 'questions', 'tasks') || ' give ' || derived_value || ', the record says ' || value)) AS reason
    FROM compared
    UNION ALL
    SELECT model_run, model_hash, task_name, check_name, metric, value, derived_value, n_instances, is_ok,
        CASE WHEN is_ok IS NULL THEN 'the record does not say how many' WHEN NOT is_ok THEN 'the dump holds ' || n_instances || ' questions, the record says ' || value::BIGINT END
    FROM counted
    UNION ALL
    SELECT model_run, model_hash, task_name, 'answers', '', n::DOUBLE, (n - n_off)::DOUBLE, n, n_off = 0,
        if(n_off = 0, NULL, n_off || ' questions have another sum_logits_corr than their correct choice')
    FROM answer
    UNION ALL
    SELECT model_run, model_hash, task_name, 'files', '', NULL, NULL, NULL, len(missing) = 0,
        if(len(missing) = 0, NULL, 'no dump holds ' || array_to_string(missing, ', ') || ' of this task')
    FROM (
        SELECT k.model_run, k.model_hash, k.task_name,
            list_filter(['record', 'prediction', 'input', 'request'], lambda x: NOT list_contains(kinds, x) AND NOT (coalesce(is_aggregate, false) AND x <> 'record'))
                .list_transform(lambda x: CASE x WHEN 'record' THEN 'a line of metrics' WHEN 'input' THEN 'recorded inputs' ELSE x || 's' END) AS missing
        FROM held_kinds AS k
        LEFT JOIN olmes_record AS r USING (model_run, model_hash, task_name)
    )
    UNION ALL
    SELECT model_run, model_hash, task_name, 'copies', '', n_differences::DOUBLE, NULL, NULL, n_differences = 0,
        if(n_differences = 0, NULL, 'older copies differ in ' || differences)
    FROM olmes_record
    WHERE n_copies > 1 OR n_differences > 0
    UNION ALL
    SELECT model_run, model_hash, task_name, 'copies of questions', '', n_differing::DOUBLE, NULL, n, false, n_differing || ' questions differ in older copies'
    FROM questions
    WHERE n_differing > 0
)
SELECT * FROM all_checks
ORDER BY model_run, model_hash, task_name, check_name, metric
