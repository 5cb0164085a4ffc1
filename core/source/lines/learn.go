package lines

import (
	"bytes"
	"context"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/workers"
)

// Learn reads blocks for the names in them, beside those that are given. idsOf
// gives the ids of runs in a line, which are no names.
func Learn(ctx context.Context, from Blocks, given redact.Names, threads int, idsOf func(line []byte) []string) (redact.Names, error) {
	copies := make([]jsontext.Copies, threads)
	redactors := make([]*redact.Redactor, threads)
	for i := range redactors {
		redactors[i] = redact.New(redact.Key{}, given) // its pseudonyms go nowhere
	}
	err := from(ctx, func(b Block) error {
		defer b.Release()
		all := bytes.Split(b.Text, []byte("\n"))
		return workers.Each(ctx, threads, threads, func(i int) error {
			for k := i; k < len(all); k += threads {
				learnLine(redactors[i], &copies[i], all[k], idsOf)
			}
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return redact.Learnt(redactors...), nil
}

func learnLine(r *redact.Redactor, copies *jsontext.Copies, line []byte, idsOf func(line []byte) []string) {
	if utf8.Valid(line) && copies.Whole(line) == nil {
		r.Begin(idsOf(line)...)
		r.Learn(line)
		return
	}
	r.Begin()
	r.Text(line)
}
