package wandb

import (
	"bytes"
	"context"
	"os"
	"slices"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/workers"
)

// HasRuns tells whether a file of this format holds runs: they tell who started
// them, and where.
func (f Format) HasRuns() bool { return slices.Contains(f.Tables(), RunsTable) }

// Learn reads a file with runs for the names in it, beside those that are given.
// All files are read so before any is converted: a name that one run gives away
// stands in the texts of others, and in histories.
func Learn(ctx context.Context, path string, format Format, given redact.Names, threads int) (redact.Names, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	copies := make([]jsontext.Copies, threads)
	redactors := make([]*redact.Redactor, threads)
	for i := range redactors {
		redactors[i] = redact.New(redact.Key{}, given) // its pseudonyms go nowhere
	}
	from, err := runBlocks(f, format)
	if err != nil {
		return nil, err
	}
	err = from(ctx, func(b block) error {
		defer b.release()
		lines := bytes.Split(b.text, []byte("\n"))
		return workers.Each(ctx, threads, threads, func(i int) error {
			for k := i; k < len(lines); k += threads {
				learnLine(redactors[i], &copies[i], lines[k])
			}
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return redact.Learnt(redactors...), nil
}

func runBlocks(f *os.File, format Format) (blocks, error) {
	if format == Offline {
		run, err := readOfflineRun(f)
		if err != nil {
			return nil, err
		}
		return run.blocks(), nil
	}
	info, err := f.Stat()
	return lineBlocks(f, info.Size()), err
}

func learnLine(r *redact.Redactor, copies *jsontext.Copies, line []byte) {
	if utf8.Valid(line) && copies.Whole(line) == nil {
		r.Begin(idOf(line))
		r.Learn(line)
		return
	}
	r.Begin()
	r.Text(line)
}
