package wandb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/tablefile"
)

// Job is one file that becomes rows of one table.
type Job struct {
	Path    string
	Format  Format
	Table   string
	Out     string       // the Parquet file to write
	Key     *redact.Key  // of the lake's pseudonyms; nil keeps personal data
	Names   redact.Names // that Learn found in this and other files
	Workers int
}

// Reject is a line without usable rows. Row is the row of nulls that stands for
// it in the table.
type Reject struct {
	Row          int64
	Reason, Text string
}

// Outcome is what became of a file.
type Outcome struct {
	Rows       int64
	Rejects    []Reject
	Redactions map[string]int64 // values replaced, by rule
	SHA256     string           // of the file, as it was read
}

// reader fills the columns of one block.
type reader interface {
	line(text []byte) error
	placeholder() // for a line that line refused
	count() int
	encode(e *tablefile.Encoder) []tablefile.Chunk
	reset() // for the next block
}

// conversion is a running Job.
type conversion struct {
	Job
	origin
	offline *offlineRun
	sum     hash.Hash
}

// Fields gives the columns of a table.
func Fields(table string) []tablefile.Field {
	switch table {
	case RunsTable:
		return runFields
	case HistoryTable:
		return historyFields
	default:
		return exportFields
	}
}

// Convert reads the file and writes its rows. Blocks are read in order, taken
// apart by workers, and written in order.
func Convert(ctx context.Context, job Job) (*Outcome, error) {
	f, err := os.Open(job.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &conversion{Job: job, sum: sha256.New(), origin: origin{layout: job.Format.layout()}}
	from, err := c.start(f)
	if err != nil {
		return nil, err
	}
	out, err := tablefile.Create(job.Out, Fields(job.Table), nil)
	if err != nil {
		return nil, err
	}
	outcome := &Outcome{Redactions: map[string]int64{}}
	if err := c.run(ctx, from, out, outcome); err != nil {
		out.Abort()
		return nil, err
	}
	if outcome.Rows, err = out.Close(); err != nil {
		return nil, err
	}
	// The rest of a damaged log is part of the file, too.
	if _, err := io.Copy(c.sum, f); err != nil {
		return nil, err
	}
	outcome.SHA256 = hex.EncodeToString(c.sum.Sum(nil))
	return outcome, nil
}

func (c *conversion) redactor() *redact.Redactor {
	if c.Key == nil {
		return nil
	}
	return redact.New(*c.Key, c.Names)
}

// start opens the file's blocks and learns what its rows have in common.
func (c *conversion) start(f *os.File) (blocks, error) {
	hashed := io.TeeReader(f, c.sum)
	switch c.Format {
	case ExportManifest, ExportState:
		return wholeFile(hashed), nil
	case ExportRuns, ExportHistory:
		c.origin = exportOf(c.Path, c.redactor())
	case Offline:
		run, err := readOfflineRun(f)
		if err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		c.offline = run
		c.entity, c.project = run.entity, run.project
		if c.Table == RunsTable {
			return run.blocks(), nil
		}
		return run.historyBlocks(hashed), nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return lineBlocks(hashed, info.Size()), nil
}

func (c *conversion) newReader(r *redact.Redactor) reader {
	switch {
	case c.Table == RunsTable:
		return &runsReader{origin: c.origin, r: r}
	case c.Table == HistoryTable:
		h := &historyReader{origin: c.origin, r: r}
		if c.offline != nil {
			h.learning = c.offline.line
		}
		return h
	case c.Format == ExportManifest:
		return &exportReader{kind: "manifest", r: r}
	default:
		return &exportReader{kind: "state", r: r}
	}
}

// part is a block after the workers.
type part struct {
	rows       int
	chunks     []tablefile.Chunk
	rejects    []Reject
	redactions map[string]int64
	err        error
}

func (c *conversion) run(ctx context.Context, from blocks, out *tablefile.File, outcome *Outcome) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan work) // without room: one block is read ahead, no more
	ordered := make(chan chan part, 2*c.Workers)
	var wg sync.WaitGroup
	for range c.Workers {
		wg.Go(func() { c.work(queue) })
	}
	var readErr error
	wg.Go(func() {
		defer close(ordered)
		defer close(queue)
		readErr = from(ctx, func(b block) error {
			w := work{b, make(chan part, 1)}
			select {
			case ordered <- w.done:
				queue <- w
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	var writeErr error
	for done := range ordered {
		if p := <-done; writeErr == nil {
			if writeErr = write(out, p, outcome); writeErr != nil {
				cancel()
			}
		}
	}
	wg.Wait()
	if writeErr != nil {
		return writeErr
	}
	return readErr
}

type work struct {
	block
	done chan part
}

func write(out *tablefile.File, p part, outcome *Outcome) error {
	if p.err != nil {
		return p.err
	}
	if err := out.RowGroup(p.rows, p.chunks); err != nil {
		return err
	}
	for _, r := range p.rejects {
		r.Row += outcome.Rows
		outcome.Rejects = append(outcome.Rejects, r)
	}
	outcome.Rows += int64(p.rows)
	for rule, n := range p.redactions {
		outcome.Redactions[rule] += n
	}
	return nil
}

// work takes blocks apart until there are none. A panic must not end the
// process, which may be somebody's notebook.
func (c *conversion) work(queue <-chan work) {
	e, encoderErr := tablefile.NewEncoder(tablefile.Zstd)
	r := c.redactor()
	rows := c.newReader(r)
	for w := range queue {
		func() {
			p := part{err: encoderErr}
			defer func() {
				if cause := recover(); cause != nil {
					p.err = fmt.Errorf("panic while reading W&B text: %v", cause)
				}
				w.done <- p
			}()
			if p.err == nil {
				p = c.read(w.block, rows, r, e)
				w.release()
			}
		}()
	}
}

// read takes one block apart.
func (c *conversion) read(b block, rows reader, r *redact.Redactor, e *tablefile.Encoder) (p part) {
	if r != nil {
		clear(r.Counts)
	}
	rows.reset()
	isText := utf8.Valid(b.text)
	for text, line := b.text, b.line; len(text) > 0; line++ {
		one, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		if len(bytes.TrimSpace(one)) == 0 {
			continue
		}
		err := error(nil)
		if !isText && !utf8.Valid(one) {
			err = errors.New("the line is no UTF-8 text")
		} else {
			err = rows.line(one)
		}
		if err != nil {
			p.rejects = append(p.rejects, Reject{int64(rows.count()), reason(err, line, b.isLast && !ended), c.rejected(r, one)})
			rows.placeholder()
		}
	}
	if b.broken != nil {
		p.rejects = append(p.rejects, Reject{int64(rows.count()), b.broken.Reason, ""})
		rows.placeholder()
	}
	p.rows = rows.count()
	if p.rows > 0 {
		p.chunks = rows.encode(e)
	}
	if r != nil {
		p.redactions = maps.Clone(r.Counts)
	}
	return p
}

// rejected gives the text that a reject keeps.
func (c *conversion) rejected(r *redact.Redactor, line []byte) string {
	if r != nil {
		r.Begin()
		line = r.Text(slices.Clone(line))
	}
	return string(bytes.ToValidUTF8(line, []byte("\uFFFD")))
}

func reason(err error, line int64, isUnended bool) string {
	switch {
	case errors.Is(err, jsontext.ErrTorn) && isUnended:
		return fmt.Sprintf("line %d, the last, is cut off: the export was still being written; ingest it again when it is complete", line)
	default:
		return fmt.Sprintf("line %d: %v", line, err)
	}
}
