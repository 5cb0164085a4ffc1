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

// columnsOf gives a table's columns, or an error with tables of like names.
func columnsOf(ctx context.Context, c *lake.Conn, name string) ([]string, error) {
	schema, bare, ok := strings.Cut(name, ".")
	if !ok {
		schema, bare = "main", name
	}
	rows, err := c.Rows(ctx, `SELECT column_name FROM duckdb_columns()
		WHERE database_name = 'lake' AND schema_name = ? AND table_name = ? ORDER BY column_index`, schema, bare)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		return texts(rows), nil
	}
	all, err := c.Rows(ctx, `SELECT if(schema_name = 'main', table_name, schema_name || '.' || table_name)
		FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL`)
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
func (a SelectArgs) known(have, asked []string) error {
	for _, name := range asked {
		if !slices.Contains(have, name) {
			return &Error{
				Kind: contract.NotFound, Op: "table", Target: a.Name, Err: fmt.Errorf("it has no column %q", name),
				Hint: contract.NearNames(name, have), Table: a.Name, Column: name,
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
