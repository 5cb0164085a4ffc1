// Package sample writes a deterministic, synthetic stand-in for the published
// DataDecide data, in the raw formats that ddcore ingests. It serves demos,
// tests and benchmarks where the real data may not or cannot go.
//
// Every number is made up: curves follow scaling laws with noise (see model.go
// and metrics.go), fitted by eye to a small real sample. A value depends only
// on Options.Seed and on what it describes (size, recipe, seed, step, task),
// never on the other options, so a subset repeats the numbers of the whole.
package sample

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"ddcore/core/contract"
)

const op = "sample"

// Options chooses the shape. Zero values mean defaults: five sizes, six
// recipes, three seeds, eight steps, 40 fine-tuning runs, three models after
// their training.
type Options struct {
	Sizes   []string // labels as in facts/model_sizes.csv, e.g. "150M"
	Recipes []string // display names as in facts/recipes.csv
	Seeds   []string // labels as in facts/seeds.csv; each size uses those that it has

	// Steps is the greatest number of evaluated checkpoints per run after step
	// 0; the last one is the final step. Small sizes have fewer: checkpoints
	// lie 1250 steps apart at least, save the final one.
	Steps int

	// Full gives the published shape: all sizes, recipes and seeds unless
	// chosen, with the published density of checkpoints. Steps must be 0.
	Full bool

	// Runs is the number of fine-tuning runs in the W&B files, FTRows that of
	// history entries a run. 0 means 40 runs of 20 entries; below 0 none.
	Runs, FTRows int

	// Checkpoints is the number of checkpoints in each recipe's archive of
	// evaluation instances, Questions the greatest number of questions per task.
	// 0 means 8 checkpoints of 4 questions. No checkpoints below 0; all 37,682
	// questions of the published tests below 0.
	Checkpoints, Questions int

	// Models is the number of models in the OLMES dumps. 0 means three, below 0
	// none.
	Models int

	Seed uint64 // random seed; the same options give the same bytes (on one CPU architecture)
}

// File is one written file.
type File struct {
	Path  string // relative to the directory, with forward slashes
	Rows  int64
	Bytes int64
}

// output is one file to write. Formats differ in how they fill w; naming,
// staging and errors are the same for all.
type output struct {
	path  string
	rows  int64
	write func(ctx context.Context, w io.Writer, wrote func(rows int64)) error
}

// Generate writes the sample below dir and returns its files. progress, if not
// nil, is told of rows done, rows in all and the file being written.
//
// It refuses to write into folders that hold files already, because they might
// be real downloads, or would mix with the sample. On an error or when ctx ends
// no file is left behind.
func Generate(ctx context.Context, dir string, o Options, progress func(done, total int64, what string)) ([]File, error) {
	p, err := newPlan(o)
	if err != nil {
		return nil, err
	}
	outputs := p.outputs()
	if err := refuseExisting(dir, outputs); err != nil {
		return nil, err
	}
	s := stage{dir: dir}
	defer s.discard()
	report := reporter(outputs, progress)
	for _, out := range outputs {
		if err := s.write(ctx, out, report); err != nil {
			return nil, err
		}
	}
	return s.commit(ctx)
}

// outputs lists all files in the order in which they are written.
func (p *plan) outputs() []output {
	return append(append(p.evalFiles(), p.macroFile(), p.fitFile(), p.pplFile()), slices.Concat(p.wandbFiles(), p.instanceFiles(), p.olmesFiles(), p.ladderFiles())...)
}

// reporter turns rows written into calls of progress.
func reporter(outputs []output, progress func(done, total int64, what string)) func(rows int64, what string) {
	if progress == nil {
		return func(int64, string) {}
	}
	var done, total int64
	for _, out := range outputs {
		total += out.rows
	}
	return func(rows int64, what string) {
		done += rows
		progress(done, total, what)
	}
}

// refuseExisting fails if any folder that would be written holds something.
func refuseExisting(dir string, outputs []output) error {
	for _, out := range outputs {
		folder := filepath.Dir(filepath.Join(dir, filepath.FromSlash(out.path)))
		entries, err := os.ReadDir(folder)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return ioError(folder, err)
		case len(entries) > 0:
			return &contract.Error{
				Kind: contract.Invalid, Op: op, Target: folder,
				Err:  fmt.Errorf("the folder is not empty: it holds %s", entries[0].Name()),
				Hint: "choose another directory, or delete that folder if it is an old sample",
			}
		}
	}
	return nil
}

// stage keeps files under temporary names until all are complete.
type stage struct {
	dir   string
	files []File
	temps []string // temporary path of files[i]
}

// write writes one output under a temporary name beside its final place.
func (s *stage) write(ctx context.Context, out output, report func(rows int64, what string)) error {
	final := filepath.Join(s.dir, filepath.FromSlash(out.path))
	if err := ctx.Err(); err != nil {
		return s.failure(ctx, final, err)
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return ioError(final, err)
	}
	temp := final + ".partial"
	f, err := os.Create(temp)
	if err != nil {
		return ioError(final, err)
	}
	s.temps = append(s.temps, temp)
	buffered := bufio.NewWriterSize(f, 1<<20)
	err = out.write(ctx, buffered, func(rows int64) { report(rows, out.path) })
	if err == nil {
		err = buffered.Flush()
	}
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return s.failure(ctx, final, err)
	}
	s.files = append(s.files, File{Path: out.path, Rows: out.rows, Bytes: info.Size()})
	return nil
}

// failure tells an interrupted run from a failing disk.
func (s *stage) failure(ctx context.Context, target string, err error) error {
	if ctx.Err() != nil {
		return &contract.Error{
			Kind: contract.Cancelled, Op: op, Target: s.dir, Err: err,
			Hint: "nothing was kept; run it again",
		}
	}
	return ioError(target, err)
}

// commit gives all files their final names. If one rename fails, those before
// it are undone, so that there is either a whole sample or none.
func (s *stage) commit(ctx context.Context) ([]File, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.failure(ctx, s.dir, err)
	}
	for i, f := range s.files {
		final := filepath.Join(s.dir, filepath.FromSlash(f.Path))
		if err := os.Rename(s.temps[i], final); err != nil {
			return nil, ioError(final, err)
		}
		s.temps[i] = final
	}
	s.temps = nil
	return s.files, nil
}

// discard removes what has not been committed. Its errors are dropped: it runs
// after another error, which says more.
func (s *stage) discard() {
	for _, temp := range s.temps {
		_ = os.Remove(temp)
	}
}

func ioError(target string, err error) error {
	return &contract.Error{
		Kind: contract.IO, Op: op, Target: target, Err: err,
		Hint: "check free space and permissions, or choose another directory",
	}
}

// count gives the length of a sequence.
func count[T any](rows iter.Seq[T]) int64 {
	var n int64
	for range rows {
		n++
	}
	return n
}
