-- table: choices
-- summary: The answers to choose from, one row per checkpoint, task, question and choice: log-likelihoods and lengths.
-- grain: recipe, params, seed, step, task, doc_id, choice
-- order: 74
-- source: instances
-- made by: view
-- A view, as instances is. logits_per_byte is in bits per byte: positive, lower is better.
SELECT
    i.recipe,
    i.params,
    i.seed,
    i.step,
    i.task,
    i.doc_id,
    i.choice,
    i.sum_logits,
    i.num_tokens,
    i.num_tokens_all,
    i.is_greedy,
    i.sum_logits_uncond,
    i.logits_per_token,
    i.logits_per_char,
    i.logits_per_byte,
    i.num_chars
FROM raw.choices AS i
JOIN main.instance_checkpoints AS c ON c.file_id = i._file
