package sample

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
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

func (f field) node() schema.Node {
	optional := parquet.Repetitions.Optional
	switch f.kind {
	case textType:
		return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(
			f.name, optional, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1))
	case bigintType:
		return schema.NewInt64Node(f.name, optional, -1)
	default:
		return schema.NewFloat64Node(f.name, optional, -1)
	}
}

// writeParquet writes rows to w, compressed with Snappy as the published files
// are. fill appends one row to the columns. It uses arrow-go's Parquet writer
// without its Arrow layer, because that would link gRPC into ddcore.
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
	if err := table.file.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %w", err)
	}
	return nil
}

// tableWriter collects one row group and writes it.
type tableWriter struct {
	file    *file.Writer
	columns columns
}

func newTableWriter(w io.Writer, fields []field) (*tableWriter, error) {
	nodes := make(schema.FieldList, len(fields))
	cols := make(columns, len(fields))
	for i, f := range fields {
		nodes[i] = f.node()
		cols[i] = &column{}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		return nil, err
	}
	props := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryFor("metrics", false), // its texts do not repeat
	)
	pw, err := file.NewParquetWriterWithError(w, root, file.WithWriterProps(props))
	if err != nil {
		return nil, err
	}
	return &tableWriter{file: pw, columns: cols}, nil
}

// flush writes the collected rows as a row group and empties the columns.
func (t *tableWriter) flush() error {
	group, err := t.file.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for _, c := range t.columns {
		chunk, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := c.write(chunk); err != nil {
			return err
		}
		if err := chunk.Close(); err != nil {
			return err
		}
		c.reset()
	}
	return group.Close()
}

// column holds the values of one column: those that are not null, and for each
// row its definition level, 0 for null and 1 for a value.
type column struct {
	levels  []int16
	texts   []parquet.ByteArray
	arena   []byte // holds the texts
	doubles []float64
	bigints []int64
}

func (c *column) write(chunk file.ColumnChunkWriter) (err error) {
	switch chunk := chunk.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = chunk.WriteBatch(c.texts, c.levels, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = chunk.WriteBatch(c.doubles, c.levels, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = chunk.WriteBatch(c.bigints, c.levels, nil)
	default:
		err = fmt.Errorf("no writer for %T", chunk)
	}
	return err
}

func (c *column) reset() {
	c.levels, c.texts, c.arena = c.levels[:0], c.texts[:0], c.arena[:0]
	c.doubles, c.bigints = c.doubles[:0], c.bigints[:0]
}

// columns appends values to the columns of a row group by position.
type columns []*column

func (cs columns) text(i int, v string) { appendText(cs[i], v) }

func (cs columns) bytes(i int, v []byte) { appendText(cs[i], v) }

func appendText[T string | []byte](c *column, v T) {
	start := len(c.arena)
	c.arena = append(c.arena, v...)
	c.texts = append(c.texts, c.arena[start:])
	c.levels = append(c.levels, 1)
}

func (cs columns) bigint(i int, v int64) {
	cs[i].bigints = append(cs[i].bigints, v)
	cs[i].levels = append(cs[i].levels, 1)
}

// double appends v, or null if it is not a finite number.
func (cs columns) double(i int, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		cs.null(i)
		return
	}
	cs[i].doubles = append(cs[i].doubles, v)
	cs[i].levels = append(cs[i].levels, 1)
}

func (cs columns) null(i int) { cs[i].levels = append(cs[i].levels, 0) }
