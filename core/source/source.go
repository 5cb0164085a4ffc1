// Package source reads raw artifacts into the lake's raw schema, unchanged: one
// file per raw format, one row of raw.files per artifact.
package source

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// Progress tells how far a long step is, in bytes of raw files.
type Progress func(done, total int64, what string)

// RawColumn is one column of a raw table, with the widest type that carries
// every revision of it exactly.
type RawColumn struct {
	Name, Type string
	Required   bool // a file without it is not of this table
	Key        bool // a row in which it is null is rejected
}

// RawTable says how one kind of file is read.
type RawTable struct {
	Name    string // in schema raw
	Source  string
	Meaning string
	Columns []RawColumn
	// Dict names the column whose text is a dictionary of metrics, if any.
	Dict string
	// Whole names the column that must hold whole numbers, if any.
	Whole string
	// Text says that the files are text, of which ddcore writes Parquet: no
	// Parquet file is of this table.
	Text bool
	// Placed says that where a file lies is part of what it says: the same
	// content in another place is another file.
	Placed bool
	// Original names the table whose rows this one holds with their personal
	// data, as they came; "" for all others.
	Original string
}

// Tables are all raw tables, in the order in which files are matched.
var Tables = slices.Concat(hfTables, wandbTables, instanceTables, olmesTables, ladderTables)

// Made is how many of raw's tables a lake has.
type Made int

// A lake of an earlier version has some.
const (
	None Made = iota
	Some
	All
)

// HasMade tells what Setup has made in the lake.
func HasMade(ctx context.Context, c *lake.Conn) (Made, error) {
	names := []string{"'instance_problems'"}
	for _, t := range Tables {
		names = append(names, lake.Quote(t.stored()))
	}
	rows, err := c.Rows(ctx, "SELECT count(*) FROM ducklake_table_info('lake') WHERE table_name IN ("+strings.Join(names, ", ")+")")
	if err != nil {
		return None, fmt.Errorf("look for the manifest: %w", err)
	}
	switch rows[0][0] {
	case int64(0):
		return None, nil
	case int64(len(names)):
		return All, nil
	default:
		return Some, nil
	}
}

// Setup creates the manifest and the raw tables that the lake lacks.
func Setup(ctx context.Context, c *lake.Conn) error {
	for _, t := range Tables {
		if err := t.create(ctx, c); err != nil {
			return err
		}
	}
	return c.Exec(ctx, `
		CREATE TABLE IF NOT EXISTS lake.raw.files (
			file_id BIGINT, source VARCHAR, raw_table VARCHAR, path VARCHAR, location VARCHAR, folders VARCHAR,
			n_bytes BIGINT, sha256 VARCHAR, n_rows BIGINT, n_rejects BIGINT, columns VARCHAR,
			ingested_at TIMESTAMPTZ, snapshot BIGINT);
		CREATE TABLE IF NOT EXISTS lake.raw.rejects (_file BIGINT, _row BIGINT, reason VARCHAR, text VARCHAR);
		CREATE TABLE IF NOT EXISTS lake.raw.redactions (_file BIGINT, rule VARCHAR, n BIGINT);`+partTables)
}

// A raw table lies in the lake as two things: the table _<name>, whose Parquet
// files are the ingested ones byte for byte (named by file_id), and the view
// <name> over it, which adds _file and _row from DuckLake's virtual columns.

// create makes table and view.
func (t RawTable) create(ctx context.Context, c *lake.Conn) error {
	var defs []string
	for _, col := range t.Columns {
		defs = append(defs, lake.Ident(col.Name)+" "+col.Type)
	}
	if err := c.Exec(ctx, fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS lake.raw; CREATE TABLE IF NOT EXISTS %s (%s)", t.sqlName(), strings.Join(defs, ", "))); err != nil {
		return fmt.Errorf("create raw.%s: %w", t.Name, err)
	}
	return t.view(ctx, c)
}

// widen adds the columns of a file that the table lacks: a later revision may
// carry more.
func (t RawTable) widen(ctx context.Context, c *lake.Conn, f columns) error {
	have, err := describe(ctx, c, "SELECT * FROM "+t.sqlName())
	if err != nil {
		return err
	}
	added := false
	for _, col := range f {
		if have.typeOf(col.Name) != "" {
			continue
		}
		if err := c.Exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", t.sqlName(), lake.Ident(col.Name), col.Type)); err != nil {
			return fmt.Errorf("add column %s to raw.%s: %w", col.Name, t.Name, err)
		}
		added = true
	}
	if !added {
		return nil
	}
	return t.view(ctx, c)
}

func (t RawTable) view(ctx context.Context, c *lake.Conn) error {
	err := c.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE VIEW lake.raw.%s AS
		SELECT *, regexp_extract(filename, '([0-9]+)-[^/]*$', 1)::BIGINT AS _file, file_row_number AS _row FROM raw.%s`,
		lake.Ident(t.Name), lake.Ident(t.stored())))
	if err != nil {
		return fmt.Errorf("create the view raw.%s: %w", t.Name, err)
	}
	return nil
}

// stored is the name of the table behind the view.
func (t RawTable) stored() string { return "_" + t.Name }

func (t RawTable) sqlName() string { return "lake.raw." + lake.Ident(t.stored()) }

// reserved are names that the views and DuckLake use themselves.
var reserved = []string{"_file", "_row", "filename", "file_row_number", "file_index", "rowid", "snapshot_id"}

// column is a name and a DuckDB type, as found in a file or a table.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type columns []column

func (cs columns) typeOf(name string) string {
	for _, c := range cs {
		if strings.EqualFold(c.Name, name) {
			return c.Type
		}
	}
	return ""
}

func describe(ctx context.Context, c *lake.Conn, query string, args ...any) (columns, error) {
	rows, err := c.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")", args...)
	if err != nil {
		return nil, err
	}
	out := make(columns, len(rows))
	for i, r := range rows {
		out[i] = column{r[0].(string), r[1].(string)}
	}
	return out, nil
}

// match finds the raw table that a file's columns belong to. near is the table
// that the file resembles but does not fit, with the columns that it lacks.
func match(cs columns) (t *RawTable, near string, missing []string) {
	fewest := 0
	for i := range Tables {
		if Tables[i].Text {
			continue
		}
		lacks, shared := Tables[i].missing(cs)
		if len(lacks) == 0 {
			return &Tables[i], "", nil
		}
		if shared >= 3 && (near == "" || len(lacks) < fewest) {
			near, missing, fewest = Tables[i].Name, lacks, len(lacks)
		}
	}
	return nil, near, missing
}

func (t *RawTable) missing(cs columns) (lacks []string, shared int) {
	for _, col := range t.Columns {
		switch {
		case cs.typeOf(col.Name) != "":
			shared++
		case col.Required:
			lacks = append(lacks, col.Name)
		}
	}
	return lacks, shared
}

func invalid(target string, hint, format string, args ...any) error {
	return &contract.Error{Kind: contract.Invalid, Op: "ingest", Target: target, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Meaning says in a sentence what a table of raw holds.
func Meaning(table string) string {
	switch table {
	case "files":
		return "the manifest: one row per ingested file"
	case "rejects":
		return "rows that no curated table can use, with the reason"
	case "redactions":
		return "how many values of each file pseudonyms stand for, by rule"
	}
	if meaning, ok := partMeanings[table]; ok {
		return meaning
	}
	if t := tableNamed(table); t != nil {
		return t.Meaning
	}
	return ""
}
