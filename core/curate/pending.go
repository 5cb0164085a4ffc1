package curate

import (
	"context"
	"slices"
	"time"

	"ddcore/core/contract"
	"ddcore/core/workers"
)

// pending is files that are being written in the background.
type pending struct {
	outputs []*output
	err     error
	seconds float64
	done    chan struct{}
}

// start runs f in the background.
func (b *builder) start(ctx context.Context, f func() ([]*output, error)) {
	p := &pending{done: make(chan struct{})}
	b.pending = p
	go func() {
		defer close(p.done)
		started := time.Now()
		p.err = workers.Each(ctx, 1, 1, func(int) (err error) { // a panic is an error
			p.outputs, err = f()
			return err
		})
		p.seconds = time.Since(started).Seconds()
	}()
}

// finish waits for the background and registers what it wrote. On an error its
// files are orphans, which the transaction's end deletes.
func (b *builder) finish(ctx context.Context) error {
	if b.pending == nil {
		return nil
	}
	p := b.pending
	b.pending = nil
	<-p.done
	if p.err != nil {
		return p.err
	}
	for len(p.outputs) > 0 {
		name := p.outputs[0].table
		n := slices.IndexFunc(p.outputs, func(o *output) bool { return o.table != name })
		if n < 0 {
			n = len(p.outputs)
		}
		rows, err := b.register(ctx, contract.FindTable(name), p.outputs[:n])
		if err != nil {
			return err
		}
		for i := range b.built {
			if b.built[i].Table == name {
				b.built[i].Rows, b.built[i].Seconds = &rows, p.seconds // they share one pass
			}
		}
		p.outputs = p.outputs[n:]
	}
	return nil
}
