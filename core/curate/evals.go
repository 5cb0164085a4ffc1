package curate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
	"ddcore/core/workers"
)

// longTasks are the tasks of evals: the wide ones, then olmes_10_macro_avg.
var longTasks = append(slices.Clone(contract.WideTasks), contract.MacroAverage)

// fromMatrix starts all tables that are made of task results when the last of
// them is asked for.
func (b *builder) fromMatrix(ctx context.Context, t *contract.Table) error {
	if t.Name != "mean_eval_melted" {
		return nil
	}
	long, err := load(ctx, b.w.Conn, contract.FindTable("evals").SQL)
	if err != nil {
		return err
	}
	left, err := load(ctx, b.w.Conn, contract.FindTable("full_eval").SQL)
	if err != nil {
		return err
	}
	if err := schedule(ctx, b.w.Conn, left); err != nil {
		return err
	}
	m, err := b.fillMatrix(ctx)
	if err != nil {
		return err
	}
	if n := left[0].len(); n != m.items {
		m.close()
		return &contract.Error{Kind: contract.Internal, Op: "curate", Target: "full_eval", Err: fmt.Errorf("%d rows for %d checkpoints", n, m.items)}
	}
	b.start(ctx, func() ([]*output, error) {
		defer m.close()
		return b.writeTasks(ctx, m, long, groupSeeds(left))
	})
	return nil
}

// fillMatrix finds the metrics of all checkpoints.
func (b *builder) fillMatrix(ctx context.Context) (*matrix, error) {
	index, err := b.indexCheckpoints(ctx)
	if err != nil {
		return nil, err
	}
	m := newMatrix(len(longTasks), index.items)
	err = m.fill(ctx, b.w, b.workers, "hf_eval_results", "eval_rows", "params, data, seed, task, step", index.cells)
	if cells := m.conflicting(); err == nil && len(cells) > 0 {
		err = b.evalConflict(ctx, m, cells)
	}
	if err == nil {
		err = m.average(ctx, b.workers, taskMeans())
	}
	if err != nil {
		m.close()
	}
	return m, err
}

// taskMeans are mmlu_average, the mean over the subjects that are there, and the
// OLMES macro average, the mean over its ten tasks where none is missing.
func taskMeans() []mean {
	var mmlu, olmes []int
	for i, task := range contract.WideTasks {
		switch {
		case task == contract.MMLUAverage:
			olmes = append(olmes, i)
		case strings.HasPrefix(task, "mmlu_"):
			mmlu = append(mmlu, i)
		default:
			olmes = append(olmes, i)
		}
	}
	return []mean{
		{slices.Index(longTasks, contract.MMLUAverage), mmlu, false},
		{slices.Index(longTasks, contract.MacroAverage), olmes, true},
	}
}

// evalConflict names the raw rows that contradict each other.
func (b *builder) evalConflict(ctx context.Context, m *matrix, cells []int) error {
	var examples []string
	for _, cell := range cells[:min(3, len(cells))] {
		rows, err := b.w.Rows(ctx, `
			SELECT r.params || ' / ' || r.data || ' / ' || r.seed || ' / step ' || r.step::BIGINT || ' / ' || r.task,
				string_agg(f.path || ' row ' || r._row, ' and ' ORDER BY f.file_id, r._row)
			FROM eval_rows AS r JOIN checkpoint_id AS i USING (params, data, seed, step) JOIN lake.raw.files AS f ON f.file_id = r._file
			WHERE i.id = ? AND r.task = ? GROUP BY 1`, cell%m.items, longTasks[cell/m.items])
		if err != nil {
			return err
		}
		for _, r := range rows {
			examples = append(examples, fmt.Sprintf("%v: %v", r[0], r[1]))
		}
	}
	return conflict("evals", int64(len(cells)), examples)
}

func describeRow(left []*column, row int) string {
	var parts []string
	for _, c := range left[:min(4, len(left))] {
		if c.kind == tablefile.Text {
			parts = append(parts, c.name+" "+c.texts[c.codes[row]])
		} else {
			parts = append(parts, fmt.Sprintf("%s %v", c.name, c.number(row)))
		}
	}
	return strings.Join(parts, ", ")
}

// taskPages holds the metrics of one task as Parquet pages. They are encoded
// once: a column of full_eval, a stretch of full_eval_melted and a column of
// evals are the same values at other places.
type taskPages struct {
	task   int
	values map[string][][]tablefile.Chunk // by aggregate, [metric][block]; "" has the values themselves
}

// taskFile is a table that is written task by task.
type taskFile interface {
	add(*taskPages) error
	flush() error
	file() *output
}

// writeTasks writes all tables in one pass over the tasks: several are encoded
// at a time, and written in their order, so that the files are always the same.
func (b *builder) writeTasks(ctx context.Context, m *matrix, long []*column, s *seeds) ([]*output, error) {
	files, err := b.taskFiles(m, long, s)
	if err == nil {
		err = b.eachTask(ctx, m, long, s, files)
	}
	outputs := make([]*output, len(files))
	for i, f := range files {
		outputs[i] = f.file()
	}
	if err == nil {
		err = workers.Each(ctx, b.workers, len(files), func(i int) error {
			if err := files[i].flush(); err != nil {
				return diskError(outputs[i].table, err)
			}
			return outputs[i].close()
		})
	}
	if err != nil {
		for _, o := range outputs {
			o.w.Abort() // again for a closed one, which does no harm
		}
	}
	return outputs, err
}

// taskFiles opens the files; on an error it gives those that are open.
func (b *builder) taskFiles(m *matrix, long []*column, s *seeds) (files []taskFile, err error) {
	evals, err := b.newLong(long, m)
	if err != nil {
		return nil, err
	}
	files = append(files, evals)
	for _, name := range []string{"full_eval", "mean_eval", "std_eval"} {
		f, err := b.newWide(name, s)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	for _, name := range []string{"full_eval_melted", "mean_eval_melted"} {
		f, err := b.newMelt(name, s)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	return files, nil
}

func (b *builder) eachTask(ctx context.Context, m *matrix, long []*column, s *seeds, files []taskFile) error {
	t := contract.FindTable("evals")
	var found []outlier
	coders := sync.Pool{New: func() any { return newTaskCoder(m, s) }}
	written := make([]chan struct{}, len(longTasks)+1)
	for i := range written {
		written[i] = make(chan struct{})
	}
	close(written[0])
	err := workers.Each(ctx, b.workers, len(longTasks), func(task int) error {
		defer close(written[task+1])
		c := coders.Get().(*taskCoder)
		defer coders.Put(c)
		pages, bad, err := c.encode(t, task)
		if err != nil {
			return err
		}
		select {
		case <-written[task]:
		case <-ctx.Done():
			return ctx.Err()
		}
		found = append(found, bad...)
		for _, f := range files {
			if err := f.add(pages); err != nil {
				return diskError(f.file().table, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return outlierError(t, found, func(task, item int) string { return describeRow(long, item) + ", task " + longTasks[task] })
}

// taskCoder holds what one worker needs to encode tasks.
type taskCoder struct {
	m       *matrix
	s       *seeds
	e       *tablefile.Encoder
	err     error
	columns [][]float64 // [metric][item]
	reduced []float64   // by group
}

func newTaskCoder(m *matrix, s *seeds) *taskCoder {
	c := &taskCoder{m: m, s: s, columns: make([][]float64, len(contract.Metrics)), reduced: make([]float64, len(s.groups))}
	for i := range c.columns {
		c.columns[i] = make([]float64, m.items)
	}
	c.e, c.err = tablefile.NewEncoder(tablefile.Zstd)
	return c
}

func (c *taskCoder) encode(t *contract.Table, task int) (*taskPages, []outlier, error) {
	if c.err != nil {
		return nil, nil, c.err
	}
	c.m.columns(task, c.columns)
	p := &taskPages{task: task, values: map[string][][]tablefile.Chunk{}}
	for _, values := range c.columns {
		p.values[""] = append(p.values[""], encodeBlocks(c.e, values))
		if task >= len(contract.WideTasks) {
			continue
		}
		for _, aggregate := range []string{"mean", "std"} {
			c.s.reduce(aggregate, values, c.reduced)
			p.values[aggregate] = append(p.values[aggregate], encodeBlocks(c.e, c.reduced))
		}
	}
	return p, outliers(t, task, c.columns), nil
}
