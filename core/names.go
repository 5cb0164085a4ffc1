package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// shownColumns are the columns of the lake's tables and views; the tables behind
// the views of raw are nobody's business.
const shownColumns = "duckdb_columns() WHERE database_name = 'lake' AND NOT (schema_name = 'raw' AND starts_with(table_name, '_'))"

// columnsAndViews joins columns (c) with the views that have them (v): its
// view_name is null for those of tables. duckdb_tables() would ask each table for
// its rows.
const columnsAndViews = "duckdb_columns() AS c LEFT JOIN (SELECT *, view_name AS table_name FROM duckdb_views()) AS v USING (database_name, schema_name, table_name)"

// columnsOf gives a table's columns with their types, or an error with tables of
// like names.
func columnsOf(ctx context.Context, c *lake.Conn, name string) ([]contract.Field, error) {
	schema, bare, ok := strings.Cut(name, ".")
	if !ok {
		schema, bare = "main", name
	}
	rows, err := c.Rows(ctx, `SELECT column_name, data_type FROM duckdb_columns()
		WHERE database_name = 'lake' AND schema_name = ? AND table_name = ? ORDER BY column_index`, schema, bare)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		out := make([]contract.Field, len(rows))
		for i, r := range rows {
			out[i] = contract.Field{Name: r[0].(string), Type: r[1].(string)}
		}
		return out, nil
	}
	all, err := c.Rows(ctx, `SELECT DISTINCT if(schema_name = 'main', table_name, schema_name || '.' || table_name)
		FROM `+shownColumns+" ORDER BY ALL")
	if err != nil {
		return nil, err
	}
	hint := "`curate` builds the curated tables"
	if len(all) > 0 {
		hint = contract.NearNames(name, texts(all))
		if contract.FindTable(name) != nil {
			hint = "it is a curated table that is not built yet: run `curate`"
		}
	}
	return nil, &Error{Kind: contract.NotFound, Op: "table", Target: name, Err: errors.New("the lake has no such table"), Hint: hint}
}

func texts(rows [][]any) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i], _ = r[0].(string)
	}
	return out
}

// known refuses a column that the table lacks.
func (a SelectArgs) known(have []contract.Field, asked []string) error {
	names := contract.Names(have)
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return &Error{
				Kind: contract.NotFound, Op: "table", Target: a.Name, Err: fmt.Errorf("it has no column %q", name),
				Hint: contract.NearNames(name, names), Table: a.Name, Column: name,
			}
		}
	}
	return nil
}

// checkNames refuses a recipe, size or task that does not exist: an empty
// answer to a misspelt name misleads.
func checkNames(column string, values []any) error {
	known := contract.KnownNames(column)
	if known == nil {
		return nil
	}
	for _, v := range values {
		name, isText := v.(string)
		if isText && !slices.Contains(known, name) {
			return &Error{
				Kind: contract.NotFound, Op: "table", Target: column, Err: fmt.Errorf("there is no %s %q", column, name),
				Hint: contract.NearNames(name, known), Column: column,
			}
		}
	}
	return nil
}

// checkValues refuses a text that is no value of the column's type: DuckDB would
// name neither.
func (a SelectArgs) checkValues(ctx context.Context, c *lake.Conn, column contract.Field, values []any) error {
	if column.Type == "VARCHAR" || column.Type == "JSON" {
		return nil
	}
	for _, v := range values {
		text, isText := v.(string)
		if !isText {
			continue
		}
		rows, err := c.Rows(ctx, "SELECT TRY_CAST(? AS "+column.Type+") IS NULL", text)
		if err != nil {
			return err
		}
		if rows[0][0] == true {
			return &Error{
				Kind: contract.Invalid, Op: "table", Target: a.Name, Err: fmt.Errorf("filter %s = %q: the column is %s", column.Name, text, column.Type),
				Hint: "give a value of that type; for other conditions use where", Table: a.Name, Column: column.Name,
			}
		}
	}
	return nil
}
