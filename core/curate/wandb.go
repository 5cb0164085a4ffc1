package curate

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"ddcore/core/lake"
)

// wandbSQL makes what the tables of W&B runs read.
//
//go:embed wandb.sql
var wandbSQL string

// wandbRaw names W&B's raw tables, and their columns for a lake that was made
// before ddcore knew them.
var wandbRaw = []struct{ view, table, columns string }{
	{
		"wandb_run_rows", "wandb_runs",
		"layout VARCHAR, entity VARCHAR, project VARCHAR, export VARCHAR, run_id VARCHAR, run_name VARCHAR, state VARCHAR, created_at VARCHAR, updated_at VARCHAR, config VARCHAR, summary VARCHAR, metadata VARCHAR, rest VARCHAR",
	},
	{
		"wandb_history_rows", "wandb_history",
		"layout VARCHAR, entity VARCHAR, project VARCHAR, run_id VARCHAR, step BIGINT, timestamp DOUBLE, runtime DOUBLE, train_loss DOUBLE, total_tokens DOUBLE, learning_rate DOUBLE, metrics VARCHAR, rest VARCHAR",
	},
	{
		"wandb_export_rows", "wandb_exports",
		"export VARCHAR, entity VARCHAR, project VARCHAR, kind VARCHAR, record VARCHAR",
	},
}

// wandbNames lists the names of checkpoints that have no entry in the facts.
const wandbNames = `SELECT kind, name, n, _file FROM wandb_name
	WHERE (kind = 'recipe' AND name NOT IN (SELECT name FROM facts_recipe_names))
		OR (kind = 'params' AND name NOT IN (SELECT params FROM facts_model_sizes))`

// prepareWandb makes the temporary tables of W&B runs: each run once, each
// history entry once, and the rule that knows the run by its id.
func (b *builder) prepareWandb(ctx context.Context) error {
	for _, raw := range wandbRaw {
		found, err := b.w.Rows(ctx, `SELECT count(*) FROM information_schema.tables
			WHERE table_catalog = 'lake' AND table_schema = 'raw' AND table_name = ?`, raw.table)
		if err != nil {
			return fmt.Errorf("look for raw.%s: %w", raw.table, err)
		}
		if found[0][0] != int64(0) {
			err = makeRawView(ctx, b.w.Conn, raw.view, raw.table)
		} else {
			err = b.w.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s (%s, _file BIGINT, _row BIGINT)", raw.view, raw.columns))
		}
		if err != nil {
			return err
		}
	}
	if err := b.w.Exec(ctx, wandbSQL); err != nil {
		return fmt.Errorf("list the W&B runs: %w", err)
	}
	if err := b.classify(ctx); err != nil {
		return fmt.Errorf("classify the W&B runs: %w", err)
	}
	return checkNames(ctx, b.w.Conn, wandbNames)
}

// classify fills wandb_rule: each run's type, the rule that told it, and the
// fields that the rule read in the id, as JSON text.
func (b *builder) classify(ctx context.Context) error {
	runs, err := b.w.Rows(ctx, "SELECT run::BIGINT, run_id FROM wandb_key ORDER BY run")
	if err != nil || len(runs) == 0 {
		return err
	}
	lines := make([]string, len(runs))
	for i, r := range runs {
		m := b.rules.Classify(r[1].(string))
		if m.Fields == nil {
			m.Fields = map[string]string{}
		}
		fields, err := json.Marshal(m.Fields)
		if err != nil {
			return err
		}
		lines[i] = fmt.Sprintf("(%d, %s, nullif(%s, ''), %s)", r[0], lake.Quote(m.RunType), lake.Quote(m.Rule), lake.Quote(string(fields)))
	}
	return b.w.Exec(ctx, "INSERT INTO wandb_rule VALUES "+strings.Join(lines, ", "))
}
