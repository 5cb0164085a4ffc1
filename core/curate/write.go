package curate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"

	"github.com/google/uuid"
)

// output is one Parquet file of a table, written and not yet registered.
type output struct {
	table  string
	path   string
	fields []tablefile.Field
	rows   int64

	w *tablefile.File
	e *tablefile.Encoder
}

func fieldsOf(columns []*column) []tablefile.Field {
	out := make([]tablefile.Field, len(columns))
	for i, c := range columns {
		out[i] = c.field()
	}
	return out
}

func (b *builder) create(table string, fields []tablefile.Field) (*output, error) {
	dir := b.w.DataDir("main", table)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, diskError(table, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("name a file: %w", err)
	}
	o := &output{table: table, path: filepath.Join(dir, "ddcore-"+id.String()+".parquet"), fields: fields}
	if o.e, err = tablefile.NewEncoder(tablefile.Zstd); err != nil {
		return nil, err
	}
	o.w, err = tablefile.Create(o.path, fields, contract.FindTable(table).Metadata())
	return o, diskError(table, err)
}

func (o *output) close() (err error) {
	o.rows, err = o.w.Close()
	return diskError(o.table, err)
}

func (o *output) file() *output { return o }

// flush has nothing to do for a file that keeps nothing back.
func (o *output) flush() error { return nil }

// fail gives the file up.
func (o *output) fail(err error) (*output, error) {
	o.w.Abort()
	return nil, diskError(o.table, err)
}

func diskError(table string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	if errors.Is(err, syscall.ENOSPC) {
		hint = "the disk is full: free some space and try again; the lake is as it was"
	}
	return &contract.Error{Kind: contract.IO, Op: "write", Target: table, Err: err, Hint: hint}
}

// register makes the table anew from its files, and gives its rows.
func (b *builder) register(ctx context.Context, t *contract.Table, outputs []*output) (rows int64, err error) {
	if err := b.declare(ctx, t, outputs[0].fields); err != nil {
		return 0, err
	}
	for _, o := range outputs {
		rows += o.rows
		if o.rows == 0 {
			if err := os.Remove(o.path); err != nil {
				return 0, diskError(t.Name, err)
			}
			continue
		}
		stored, err := b.w.Put(ctx, "main", t.Name, o.path)
		if err != nil {
			return 0, diskError(t.Name, err)
		}
		if err := b.w.Exec(ctx, "CALL ducklake_add_data_files('lake', ?, ?, schema => 'main')", t.Name, stored); err != nil {
			return 0, fmt.Errorf("register a file of %s: %w", t.Name, err)
		}
	}
	return rows, nil
}

// declare replaces the table by an empty one with the given columns.
func (b *builder) declare(ctx context.Context, t *contract.Table, fields []tablefile.Field) error {
	defs := make([]string, len(fields))
	for k, f := range fields {
		known, ok := t.Field(f.Name)
		if !ok {
			return fmt.Errorf("%s: column %s is not in the field dictionary", t.Name, f.Name)
		}
		if kinds[known.Type] != f.Type {
			return fmt.Errorf("%s: column %s is not of its contract's type %s", t.Name, f.Name, known.Type)
		}
		defs[k] = lake.Ident(f.Name) + " " + known.Type
	}
	if err := b.w.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE lake.main.%s (%s)", lake.Ident(t.Name), strings.Join(defs, ", "))); err != nil {
		return fmt.Errorf("make table %s: %w", t.Name, err)
	}
	return nil
}
