package tablefile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const (
	magic       = "PAR1"
	parquetZstd = 6 // the format's number for Zstandard
)

// Field names and types one column of a file.
type Field struct {
	Name string
	Type Type
}

// Writer writes one Parquet file. A file without Close has no footer and is
// not readable.
type Writer struct {
	file    *os.File
	sink    *tellWriter
	props   *parquet.WriterProperties
	schema  *schema.Schema
	meta    *metadata.FileMetaDataBuilder
	ordinal int16
	rows    int64
}

// Create starts a file with the given columns, all of them nullable.
func Create(path string, fields []Field, keyValues map[string]string) (*Writer, error) {
	nodes := make([]schema.Node, len(fields))
	for i, f := range fields {
		nodes[i] = f.node()
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		return nil, fmt.Errorf("parquet schema of %s: %w", path, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create table file: %w", err)
	}
	w := &Writer{
		file: f, sink: &tellWriter{w: bufio.NewWriterSize(f, 1<<20)},
		props:  parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd)),
		schema: schema.NewSchema(root),
	}
	kv := metadata.NewKeyValueMetadata()
	for k, v := range keyValues {
		if err := kv.Append(k, v); err != nil {
			return nil, w.abort(err)
		}
	}
	w.meta = metadata.NewFileMetadataBuilder(w.schema, w.props, kv)
	if _, err := w.sink.Write([]byte(magic)); err != nil {
		return nil, w.abort(err)
	}
	return w, nil
}

func (f Field) node() schema.Node {
	optional := parquet.Repetitions.Optional
	switch f.Type {
	case Text:
		return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(f.Name, optional, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1))
	case Int64:
		return schema.NewInt64Node(f.Name, optional, -1)
	case Bool:
		return schema.NewBooleanNode(f.Name, optional, -1)
	default:
		return schema.NewFloat64Node(f.Name, optional, -1)
	}
}

// RowGroup writes n rows: one chunk per column, in the order of the fields.
func (w *Writer) RowGroup(n int, chunks []Chunk) error {
	pages := make([][]Chunk, len(chunks))
	for i, c := range chunks {
		pages[i] = []Chunk{c}
	}
	return w.Pages(n, pages)
}

// Pages writes n rows as RowGroup does, each column from one or more chunks,
// one page each. The chunks of a column share one dictionary or have none.
func (w *Writer) Pages(n int, columns [][]Chunk) error {
	if n == 0 {
		return nil
	}
	group := w.meta.AppendRowGroup()
	group.SetNumRows(n)
	for i, pages := range columns {
		rows := 0
		for _, p := range pages {
			rows += p.n
		}
		if rows != n {
			return fmt.Errorf("column %s has %d rows, its row group %d", w.schema.Column(i).Name(), rows, n)
		}
		if err := w.column(group.NextColumnChunk(), int16(i), pages); err != nil {
			return fmt.Errorf("write column %s: %w", w.schema.Column(i).Name(), err)
		}
	}
	if err := group.Finish(0, w.ordinal); err != nil {
		return fmt.Errorf("finish row group: %w", err)
	}
	w.ordinal++
	w.rows += int64(n)
	return nil
}

func (w *Writer) column(meta *metadata.ColumnChunkMetaDataBuilder, ordinal int16, chunks []Chunk) error {
	meta.SetStats(statistics(chunks))
	pages, err := file.NewPageWriter(w.sink, codecID, codecLevel, meta, w.ordinal, ordinal, memory.DefaultAllocator, false, nil, nil)
	if err != nil {
		return err
	}
	first := chunks[0]
	if first.dict != nil {
		page := file.NewDictionaryPage(memory.NewBufferBytes(first.dict), int32(first.dictN), parquet.Encodings.Plain)
		if _, err := pages.WriteDictionaryPage(page); err != nil {
			return err
		}
	}
	for _, c := range chunks {
		page := file.NewDataPageV1(memory.NewBufferBytes(c.page), int32(c.n), c.encoding, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(c.rawSize))
		if _, err := pages.WriteDataPage(page); err != nil {
			return err
		}
	}
	return pages.Close(first.dict != nil, false)
}

// statistics joins the bounds of the chunks; one chunk without bounds that is
// not all null leaves the column without.
func statistics(chunks []Chunk) metadata.EncodedStatistics {
	s := metadata.EncodedStatistics{HasNullCount: true, Signed: chunks[0].kind != Text}
	known := true
	for _, c := range chunks {
		s.NullCount += int64(c.nulls)
		if c.nulls == c.n {
			continue
		}
		known = known && c.min != nil
		if !known {
			continue
		}
		if s.Min == nil || c.less(c.min, s.Min) {
			s.Min = c.min
		}
		if s.Max == nil || c.less(s.Max, c.max) {
			s.Max = c.max
		}
	}
	s.HasMin, s.HasMax = known && s.Min != nil, known && s.Max != nil
	return s
}

// less compares two bounds of the chunk's type.
func (c Chunk) less(a, b []byte) bool {
	switch c.kind {
	case Int64:
		return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
	case Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
	default:
		return bytes.Compare(a, b) < 0
	}
}

// Close writes the footer, flushes to disk and gives the number of rows.
func (w *Writer) Close() (rows int64, err error) {
	footer, err := w.meta.Finish()
	if err != nil {
		return 0, w.abort(err)
	}
	start := w.sink.Tell()
	if _, err := footer.WriteTo(w.sink, nil); err != nil {
		return 0, w.abort(err)
	}
	tail := binary.LittleEndian.AppendUint32(nil, uint32(w.sink.Tell()-start))
	if _, err := w.sink.Write(append(tail, magic...)); err != nil {
		return 0, w.abort(err)
	}
	if err := w.sink.w.Flush(); err != nil {
		return 0, w.abort(err)
	}
	return w.rows, w.file.Close()
}

// Abort gives the file up: it is closed and deleted.
func (w *Writer) Abort() { _ = w.abort(nil) }

func (w *Writer) abort(cause error) error {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
	return cause
}

// tellWriter knows its position, as Parquet's page offsets need it.
type tellWriter struct {
	w *bufio.Writer
	n int64
}

func (t *tellWriter) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.n += int64(n)
	return n, err
}

// Tell gives the number of bytes written.
func (t *tellWriter) Tell() int64  { return t.n }
func (t *tellWriter) Close() error { return nil }
