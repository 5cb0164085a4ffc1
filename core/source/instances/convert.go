package instances

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/tablefile"
)

// The endings of a task's two files.
const (
	metricsSuffix     = "-metrics.json"
	predictionsSuffix = "-predictions.jsonl"
)

// Reject is a line, or a whole file, that the tables cannot hold.
type Reject struct {
	Row    int64  `json:"row"` // line of its file, or -1
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

// WholePart is the row of a reject that is about more than a line.
const WholePart = -1

// Record says what became of a part.
type Record struct {
	ID     int64  `json:"file_id"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"n_bytes"`
	Checkpoint
	Instances int64    `json:"n_instances"`
	Choices   int64    `json:"n_choices"`
	Content   string   `json:"content"` // checksum of the tables: equal however the part was packed
	Tasks     []*Task  `json:"tasks"`
	Checks    []Check  `json:"checks"`
	Rejects   []Reject `json:"rejects"`
}

// rowGroup is how many instances a row group holds, if tasks are that small: one
// task is then read alone, and a question with few others.
const rowGroup = 8192

// Converter turns parts into Parquet files. It keeps its buffers: use one for
// many parts, in one goroutine.
type Converter struct {
	redact  func([]byte) []byte
	parser  *parser
	encoder *tablefile.Encoder
	lines   lines
	spare   map[string]*block // empty ones, by the task whose rows they have room for
	merged  *block

	tasks  map[string]*taskParts
	record *Record
}

// taskParts are the two files of a task.
type taskParts struct {
	task    *Task
	rows    *block
	checker checker
}

// NewConverter makes a converter; redact replaces personal data in JSON text.
func NewConverter(redact func([]byte) []byte) (*Converter, error) {
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	return &Converter{redact: redact, parser: newParser(), encoder: e, merged: newBlock()}, err
}

// Convert writes the part's instances and choices to two Parquet files. The
// bytes depend on the part alone. A part that cannot be read gives a record with
// no rows and one reject.
func (c *Converter) Convert(ctx context.Context, p *Part, instances, choices string) (*Record, error) {
	c.record = &Record{ID: p.ID(), Path: p.Path, SHA256: p.SHA256, Bytes: p.Bytes}
	c.tasks = map[string]*taskParts{}
	defer c.encoder.Forget()
	defer c.recycle()
	err := p.eachFile(func(name string, content pieces) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return c.file(name, content)
	})
	if err == nil {
		err = c.identify(p)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return c.refuse(err), nil
	}
	return c.record, c.write(instances, choices)
}

// refuse gives the record of a part that is left out as a whole.
func (c *Converter) refuse(err error) *Record {
	var onDisk *os.PathError
	if errors.As(err, &onDisk) {
		err = onDisk.Err // the path names people
	}
	r := c.record
	return &Record{
		ID: r.ID, Path: r.Path, SHA256: r.SHA256, Bytes: r.Bytes,
		Rejects: []Reject{{Row: WholePart, Reason: err.Error()}},
	}
}

// file reads one file of the part.
func (c *Converter) file(name string, content pieces) error {
	switch {
	case strings.HasSuffix(name, metricsSuffix):
		return c.metrics(name, content)
	case strings.HasSuffix(name, predictionsSuffix):
		return c.predictions(name, content)
	default:
		c.reject(WholePart, fmt.Sprintf("%s is no file of a task", shownName(name)), nil)
		return nil
	}
}

func (c *Converter) reject(row int64, reason string, text []byte) {
	c.record.Rejects = append(c.record.Rejects, Reject{row, reason, string(bytes.ToValidUTF8(c.redactLine(text), []byte("\uFFFD")))})
}

// redactLine redacts what may be no JSON.
func (c *Converter) redactLine(text []byte) []byte {
	if jsontext.Whole(text) != nil {
		return text
	}
	return c.redact(text)
}

func (c *Converter) task(name string) *taskParts {
	t := c.tasks[name]
	if t == nil {
		t = &taskParts{checker: checker{task: name}}
		c.tasks[name] = t
	}
	return t
}

func (c *Converter) metrics(name string, content pieces) error {
	text, err := whole(content, maxRecord)
	if err != nil {
		return fmt.Errorf("%s: %w", shownName(name), err)
	}
	t := c.task(strings.TrimSuffix(name, metricsSuffix))
	switch {
	case len(text) > maxRecord:
		c.reject(WholePart, fmt.Sprintf("%s is larger than %d MiB", shownName(name), maxRecord>>20), nil)
		return nil
	case t.task != nil:
		c.reject(WholePart, fmt.Sprintf("%s stands twice in the part: the first one counts", shownName(name)), text)
		return nil
	case !utf8.Valid(text):
		c.reject(WholePart, fmt.Sprintf("%s is no UTF-8 text", shownName(name)), text)
		return nil
	}
	if t.task, err = readRecord(text, c.redact); err != nil {
		t.task = nil
		c.reject(WholePart, fmt.Sprintf("%s: %v", shownName(name), err), text)
	}
	return nil
}

func (c *Converter) predictions(name string, content pieces) error {
	task := strings.TrimSuffix(name, predictionsSuffix)
	t := c.task(task)
	if t.rows != nil {
		c.reject(WholePart, fmt.Sprintf("%s stands twice in the part: the first one counts", shownName(name)), nil)
		return nil
	}
	t.rows = c.block(task)
	c.lines.reset(content)
	seen := docs{last: -1}
	for {
		line, hasEnd, err := c.lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return fmt.Errorf("%s: %w", shownName(name), err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err == nil {
			err = c.instance(line, t, task, &seen)
		}
		if err != nil {
			where := fmt.Sprintf("%s, line %d: ", shownName(name), c.lines.n)
			if !hasEnd && errors.Is(err, jsontext.ErrTorn) {
				where += "the last, is cut off: "
			}
			c.reject(c.lines.n, where+err.Error(), line)
		}
	}
}

// instance reads one line.
func (c *Converter) instance(line []byte, t *taskParts, task string, seen *docs) error {
	if !utf8.Valid(line) {
		return errors.New("the line is no UTF-8 text")
	}
	rows, choices := t.rows.rows(), t.rows.choiceRows()
	if err := c.parser.read(line, t.rows); err != nil {
		return err
	}
	if doc := t.rows.docs[rows]; seen.twice(doc, t.rows.docs[:rows]) {
		t.rows.undo(rows, choices)
		return fmt.Errorf("doc_id %d stands twice: the first line counts", doc)
	}
	t.rows.task.add(task)
	t.checker.instance(t.rows, rows)
	return nil
}

// docs knows which questions were met. Files are sorted, as a rule.
type docs struct {
	last int64
	seen map[int64]bool // nil while they were sorted
}

func (d *docs) twice(doc int64, before []int64) bool {
	if d.seen == nil && doc > d.last {
		d.last = doc
		return false
	}
	if d.seen == nil {
		d.seen = map[int64]bool{}
		for _, b := range before {
			d.seen[b] = true
		}
	}
	if d.seen[doc] {
		return true
	}
	d.seen[doc] = true
	return false
}

// identify finds out which checkpoint the part is of, by its path or else by
// what its metrics say of the model.
func (c *Converter) identify(p *Part) error {
	if len(c.tasks) == 0 {
		return errors.New("it holds no file of a task")
	}
	at, ok := p.at, p.isAt
	for _, name := range c.taskNames() {
		if t := c.tasks[name].task; !ok && t != nil {
			at, ok = spelledByModel(t.Model, t.Revision)
		}
	}
	if !ok {
		return errors.New("neither its path nor its metrics say of which checkpoint it is: name it <recipe>/<params>/seed-<n>/step-<n>.tar.gz")
	}
	var err error
	c.record.Checkpoint, err = at.checkpoint()
	return err
}

func (c *Converter) taskNames() []string {
	names := make([]string, 0, len(c.tasks))
	for name := range c.tasks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// write writes both files and completes the record.
func (c *Converter) write(instances, choices string) error {
	content := sha256.New()
	tables := [2]*table{}
	for i, path := range []string{instances, choices} {
		t, err := createTable(path, Fields([]string{InstancesTable, ChoicesTable}[i]), content)
		if err != nil {
			return err
		}
		defer t.abort()
		tables[i] = t
	}
	c.merged.reset()
	for _, name := range c.taskNames() {
		t := c.tasks[name]
		if t.rows == nil {
			t.rows = c.block(name)
			t.checker.fail("predictions_file", "the part has no %s%s", name, predictionsSuffix)
		}
		c.finish(name, t)
		if c.merged.rows() > 0 && c.merged.rows()+t.rows.rows() > rowGroup {
			if err := c.flush(tables); err != nil {
				return err
			}
		}
		c.merged.takeSorted(t.rows)
	}
	if err := c.flush(tables); err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.close(); err != nil {
			return err
		}
	}
	c.record.Content = hex.EncodeToString(content.Sum(nil))
	return nil
}

// finish completes a task's record.
func (c *Converter) finish(name string, t *taskParts) {
	if t.task == nil {
		t.task = &Task{}
	}
	t.task.Task = name
	t.task.Instances, t.task.Choices = int64(t.rows.rows()), int64(t.rows.choiceRows())
	t.task.compare(derive(t.rows), &t.checker)
	if at, ok := spelledByModel(t.task.Model, t.task.Revision); ok {
		if said, err := at.checkpoint(); err == nil && said != c.record.Checkpoint {
			t.checker.fail("model_config", "the path says %+v, the task's metrics %+v", c.record.Checkpoint, said)
		}
	}
	c.record.Instances += t.task.Instances
	c.record.Choices += t.task.Choices
	c.record.Tasks = append(c.record.Tasks, t.task)
	c.record.Checks = append(c.record.Checks, t.checker.checks...)
}

func (c *Converter) flush(tables [2]*table) error {
	rows := c.merged
	if rows.rows() > 0 {
		if err := tables[0].RowGroup(rows.rows(), rows.instanceChunks(c.encoder, c.record.Checkpoint)); err != nil {
			return err
		}
	}
	if rows.choiceRows() > 0 {
		if err := tables[1].RowGroup(rows.choiceRows(), rows.choiceChunks(c.encoder, c.record.Checkpoint)); err != nil {
			return err
		}
	}
	c.encoder.Forget()
	rows.reset()
	return nil
}

// takeSorted appends the rows of one task in the order of doc_id.
func (b *block) takeSorted(from *block) {
	if slices.IsSorted(from.docs) {
		b.take(from, 0, from.rows())
		return
	}
	order := make([]int, from.rows())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(from.docs[x], from.docs[y]) })
	for _, i := range order {
		b.take(from, i, i+1)
	}
}

// block gives an empty block for a task, the one of the part before if it had
// the task: parts have as many rows.
func (c *Converter) block(task string) *block {
	if b := c.spare[task]; b != nil {
		delete(c.spare, task)
		return b
	}
	return newBlock()
}

func (c *Converter) recycle() {
	c.spare = map[string]*block{}
	for name, t := range c.tasks {
		if t.rows != nil {
			t.rows.reset()
			c.spare[name] = t.rows
		}
	}
	c.tasks = nil
}

// table is a Parquet file in the making, written beside its place.
type table struct {
	*tablefile.Writer
	file *os.File
	path string
}

func createTable(path string, fields []tablefile.Field, sum io.Writer) (*table, error) {
	f, err := os.OpenFile(fmt.Sprintf("%s.%x.partial", path, rand.Uint64()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	w, err := tablefile.NewWriter(io.MultiWriter(f, sum), fields, nil)
	return &table{w, f, path}, err
}

// close gives the file its name: it is whole, or it is not there.
func (t *table) close() error {
	if _, err := t.Writer.Close(); err != nil {
		return err
	}
	if err := t.file.Close(); err != nil {
		return err
	}
	err := os.Rename(t.file.Name(), t.path)
	t.file = nil
	return err
}

func (t *table) abort() {
	if t.file != nil {
		_ = t.file.Close()
		_ = os.Remove(t.file.Name())
	}
}
