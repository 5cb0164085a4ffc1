package main

import (
	"bufio"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"

	"ddcore/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// renderer shows a result batch by batch.
type renderer interface {
	batch(arrow.RecordBatch) error
	end() error
}

var formats = []string{"table", "json", "ndjson", "csv"}

// errEnough stops a result that nobody looks at any more.
var errEnough = errors.New("enough rows")

// show writes a result to stdout.
func (a *app) show(ctx context.Context, result *core.Result) error {
	const bufferBytes = 1 << 16
	out := bufio.NewWriterSize(checked{a.stdout}, bufferBytes)
	r := a.renderer(out, result.Schema())
	if err := result.Each(ctx, r.batch); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	return out.Flush()
}

func (a *app) renderer(out *bufio.Writer, schema *arrow.Schema) renderer {
	switch a.format {
	case "json":
		return newJSONWriter(out, schema, false)
	case "ndjson":
		return newJSONWriter(out, schema, true)
	case "csv":
		return newCSVWriter(out, schema)
	}
	t := &tableWriter{out: out, note: a.note, fields: schema.Fields(), most: math.MaxInt64}
	if width, isTerminal := terminalWidth(a.stdout); isTerminal {
		t.width, t.most = width, terminalRows
	}
	switch {
	case a.maxRows > 0:
		t.most = a.maxRows
	case a.maxRows == 0:
		t.most = math.MaxInt64
	}
	return t
}

// columnNames gives the names of the columns, each once: SQL may repeat them.
func columnNames(schema *arrow.Schema) []string {
	var names []string
	for _, f := range schema.Fields() {
		name := f.Name
		for n := 1; slices.Contains(names, name); n++ {
			name = f.Name + "_" + strconv.Itoa(n)
		}
		names = append(names, name)
	}
	return names
}
