package curate

import (
	"context"
	"fmt"

	"ddcore/core/contract"
)

// ladderSQL makes what the tables of ladder runs read: each run with what its
// name says, each checkpoint, and each value that was measured there. peteish7
// is a 7B model (OLMo-ladder).
const ladderSQL = `
CREATE OR REPLACE TEMP TABLE ladder_file AS
	SELECT file_id, path, regexp_extract(path, '([^/]+)\.[^./]+$', 1) AS run FROM lake.raw.files WHERE raw_table = 'ladder_checkpoints';
CREATE OR REPLACE TEMP TABLE ladder_run AS
	SELECT
		file_id, run,
		coalesce(nullif(regexp_extract(run, '^([0-9.]+[MB])-', 1), ''), nullif(regexp_extract(run, '^peteish([0-9]+)', 1), '') || 'B') AS size,
		try_cast(regexp_extract(run, '-([0-9.]+)xC', 1) AS DOUBLE) AS multiple,
		regexp_matches(run, '-rerun$') AS is_rerun
	FROM ladder_file;
CREATE OR REPLACE TEMP TABLE ladder_entry AS
	SELECT
		run, _file, _row, "_step"::BIGINT AS step, batch_size_in_tokens::BIGINT AS tokens_per_step, learning_rate_peak AS peak_learning_rate,
		coalesce("throughput/total_tokens", "_step" * batch_size_in_tokens) AS tokens
	FROM ladder_rows JOIN ladder_run ON file_id = _file;
CREATE OR REPLACE TEMP TABLE ladder_value AS
	SELECT run, step, tokens, metric, value
	FROM (UNPIVOT (SELECT * EXCLUDE ("_step", "throughput/total_tokens", batch_size_in_tokens, learning_rate_peak) FROM ladder_rows)
		ON COLUMNS(* EXCLUDE (_file, _row)) INTO NAME metric VALUE value)
	JOIN ladder_entry USING (_file, _row)`

// prepareLadder makes the temporary tables of ladder runs. A run is known by the
// name of its file, so two files of one name contradict each other.
func (b *builder) prepareLadder(ctx context.Context) error {
	if err := makeRawView(ctx, b.w.Conn, "ladder_rows", "ladder_checkpoints"); err != nil {
		return err
	}
	if err := b.w.Exec(ctx, ladderSQL); err != nil {
		return fmt.Errorf("list the ladder runs: %w", err)
	}
	rows, err := b.w.Rows(ctx, "SELECT run, string_agg(path, ' and ' ORDER BY file_id) FROM ladder_file GROUP BY run HAVING count(*) > 1 ORDER BY run")
	if err != nil || len(rows) == 0 {
		return err
	}
	var examples []string
	for _, r := range rows[:min(3, len(rows))] {
		examples = append(examples, fmt.Sprintf("%v: %v", r[0], r[1]))
	}
	return &contract.Error{
		Kind: contract.Violation, Op: "curate", Target: "ladder_runs", Table: "ladder_runs", Column: "run", Rows: examples,
		Err:  fmt.Errorf("%d runs stand in two files with different values: %s", len(rows), examples[0]),
		Hint: "rename one of the files, or delete it and ingest its folder with prune; the former tables are untouched",
	}
}
