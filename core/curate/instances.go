package curate

import (
	"context"
	"fmt"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// instancesSQL lists the parts of archives of instances, and which of the parts
// of one checkpoint counts.
const instancesSQL = `
CREATE OR REPLACE TEMP TABLE instance_part AS
SELECT p.*, f.path, f.sha256,
	row_number() OVER (PARTITION BY recipe, params, seed, step ORDER BY f.ingested_at DESC, f.path, p._file) = 1 AS is_newest
FROM instance_part_rows AS p JOIN lake.raw.files AS f ON f.file_id = p._file`

// instanceViews names what was learnt of the parts.
var instanceViews = map[string]string{
	"instance_part_rows": "instance_parts", "instance_task_rows": "instance_tasks", "instance_metric_rows": "instance_metrics", "instance_problem_rows": "instance_problems",
}

// prepareInstances makes the temporary table that the tables of instances read.
func (b *builder) prepareInstances(ctx context.Context) error {
	parts, err := b.w.Rows(ctx, "SELECT 1 FROM lake.raw.files WHERE raw_table = 'instances' LIMIT 1")
	if err != nil {
		return fmt.Errorf("look for instances: %w", err)
	}
	for view, table := range instanceViews {
		if len(parts) == 0 {
			err = makeEmptyView(ctx, b.w.Conn, view, table)
		} else {
			err = makeView(ctx, b.w.Conn, view, "FROM lake.raw."+table)
		}
		if err != nil {
			return err
		}
	}
	if err := b.w.Exec(ctx, instancesSQL); err != nil {
		return fmt.Errorf("list the parts of instances: %w", err)
	}
	return nil
}

// fromView makes a table that is a view. Its rows were checked when they came
// in, part by part; here only its columns are.
func (b *builder) fromView(ctx context.Context, t *contract.Table) (*int64, error) {
	name := "lake.main." + lake.Ident(t.Name)
	if err := b.w.Exec(ctx, "CREATE OR REPLACE VIEW "+name+" AS\n"+t.SQL); err != nil {
		return nil, err
	}
	if _, err := checkColumns(ctx, b.w.Conn, t, name); err != nil {
		return nil, err
	}
	return CountRows(ctx, b.w.Conn, t)
}
