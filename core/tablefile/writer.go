package tablefile

import (
	"bufio"
	"encoding/binary"
	"fmt"
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
	if n == 0 {
		return nil
	}
	group := w.meta.AppendRowGroup()
	group.SetNumRows(n)
	for i, c := range chunks {
		if c.n != n {
			return fmt.Errorf("column %s has %d rows, its row group %d", w.schema.Column(i).Name(), c.n, n)
		}
		if err := w.chunk(group.NextColumnChunk(), int16(i), c); err != nil {
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

func (w *Writer) chunk(meta *metadata.ColumnChunkMetaDataBuilder, ordinal int16, c Chunk) error {
	meta.SetStats(metadata.EncodedStatistics{
		HasMin: c.min != nil, Min: c.min, HasMax: c.max != nil, Max: c.max,
		HasNullCount: true, NullCount: int64(c.nulls), Signed: c.kind != Text,
	})
	pages, err := file.NewPageWriter(w.sink, codecID, codecLevel, meta, w.ordinal, ordinal, memory.DefaultAllocator, false, nil, nil)
	if err != nil {
		return err
	}
	if c.dict != nil {
		page := file.NewDictionaryPage(memory.NewBufferBytes(c.dict), int32(c.dictN), parquet.Encodings.Plain)
		if _, err := pages.WriteDictionaryPage(page); err != nil {
			return err
		}
	}
	page := file.NewDataPageV1(memory.NewBufferBytes(c.page), int32(c.n), c.encoding, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(c.rawSize))
	if _, err := pages.WriteDataPage(page); err != nil {
		return err
	}
	return pages.Close(c.dict != nil, false)
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
