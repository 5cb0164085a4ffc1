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

// wandbViews names the rows of the raw tables that are no rejects.
var wandbViews = map[string]string{
	"wandb_run_rows": "wandb_runs", "wandb_history_rows": "wandb_history", "wandb_export_rows": "wandb_exports",
}

// wandbNames lists the names of checkpoints that have no entry in the facts.
const wandbNames = `SELECT kind, name, n, _file FROM wandb_name
	WHERE (kind = 'recipe' AND name NOT IN (SELECT name FROM facts_recipe_names))
		OR (kind = 'params' AND name NOT IN (SELECT params FROM facts_model_sizes))`

// prepareWandb makes the temporary tables of W&B runs: each run once, each
// history entry once, and the rule that knows the run by its id.
func (b *builder) prepareWandb(ctx context.Context) error {
	if err := makeRawViews(ctx, b.w.Conn, wandbViews); err != nil {
		return err
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
