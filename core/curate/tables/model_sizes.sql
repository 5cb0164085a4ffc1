-- table: model_sizes
-- summary: The 14 model sizes: three parameter counts, shape, schedule and learning rate.
-- grain: params
-- order: 4
-- The rules are those of OLMo-ladder as datadec applies them: they explain the
-- learning rates and steps of the published tables. Rounding is to even, as in
-- Python; 5xC is 5 x 20 tokens per parameter.
WITH sizes AS (
    SELECT
        params,
        params_exact::BIGINT AS params_exact,
        params_schedule::BIGINT AS n,
        published_steps::BIGINT AS published_steps,
        d_model::BIGINT AS d_model,
        n_heads::BIGINT AS n_heads,
        n_layers::BIGINT AS n_layers,
        mlp_ratio::BIGINT AS mlp_ratio,
        batch_size::BIGINT AS published_batch_size
    FROM facts_model_sizes
),
batches AS (
    SELECT *, (round_even(160 * pow(n / 108000000, 2.0 / 3.0::DOUBLE) / 32, 0) * 32)::BIGINT AS batch_size
    FROM sizes
),
lengths AS (
    SELECT
        *,
        5 * 20 * n AS total_tokens,
        round_even(n / (batch_size / 2048), 0)::BIGINT AS warmup_tokens,
        0.0047::DOUBLE * pow(n / 108000000, -1 / 3::DOUBLE) AS lr_max
    FROM batches
),
schedules AS (
    SELECT
        *,
        ceil(total_tokens / (batch_size * 2048))::BIGINT AS total_steps,
        ceil(warmup_tokens / (batch_size * 2048))::BIGINT AS warmup_steps
    FROM lengths
)
SELECT
    params,
    params_exact,
    published_steps,
    batch_size * 2048 AS tokens_per_step,
    6198::BIGINT AS default_seed,
    '5xC' AS length_str,
    0.0::DOUBLE AS lr_warmup_start,
    d_model,
    n_heads,
    n_layers,
    mlp_ratio,
    false AS weight_tying,
    false AS alibi,
    true AS rope,
    true AS flash_attention,
    0.0::DOUBLE AS attention_dropout,
    false AS attention_layer_norm,
    false AS include_bias,
    'rms' AS layer_norm_type,
    true AS layer_norm_with_affine,
    1e-6::DOUBLE AS layer_norm_eps,
    false AS bias_for_layer_norm,
    false AS attention_layer_norm_with_affine,
    'swiglu' AS activation_type,
    0.0::DOUBLE AS residual_dropout,
    0.0::DOUBLE AS embedding_dropout,
    2048::BIGINT AS max_sequence_length,
    50280::BIGINT AS vocab_size,
    50304::BIGINT AS embedding_size,
    50279::BIGINT AS eos_token_id,
    1::BIGINT AS pad_token_id,
    'cuda' AS init_device,
    'normal' AS init_fn,
    0.02::DOUBLE AS init_std,
    3::BIGINT AS init_cutoff_factor,
    params_number(params)::DOUBLE AS params_numeric,
    n AS true_model_size,
    batch_size,
    total_tokens,
    warmup_tokens,
    lr_max,
    0.01::DOUBLE * lr_max AS lr_final,
    total_steps,
    round_even(total_tokens / 2048, 0)::BIGINT AS total_seqs,
    warmup_tokens / total_tokens AS warmup_perc,
    warmup_steps,
    total_tokens - warmup_tokens AS lr_decay_tokens,
    total_steps - warmup_steps AS lr_decay_steps
FROM schedules
ORDER BY params_numeric
