package lines

import (
	"bytes"
	"cmp"
	"context"
	"sync"
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
		redactors[i] = redact.NewLearner(given, threads)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan Block) // without room: one block is read ahead, no more
	var learnErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		learnErr = workers.Each(context.WithoutCancel(ctx), threads, threads, func(i int) (err error) {
			for b := range queue { // to its end, whatever happens: who reads waits for us
				err = cmp.Or(err, workers.Each(ctx, 1, 1, func(int) error {
					learnBlock(redactors[i], &copies[i], b, idsOf)
					return nil
				}))
				if err != nil {
					cancel()
				}
			}
			return err
		})
	})
	readErr := send(ctx, from, queue)
	wg.Wait()
	if err := cmp.Or(learnErr, readErr); err != nil {
		return given, err
	}
	return redact.Learnt(redactors...), nil
}

// send gives all blocks to those who wait for them, and closes the queue.
func send(ctx context.Context, from Blocks, queue chan<- Block) error {
	defer close(queue)
	return from(ctx, func(b Block) error {
		select {
		case queue <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

func learnBlock(r *redact.Redactor, copies *jsontext.Copies, b Block, idsOf func(line []byte) []string) {
	defer b.Release()
	for line := range bytes.Lines(b.Text) {
		learnLine(r, copies, bytes.TrimSuffix(line, []byte("\n")), idsOf)
	}
}

func learnLine(r *redact.Redactor, copies *jsontext.Copies, line []byte, idsOf func(line []byte) []string) {
	if utf8.Valid(line) {
		r.Begin(idsOf(line)...)
		if r.TryLearn(line) {
			return
		}
		if copies.Whole(line) == nil {
			r.Begin(idsOf(line)...)
			r.Learn(line)
			return
		}
	}
	r.Begin()
	r.Text(line)
}
