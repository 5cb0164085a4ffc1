package tablefile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const magic = "PAR1"

// maxGroups is the most row groups that a file's 16-bit ordinals can count.
const maxGroups = 1<<15 - 1

// Field names and types one column of a file.
type Field struct {
	Name string
	Type Type
}

// Writer writes one Parquet file. A file without Close has no footer and is
// not readable.
type Writer struct {
	out       *bufio.Writer
	offset    int64
	fields    []Field
	keyValues map[string]string
	groups    []*groupMeta
	rows      int64
}

// NewWriter starts a file with the given columns, all of them nullable.
func NewWriter(w io.Writer, fields []Field, keyValues map[string]string) (*Writer, error) {
	out := &Writer{out: bufio.NewWriterSize(w, 1<<20), fields: fields, keyValues: keyValues}
	return out, out.write([]byte(magic))
}

func (w *Writer) write(p []byte) error {
	n, err := w.out.Write(p)
	w.offset += int64(n)
	return err
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
	g, err := w.Group(n)
	if err != nil {
		return err
	}
	for i, chunks := range columns {
		if err := g.Column(i, chunks...); err != nil {
			return err
		}
	}
	return nil
}

// Group is a row group whose columns are written one by one, in any order.
type Group struct {
	w    *Writer
	meta *groupMeta
}

// Group starts a row group of n rows. All its columns must be written before
// the file is closed.
func (w *Writer) Group(n int) (*Group, error) {
	if len(w.groups) == maxGroups {
		return nil, errors.New("the file has too many row groups")
	}
	g := &groupMeta{rows: n, columns: make([]columnMeta, len(w.fields))}
	w.groups = append(w.groups, g)
	w.rows += int64(n)
	return &Group{w, g}, nil
}

// Column writes column i from one or more chunks, one page each. They share one
// dictionary or have none.
func (g *Group) Column(i int, chunks ...Chunk) error {
	name, rows := g.w.fields[i].Name, 0
	for _, c := range chunks {
		rows += c.n
	}
	if rows != g.meta.rows {
		return fmt.Errorf("column %s has %d rows, its row group %d", name, rows, g.meta.rows)
	}
	meta, err := g.w.column(g.w.fields[i], chunks)
	if err != nil {
		return fmt.Errorf("write column %s: %w", name, err)
	}
	g.meta.columns[i] = meta
	return nil
}

func (w *Writer) column(f Field, chunks []Chunk) (columnMeta, error) {
	first := chunks[0]
	m := columnMeta{field: f, codec: first.values.codec, encodings: []int{encodingRLE, first.encoding}, stats: join(chunks)}
	start := w.offset
	if first.dict.data != nil {
		m.dictOffset = w.offset
		m.encodings = append(m.encodings, encodingPlain)
		if err := w.page(&m, first.dict.raw, dictionaryHeader(first.dict, first.dictN), nil, first.dict.data); err != nil {
			return m, err
		}
	}
	m.dataOffset = w.offset
	for _, c := range chunks {
		m.values += c.n
		levels := c.levels()
		if err := w.page(&m, c.values.raw, dataHeader(c, len(levels)), levels, c.values.data); err != nil {
			return m, err
		}
	}
	m.compressed = w.offset - start
	return m, nil
}

// page writes a page; raw is how many bytes its values are uncompressed.
func (w *Writer) page(m *columnMeta, raw int, header, levels, values []byte) error {
	m.raw += int64(len(header) + len(levels) + raw)
	for _, part := range [][]byte{header, levels, values} {
		if err := w.write(part); err != nil {
			return err
		}
	}
	return nil
}

// Close writes the footer and gives the number of rows. The underlying file
// stays open.
func (w *Writer) Close() (rows int64, err error) {
	for k, g := range w.groups {
		for i, c := range g.columns {
			if c.dataOffset == 0 {
				return 0, fmt.Errorf("column %s of row group %d was not written", w.fields[i].Name, k)
			}
		}
	}
	end := footer(w.fields, w.groups, w.keyValues)
	end = binary.LittleEndian.AppendUint32(end, uint32(len(end)))
	if err := w.write(append(end, magic...)); err != nil {
		return 0, err
	}
	return w.rows, w.out.Flush()
}

// File is a Writer with its file.
type File struct {
	*Writer
	file *os.File
}

// Create starts a file on disk.
func Create(path string, fields []Field, keyValues map[string]string) (*File, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create table file: %w", err)
	}
	w, err := NewWriter(f, fields, keyValues)
	return &File{w, f}, err
}

// Close writes the footer and closes the file; a file that cannot be finished
// is deleted.
func (f *File) Close() (rows int64, err error) {
	if rows, err = f.Writer.Close(); err != nil {
		f.Abort()
		return 0, err
	}
	return rows, f.file.Close()
}

// Abort gives the file up: it is closed and deleted.
func (f *File) Abort() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}
