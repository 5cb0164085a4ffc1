package main

import (
	"bufio"

	"github.com/apache/arrow-go/v18/arrow"
)

// jsonWriter writes an object a row: a line each, or an array of such lines.
type jsonWriter struct {
	out   *bufio.Writer
	keys  [][]byte
	lines bool // newline-delimited, without the array
	rows  int64
	row   []byte
}

func newJSONWriter(out *bufio.Writer, schema *arrow.Schema, lines bool) *jsonWriter {
	w := &jsonWriter{out: out, lines: lines}
	for _, name := range columnNames(schema) {
		w.keys = append(w.keys, append(quote(name), ':'))
	}
	return w
}

func (w *jsonWriter) batch(b arrow.RecordBatch) error {
	for i := range int(b.NumRows()) {
		w.row = append(w.row[:0], w.before()...)
		w.row = append(w.row, '{')
		for k, column := range b.Columns() {
			if k > 0 {
				w.row = append(w.row, ',')
			}
			w.row = appendJSON(append(w.row, w.keys[k]...), column, i)
		}
		w.row = append(w.row, '}')
		if w.lines {
			w.row = append(w.row, '\n')
		}
		w.rows++
		if _, err := w.out.Write(w.row); err != nil {
			return err
		}
	}
	return nil
}

// before gives what stands between the last row and the next.
func (w *jsonWriter) before() string {
	switch {
	case w.lines:
		return ""
	case w.rows == 0:
		return "[\n"
	default:
		return ",\n"
	}
}

func (w *jsonWriter) end() (err error) {
	switch {
	case w.lines:
	case w.rows == 0:
		_, err = w.out.WriteString("[]\n")
	default:
		_, err = w.out.WriteString("\n]\n")
	}
	return err
}
