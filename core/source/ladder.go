package source

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/source/ladder"
	"ddcore/core/source/lines"
)

// Pretraining curves of the OLMo ladder. Each file brings its own columns; the
// table has those that every lake has, and grows.
var ladderTables = []RawTable{{
	Name: ladder.Table, Source: "ladder", Text: true,
	Meaning: "pretraining curves, one row per run and evaluated checkpoint, in the columns of the published CSV files",
	Columns: []RawColumn{
		{Name: ladder.Step, Type: "DOUBLE"},
		{Name: ladder.Tokens, Type: "DOUBLE"},
		{Name: ladder.Batch, Type: "DOUBLE"},
		{Name: "learning_rate_peak", Type: "DOUBLE"},
		{Name: "eval/c4_en-validation/CrossEntropyLoss", Type: "DOUBLE"},
	},
}}

// addLadder adds a file of curves to the plan.
func (p *Plan) addLadder(f *File) (found bool, err error) {
	names, err := ladder.Recognise(f.abs)
	switch {
	case errors.Is(err, ladder.ErrColumns):
		return false, invalid(f.Path, "export the run again with all its columns, or move the file away", "it resembles raw.%s, but %s", ladder.Table, strings.TrimPrefix(err.Error(), ladder.ErrColumns.Error()+": "))
	case err != nil:
		return false, &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: cause(err), Hint: "may you read it?"}
	case names == nil:
		return false, nil
	}
	a := action{file: f, table: tableNamed(ladder.Table), replace: -1, index: len(p.Statuses), key: &p.options.Key, format: ladderFormat{}}
	for _, name := range names {
		if slices.Contains(reserved, strings.ToLower(name)) {
			return false, invalid(f.Path, "rename the column", "the column name %s is reserved", name)
		}
		a.columns = append(a.columns, column{name, "DOUBLE"})
	}
	p.actions = append(p.actions, a)
	p.Statuses = append(p.Statuses, Status{Path: f.Path, Table: ladder.Table, State: Skipped, Bytes: f.Bytes})
	p.Bytes += f.Bytes
	return true, nil
}

// ladderFormat converts files of curves.
type ladderFormat struct{}

// Convert writes the Parquet file of a file of curves. A line that is no row may
// hold any text: what a reject keeps of it is redacted.
func (ladderFormat) Convert(ctx context.Context, job lines.Job) (*lines.Outcome, error) {
	out, err := ladder.Convert(ctx, job.Path, job.Out)
	if err != nil {
		return nil, err
	}
	r := job.Redactor()
	outcome := &lines.Outcome{SHA256: out.SHA256, Redactions: r.Counts}
	for _, bad := range out.Rejects {
		r.Begin()
		outcome.Rejects = append(outcome.Rejects, lines.Reject{Row: bad.Row, Reason: bad.Reason, Text: string(r.Text([]byte(bad.Text)))})
	}
	return outcome, nil
}
