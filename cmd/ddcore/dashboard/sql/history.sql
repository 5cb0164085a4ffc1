WITH numbered AS (
    SELECT
        step, occurrence, logged_at, runtime_seconds, train_loss, learning_rate, seen_tokens,
        row_number() OVER (ORDER BY step, occurrence) - 1 AS i, count(*) OVER () AS n
    FROM run_history WHERE project = {{project}} AND run_id = {{run}}
)
SELECT * EXCLUDE (i, n) FROM numbered
WHERE i % ceil(n / {{points}}.0) = 0 OR i = n - 1
ORDER BY step, occurrence
