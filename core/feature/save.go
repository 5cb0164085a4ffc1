package feature

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"

	"github.com/google/uuid"
)

// recordsTable lists what was saved.
const recordsTable = "saved"

// Record tells how a saved table was made.
type Record struct {
	Name      string
	Snapshot  int64  // the one that was read
	Arguments string // JSON, all of them
	Version   string // of ddcore
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// CheckName refuses what is no name for a saved table; "" saves nothing.
func CheckName(name string) error {
	if name == "" || nameShape.MatchString(name) && name != recordsTable {
		return nil
	}
	return refuse("save", fmt.Errorf("%q is no name for a table", name), "use a-z, 0-9 and _, beginning with a letter, and not "+recordsTable)
}

// Save makes the frame the table features.<name>, in the caller's transaction; a
// former one of that name is replaced.
func (f *Frame) Save(ctx context.Context, w *lake.Writer, r Record) error {
	table := "lake.features." + lake.Ident(r.Name)
	path, fields, err := f.write(w.DataDir("features", r.Name))
	if err != nil {
		return &contract.Error{Kind: contract.IO, Op: "save", Target: "features." + r.Name, Err: err, Hint: "is there room on the disk, and may you write to the lake?"}
	}
	definitions := make([]string, len(fields))
	for i, field := range fields {
		definitions[i] = lake.Ident(field.Name) + " " + field.Type.SQL()
	}
	for _, sql := range []string{"CREATE SCHEMA IF NOT EXISTS lake.features", "CREATE OR REPLACE TABLE " + table + " (" + strings.Join(definitions, ", ") + ")"} {
		if err := w.Exec(ctx, sql); err != nil {
			return fmt.Errorf("save features.%s: %w", r.Name, err)
		}
	}
	stored, err := w.Put(ctx, "features", r.Name, path)
	if err != nil {
		return err
	}
	if err := w.Exec(ctx, "CALL ducklake_add_data_files('lake', ?, ?, schema => 'features')", r.Name, stored); err != nil {
		return fmt.Errorf("register the file of features.%s: %w", r.Name, err)
	}
	return r.Write(ctx, w, "features")
}

// Write enters the record into the schema's table of what was saved, in the
// caller's transaction; a former one of that name is replaced.
func (r Record) Write(ctx context.Context, w *lake.Writer, schema string) error {
	records := "lake." + lake.Ident(schema) + "." + recordsTable
	for _, statement := range []struct {
		sql    string
		params []any
	}{
		{"CREATE TABLE IF NOT EXISTS " + records + " (name VARCHAR, snapshot BIGINT, arguments VARCHAR, version VARCHAR)", nil},
		{"DELETE FROM " + records + " WHERE name = ?", []any{r.Name}},
		{"INSERT INTO " + records + " VALUES (?, ?, ?, ?)", []any{r.Name, r.Snapshot, r.Arguments, r.Version}},
	} {
		if err := w.Exec(ctx, statement.sql, statement.params...); err != nil {
			return fmt.Errorf("record %s.%s: %w", schema, r.Name, err)
		}
	}
	return nil
}

// write makes the table's Parquet file.
func (f *Frame) write(dir string) (path string, fields []tablefile.Field, err error) {
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	if err != nil {
		return "", nil, err
	}
	chunks := make([]tablefile.Chunk, len(f.Columns))
	for i, c := range f.Columns {
		kind, err := c.Kind()
		if err != nil {
			return "", nil, err
		}
		fields = append(fields, tablefile.Field{Name: c.Name, Type: kind})
		chunks[i] = c.encode(e, kind)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", nil, fmt.Errorf("name a file: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "ddcore-"+id.String()+".parquet")
	file, err := tablefile.Create(path, fields, nil)
	if err != nil {
		return "", nil, err
	}
	if err := file.RowGroup(f.Rows, chunks); err != nil {
		file.Abort()
		return "", nil, err
	}
	_, err = file.Close()
	return path, fields, err
}

func (c Column) encode(e *tablefile.Encoder, kind tablefile.Type) tablefile.Chunk {
	switch {
	case kind == tablefile.Text:
		return e.Texts(Values[string](c.Cells))
	case kind == tablefile.Bool:
		return e.Bools(Values[bool](c.Cells))
	case kind == tablefile.Int64:
		return encodeInts(e, c.Cells)
	default:
		return e.Floats(c.floats())
	}
}

// floats gives a column of DOUBLE, with tablefile.Null for null.
func (c Column) floats() []float64 {
	if c.Cells == nil {
		return c.Floats
	}
	values, valid := Values[float64](c.Cells)
	for i, ok := range valid {
		if !ok {
			values[i] = tablefile.Null
		}
	}
	return values
}

// Numbers gives a column of DOUBLE, and which values are no nulls (nil: all).
func (c Column) Numbers() (values []float64, valid []bool) {
	values = c.floats()
	for i, v := range values {
		if tablefile.IsNull(v) {
			if valid == nil {
				valid = slices.Repeat([]bool{true}, len(values))
			}
			valid[i] = false
		}
	}
	return values, valid
}

func encodeInts(e *tablefile.Encoder, cells []any) tablefile.Chunk {
	var distinct []int64
	index, codes := map[int64]int32{}, make([]int32, len(cells))
	for i, cell := range cells {
		v, ok := cell.(int64)
		if !ok {
			codes[i] = -1
			continue
		}
		code, known := index[v]
		if !known {
			code = int32(len(distinct))
			index[v], distinct = code, append(distinct, v)
		}
		codes[i] = code
	}
	return e.Codes(tablefile.Ints(distinct), codes)
}

// Values gives cells of one type, and which of them are no nulls.
func Values[T any](cells []any) (values []T, valid []bool) {
	values, valid = make([]T, len(cells)), make([]bool, len(cells))
	for i, cell := range cells {
		values[i], valid[i] = cell.(T)
	}
	return values, valid
}
