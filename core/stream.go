package core

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"ddcore/core/contract"
	"ddcore/core/hub"
	"ddcore/core/source"
	"ddcore/core/workers"

	"golang.org/x/sync/semaphore"
)

// Data sets larger than the disk go through it: while one archive is taken into
// the lake the next is downloaded, as far as the budget allows, and what is in
// the lake is deleted. Downloads lie in a folder of their own below the user's,
// so that nothing is deleted that was there before.

// The states of a file that goes into a lake.
const (
	stateIngested = "ingested"
	stateInLake   = "in the lake" // its content was there before
)

type stream struct {
	env    *Env
	here   *hub.Mirror // the user's folder, only to look
	stage  *hub.Mirror
	roots  map[*hub.Mirror]string
	files  []hub.File
	states []string
	todo   []int // in files, in the order in which they are taken
	budget int64

	done, total atomic.Int64
}

// stream takes the files into the lake one after the other.
func (a DownloadHFArgs) stream(ctx context.Context, env *Env, client *hub.Client, here *hub.Mirror, files []hub.File) ([]string, error) {
	s := &stream{env: env, here: here, files: files, states: make([]string, len(files))}
	if err := s.plan(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.budget, err = a.budget(s.absent()); err != nil || a.DryRun {
		return s.states, err
	}
	folder := filepath.Join(a.Dir, ".ddcore", "stream")
	if s.stage, err = hub.OpenMirror(client, folder, true); err != nil {
		return nil, err
	}
	defer s.stage.Close()
	s.roots = map[*hub.Mirror]string{here: a.Dir, s.stage: folder}
	if err := s.stage.Keep(s.absent()); err != nil {
		return nil, err
	}
	// What an interrupted run has left counts in the budget: it is used up first.
	slices.SortStableFunc(s.todo, func(i, j int) int { return cmp.Compare(s.stage.Begun(files[j]), s.stage.Begun(files[i])) })
	var most int64
	for _, f := range s.absent() {
		most += f.Size - s.stage.Begun(f)
	}
	if err := s.stage.Room(min(most, s.budget)); err != nil {
		return nil, err
	}
	return s.states, s.run(ctx)
}

// plan finds out which files the lake has already, and which lie here.
func (s *stream) plan(ctx context.Context) error {
	sums, err := ingestedSums(ctx, s.env)
	if err != nil {
		return err
	}
	for i, f := range s.files {
		if sums[s.here.SHA256(f)] {
			s.states[i] = stateInLake
			continue
		}
		state, _, err := s.here.State(f)
		if err != nil {
			return err
		}
		if s.states[i] = stateWould; state == hub.Present {
			s.states[i] = state
		}
		s.todo = append(s.todo, i)
		s.total.Add(f.Size)
	}
	return nil
}

// ingestedSums gives the checksums of all files that the lake has whole.
func ingestedSums(ctx context.Context, env *Env) (map[string]bool, error) {
	sums := map[string]bool{}
	r, err := reader(ctx, env)
	if err != nil {
		if contract.AsError(err).Kind == contract.NotFound {
			return sums, nil // ingest makes the lake
		}
		return nil, err
	}
	defer r.Close()
	made, err := source.HasMade(ctx, r.Conn)
	if err != nil || made != source.All {
		return sums, err
	}
	rows, err := r.Rows(ctx, "SELECT DISTINCT sha256 FROM lake.raw.files WHERE raw_table <> 'instances'") // those are parts of archives
	if err != nil {
		return nil, err
	}
	for _, sum := range texts(rows) {
		sums[sum] = true
	}
	return sums, nil
}

// absent are the files that must be downloaded, in their order.
func (s *stream) absent() (out []hub.File) {
	for _, i := range s.todo {
		if s.states[i] != hub.Present {
			out = append(out, s.files[i])
		}
	}
	return out
}

// budget gives the bytes that downloads may occupy. Each file needs its room.
func (a DownloadHFArgs) budget(files []hub.File) (int64, error) {
	sorted := slices.SortedFunc(slices.Values(files), func(f, g hub.File) int { return cmp.Compare(g.Size, f.Size) })
	if a.Budget == "" {
		var sum int64
		for _, f := range sorted[:min(2, len(sorted))] {
			sum += f.Size
		}
		return sum, nil
	}
	bytes, err := parseBytes(a.Budget)
	if err != nil {
		return 0, a.invalid("e.g. 20GB", "budget: %w", err)
	}
	if len(sorted) > 0 && sorted[0].Size > bytes {
		return 0, a.invalid("allow at least as much as the largest file", "the budget of %s is less than %s, which has %s", hub.Bytes(bytes), sorted[0].Path, hub.Bytes(sorted[0].Size))
	}
	return bytes, nil
}

// run downloads and ingests side by side.
func (s *stream) run(parent context.Context) error {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	ready := make(chan int)
	room := semaphore.NewWeighted(s.budget)
	return workers.Each(ctx, 2, 2, func(side int) error {
		if side == 0 {
			defer close(ready) // what is here is still ingested
			return s.download(ctx, room, ready)
		}
		defer stop() // nobody would take the next
		for i := range ready {
			if err := s.ingest(ctx, i, room); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stream) download(ctx context.Context, room *semaphore.Weighted, ready chan<- int) error {
	for _, i := range s.todo {
		f := s.files[i]
		if s.states[i] != hub.Present {
			if err := room.Acquire(ctx, f.Size); err != nil {
				return err
			}
			_, err := s.stage.Get(ctx, f, func(done int64) {
				s.env.bytes(s.done.Load()+done, s.total.Load(), "downloading "+f.Path)
			})
			if err != nil {
				return err
			}
		}
		s.done.Add(f.Size)
		select {
		case ready <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ingest takes one file into the lake. Its path there tells where it comes from.
func (s *stream) ingest(ctx context.Context, i int, room *semaphore.Weighted) error {
	f, from := s.files[i], s.stage
	if s.states[i] == hub.Present {
		from = s.here
	}
	inner := *s.env
	inner.progress = func(p Progress) { s.env.bytes(s.done.Load(), s.total.Load(), p.What) }
	place := strings.Join([]string{filepath.ToSlash(s.roots[from]), ".", f.Repo, f.Path}, "/")
	result, err := ingest(ctx, &inner, IngestArgs{Paths: []string{place}})
	if err != nil {
		return err
	}
	result.Close()
	s.states[i] = stateIngested
	if from == s.stage {
		if err := s.stage.Drop(f); err != nil {
			return err
		}
		room.Release(f.Size)
	}
	return nil
}

// units are DuckDB's: GB counts in thousands, GiB in 1024s.
var units = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

// parseBytes reads a size such as "20GB" or "1.5 GiB".
func parseBytes(text string) (int64, error) {
	number := strings.TrimRight(text, "KMGTiBkmgtb ")
	value, err := strconv.ParseFloat(number, 64)
	unit, ok := units[strings.ToUpper(strings.TrimSpace(text[len(number):]))]
	if bytes := value * unit; err == nil && ok && bytes >= 1 && bytes < math.MaxInt64 {
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("%q is no size", text)
}
