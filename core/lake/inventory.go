package lake

import (
	"context"
	"fmt"
	"strings"
)

// DataFile is a file of the lake that some snapshot knows.
type DataFile struct {
	Schema, Table string
	Path          string // below the lake's data
	Place         string // where it is: a path or an address
	Rows, Bytes   int64
	IsDelete      bool // it lists deleted rows of another file
}

// inventorySQL lists the files of all snapshots. Paths are relative at each level,
// unless somebody has made them otherwise; a file may be known twice, when a part
// was dropped and came again.
const inventorySQL = `
	WITH folders AS (
		SELECT DISTINCT t.table_id, s.schema_name, t.table_name,
			if(t.path_is_relative::BOOLEAN, s.path || t.path, t.path) AS folder
		FROM %[1]s.ducklake_table AS t JOIN %[1]s.ducklake_schema AS s USING (schema_id)),
	files AS (
		SELECT table_id, path, path_is_relative, record_count AS n, file_size_bytes AS bytes, false AS is_delete FROM %[1]s.ducklake_data_file
		UNION ALL SELECT table_id, path, path_is_relative, delete_count, file_size_bytes, true FROM %[1]s.ducklake_delete_file)
	SELECT any_value(schema_name), any_value(table_name), if(path_is_relative::BOOLEAN, folder || path, path) AS file,
		any_value(n)::BIGINT, any_value(bytes)::BIGINT, bool_or(is_delete)
	FROM files JOIN folders USING (table_id) GROUP BY file ORDER BY file`

const metadata = "__ducklake_metadata_lake"

// Inventory lists the files of all snapshots, each once.
func (s *Session) Inventory(ctx context.Context) ([]DataFile, error) {
	rows, err := s.Rows(ctx, fmt.Sprintf(inventorySQL, metadata))
	if err != nil {
		return nil, fmt.Errorf("list the lake's files: %w", err)
	}
	root := s.place.dataRoot() + "/"
	out := make([]DataFile, len(rows))
	for i, r := range rows {
		path := strings.TrimPrefix(r[2].(string), root)
		out[i] = DataFile{Schema: r[0].(string), Table: r[1].(string), Path: path, Place: path, Rows: r[3].(int64), Bytes: r[4].(int64), IsDelete: r[5].(bool)}
		if !isAddress(path) && !strings.HasPrefix(path, "/") {
			out[i].Place = root + path
		}
	}
	return out, nil
}

// Whole lists the data files of a table as the session sees it, and tells whether
// they are all of it: a table from which rows were deleted, or whose columns have
// changed, is more than its files.
func (s *Session) Whole(ctx context.Context, schema, table string) (files []string, isWhole bool, err error) {
	rows, err := s.Rows(ctx, "SELECT data_file, delete_file IS NULL FROM ducklake_list_files('lake', ?, schema => ?)", table, schema)
	if err != nil {
		return nil, false, fmt.Errorf("list the files of %s.%s: %w", schema, table, err)
	}
	changed, err := s.Rows(ctx, fmt.Sprintf(`
		SELECT count(*) FROM %[1]s.ducklake_column AS c
		JOIN (SELECT table_id FROM %[1]s.ducklake_table AS t JOIN %[1]s.ducklake_schema AS s USING (schema_id)
			WHERE t.table_name = ? AND s.schema_name = ? AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL) AS t USING (table_id)
		WHERE c.begin_snapshot > (SELECT min(begin_snapshot) FROM %[1]s.ducklake_column AS f WHERE f.table_id = c.table_id)`, metadata), table, schema)
	if err != nil {
		return nil, false, fmt.Errorf("look at the columns of %s.%s: %w", schema, table, err)
	}
	isWhole = changed[0][0] == int64(0)
	for _, r := range rows {
		files = append(files, r[0].(string))
		isWhole = isWhole && r[1].(bool)
	}
	return files, isWhole, nil
}
