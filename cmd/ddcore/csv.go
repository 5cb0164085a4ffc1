package main

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// csvWriter writes CSV as DuckDB's COPY does, and so as export does: null is
// nothing, empty text is "".
type csvWriter struct {
	out *bufio.Writer
	row []byte
}

func newCSVWriter(out *bufio.Writer, schema *arrow.Schema) *csvWriter {
	w := &csvWriter{out: out}
	for k, name := range columnNames(schema) {
		w.add(k, []byte(name))
	}
	_ = w.endRow() // the buffer keeps its error
	return w
}

func (w *csvWriter) batch(b arrow.RecordBatch) error {
	var cell []byte
	for i := range int(b.NumRows()) {
		for k, column := range b.Columns() {
			if column.IsNull(i) {
				w.separate(k)
				continue
			}
			cell, _ = appendText(cell[:0], column, i)
			w.add(k, cell)
		}
		if err := w.endRow(); err != nil {
			return err
		}
	}
	return nil
}

func (w *csvWriter) separate(k int) {
	if k > 0 {
		w.row = append(w.row, ',')
	}
}

func (w *csvWriter) add(k int, cell []byte) {
	w.separate(k)
	if len(cell) > 0 && !bytes.ContainsAny(cell, ",\"\r\n") {
		w.row = append(w.row, cell...)
		return
	}
	w.row = append(w.row, '"')
	w.row = append(w.row, strings.ReplaceAll(string(cell), `"`, `""`)...)
	w.row = append(w.row, '"')
}

func (w *csvWriter) endRow() error {
	w.row = append(w.row, '\n')
	_, err := w.out.Write(w.row)
	w.row = w.row[:0]
	return err
}

func (w *csvWriter) end() error { return nil }
