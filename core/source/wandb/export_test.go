package wandb

import (
	"bytes"
	"context"

	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/tablefile"
)

// For the fuzz targets: the readers without files, which take a hundred times as
// long as what they hold.

// ReadEntries reads lines as one block. Of a line that is refused the row is nil.
func ReadEntries(layout string, key *redact.Key, lines ...string) []*EntryRow {
	h := &historyReader{origin: origin{layout: layout}}
	if key != nil {
		h.r = redact.New(*key, redact.Names{})
	}
	var rows []*EntryRow
	for _, line := range lines {
		if h.Line([]byte(line)) != nil {
			h.Placeholder()
			rows = append(rows, nil)
			continue
		}
		for i := len(rows); i < h.rows; i++ {
			rows = append(rows, h.row(i))
		}
	}
	return rows
}

// row gives a row as it is stored.
func (h *historyReader) row(i int) *EntryRow {
	e := &EntryRow{Layout: h.layout}
	e.RunID, _ = h.runs.At(i)
	if v, ok := h.steps.At(i); ok {
		e.Step = &v
	}
	if v, ok := h.rests.At(i); ok {
		e.Rest = &v
	}
	for c := range h.floats {
		if v := h.floats[c][i]; !tablefile.IsNull(v) {
			e.Floats[c] = &v
		}
	}
	if text, ok := h.metrics.At(i); ok {
		e.Metrics = &text
	}
	return e
}

// ReadRun reads a line of a runs file; nil where it is refused.
func ReadRun(layout string, key *redact.Key, line string) RunRow {
	r := &runsReader{Cells: lines.NewCells(runFields), origin: origin{layout: layout}}
	if key != nil {
		r.r = redact.New(*key, redact.Names{})
	}
	if r.Line([]byte(line)) != nil {
		return nil
	}
	row := RunRow{}
	for i, f := range runFields {
		if text, ok := r.At(0, i); ok {
			row[f.Name] = text
		}
	}
	return row
}

// ReadLog reads an offline log: the run's line, and those of its history.
func ReadLog(content []byte) (run string, history []string, err error) {
	o, err := readOfflineRun(bytes.NewReader(content))
	if err != nil {
		return "", nil, err
	}
	err = o.historyBlocks(bytes.NewReader(content))(context.Background(), func(b lines.Block) error {
		for line := range bytes.Lines(b.Text) {
			history = append(history, string(line))
		}
		return nil
	})
	return string(o.line), history, err
}
