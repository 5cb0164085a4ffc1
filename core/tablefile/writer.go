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
	groups    []groupMeta
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
	if len(w.groups) == maxGroups {
		return errors.New("the file has too many row groups")
	}
	group := groupMeta{rows: n}
	for i, chunks := range columns {
		rows := 0
		for _, c := range chunks {
			rows += c.n
		}
		if rows != n {
			return fmt.Errorf("column %s has %d rows, its row group %d", w.fields[i].Name, rows, n)
		}
		meta, err := w.column(w.fields[i], chunks)
		if err != nil {
			return fmt.Errorf("write column %s: %w", w.fields[i].Name, err)
		}
		group.columns = append(group.columns, meta)
	}
	w.groups = append(w.groups, group)
	w.rows += int64(n)
	return nil
}

func (w *Writer) column(f Field, chunks []Chunk) (columnMeta, error) {
	first := chunks[0]
	m := columnMeta{field: f, codec: first.codec, encodings: []int{encodingRLE, first.encoding}, stats: join(chunks)}
	start := w.offset
	if first.dict != nil {
		m.dictOffset = w.offset
		m.encodings = append(m.encodings, encodingPlain)
		if err := w.page(&m, pageDictionary, first.dict, first.dictRaw, first.dictN, encodingPlain); err != nil {
			return m, err
		}
	}
	m.dataOffset = w.offset
	for _, c := range chunks {
		m.values += c.n
		if err := w.page(&m, pageData, c.page, c.rawSize, c.n, c.encoding); err != nil {
			return m, err
		}
	}
	m.compressed = w.offset - start
	return m, nil
}

func (w *Writer) page(m *columnMeta, kind int, page []byte, raw, values, encoding int) error {
	header := pageHeader(kind, raw, len(page), values, encoding)
	m.raw += int64(len(header) + raw)
	if err := w.write(header); err != nil {
		return err
	}
	return w.write(page)
}

// Close writes the footer and gives the number of rows. The underlying file
// stays open.
func (w *Writer) Close() (rows int64, err error) {
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
