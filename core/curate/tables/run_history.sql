-- table: run_history
-- summary: What the runs logged while they trained, one row per run and step.
-- grain: project, run_id, step, occurrence
-- order: 61
-- source: wandb
-- Sorted like wandb_entry: a run's rows stand together.
SELECT
    k.project,
    k.run_id,
    e.step,
    e.occurrence,
    to_timestamp(e.timestamp) AS logged_at,
    e.runtime AS runtime_seconds,
    e.train_loss,
    e.learning_rate,
    e.total_tokens AS seen_tokens
FROM wandb_entry AS e
JOIN wandb_key AS k USING (run)
ORDER BY e.run, e.step, e.occurrence
