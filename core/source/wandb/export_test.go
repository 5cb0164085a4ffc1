package wandb

import (
	"bytes"
	"context"

	"ddcore/core/redact"
	"ddcore/core/tablefile"
)

// For the fuzz targets: the readers without files, which take a hundred times as
// long as what they hold.

// ReadEntries reads lines as one block. Of a line that is refused the row is nil.
func ReadEntries(layout string, key *redact.Key, lines ...string) []*EntryRow {
	h := &historyReader{origin: origin{layout: layout}}
	if key != nil {
		h.r = redact.New(*key, nil)
	}
	var rows []*EntryRow
	for _, line := range lines {
		if h.line([]byte(line)) != nil {
			h.placeholder()
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
	e := &EntryRow{Layout: h.layout, RunID: h.runs.values[h.runs.codes[i]]}
	if code := h.steps.codes[i]; code >= 0 {
		e.Step = &h.steps.values[code]
	}
	if code := h.rests.codes[i]; code >= 0 {
		e.Rest = &h.rests.values[code]
	}
	for c := range h.floats {
		if v := h.floats[c][i]; !tablefile.IsNull(v) {
			e.Floats[c] = &v
		}
	}
	if h.metrics.valid[i] {
		start := 0
		if i > 0 {
			start = h.metrics.ends[i-1]
		}
		text := string(h.metrics.bytes[start:h.metrics.ends[i]])
		e.Metrics = &text
	}
	return e
}

// ReadRun reads a line of a runs file; nil where it is refused.
func ReadRun(layout string, key *redact.Key, line string) RunRow {
	r := &runsReader{origin: origin{layout: layout}}
	if key != nil {
		r.r = redact.New(*key, nil)
	}
	if r.line([]byte(line)) != nil {
		return nil
	}
	row := RunRow{}
	for i, f := range runFields {
		if r.columns[i].valid[0] {
			row[f.Name] = string(r.columns[i].bytes)
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
	err = o.historyBlocks(bytes.NewReader(content))(context.Background(), func(b block) error {
		for line := range bytes.Lines(b.text) {
			history = append(history, string(line))
		}
		return nil
	})
	return string(o.line), history, err
}
