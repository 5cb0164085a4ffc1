-- table: instances
-- summary: Evaluation instances, one row per checkpoint, task and question: the answer, whether it was right in each normalisation, and the log-likelihoods of the right one.
-- grain: recipe, params, seed, step, task, doc_id
-- order: 73
-- source: instances
-- made by: view
-- types: correct_choice BIGINT
-- A view: 500 million rows lie once, in raw. Filters on its first columns read only the files of those checkpoints.
SELECT
    i.recipe,
    i.params,
    i.seed,
    i.step,
    c.tokens,
    i.task,
    i.doc_id,
    i.native_id,
    i.native_id_type,
    i.label,
    i.n_choices,
    i.predicted_index_raw,
    i.predicted_index_per_token,
    i.predicted_index_per_char,
    i.predicted_index_per_byte,
    i.predicted_index_uncond,
    i.correct_choice,
    i.acc_raw,
    i.acc_per_token,
    i.acc_per_char,
    i.acc_per_byte,
    i.acc_uncond,
    i.no_answer,
    i.sum_logits_corr,
    i.logits_per_token_corr,
    i.logits_per_char_corr,
    i.logits_per_byte_corr,
    i.task_hash,
    i.model_hash
FROM raw.instances AS i
JOIN main.instance_checkpoints AS c ON c.file_id = i._file
