package source

import (
	"context"
	"path/filepath"

	"ddcore/core/lake"
	"ddcore/core/source/lines"
	"ddcore/core/workers"
)

// ahead is the work on files that needs no database, done in the background
// while it takes in other files.
type ahead struct {
	errs   map[*action]chan error
	done   chan struct{}
	cancel context.CancelFunc
}

// Files of text are converted two at a time, so that no processor waits for the
// last block of one; others are copied byte for byte, one by one.
const textsAhead, copiesAhead = 2, 1

func (p *Plan) workAhead(ctx context.Context, w *lake.Writer, threads int) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	h := &ahead{errs: map[*action]chan error{}, done: make(chan struct{}), cancel: cancel}
	var texts, copies []*action
	for i := range p.actions {
		a := &p.actions[i]
		switch {
		case a.file == nil || a.stored != "":
			continue
		case a.table.Text:
			texts = append(texts, a)
		default:
			copies = append(copies, a)
		}
		h.errs[a] = make(chan error, 1)
	}
	go func() {
		defer close(h.done)
		_ = workers.Each(context.WithoutCancel(ctx), 2, 2, func(i int) error {
			if i == 0 {
				h.each(ctx, textsAhead, texts, func(a *action) error { return a.convert(ctx, w, threads) })
			} else {
				h.each(ctx, copiesAhead, copies, func(a *action) error { return a.copy(w) })
			}
			return nil
		})
	}()
	return h
}

// each works on all actions: also after a panic and when ctx has ended, somebody
// waits for the error of each.
func (h *ahead) each(ctx context.Context, n int, actions []*action, f func(*action) error) {
	_ = workers.Each(context.WithoutCancel(ctx), n, len(actions), func(i int) error {
		h.errs[actions[i]] <- workers.Each(ctx, 1, 1, func(int) error { return f(actions[i]) })
		return nil
	})
}

// file waits until the work on a file is done.
func (h *ahead) file(a *action) error {
	if err, ok := h.errs[a]; ok {
		return <-err
	}
	return nil
}

// stop ends what is still going on: nothing may be written when the transaction
// has ended.
func (h *ahead) stop() {
	h.cancel()
	<-h.done
}

func (a *action) copy(w *lake.Writer) (err error) {
	a.stored, err = a.file.copyTo(w.DataDir("raw", a.table.stored()), padded(a.id))
	return storeError(a.file, err)
}

// convert writes the Parquet file of a text file, under a name for the time being.
func (a *action) convert(ctx context.Context, w *lake.Writer, threads int) (err error) {
	name := a.table.Name
	if a.table.Original != "" {
		name = a.table.Original
	}
	a.partial = filepath.Join(w.DataDir("raw", a.table.stored()), padded(a.id)+"-partial.parquet")
	a.outcome, err = a.format.Convert(ctx, lines.Job{Path: a.file.abs, Table: name, Out: a.partial, Key: a.key, Names: a.names, Workers: threads})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return storeError(a.file, cause(err))
	default:
		return nil
	}
}
