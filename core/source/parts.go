package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source/instances"
)

// A part is converted without the lake and staged: two Parquet files and a
// record in a folder, the record last. Commit makes all staged parts rows of the
// lake, in one transaction that also writes the ledger, raw.files. So a part may
// be converted by anyone and more than once, and an interrupted ingest goes on
// behind the last staged part.

// Commits come this often at least, so that long work can be seen and is safe.
const (
	partsPerCommit = 256
	commitEvery    = time.Minute
)

// Stage is where converted parts wait.
type Stage struct{ Dir string }

// StageOf gives the stage of a local lake.
func StageOf(lakePath string) Stage { return Stage{filepath.Join(lakePath, "staged")} }

// stagedPart is a record as it is staged.
type stagedPart struct {
	*instances.Record
	Location   string           `json:"location"`
	Folders    string           `json:"folders"`
	Redactions map[string]int64 `json:"redactions"`
}

func (s Stage) path(name, suffix string) string { return filepath.Join(s.Dir, name+suffix) }

// The files of a staged part.
const (
	instancesFile = ".instances.parquet"
	choicesFile   = ".choices.parquet"
	recordFile    = ".json"
)

// has tells whether a part waits already.
func (s Stage) has(p *instances.Part) bool {
	_, err := os.Stat(s.path(p.Name(), recordFile))
	return err == nil
}

// put writes a part's record; its tables are there.
func (s Stage) put(name string, part stagedPart) error {
	text, err := json.Marshal(part)
	if err != nil {
		return err
	}
	temp := s.path(name, fmt.Sprintf(".%d.partial", time.Now().UnixNano()))
	if err := os.WriteFile(temp, text, 0o666); err != nil {
		return err
	}
	return os.Rename(temp, s.path(name, recordFile))
}

// partsRun is one ingest of artifacts.
type partsRun struct {
	plan     *Plan
	stage    Stage
	open     func() (*lake.Writer, error)
	progress Progress
	known    map[int64]bool  // parts with rows in the lake
	archives map[string]bool // checksums of archives that were read whole

	mu     sync.Mutex
	staged int
	last   time.Time
	done   int64
}

// HasParts tells whether the plan holds archives of instances.
func (p *Plan) HasParts() bool { return len(p.artifacts) > 0 }

// RunParts converts and commits the parts of all artifacts. open gives a writer
// for a commit; the lake is free for others while parts are converted.
func (p *Plan) RunParts(ctx context.Context, lakePath string, open func() (*lake.Writer, error), threads int, progress Progress) error {
	r := &partsRun{plan: p, stage: StageOf(lakePath), open: open, progress: progress, known: map[int64]bool{}, archives: map[string]bool{}, last: time.Now()}
	for _, m := range p.manifest {
		switch {
		case m.table == instances.InstancesTable && m.rows > 0:
			r.known[m.id] = true
		case m.table == archivesTable && m.rejects == 0:
			r.archives[m.checksum] = true
		}
	}
	if err := os.MkdirAll(r.stage.Dir, 0o777); err != nil {
		return storeError(p.artifacts[0].file, cause(err))
	}
	for i := range p.artifacts {
		if err := r.artifact(ctx, &p.artifacts[i], threads); err != nil {
			return err
		}
	}
	return nil
}

// isKnown tells whether an archive's very bytes were read whole before.
func (r *partsRun) isKnown(a *artifact) (bool, error) {
	if a.File == "" {
		return false, nil
	}
	for _, m := range r.plan.manifest {
		if m.table == archivesTable && m.bytes == a.bytes {
			if err := a.file.digest(); err != nil {
				return false, err
			}
			return r.archives[a.file.sha256], nil
		}
	}
	return false, nil
}

// walked is what one artifact held.
type walked struct {
	parts, fresh       int64
	instances, rejects int64
	seen               []int64
	problems           []instances.Reject
	sum                string
}

func (r *partsRun) artifact(ctx context.Context, a *artifact, threads int) error {
	a.Path = a.shown()
	status := &r.plan.Statuses[a.index]
	status.Path = a.Path
	if known, err := r.isKnown(a); known || err != nil {
		status.State = Unchanged
		return err
	}
	w := &walked{}
	err := r.convertAll(ctx, a, threads, w)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && errors.Is(err, instances.ErrDamaged) {
		w.problems = append(w.problems, instances.Reject{Row: wholeFile, Reason: err.Error() + "; download it again: what stands before the damage is in the lake"})
		if w.sum, err = checksum(a); err != nil {
			return err
		}
	}
	if err != nil {
		return storeError(a.file, cause(err))
	}
	status.State = Added
	if w.fresh == 0 && len(w.problems) == 0 {
		status.State = Unchanged
	}
	status.Rows, status.Rejects = w.instances, w.rejects+int64(len(w.problems))
	return r.finish(ctx, a, w)
}

func checksum(a *artifact) (string, error) {
	err := a.file.digest()
	return a.file.sha256, err
}

// convertAll walks over an artifact, converts its new parts side by side, and
// commits from time to time.
func (r *partsRun) convertAll(ctx context.Context, a *artifact, threads int, w *walked) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan *instances.Part)
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			if err := r.work(ctx, a, queue, w); err != nil {
				cancel(err)
			}
		})
	}
	sum, err := a.Walk(ctx, func(int) bool { return true }, func(p *instances.Part) error {
		r.mu.Lock()
		w.parts++
		w.seen = append(w.seen, p.ID())
		isKnown := r.known[p.ID()]
		r.known[p.ID()] = true
		r.mu.Unlock()
		if isKnown {
			r.tell(p)
			return nil
		}
		select {
		case queue <- p:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, func(name, reason string) error {
		w.problems = append(w.problems, instances.Reject{Row: wholeFile, Reason: name + ": " + reason})
		return nil
	})
	close(queue)
	workers.Wait()
	w.sum = sum
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (r *partsRun) tell(p *instances.Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += p.Bytes
	r.progress.tell(min(r.done, r.plan.Bytes), r.plan.Bytes, "ingesting "+p.Path)
}

// work converts parts until there are no more. A panic must not end the process,
// which may be somebody's notebook.
func (r *partsRun) work(ctx context.Context, a *artifact, queue <-chan *instances.Part, w *walked) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic while reading instances: %v", cause)
		}
	}()
	redactor := redact.New(r.plan.options.Key, r.plan.names)
	c, err := instances.NewConverter(func(text []byte) []byte {
		redactor.Begin()
		return redactor.JSON(text)
	})
	if err != nil {
		return err
	}
	for p := range queue {
		clear(redactor.Counts)
		record, err := r.convert(ctx, c, a, p, redactor)
		if err != nil {
			return err
		}
		r.mu.Lock()
		w.fresh++
		w.instances += record.Instances
		w.rejects += int64(len(record.Rejects))
		r.staged++
		isTime := r.staged >= partsPerCommit || time.Since(r.last) > commitEvery
		if isTime {
			r.staged, r.last = 0, time.Now()
		}
		r.mu.Unlock()
		r.tell(p)
		if isTime {
			if err := r.commit(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// convert stages one part. One that waits already is not converted again.
func (r *partsRun) convert(ctx context.Context, c *instances.Converter, a *artifact, p *instances.Part, redactor *redact.Redactor) (*instances.Record, error) {
	if r.stage.has(p) {
		return r.stage.record(p)
	}
	name := p.Name()
	record, err := c.Convert(ctx, p, r.stage.path(name, instancesFile), r.stage.path(name, choicesFile))
	if err != nil {
		return nil, err
	}
	inside := strings.TrimPrefix(p.Path, a.Path)
	part := stagedPart{record, place(a.root() + inside), place(a.root()) + " " + a.file.folders(), redactor.Counts}
	return record, r.stage.put(name, part)
}

// record reads what is staged of a part.
func (s Stage) record(p *instances.Part) (*instances.Record, error) {
	text, err := os.ReadFile(s.path(p.Name(), recordFile))
	if err != nil {
		return nil, err
	}
	record := &instances.Record{}
	return record, json.Unmarshal(text, record)
}

// finish commits what is staged, and writes that the artifact was read whole.
func (r *partsRun) finish(ctx context.Context, a *artifact, w *walked) error {
	r.staged, r.last = 0, time.Now()
	return r.commit(ctx, func(c *lake.Conn) error { return r.close(ctx, c, a, w) })
}

func (r *partsRun) commit(ctx context.Context, last func(c *lake.Conn) error) error {
	w, err := r.open()
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = Commit(ctx, w, r.stage, last)
	return err
}
