package lake

import (
	"context"
	"fmt"
)

// Empty gives the tables of an attached lake (schema.table) that have no rows, as
// far as its catalog tells without a look at their files. Who asks such a table
// itself waits: DuckLake looks for its statistics once for every column of every
// query (mended after the version that we have, duckdb/ducklake#1313), 1.5 s for
// a build of the tables of OLMES dumps where there are none.
func (c *Conn) Empty(ctx context.Context, database string) (map[string]bool, error) {
	rows, err := c.Rows(ctx, fmt.Sprintf(`
		SELECT s.schema_name || '.' || i.table_name
		FROM ducklake_table_info(%[1]s) AS i
		JOIN %[2]s.ducklake_schema AS s ON s.schema_id = i.schema_id AND s.end_snapshot IS NULL
		WHERE i.file_count = 0 AND i.table_id NOT IN (SELECT table_id FROM %[2]s.ducklake_inlined_data_tables)`,
		Quote(database), Ident("__ducklake_metadata_"+database)))
	if err != nil {
		return nil, fmt.Errorf("look for tables without rows: %w", err)
	}
	names := map[string]bool{}
	for _, r := range rows {
		names[r[0].(string)] = true
	}
	return names, nil
}
