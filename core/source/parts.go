package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source/instances"
)

// A part is converted without the lake and staged: two Parquet files and a
// record in a folder, the record last. Commit makes staged parts rows of the
// lake, in transactions that also write the ledger, raw.files. So a part may
// be converted by anyone and more than once, and an interrupted ingest goes on
// behind the last staged part.

// Commits come this often at least, so that long work can be seen and is safe.
const (
	partsPerCommit = 256
	commitEvery    = time.Minute
)

// stagedPart is a record as it is staged.
type stagedPart struct {
	*instances.Record
	Location   string           `json:"location"`
	Folders    string           `json:"folders"`
	Redactions map[string]int64 `json:"redactions"`
}

// partsRun is one ingest of artifacts.
type partsRun struct {
	plan     *Plan
	stage    Stage
	open     func() (*lake.Writer, error) // nil: others commit
	share    Share
	progress Progress
	archives map[string]bool // checksums of archives that were read whole

	mu     sync.Mutex
	known  map[int64]bool // parts with rows in the lake, or at hand
	visits []*visit       // of artifacts that are not closed
	staged int
	last   time.Time
	done   int64

	committing sync.Mutex
}

// visit is the way through one artifact.
type visit struct {
	*artifact
	share     Share
	ended     bool
	pending   int // parts that are being converted
	parts     int64
	fresh     int64 // parts that the lake had not
	instances int64
	rejects   int64
	seen      []int64
	problems  []instances.Reject // about the artifact, or members that are no parts
	damaged   bool
	sum       string
}

// job is a part to convert.
type job struct {
	visit *visit
	part  *instances.Part
}

// HasParts tells whether the plan holds archives of instances.
func (p *Plan) HasParts() bool { return len(p.artifacts) > 0 }

// RunParts converts and commits the parts of all artifacts. open gives a writer
// for a commit; the lake is free for others while parts are converted.
func (p *Plan) RunParts(ctx context.Context, stage Stage, open func() (*lake.Writer, error), threads int, progress Progress) error {
	return p.runParts(ctx, &partsRun{stage: stage, open: open, progress: progress, share: Share{0, 1}}, threads)
}

// StageParts converts a share of the parts, and leaves them for a commit.
func (p *Plan) StageParts(ctx context.Context, stage Stage, share Share, threads int, progress Progress) error {
	for i := range p.Statuses {
		p.Statuses[i].State = Skipped
	}
	p.Bytes = 0 // of the share
	for i, a := range p.artifacts {
		if n := len(p.artifacts); share.has(i, n) {
			p.Bytes += a.bytes / int64(share.within(i, n).Of)
		}
	}
	return p.runParts(ctx, &partsRun{stage: stage, progress: progress, share: share}, threads)
}

func (p *Plan) runParts(ctx context.Context, r *partsRun, threads int) error {
	r.plan, r.known, r.archives, r.last = p, map[int64]bool{}, map[string]bool{}, time.Now()
	for _, m := range p.manifest {
		switch {
		case m.table == instances.InstancesTable && m.rows > 0:
			r.known[m.id] = true
		case m.table == archivesTable:
			r.archives[m.checksum] = true
		}
	}
	if err := r.stage.open(ctx); err != nil {
		return storeError(p.artifacts[0].file, cause(err))
	}
	defer r.stage.tidy()
	if err := r.convertAll(ctx, threads); err != nil {
		return err
	}
	return r.commit(ctx)
}

// convertAll walks over the artifacts one after the other, and converts their
// new parts side by side.
func (r *partsRun) convertAll(parent context.Context, threads int) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	queue := make(chan job)
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			if err := r.work(ctx, queue); err != nil {
				cancel(err)
				for range queue { // let the reader end
				}
			}
		})
	}
	err := r.walkAll(ctx, queue)
	close(queue)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (r *partsRun) walkAll(ctx context.Context, queue chan<- job) error {
	for i := range r.plan.artifacts {
		a := &r.plan.artifacts[i]
		a.Path = a.shown()
		r.status(a).Path = a.Path
		if !r.share.has(i, len(r.plan.artifacts)) {
			continue
		}
		known, err := r.isKnown(a)
		if err != nil {
			return err
		}
		if known {
			r.status(a).State = Unchanged
			continue
		}
		if err := r.walk(ctx, a, r.share.within(i, len(r.plan.artifacts)), queue); err != nil {
			return err
		}
	}
	return nil
}

func (r *partsRun) status(a *artifact) *Status { return &r.plan.Statuses[a.index] }

// isKnown tells whether an archive's very bytes were read whole before.
func (r *partsRun) isKnown(a *artifact) (bool, error) {
	if a.File == "" {
		return false, nil
	}
	for _, m := range r.plan.manifest {
		if m.table == archivesTable && m.bytes == a.bytes {
			sum, err := a.file.checksum()
			return r.archives[sum], err
		}
	}
	return false, nil
}

// walk hands the parts of an artifact to the workers.
func (r *partsRun) walk(ctx context.Context, a *artifact, share Share, queue chan<- job) error {
	w := &visit{artifact: a, share: share}
	r.mu.Lock()
	r.visits = append(r.visits, w)
	r.mu.Unlock()
	sum, err := a.Walk(ctx, func(i int) bool { return i%share.Of == share.Index }, func(p *instances.Part) error {
		if !r.meet(w, p) {
			r.tell(p)
			return nil
		}
		select {
		case queue <- job{w, p}:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, func(name, reason string) error {
		w.problems = append(w.problems, instances.Reject{Row: wholeFile, Reason: name + ": " + reason})
		return nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, instances.ErrDamaged) {
		w.damaged = true
		w.problems = append(w.problems, instances.Reject{Row: wholeFile, Reason: err.Error() + "; download it again: what stands before the damage is in the lake"})
		sum, err = a.file.checksum()
	}
	if err != nil {
		return storeError(a.file, cause(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w.sum, w.ended = sum, true
	return nil
}

// meet notes a part, and tells whether it must be converted.
func (r *partsRun) meet(w *visit, p *instances.Part) (isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.parts++
	w.seen = append(w.seen, p.ID())
	if r.known[p.ID()] {
		return false
	}
	r.known[p.ID()] = true
	w.pending++
	return true
}

func (r *partsRun) tell(p *instances.Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += p.Bytes
	r.progress.tell(min(r.done, r.plan.Bytes), r.plan.Bytes, "ingesting "+p.Path)
}

// work converts parts until there are no more. A panic must not end the process,
// which may be somebody's notebook.
func (r *partsRun) work(ctx context.Context, queue <-chan job) (err error) {
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
	for j := range queue {
		clear(redactor.Counts)
		record, err := r.convert(ctx, c, j, redactor)
		if err != nil {
			return err
		}
		isTime := r.converted(j, record)
		r.tell(j.part)
		if isTime {
			if err := r.commit(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// converted counts a part, and tells whether it is time to commit.
func (r *partsRun) converted(j job, record *instances.Record) (isTime bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j.visit.pending--
	j.visit.fresh++
	j.visit.instances += record.Instances
	j.visit.rejects += int64(len(record.Rejects))
	r.staged++
	if r.staged < partsPerCommit && time.Since(r.last) < commitEvery {
		return false
	}
	r.staged, r.last = 0, time.Now()
	return true
}

// convert stages one part. One that waits already is not converted again.
func (r *partsRun) convert(ctx context.Context, c *instances.Converter, j job, redactor *redact.Redactor) (*instances.Record, error) {
	p, a := j.part, j.visit.artifact
	name := p.Name()
	if r.stage.has(name) {
		record, err := r.stage.record(ctx, name)
		return record, storeError(a.file, cause(err))
	}
	record, err := c.Convert(ctx, p, r.stage.room(name, instancesFile), r.stage.room(name, choicesFile))
	if err != nil {
		return nil, storeError(a.file, cause(err))
	}
	inside := strings.TrimPrefix(p.Path, a.Path)
	part := stagedPart{record, place(a.root() + inside), place(a.root()) + " " + a.file.folders(), redactor.Counts}
	return record, storeError(a.file, cause(r.stage.put(ctx, name, part)))
}

// commit makes what is staged rows of the lake, and closes the artifacts that
// are done.
func (r *partsRun) commit(ctx context.Context) error {
	r.committing.Lock()
	defer r.committing.Unlock()
	done := r.takeDone()
	if r.open == nil {
		for _, one := range done {
			if err := r.stage.putVisit(ctx, one.summary()); err != nil {
				return storeError(one.file, cause(err))
			}
		}
		return nil
	}
	if waiting, err := r.stage.names(ctx); err != nil || len(done)+len(waiting) == 0 {
		return err
	}
	w, err := r.open()
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = Commit(ctx, w, r.stage, func(c *lake.Conn) error {
		for _, one := range done {
			if err := one.summary().close(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// takeDone gives the artifacts whose parts are all staged, with their states
// set; those in which nothing is new need no commit.
func (r *partsRun) takeDone() (done []*visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visits = slices.DeleteFunc(r.visits, func(w *visit) bool {
		if !w.ended || w.pending > 0 {
			return false
		}
		s := r.status(w.artifact)
		s.Rows, s.Rejects = w.instances, w.rejects+int64(len(w.problems))
		switch {
		case w.fresh == 0 && r.archives[w.sum]:
			s.State = Unchanged
			return true
		case r.stood(w.artifact):
			s.State = Replaced
		default:
			s.State = Added
		}
		done = append(done, w)
		return true
	})
	return done
}

// stood tells whether an artifact lay in the same place before.
func (r *partsRun) stood(a *artifact) bool {
	here := place(a.root())
	return slices.ContainsFunc(r.plan.manifest, func(m manifestRow) bool { return m.table == archivesTable && m.location == here })
}
