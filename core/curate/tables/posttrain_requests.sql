-- table: posttrain_requests
-- summary: Requests that OLMES dumps recorded, one row per model, task, question and request to the model.
-- grain: model_run, model_hash, task_name, doc_id, request_idx
-- order: 84
-- source: olmes
-- Recorded inputs hold the first questions with their requests once more.
WITH recorded AS (
    SELECT n.*, i.native_id, i.label, i.doc, unnest(from_json(readable_json(requests), '["JSON"]')) AS r
    FROM olmes_newest AS n
    JOIN olmes_input_rows AS i USING (_file, _row)
    WHERE n.kind = 'input'
),
input AS (
    SELECT * REPLACE (try_cast(r ->> 'idx' AS BIGINT) AS request_idx), r ->> 'request_type' AS request_type, (r -> 'request')::VARCHAR AS request
    FROM recorded
    WHERE try_cast(r ->> 'idx' AS BIGINT) IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY model_run, model_hash, task_name, doc_id, try_cast(r ->> 'idx' AS BIGINT) ORDER BY r::VARCHAR) = 1
),
request AS (
    SELECT n.*, q.native_id, q.label, q.doc, q.request_type, q.request
    FROM olmes_newest AS n
    JOIN olmes_request_rows AS q USING (_file, _row)
    WHERE n.kind = 'request'
),
both_kinds AS (
    SELECT *, false AS from_input FROM request
    UNION ALL BY NAME
    SELECT * EXCLUDE (r), true AS from_input FROM input
),
chosen AS (
    SELECT *, bool_or(from_input) OVER same AS is_recorded
    FROM both_kinds
    WINDOW same AS (PARTITION BY model_run, model_hash, task_name, doc_id, request_idx)
    QUALIFY row_number() OVER (PARTITION BY model_run, model_hash, task_name, doc_id, request_idx ORDER BY from_input) = 1
)
SELECT
    model_run,
    model_hash,
    task_name,
    doc_id,
    request_idx,
    request_type,
    id_text(native_id) AS native_id,
    id_type(native_id) AS native_id_type,
    try_cast(label AS BIGINT) AS label,
    label_text(label) AS label_text,
    readable_json(request) ->> 'context' AS context,
    readable_json(request) ->> 'continuation' AS continuation,
    nullif(json_merge_patch(readable_json(request), '{"context": null, "continuation": null}')::VARCHAR, '{}') AS request_options,
    doc,
    is_recorded,
    all_result_dirs,
    n_copies,
    n_differences,
    differences
FROM chosen
ORDER BY model_run, model_hash, task_name, doc_id, request_idx
