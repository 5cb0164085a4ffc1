-- table: run_curves
-- summary: The course of each run's training loss in a few numbers: final, best, and at shares of the run.
-- grain: project, run_id
-- order: 64
-- source: wandb
-- A share counts in steps of the last logged one; the value is that of the last
-- entry up to there. All run types alike: fine-tuning, DPO, reduced losses.
WITH logged AS (SELECT * FROM wandb_entry WHERE train_loss IS NOT NULL),
ends AS (SELECT run, max(step) AS last_step FROM logged GROUP BY run),
curve AS (
    SELECT
        e.run,
        any_value(last_step) AS last_step,
        count(*) AS n_rows,
        arg_max(train_loss, (step, occurrence)) AS final_train_loss,
        min(train_loss) FILTER (NOT isnan(train_loss)) AS best_train_loss,
        min({loss: train_loss, step: step}) FILTER (NOT isnan(train_loss)) AS best,
        arg_max(train_loss, (step, occurrence)) FILTER (step <= 0.10 * last_step) AS train_loss_at_10pct,
        arg_max(train_loss, (step, occurrence)) FILTER (step <= 0.25 * last_step) AS train_loss_at_25pct,
        arg_max(train_loss, (step, occurrence)) FILTER (step <= 0.50 * last_step) AS train_loss_at_50pct,
        arg_max(train_loss, (step, occurrence)) FILTER (step <= 0.75 * last_step) AS train_loss_at_75pct
    FROM logged AS e
    JOIN ends USING (run)
    GROUP BY e.run
)
SELECT
    k.project,
    k.run_id,
    t.run_type,
    c.n_rows,
    c.last_step,
    c.final_train_loss,
    c.best_train_loss,
    c.best.step AS best_step,
    c.train_loss_at_10pct,
    c.train_loss_at_25pct,
    c.train_loss_at_50pct,
    c.train_loss_at_75pct
FROM curve AS c
JOIN wandb_key AS k USING (run)
JOIN wandb_rule AS t USING (run)
ORDER BY c.run
