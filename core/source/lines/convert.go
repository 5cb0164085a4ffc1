package lines

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
	Table   string
	Out     string       // the Parquet file to write
	Key     *redact.Key  // of the lake's pseudonyms; nil keeps personal data
	Names   redact.Names // that were learnt in this and other files
	Workers int
}

// Redactor makes a redactor for the job; nil keeps personal data.
func (j Job) Redactor() *redact.Redactor {
	if j.Key == nil {
		return nil
	}
	return redact.New(*j.Key, j.Names)
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

// Reader fills the columns of one block.
type Reader interface {
	Line(text []byte) error
	Placeholder() // for a line that Line refused
	Count() int
	Encode(e *tablefile.Encoder) []tablefile.Chunk
	Reset() // for the next block
}

// Layout says how a file is read.
type Layout struct {
	Fields    []tablefile.Field
	Open      func(f *os.File, hashed io.Reader) (Blocks, error) // hashed is f, and must be read from its start to the end of the blocks
	NewReader func(r *redact.Redactor) Reader
}

// conversion is a running Job.
type conversion struct {
	Job
	newReader func(r *redact.Redactor) Reader
}

// Convert reads the file and writes its rows. Blocks are read in order, taken
// apart by workers, and written in order.
func Convert(ctx context.Context, job Job, layout Layout) (*Outcome, error) {
	f, err := os.Open(job.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	from, err := layout.Open(f, io.TeeReader(f, sum))
	if err != nil {
		return nil, err
	}
	out, err := tablefile.Create(job.Out, layout.Fields, nil)
	if err != nil {
		return nil, err
	}
	outcome := &Outcome{Redactions: map[string]int64{}}
	c := conversion{job, layout.NewReader}
	if err := c.run(ctx, from, out, outcome); err != nil {
		out.Abort()
		return nil, err
	}
	if outcome.Rows, err = out.Close(); err != nil {
		return nil, err
	}
	// The rest of a damaged log is part of the file, too.
	if _, err := io.Copy(sum, f); err != nil {
		return nil, err
	}
	outcome.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return outcome, nil
}

// part is a block after the workers.
type part struct {
	rows       int
	chunks     []tablefile.Chunk
	rejects    []Reject
	redactions map[string]int64
	err        error
}

func (c *conversion) run(ctx context.Context, from Blocks, out *tablefile.File, outcome *Outcome) error {
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
		readErr = from(ctx, func(b Block) error {
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
	Block
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
	r := c.Redactor()
	rows := c.newReader(r)
	for w := range queue {
		func() {
			var p part
			defer func() {
				if cause := recover(); cause != nil {
					p.err = fmt.Errorf("panic while reading text: %v", cause)
				}
				w.done <- p
			}()
			p = c.read(w.Block, rows, r)
			w.Release()
			p.chunks, p.err = encode(rows)
		}()
	}
}

// encoders are those that nobody uses: each has 10 MB, and fewer encode at a time
// than read.
var encoders sync.Pool

func encode(rows Reader) (chunks []tablefile.Chunk, err error) {
	if rows.Count() == 0 {
		return nil, nil
	}
	e, ok := encoders.Get().(*tablefile.Encoder)
	if !ok {
		if e, err = tablefile.NewEncoder(tablefile.Zstd); err != nil {
			return nil, err
		}
	}
	chunks = rows.Encode(e)
	e.Forget()
	encoders.Put(e)
	return chunks, nil
}

// read takes one block apart.
func (c *conversion) read(b Block, rows Reader, r *redact.Redactor) (p part) {
	if r != nil {
		clear(r.Counts)
	}
	rows.Reset()
	isText := utf8.Valid(b.Text)
	for text, line := b.Text, b.Line; len(text) > 0; line++ {
		one, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		if len(bytes.TrimSpace(one)) == 0 {
			continue
		}
		err := error(nil)
		if !isText && !utf8.Valid(one) {
			err = errors.New("the line is no UTF-8 text")
		} else {
			err = rows.Line(one)
		}
		if err != nil {
			p.rejects = append(p.rejects, Reject{int64(rows.Count()), reason(err, line, b.IsLast && !ended), c.rejected(r, one)})
			rows.Placeholder()
		}
	}
	if b.Broken != "" {
		p.rejects = append(p.rejects, Reject{int64(rows.Count()), b.Broken, ""})
		rows.Placeholder()
	}
	p.rows = rows.Count()
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
