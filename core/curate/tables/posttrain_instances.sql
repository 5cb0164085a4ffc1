-- table: posttrain_instances
-- summary: Questions of OLMES dumps, one row per model, task and question, with the metrics of the answers.
-- grain: model_run, model_hash, task_name, doc_id
-- order: 82
-- types: correct_choice BIGINT
-- source: olmes
WITH typed AS (
    SELECT
        *,
        json_transform(metrics, '{"correct_choice": "BIGINT", "predicted_index_raw": "BIGINT", "predicted_index_per_token": "BIGINT", "predicted_index_per_char": "BIGINT", "predicted_index_per_byte": "BIGINT", "predicted_index_uncond": "BIGINT", "acc_raw": "DOUBLE", "acc_per_token": "DOUBLE", "acc_per_char": "DOUBLE", "acc_per_byte": "DOUBLE", "acc_uncond": "DOUBLE", "no_answer": "DOUBLE", "sum_logits_corr": "DOUBLE", "logits_per_token_corr": "DOUBLE", "logits_per_char_corr": "DOUBLE", "logits_per_byte_corr": "DOUBLE"}') AS m,
        json_merge_patch(metrics, '{"correct_choice": null, "predicted_index_raw": null, "predicted_index_per_token": null, "predicted_index_per_char": null, "predicted_index_per_byte": null, "predicted_index_uncond": null, "acc_raw": null, "acc_per_token": null, "acc_per_char": null, "acc_per_byte": null, "acc_uncond": null, "no_answer": null, "sum_logits_corr": null, "logits_per_token_corr": null, "logits_per_char_corr": null, "logits_per_byte_corr": null}') AS other
    FROM olmes_instance
)
SELECT
    i.model_run,
    i.model_hash,
    p.stage,
    p.recipe,
    p.params,
    p.seed,
    p.step,
    i.task_name,
    coalesce(r.task, split_part(i.task_name, ':', 1)) AS task,
    i.doc_id,
    id_text(i.native_id) AS native_id,
    id_type(i.native_id) AS native_id_type,
    try_cast(i.label AS BIGINT) AS label,
    label_text(i.label) AS label_text,
    m.correct_choice AS correct_choice,
    m.predicted_index_raw AS predicted_index_raw,
    m.predicted_index_per_token AS predicted_index_per_token,
    m.predicted_index_per_char AS predicted_index_per_char,
    m.predicted_index_per_byte AS predicted_index_per_byte,
    m.predicted_index_uncond AS predicted_index_uncond,
    m.acc_raw AS acc_raw,
    m.acc_per_token AS acc_per_token,
    m.acc_per_char AS acc_per_char,
    m.acc_per_byte AS acc_per_byte,
    m.acc_uncond AS acc_uncond,
    m.no_answer AS no_answer,
    m.sum_logits_corr AS sum_logits_corr,
    m.logits_per_token_corr AS logits_per_token_corr,
    m.logits_per_char_corr AS logits_per_char_corr,
    m.logits_per_byte_corr AS logits_per_byte_corr,
    nullif(other::VARCHAR, '{}') AS other_metrics,
    i.all_result_dirs,
    i.n_copies,
    i.n_differences,
    i.differences
FROM typed AS i
LEFT JOIN olmes_record AS r USING (model_run, model_hash, task_name)
LEFT JOIN lake.main.posttrain_models AS p USING (model_run, model_hash)
ORDER BY i.model_run, i.model_hash, i.task_name, i.doc_id
