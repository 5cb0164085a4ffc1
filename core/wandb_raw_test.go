package core_test

import (
	"context"
	"path/filepath"
	"testing"

	"ddcore/core/lake"

	"github.com/stretchr/testify/require"
)

// addRuns puts W&B exports into a lake's raw tables: folders that hold a legacy
// pair, or folders of the 3.x layout.
func addRuns(t *testing.T, path string, folders ...string) {
	t.Helper()
	ctx := context.Background()
	w, err := lake.Write(ctx, path, "test", lake.Options{}, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Exec(ctx, `
		CREATE TABLE IF NOT EXISTS lake.raw.wandb_runs (layout VARCHAR, entity VARCHAR, project VARCHAR, export VARCHAR, run_id VARCHAR, run_name VARCHAR, state VARCHAR, created_at VARCHAR, updated_at VARCHAR, config VARCHAR, summary VARCHAR, metadata VARCHAR, rest VARCHAR, _file BIGINT, _row BIGINT);
		CREATE TABLE IF NOT EXISTS lake.raw.wandb_history (layout VARCHAR, entity VARCHAR, project VARCHAR, run_id VARCHAR, step BIGINT, timestamp DOUBLE, runtime DOUBLE, train_loss DOUBLE, total_tokens DOUBLE, learning_rate DOUBLE, metrics VARCHAR, rest VARCHAR, _file BIGINT, _row BIGINT);
		CREATE TABLE IF NOT EXISTS lake.raw.wandb_exports (export VARCHAR, entity VARCHAR, project VARCHAR, kind VARCHAR, record VARCHAR, _file BIGINT, _row BIGINT)`))
	for i, folder := range folders {
		file := int64(100 * (i + 1))
		if matches, _ := filepath.Glob(filepath.Join(folder, "wandb_runs.jsonl")); len(matches) > 0 {
			require.NoError(t, w.Exec(ctx, `INSERT INTO lake.raw.wandb_runs
				SELECT 'legacy', json->>'entity', json->>'project', NULL, json->>'run_id', json->>'run_name', json->>'state', json->>'created_at', NULL, (json->'config')::VARCHAR, (json->'summary')::VARCHAR, (json->'wandb_metadata')::VARCHAR, '{}', ?, row_number() OVER ()
				FROM read_json_objects(?, format = 'newline_delimited')`, file, filepath.Join(folder, "wandb_runs.jsonl")))
			require.NoError(t, w.Exec(ctx, `INSERT INTO lake.raw.wandb_history
				SELECT 'legacy', NULL, NULL, e->>'run_id', (e->>'step')::BIGINT, (e->>'timestamp')::DOUBLE, (e->>'runtime')::DOUBLE, (e->'metrics'->>'train_loss')::DOUBLE, (e->'metrics'->>'total_tokens')::DOUBLE, (e->'metrics'->>'learning_rate')::DOUBLE, NULL, NULL, ?, row_number() OVER ()
				FROM (SELECT unnest(json::JSON[]) AS e FROM read_json_objects(?, format = 'newline_delimited'))`, file+1, filepath.Join(folder, "wandb_history.jsonl")))
			continue
		}
		name := filepath.Base(folder)
		require.NoError(t, w.Exec(ctx, `INSERT INTO lake.raw.wandb_runs
			SELECT 'v3', r->>'entity', r->>'project', ?, r->>'run_id', coalesce(r->>'display_name', r->>'name'), r->>'state', r->>'created_at', r->>'updated_at', (r->'config')::VARCHAR, (r->'summary_metrics')::VARCHAR, (r->'metadata')::VARCHAR, json_object('exported_at', exported_at)::VARCHAR, ?, row_number() OVER ()
			FROM (SELECT json->'run' AS r, json->>'exported_at' AS exported_at FROM read_json_objects(?, format = 'newline_delimited'))`, name, file, filepath.Join(folder, "runs.jsonl")))
		require.NoError(t, w.Exec(ctx, `INSERT INTO lake.raw.wandb_history
			SELECT 'v3', 'ml-moe', 'ft-scaling', json->>'run_id', (json->>'step')::BIGINT, (json->>'timestamp')::DOUBLE, (json->>'runtime')::DOUBLE, (m->>'train_loss')::DOUBLE, (m->>'total_tokens')::DOUBLE, (m->>'learning_rate')::DOUBLE,
				nullif(json_merge_patch(m, '{"train_loss":null,"total_tokens":null,"learning_rate":null}')::VARCHAR, '{}'), NULL, ?, row_number() OVER ()
			FROM (SELECT json, json->'metrics' AS m FROM read_json_objects(?, format = 'newline_delimited'))`, file+1, filepath.Join(folder, "history.jsonl")))
		for _, kind := range []string{"manifest", "state"} {
			require.NoError(t, w.Exec(ctx, `INSERT INTO lake.raw.wandb_exports SELECT ?, 'ml-moe', 'ft-scaling', ?, content, ?, 0 FROM read_text(?)`,
				name, kind, file+2, filepath.Join(folder, kind+".json")))
		}
	}
}
