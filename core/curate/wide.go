package curate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"
)

// macroTask is the position of olmes_10_macro_avg in the matrix, after the
// wide tasks.
var (
	macroTask = len(contract.WideTasks)
	longTasks = append(slices.Clone(contract.WideTasks), contract.MacroAverage)
)

// wide is what all tables of the matrix are made from: the checkpoints' own
// columns, the metrics, and the groups of seeds.
type wide struct {
	left   []*column // of full_eval, in its order, without the metrics
	after  int       // the metrics stand after this many columns
	matrix *matrix
	groups []group // by params, data, step, in the order of their first row
	rows   map[string]int64
}

// group is the checkpoints that differ by seed only.
type group []int32

// fromMatrix writes all tables that are made of the matrix when the first of
// them is asked for, and then registers each.
func (b *builder) fromMatrix(ctx context.Context, t *contract.Table) (int64, error) {
	if t.Name == "evals" {
		return b.evals(ctx, t)
	}
	if b.wide.left == nil {
		if err := b.loadWide(ctx); err != nil {
			return 0, err
		}
		if err := b.writeWide(ctx); err != nil {
			return 0, err
		}
	}
	return b.wide.rows[t.Name], nil
}

// evals parses the dictionaries and writes the long table.
func (b *builder) evals(ctx context.Context, t *contract.Table) (int64, error) {
	n, err := b.w.Rows(ctx, "SELECT count(*) FROM checkpoint")
	if err != nil {
		return 0, err
	}
	m := newMatrix(len(longTasks), int(n[0][0].(int64)))
	b.wide = &wide{matrix: m, rows: map[string]int64{}}
	if err := m.fill(ctx, b.w.Conn, b.workers, `
		SELECT i.id, t.task_index, r.metrics
		FROM eval_rows AS r
		JOIN checkpoint_id AS i USING (params, data, seed, step)
		JOIN (VALUES `+taskValues()+`) AS t(task, task_index) USING (task)`); err != nil {
		return 0, err
	}
	if cells := m.conflicts(); len(cells) > 0 {
		return 0, b.evalConflict(ctx, cells)
	}
	b.average(m)
	left, err := load(ctx, b.w.Conn, t.SQL)
	if err != nil {
		return 0, err
	}
	name := func(task, item int) string { return describeRow(left, item) + ", task " + longTasks[task] }
	if err := m.checkRanges(t, name); err != nil {
		return 0, err
	}
	return b.writeLong(ctx, t, left, m, longTasks)
}

func taskValues() string {
	var out []string
	for i, task := range contract.WideTasks {
		out = append(out, fmt.Sprintf("(%s, %d::INTEGER)", lake.Quote(task), i))
	}
	return strings.Join(out, ", ")
}

// average adds mmlu_average, the mean over the subjects that are there, and the
// OLMES macro average, the mean over its ten tasks where none is missing.
func (b *builder) average(m *matrix) {
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
	m.average(slices.Index(contract.WideTasks, contract.MMLUAverage), mmlu, false)
	m.average(macroTask, olmes, true)
}

// evalConflict names the raw rows that contradict each other.
func (b *builder) evalConflict(ctx context.Context, cells []int) error {
	items := b.wide.matrix.items
	var examples []string
	for _, cell := range cells[:min(3, len(cells))] {
		rows, err := b.w.Rows(ctx, `
			SELECT r.params || ' / ' || r.data || ' / ' || r.seed || ' / step ' || r.step::BIGINT || ' / ' || r.task,
				string_agg(f.path || ' row ' || r._row, ' and ' ORDER BY f.file_id, r._row)
			FROM eval_rows AS r JOIN checkpoint_id AS i USING (params, data, seed, step) JOIN lake.raw.files AS f ON f.file_id = r._file
			WHERE i.id = ? AND r.task = ? GROUP BY 1`, cell%items, contract.WideTasks[cell/items])
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

// loadWide reads the checkpoints' own columns and groups the seeds.
func (b *builder) loadWide(ctx context.Context) error {
	if err := makeSchedule(ctx, b.w.Conn); err != nil {
		return err
	}
	t := contract.FindTable("full_eval")
	left, err := load(ctx, b.w.Conn, t.SQL)
	if err != nil {
		return err
	}
	w := b.wide
	w.left = left
	w.after = 1 + slices.IndexFunc(left, func(c *column) bool { return c.name == "c4_en-valppl" })
	if n := left[0].len(); n != w.matrix.items {
		return &contract.Error{Kind: contract.Internal, Op: "curate", Target: t.Name, Err: fmt.Errorf("%d rows for %d checkpoints", n, w.matrix.items)}
	}
	// Checkpoints are sorted by params, data, seed, step: a group's first row
	// decides its place, and that is the order of params, data, step.
	type key struct {
		params, data int32
		step         float64
	}
	params, data, step := find(left, "params"), find(left, "data"), find(left, "step")
	index := map[key]int{}
	var keys []key
	for row := range w.matrix.items {
		k := key{params.codes[row], data.codes[row], step.floats[row]}
		i, ok := index[k]
		if !ok {
			i = len(w.groups)
			index[k] = i
			keys, w.groups = append(keys, k), append(w.groups, nil)
		}
		w.groups[i] = append(w.groups[i], int32(row))
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := int(keys[a].params - keys[b].params); c != 0 { // codes rise in the order of rows
			return c
		}
		if c := strings.Compare(data.texts[keys[a].data], data.texts[keys[b].data]); c != 0 {
			return c
		}
		return int(keys[a].step - keys[b].step)
	})
	sorted := make([]group, len(order))
	for i, k := range order {
		sorted[i] = w.groups[k]
	}
	w.groups = sorted
	return nil
}

// over reduces a column of values over the seeds of each group.
func (w *wide) over(aggregate string, value func(row int) float64) []float64 {
	out := make([]float64, len(w.groups))
	for i, g := range w.groups {
		if aggregate == "std" {
			var s welford
			for _, row := range g {
				s.add(value(int(row)))
			}
			out[i] = s.std()
			continue
		}
		var s kahan
		for _, row := range g {
			s.add(value(int(row)))
		}
		out[i] = s.mean()
	}
	return out
}

// metric gives a metric column: of every checkpoint, or over seeds.
func (w *wide) metric(c contract.MetricColumn, aggregate string) []float64 {
	values := w.matrix.column(c.Metric, c.Task)
	if aggregate == "" {
		return values
	}
	return w.over(aggregate, func(row int) float64 { return values[row] })
}

// leftColumns gives full_eval's own columns, or what is left of them over
// seeds: the grain, and every number.
func (w *wide) leftColumns(aggregate string, grain []string) (columns []*column, after int) {
	if aggregate == "" {
		return w.left, w.after
	}
	first := make([]int32, len(w.groups))
	for i, g := range w.groups {
		first[i] = g[0]
	}
	for i, c := range w.left {
		if i == w.after {
			after = len(columns)
		}
		switch {
		case slices.Contains(grain, c.name):
			columns = append(columns, c.at(first))
		case c.isNumber() && c.name != "seed":
			mean := &column{name: c.name, kind: tablefile.Float64, floats: w.over(aggregate, c.number)}
			mean.codeFloats()
			columns = append(columns, mean)
		}
	}
	return columns, after
}

// at gives the chosen rows of a column.
func (c *column) at(rows []int32) *column {
	out := *c
	out.codes, out.floats, out.bools = nil, nil, nil
	if c.bools != nil {
		out.bools = pick(c.bools, rows)
	}
	if c.floats != nil {
		out.floats = pick(c.floats, rows)
	}
	if c.codes != nil {
		out.codes = pick(c.codes, rows)
	}
	return &out
}

// writeWide writes the wide and the melted tables, several files at a time.
func (b *builder) writeWide(ctx context.Context) error {
	jobs := []func() (*output, error){
		func() (*output, error) { return b.wideFile("full_eval") },
	}
	for part := range b.workers {
		jobs = append(jobs, func() (*output, error) { return b.meltedFile("full_eval_melted", part, b.workers) })
	}
	jobs = append(
		jobs,
		func() (*output, error) { return b.meltedFile("mean_eval_melted", 0, 1) },
		func() (*output, error) { return b.wideFile("mean_eval") },
		func() (*output, error) { return b.wideFile("std_eval") },
	)
	outputs, err := runJobs(ctx, b.workers, jobs)
	if err != nil {
		return err
	}
	for _, name := range []string{"full_eval", "mean_eval", "std_eval", "full_eval_melted", "mean_eval_melted"} {
		for _, o := range outputs {
			if o.table == name {
				b.wide.rows[name] += o.rows
			}
		}
		if err := b.register(ctx, contract.FindTable(name), outputs); err != nil {
			return err
		}
	}
	return nil
}

// runJobs runs jobs on workers. On an error the files of all jobs are orphans,
// which the transaction's end deletes.
func runJobs(ctx context.Context, workers int, jobs []func() (*output, error)) ([]*output, error) {
	var (
		wg      sync.WaitGroup
		outputs = make([]*output, len(jobs))
		errs    = make([]error, len(jobs))
		next    = make(chan int)
	)
	for range workers {
		wg.Go(func() {
			for i := range next {
				if errs[i] = ctx.Err(); errs[i] == nil {
					outputs[i], errs[i] = guarded(jobs[i])
				}
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	return outputs, errors.Join(errs...)
}

// guarded turns a panic into an error: an unrecovered one in a goroutine would
// end the whole process, which may be somebody's notebook.
func guarded(job func() (*output, error)) (o *output, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic while writing a table: %v", r)
		}
	}()
	return job()
}
