-- What the tables of post-training evaluations read: the records of OLMES dumps,
-- each once. olmes_*_rows are the raw rows that are no rejects.

-- Where each file lies, and how new its folder is: by the date in the name of the
-- dump, then by the newest record in it, then by the order in which files came in.
-- A file that was named without its folder has the folder's name.
CREATE OR REPLACE TEMP TABLE olmes_place AS
WITH place AS (
    SELECT file_id AS _file, split_part(folders, ' ', 1) AS dir, nullif(regexp_extract(path, '^(.*)/[^/]*$', 1), '') AS result_dir
    FROM lake.raw.files
    WHERE source = 'olmes'
),
dated AS (
    SELECT _file, folder, dump_date, "current_date" AS made_at FROM olmes_metrics_rows
    UNION ALL SELECT DISTINCT _file, folder, dump_date, NULL FROM olmes_prediction_rows
    UNION ALL SELECT DISTINCT _file, folder, dump_date, NULL FROM olmes_input_rows
    UNION ALL SELECT DISTINCT _file, folder, dump_date, NULL FROM olmes_request_rows
),
newness AS (
    SELECT dir, min(coalesce(result_dir, folder)) AS result_dir, row_number() OVER (ORDER BY coalesce(max(dump_date), ''), coalesce(max(made_at), ''), max(_file)) AS newness
    FROM dated
    JOIN place USING (_file)
    GROUP BY dir
)
SELECT p._file, dir, n.result_dir, n.newness
FROM place AS p
JOIN newness AS n USING (dir);

-- Names of tasks in file names, where some systems allow no colon.
CREATE OR REPLACE TEMP MACRO task_file_name(t) AS regexp_replace(t, '[^A-Za-z0-9]', '_', 'g');

-- The task and the model that each folder's file names stand for.
CREATE OR REPLACE TEMP TABLE olmes_dir_task AS
SELECT dir, task_file_name(task_name) AS file_name, arg_max(task_name, _row) AS task_name, arg_max(coalesce(model_hash, ''), _row) AS model_hash
FROM olmes_metrics_rows
JOIN olmes_place USING (_file)
WHERE task_name IS NOT NULL
GROUP BY ALL;

-- Every row with its key, and its copies: the newest folder first. The order is
-- found among the keys alone: the rows' texts are long. The configuration of a
-- task in a file of its own is no copy of the record, but is compared with it.
CREATE OR REPLACE TEMP TABLE olmes_key AS
WITH row_key AS (
    SELECT 'record' AS kind, _file, _row, folder, model_hash, coalesce(task_name, file_task) AS name, 0::BIGINT AS doc_id, 0::BIGINT AS request_idx, kind = 'task-config' AS is_config,
        coalesce("current_date", '') AS made_at, kind = 'metrics-all' AS is_first
    FROM olmes_metrics_rows
    WHERE kind <> 'vestigial'
    UNION ALL
    SELECT 'prediction', _file, _row, folder, model_hash, file_task, doc_id, 0, false, '', false FROM olmes_prediction_rows
    UNION ALL
    SELECT 'input', _file, _row, folder, NULL, coalesce(task_name, file_task), doc_id, 0, false, '', false FROM olmes_input_rows
    UNION ALL
    SELECT 'request', _file, _row, folder, NULL, coalesce(task_name, file_task), doc_id, idx, false, '', false FROM olmes_request_rows
),
named AS (
    SELECT k.kind, k._file, k._row, folder AS model_run, coalesce(k.model_hash, d.model_hash, '') AS model_hash, coalesce(d.task_name, k.name) AS task_name,
        doc_id, request_idx, is_config, made_at, is_first, p.dir, p.result_dir, p.newness
    FROM row_key AS k
    JOIN olmes_place AS p USING (_file)
    LEFT JOIN olmes_dir_task AS d ON d.dir = p.dir AND d.file_name = task_file_name(k.name)
    WHERE k.name IS NOT NULL
)
SELECT *, row_number() OVER (
    PARTITION BY kind, model_run, model_hash, task_name, doc_id, request_idx
    ORDER BY is_config, newness DESC, made_at DESC, is_first DESC, _file DESC, _row DESC
) AS age
FROM named;

-- A configuration without a record beside it is no record.
DELETE FROM olmes_key AS k
WHERE is_config AND NOT EXISTS (FROM olmes_key AS r WHERE r.kind = 'record' AND NOT r.is_config AND r.model_run = k.model_run AND r.model_hash = k.model_hash AND r.task_name = k.task_name);

-- The texts of rows that have copies, in parts: equal texts need no comparison.
CREATE OR REPLACE TEMP TABLE olmes_part AS
WITH copied AS (
    SELECT * FROM olmes_key
    SEMI JOIN (FROM olmes_key SELECT kind, model_run, model_hash, task_name, doc_id, request_idx GROUP BY ALL HAVING count(*) > 1) AS c
        USING (kind, model_run, model_hash, task_name, doc_id, request_idx)
),
part AS (
    SELECT _file, _row, 'record' AS kind, unnest(['metrics', 'task_config', 'model_config', 'compute_config', 'beaker_info', '']) AS part,
        unnest([metrics, task_config, model_config, compute_config, beaker_info,
            if(kind = 'task-config', NULL, json_object('task_hash', task_hash, 'current_date', "current_date", 'num_instances', num_instances, 'processing_time', processing_time)::VARCHAR)]) AS text
    FROM olmes_metrics_rows
    UNION ALL
    SELECT _file, _row, 'prediction', unnest(['metrics', 'model_output', '']),
        unnest([metrics, model_output, json_object('native_id', native_id, 'label', label, 'task_hash', task_hash)::VARCHAR])
    FROM olmes_prediction_rows
    UNION ALL
    SELECT _file, _row, 'input', unnest(['doc', 'requests', '']), unnest([doc, requests, json_object('native_id', native_id, 'label', label)::VARCHAR])
    FROM olmes_input_rows
    UNION ALL
    SELECT _file, _row, 'request', unnest(['doc', 'request', '']), unnest([doc, request, json_object('native_id', native_id, 'label', label, 'request_type', request_type)::VARCHAR])
    FROM olmes_request_rows
)
SELECT k.*, p.part, readable_json(p.text) AS text
FROM copied AS k
JOIN part AS p ON p.kind = k.kind AND p._file = k._file AND p._row = k._row
WHERE p.text IS NOT NULL;

-- Copies whose texts differ are compared value by value: the order of keys is no
-- difference. A difference is a value of an older copy that the newest lacks.
CREATE OR REPLACE TEMP TABLE olmes_difference AS
WITH leaf AS (
    SELECT k.kind, model_run, model_hash, task_name, doc_id, request_idx, age, ltrim(k.part || substr(fullkey, 2), '.') AS key, j.type || ' ' || coalesce(j.atom::VARCHAR, '') AS value
    FROM (
        SELECT * FROM olmes_part
        SEMI JOIN (FROM olmes_part SELECT kind, model_run, model_hash, task_name, doc_id, request_idx, part GROUP BY ALL HAVING count(DISTINCT text) > 1) AS d
            USING (kind, model_run, model_hash, task_name, doc_id, request_idx, part)
    ) AS k, json_tree(k.text) AS j
),
older AS (
    SELECT * EXCLUDE (age) FROM leaf WHERE age > 1
    EXCEPT
    SELECT * EXCLUDE (age) FROM leaf WHERE age = 1
)
SELECT kind, model_run, model_hash, task_name, doc_id, request_idx, count(DISTINCT key) AS n, array_to_string(list(DISTINCT key ORDER BY key)[:5], ', ') AS keys
FROM older
GROUP BY ALL;

-- The newest copy of each row, with where its copies stand.
CREATE OR REPLACE TEMP TABLE olmes_newest AS
WITH copies AS (
    SELECT kind, model_run, model_hash, task_name, doc_id, request_idx, count(*) AS n_copies, list(DISTINCT {dir: dir, result_dir: result_dir}) AS places
    FROM olmes_key
    WHERE NOT is_config
    GROUP BY ALL
)
SELECT k.* EXCLUDE (is_config, made_at, is_first, age, result_dir, newness), c.n_copies, list_sort(list_transform(c.places, lambda p: p.result_dir)) AS all_result_dirs,
    coalesce(d.n, 0) AS n_differences, d.keys AS differences
FROM olmes_key AS k
JOIN copies AS c USING (kind, model_run, model_hash, task_name, doc_id, request_idx)
LEFT JOIN olmes_difference AS d USING (kind, model_run, model_hash, task_name, doc_id, request_idx)
WHERE age = 1;

CREATE OR REPLACE TEMP TABLE olmes_record AS
SELECT
    n.*,
    task_hash,
    num_instances,
    try_cast(processing_time AS DOUBLE) AS processing_seconds,
    coalesce(try_cast(regexp_replace("current_date", ' ?(UTC|Z)$', '') || '+00' AS TIMESTAMPTZ), try_cast("current_date" AS TIMESTAMPTZ)) AS evaluated_at,
    readable_json(metrics) AS metrics,
    nullif(readable_json(task_config), 'null') AS task_config,
    nullif(readable_json(model_config), 'null') AS model_config,
    coalesce(task_config ->> 'task_core', split_part(n.task_name, ':', 1)) AS task,
    task_config ->> 'primary_metric' AS primary_metric_name,
    (task_config ->> '$.metadata.num_tasks') IS NOT NULL OR (task_idx IS NULL AND (task_config ->> 'task_core') IS NULL) AS is_aggregate
FROM olmes_newest AS n
JOIN olmes_metrics_rows AS m USING (_file, _row)
WHERE n.kind = 'record';

-- Questions; native_id keeps its type beside it.
CREATE OR REPLACE TEMP MACRO id_type(t) AS CASE
    WHEN t IS NULL OR t = 'null' THEN 'null'
    WHEN starts_with(t, '"') THEN 'string'
    WHEN regexp_full_match(t, '-?[0-9]+') THEN 'int'
    ELSE 'json'
END;
CREATE OR REPLACE TEMP MACRO id_text(t) AS CASE id_type(t)
    WHEN 'null' THEN NULL
    WHEN 'string' THEN readable_json(t) ->> '$'
    ELSE t
END;
CREATE OR REPLACE TEMP MACRO label_text(t) AS if(try_cast(t AS BIGINT) IS NULL, nullif(if(starts_with(t, '"'), readable_json(t) ->> '$', t), 'null'), NULL);
CREATE OR REPLACE TEMP TABLE olmes_instance AS
SELECT n.*, p.native_id, p.label, nullif(readable_json(p.metrics), 'null') AS metrics, nullif(readable_json(p.model_output), 'null') AS model_output
FROM olmes_newest AS n
JOIN olmes_prediction_rows AS p USING (_file, _row)
WHERE n.kind = 'prediction';
