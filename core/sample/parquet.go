package sample

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"

	"ddcore/core/tablefile"
)

// rowGroup is the number of rows kept in memory and written at once: about
// 20 MB of eval results.
const rowGroup = 25_000

// columnType is what the published files use; all columns may hold nulls.
type columnType int

const (
	textType columnType = iota
	doubleType
	bigintType
)

type field struct {
	name string
	kind columnType
}

func text(name string) field   { return field{name, textType} }
func double(name string) field { return field{name, doubleType} }
func bigint(name string) field { return field{name, bigintType} }

// writeParquet writes rows to w, compressed with Snappy as the published files
// are. fill appends one row to the columns.
func writeParquet[T any](
	ctx context.Context, w io.Writer, fields []field, rows iter.Seq[T],
	fill func(c columns, row T), wrote func(rows int64),
) error {
	table, err := newTableWriter(w, fields)
	if err != nil {
		return fmt.Errorf("start Parquet file: %w", err)
	}
	flush := func(n int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := table.flush(); err != nil {
			return fmt.Errorf("write row group: %w", err)
		}
		wrote(n)
		return nil
	}
	var n int64
	for row := range rows {
		fill(table.columns, row)
		if n++; n == rowGroup {
			if err := flush(n); err != nil {
				return err
			}
			n = 0
		}
	}
	if n > 0 {
		if err := flush(n); err != nil {
			return err
		}
	}
	if _, err := table.file.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %w", err)
	}
	return nil
}

// tableWriter collects one row group and writes it.
type tableWriter struct {
	file    *tablefile.Writer
	encoder *tablefile.Encoder
	columns columns
}

func newTableWriter(w io.Writer, fields []field) (*tableWriter, error) {
	kinds := map[columnType]tablefile.Type{textType: tablefile.Text, doubleType: tablefile.Float64, bigintType: tablefile.Int64}
	out := make([]tablefile.Field, len(fields))
	cols := make(columns, len(fields))
	for i, f := range fields {
		out[i] = tablefile.Field{Name: f.name, Type: kinds[f.kind]}
		cols[i] = &column{kind: f.kind}
	}
	file, err := tablefile.NewWriter(w, out, nil)
	if err != nil {
		return nil, err
	}
	encoder, err := tablefile.NewEncoder(tablefile.Snappy)
	return &tableWriter{file, encoder, cols}, err
}

// flush writes the collected rows as a row group and empties the columns.
func (t *tableWriter) flush() error {
	chunks := make([]tablefile.Chunk, len(t.columns))
	for i, c := range t.columns {
		chunks[i] = c.encode(t.encoder)
	}
	if err := t.file.RowGroup(chunks[0].Len(), chunks); err != nil {
		return err
	}
	for _, c := range t.columns {
		c.reset()
	}
	return nil
}

// column holds the values of one column of a row group.
type column struct {
	kind    columnType
	valid   []bool // by row
	texts   []string
	doubles []float64 // tablefile.Null is null
	bigints []int64
}

// fewTexts is how many distinct texts a column may have to be written by a
// dictionary: names repeat, dictionaries of metrics do not.
const fewTexts = 1000

func (c *column) encode(e *tablefile.Encoder) tablefile.Chunk {
	switch c.kind {
	case doubleType:
		return e.Floats(c.doubles)
	case bigintType:
		return e.Codes(coded(c.bigints, c.valid, tablefile.Ints))
	default:
		if dict, codes := coded(c.texts, c.valid, tablefile.Texts); dict.Len() <= fewTexts {
			return e.Codes(dict, codes)
		}
		return e.Texts(c.texts, c.valid)
	}
}

// coded makes a dictionary of the values in the order of their first row.
func coded[T comparable](values []T, valid []bool, dictionary func([]T) tablefile.Dictionary) (tablefile.Dictionary, []int32) {
	index := map[T]int32{}
	var distinct []T
	codes := make([]int32, len(values))
	for i, v := range values {
		if !valid[i] {
			codes[i] = -1
			continue
		}
		code, known := index[v]
		if !known {
			code = int32(len(distinct))
			index[v] = code
			distinct = append(distinct, v)
		}
		codes[i] = code
	}
	return dictionary(distinct), codes
}

func (c *column) reset() {
	c.valid, c.texts, c.doubles, c.bigints = c.valid[:0], c.texts[:0], c.doubles[:0], c.bigints[:0]
}

// columns appends values to the columns of a row group by position.
type columns []*column

func (cs columns) text(i int, v string) {
	cs[i].texts = append(cs[i].texts, v)
	cs[i].valid = append(cs[i].valid, true)
}

func (cs columns) bytes(i int, v []byte) { cs.text(i, string(v)) }

func (cs columns) bigint(i int, v int64) {
	cs[i].bigints = append(cs[i].bigints, v)
	cs[i].valid = append(cs[i].valid, true)
}

// double appends v, or null if it is not a finite number.
func (cs columns) double(i int, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		cs.null(i)
		return
	}
	cs[i].doubles = append(cs[i].doubles, v)
	cs[i].valid = append(cs[i].valid, true)
}

func (cs columns) null(i int) {
	c := cs[i]
	c.valid = append(c.valid, false)
	switch c.kind {
	case doubleType:
		c.doubles = append(c.doubles, tablefile.Null)
	case bigintType:
		c.bigints = append(c.bigints, 0)
	default:
		c.texts = append(c.texts, "")
	}
}
