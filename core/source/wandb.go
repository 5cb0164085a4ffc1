package source

import (
	"context"
	"fmt"
	"slices"

	"ddcore/core/lake"
	"ddcore/core/source/wandb"
)

// Fine-tuning runs of Weights & Biases. Their files are text and hold personal
// data.
var wandbTables = withOriginals([]RawTable{
	{
		Name: wandb.RunsTable, Source: "wandb",
		Meaning: "W&B runs, one row per run and file; config, summary and metadata are JSON text, rest is what else the run held",
	},
	{
		Name: wandb.HistoryTable, Source: "wandb",
		Meaning: "W&B history, one row per entry; metrics and rest are JSON text of what has no column",
	},
	{
		Name: wandb.ExportsTable, Source: "wandb",
		Meaning: "manifests and states of dr-wandb exports, as JSON text",
	},
}, wandb.Fields)

// wholeFile is the row of a reject that is about a file, not about one row.
const wholeFile = -1

// checkExports rejects, as a whole, manifests whose counts are not those of the
// files beside them. It looks at all exports again: any of their files may have
// changed.
func (p *Plan) checkExports(ctx context.Context, c *lake.Conn) error {
	isRun := func(a action) bool { return a.table != nil && a.table.Source == "wandb" }
	isExport := func(a action) bool { return a.table != nil && a.table.Name == wandb.ExportsTable }
	wasExport := func(m manifestRow) bool { return m.table == wandb.ExportsTable }
	if !slices.ContainsFunc(p.actions, isRun) || !slices.ContainsFunc(p.actions, isExport) && !slices.ContainsFunc(p.manifest, wasExport) {
		return nil
	}
	err := c.Exec(ctx, fmt.Sprintf(`
		CREATE OR REPLACE TEMP TABLE export_gaps AS
		WITH held AS (SELECT split_part(folders, ' ', 1) AS folder, raw_table, sum(n_rows)::BIGINT AS n FROM lake.raw.files GROUP BY ALL),
		said AS (
			SELECT e._file, split_part(f.folders, ' ', 1) AS folder,
				unnest(['wandb_runs', 'wandb_history']) AS raw_table, unnest(['run_count', 'history_count']) AS name,
				unnest([TRY_CAST(e.record->>'$.run_count' AS BIGINT), TRY_CAST(e.record->>'$.history_count' AS BIGINT)]) AS n
			FROM lake.raw.wandb_exports AS e JOIN lake.raw.files AS f ON f.file_id = e._file WHERE e.kind = 'manifest')
		SELECT _file, string_agg(name || ' is ' || said.n || ', the file beside the manifest has ' || coalesce(held.n, 0) || ' rows', '; ' ORDER BY name DESC) AS reason
		FROM said LEFT JOIN held USING (folder, raw_table) WHERE said.n <> coalesce(held.n, 0) GROUP BY _file;
		UPDATE lake.raw.files SET n_rejects = n_rejects - 1 WHERE file_id IN (SELECT _file FROM lake.raw.rejects WHERE _row = %[1]d);
		DELETE FROM lake.raw.rejects WHERE _row = %[1]d;
		UPDATE lake.raw.files SET n_rejects = n_rejects + 1 WHERE file_id IN (SELECT _file FROM export_gaps);
		INSERT INTO lake.raw.rejects SELECT _file, %[1]d, reason, '' FROM export_gaps;
		DROP TABLE export_gaps`, wholeFile))
	if err != nil {
		return fmt.Errorf("compare manifests with their files: %w", err)
	}
	rows, err := c.Rows(ctx, "SELECT f.path, f.n_rejects FROM lake.raw.files AS f WHERE raw_table = 'wandb_exports'")
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	for _, r := range rows {
		for i := range p.Statuses {
			if s := &p.Statuses[i]; s.Table == wandb.ExportsTable && s.Path == r[0] && (s.State == Added || s.State == Replaced) {
				s.Rejects = r[1].(int64)
			}
		}
	}
	return nil
}
