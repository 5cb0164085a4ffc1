-- table: posttrain_choices
-- summary: Answers of OLMES dumps, one row per model, task, question and answer choice (or text that was generated).
-- grain: model_run, model_hash, task_name, doc_id, choice
-- order: 83
-- source: olmes
WITH answer AS (
    SELECT model_run, model_hash, task_name, doc_id, unnest(answers) AS a, generate_subscripts(answers, 1) - 1 AS choice
    FROM (
        SELECT *, json_transform(model_output, '[{"sum_logits": "DOUBLE", "num_tokens": "BIGINT", "num_tokens_all": "BIGINT", "is_greedy": "BOOLEAN", "sum_logits_uncond": "DOUBLE", "logits_per_token": "DOUBLE", "logits_per_char": "DOUBLE", "logits_per_byte": "DOUBLE", "num_chars": "BIGINT", "continuation": "VARCHAR"}]') AS answers
        FROM olmes_instance
        WHERE model_output IS NOT NULL
    )
)
SELECT
    model_run,
    model_hash,
    task_name,
    doc_id,
    choice,
    a.sum_logits AS sum_logits,
    a.num_tokens AS num_tokens,
    a.num_tokens_all AS num_tokens_all,
    a.is_greedy AS is_greedy,
    a.sum_logits_uncond AS sum_logits_uncond,
    a.logits_per_token AS logits_per_token,
    a.logits_per_char AS logits_per_char,
    a.logits_per_byte AS logits_per_byte,
    a.num_chars AS num_chars,
    a.continuation AS continuation
FROM answer
ORDER BY model_run, model_hash, task_name, doc_id, choice
