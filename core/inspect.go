package core

import (
	"context"
	"errors"
	"fmt"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/source"
)

// NoArgs are the arguments of verbs that take none.
type NoArgs struct{}

type tableRow struct {
	Schema  string `col:"schema_name"`
	Name    string `col:"table_name"`
	Rows    *int64 `col:"n_rows"`
	Columns int64  `col:"n_columns"`
	Bytes   int64  `col:"n_bytes"`
	Summary string `col:"summary"`
}

// tables lists what the lake holds; bytes are those of the Parquet files. A raw
// table goes by the name of its view, raw.<name>, not of the table behind it.
func tables(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err := s.Rows(ctx, `
		SELECT c.schema_name, c.table_name, c.n, coalesce(i.file_size_bytes, 0)::BIGINT, c.schema_name || '.' || coalesce(i.table_name, c.table_name)
		FROM (SELECT schema_name, table_name, count(*) AS n FROM `+shownColumns+` GROUP BY ALL) AS c
		LEFT JOIN __ducklake_metadata_lake.ducklake_schema AS s ON s.schema_name = c.schema_name AND s.end_snapshot IS NULL
		LEFT JOIN ducklake_table_info('lake') AS i
			ON i.schema_id = s.schema_id AND c.table_name = if(c.schema_name = 'raw', ltrim(i.table_name, '_'), i.table_name)
		ORDER BY ALL`)
	if err != nil {
		return nil, err
	}
	empty, err := s.Empty(ctx, "lake")
	if err != nil {
		return nil, err
	}
	rows := make([]tableRow, len(found))
	for i, f := range found {
		rows[i] = tableRow{Schema: f[0].(string), Name: f[1].(string), Columns: f[2].(int64), Bytes: f[3].(int64)}
		rows[i].Summary = summaryOf(rows[i].Schema, rows[i].Name)
		if empty[f[4].(string)] {
			rows[i].Rows = new(int64)
			continue
		}
		if t := contract.FindTable(rows[i].Name); t != nil && t.Uncounted && rows[i].Schema == "main" {
			continue
		}
		count, err := s.Rows(ctx, fmt.Sprintf("SELECT count(*) FROM lake.%s.%s", lake.Ident(rows[i].Schema), lake.Ident(rows[i].Name)))
		if err != nil {
			return nil, err
		}
		rows[i].Rows = new(count[0][0].(int64))
	}
	return rowsResult(rows)
}

func summaryOf(schema, name string) string {
	if schema == "raw" {
		return source.Meaning(name)
	}
	if t := contract.FindTable(name); t != nil && schema == "main" {
		return t.Summary
	}
	return ""
}

// DescribeArgs are the arguments of describe.
type DescribeArgs struct {
	Name string `json:"name" help:"the table: a name in main, or schema.name"`
}

type describeRow struct {
	Column  string `col:"column_name"`
	Type    string `col:"type"`
	Unit    string `col:"unit"`
	Range   string `col:"range"`
	InGrain bool   `col:"is_grain"`
	Meaning string `col:"meaning"`
}

func describe(ctx context.Context, env *Env, a DescribeArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err := columnsOf(ctx, s.Conn, a.Name)
	if err != nil {
		return nil, err
	}
	t := contract.FindTable(a.Name)
	rows := make([]describeRow, len(found))
	for i, f := range found {
		rows[i] = describeColumn(t, f.Name, f.Type)
	}
	return rowsResult(rows)
}

func describeColumn(t *contract.Table, name, kind string) describeRow {
	row := describeRow{Column: name, Type: kind}
	if t == nil {
		return row
	}
	if f, ok := t.Field(name); ok {
		row.Unit, row.Range, row.Meaning = f.Unit, f.Range(), f.Meaning
	}
	for _, g := range t.Grain {
		row.InGrain = row.InGrain || g == name
	}
	return row
}

func snapshots(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	return queryResult(ctx, s, nil, `
		SELECT snapshot_id AS snapshot, snapshot_time AS created_at, coalesce(commit_message, '') AS message
		FROM ducklake_snapshots('lake') ORDER BY snapshot_id`)
}

func files(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	s, err := rawReader(ctx, env)
	if err != nil {
		return nil, err
	}
	return queryResult(ctx, s, nil, `
		SELECT file_id, source, raw_table, path, n_bytes, sha256, n_rows, n_rejects, ingested_at, snapshot
		FROM lake.raw.files ORDER BY file_id`)
}

// redactions shows what pseudonyms stand for, by file and rule.
func redactions(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	s, err := rawReader(ctx, env)
	if err != nil {
		return nil, err
	}
	return queryResult(ctx, s, nil, `
		SELECT f.path, f.raw_table, r.rule, r.n FROM lake.raw.redactions AS r JOIN lake.raw.files AS f ON f.file_id = r._file
		ORDER BY f.file_id, r.rule`)
}

// rawReader opens a lake that has raw data.
func rawReader(ctx context.Context, env *Env) (*lake.Session, error) {
	if env.Lake.IsPublished() {
		return nil, &Error{Kind: contract.NotFound, Op: "read raw", Target: env.Lake.String(), Err: errors.New("a published lake has no raw data"), Hint: "published.files lists its own files, published.snapshot tells where it comes from"}
	}
	return reader(ctx, env)
}

// RejectsArgs are the arguments of rejects.
type RejectsArgs struct {
	Limit int64 `json:"limit" help:"the most rows to give; default: all"`
}

func rejects(ctx context.Context, env *Env, a RejectsArgs) (*Result, error) {
	s, err := rawReader(ctx, env)
	if err != nil {
		return nil, err
	}
	sql := `SELECT f.path, r._row AS row, r.reason, r.text
		FROM lake.raw.rejects AS r JOIN lake.raw.files AS f ON f.file_id = r._file ORDER BY f.file_id, r._row`
	if a.Limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", a.Limit)
	}
	return queryResult(ctx, s, nil, sql)
}
