package source

import (
	"context"
	"slices"

	"ddcore/core/redact"
	"ddcore/core/workers"
)

// Learning looks for the names in the text files at hand, whether these are in the
// lake already or not. It needs no lake: it goes on while one is opened.
type Learning struct {
	Key   redact.Key // that the lake has, or will get if it has none
	files []*File
	names redact.Names
	err   error
	done  chan struct{}
	stop  context.CancelFunc
}

// Learn starts to look. Stop must be called.
func Learn(ctx context.Context, files []*File, key redact.Key, threads int) *Learning {
	ctx, stop := context.WithCancel(ctx)
	l := &Learning{files: files, Key: key, done: make(chan struct{}), stop: stop}
	go func() {
		defer close(l.done)
		l.err = workers.Each(ctx, 1, 1, func(int) (err error) {
			l.names, err = learn(ctx, files, key, threads)
			return err
		})
	}()
	return l
}

// Stop ends the search and waits for its end.
func (l *Learning) Stop() {
	l.stop()
	<-l.done
}

// of gives the names in these files. They are read again if they are others than
// before, or have changed: the lake may have been another's for hours.
func (l *Learning) of(ctx context.Context, files []*File, threads int) (redact.Names, error) {
	<-l.done
	if !slices.EqualFunc(l.files, files, (*File).isAsBefore) {
		return learn(ctx, files, l.Key, threads)
	}
	return l.names, l.err
}

func (f *File) isAsBefore(now *File) bool {
	return f.abs == now.abs && f.Bytes == now.Bytes && f.modified.Equal(now.modified)
}

func learn(ctx context.Context, files []*File, key redact.Key, threads int) (names redact.Names, err error) {
	names = redact.NamesFor(key)
	for _, f := range files {
		format, err := recogniseText(f)
		if format != nil && format.HasNames() {
			names, err = format.Learn(ctx, f.abs, names, threads)
		}
		if ctx.Err() != nil {
			return names, ctx.Err()
		}
		if err != nil {
			return names, storeError(f, cause(err))
		}
	}
	return names, nil
}
