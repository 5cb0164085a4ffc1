package curate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

func (o *output) close() (*output, error) {
	var err error
	o.rows, err = o.w.Close()
	return o, diskError(o.table, err)
}

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

// register makes the table anew from its files.
func (b *builder) register(ctx context.Context, t *contract.Table, outputs []*output) error {
	i := slices.IndexFunc(outputs, func(o *output) bool { return o.table == t.Name })
	fields := outputs[i].fields
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
	for _, o := range outputs {
		if o.table != t.Name {
			continue
		}
		if o.rows == 0 {
			if err := os.Remove(o.path); err != nil {
				return diskError(t.Name, err)
			}
			continue
		}
		if err := b.w.Exec(ctx, "CALL ducklake_add_data_files('lake', ?, ?, schema => 'main')", t.Name, o.path); err != nil {
			return fmt.Errorf("register a file of %s: %w", t.Name, err)
		}
	}
	return nil
}

// wideRows is how many rows of a wide table make a row group.
const wideRows = 16384

// wideFile writes full_eval, mean_eval or std_eval.
func (b *builder) wideFile(name string) (*output, error) {
	t := contract.FindTable(name)
	left, after := b.wide.leftColumns(t.Aggregate, t.Grain)
	var fields []tablefile.Field
	for _, c := range left {
		fields = append(fields, c.field())
	}
	metrics := make([]tablefile.Field, len(contract.MetricColumns))
	for i, c := range contract.MetricColumns {
		metrics[i] = tablefile.Field{Name: c.Name, Type: tablefile.Float64}
	}
	o, err := b.create(name, slices.Insert(fields, after, metrics...))
	if err != nil {
		return nil, err
	}
	n := left[0].len()
	for start := 0; start < n; start += wideRows {
		end := min(start+wideRows, n)
		if err := b.wideGroup(o, t, left, after, start, end); err != nil {
			return o.fail(err)
		}
	}
	return o.close()
}

func (b *builder) wideGroup(o *output, t *contract.Table, left []*column, after, start, end int) error {
	rows := make([]int32, end-start)
	for i := range rows {
		rows[i] = int32(start + i)
	}
	chunks := make([]tablefile.Chunk, 0, len(o.fields))
	for i, c := range left {
		if i == after {
			chunks = b.metricChunks(chunks, o.e, t, start, end)
		}
		chunks = append(chunks, c.encode(o.e, rows))
	}
	if after == len(left) {
		chunks = b.metricChunks(chunks, o.e, t, start, end)
	}
	return o.w.RowGroup(end-start, chunks)
}

func (b *builder) metricChunks(chunks []tablefile.Chunk, e *tablefile.Encoder, t *contract.Table, start, end int) []tablefile.Chunk {
	for _, c := range contract.MetricColumns {
		chunks = append(chunks, e.Floats(b.wide.metric(c, t.Aggregate)[start:end]))
	}
	return chunks
}

// writeLong writes a long table: a row group for each task, with the rows that
// raw has.
func (b *builder) writeLong(ctx context.Context, t *contract.Table, left []*column, m *matrix, tasks []string) (int64, error) {
	var fields []tablefile.Field
	for _, c := range left {
		fields = append(fields, c.field())
	}
	fields = append(fields, tablefile.Field{Name: "task", Type: tablefile.Text})
	for _, name := range contract.Metrics {
		fields = append(fields, tablefile.Field{Name: name, Type: tablefile.Float64})
	}
	jobs := make([]func() (*output, error), b.workers)
	for part := range jobs {
		jobs[part] = func() (*output, error) {
			o, err := b.create(t.Name, fields)
			if err != nil {
				return nil, err
			}
			first, last := share(len(tasks), part, len(jobs))
			for task := first; task < last; task++ {
				if err := longGroup(o, left, m, tablefile.Texts(tasks), task); err != nil {
					return o.fail(err)
				}
			}
			return o.close()
		}
	}
	outputs, err := runJobs(ctx, b.workers, jobs)
	if err != nil {
		return 0, err
	}
	var rows int64
	for _, o := range outputs {
		rows += o.rows
	}
	return rows, b.register(ctx, t, outputs)
}

// share gives the bounds of one of `of` nearly equal parts of n.
func share(n, part, of int) (first, last int) { return n * part / of, n * (part + 1) / of }

func longGroup(o *output, left []*column, m *matrix, tasks tablefile.Dictionary, task int) error {
	var rows []int32
	for item := range m.items {
		if m.present[task*m.items+item].Load() {
			rows = append(rows, int32(item))
		}
	}
	var chunks []tablefile.Chunk
	for _, c := range left {
		chunks = append(chunks, c.encode(o.e, rows))
	}
	chunks = append(chunks, o.e.Repeat(tasks, int32(task), len(rows)))
	for metric := range contract.Metrics {
		chunks = append(chunks, o.e.Floats(pick(m.column(metric, task), rows)))
	}
	return o.w.RowGroup(len(rows), chunks)
}
