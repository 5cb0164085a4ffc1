package feature

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"ddcore/core/lake"
	"ddcore/core/tablefile"
)

// block is a set of series that are read by one query. Its columns are the keys
// of the item, the task, then as DOUBLE step, tokens, order (of values of one
// step) and a value for each metric.
type block struct {
	sql     string
	params  []any
	tasks   []string // "" where series have none
	metrics []string

	points
}

// seriesName is the name of a series in columns: that of the wide table's column.
func seriesName(task, metric string) string {
	switch {
	case task == "":
		return metric
	case metric == "":
		return task
	default:
		return task + "_" + metric
	}
}

// series gives the names of all series, by task and metric.
func (b *block) series() []string {
	var out []string
	for _, t := range b.tasks {
		for _, m := range b.metrics {
			out = append(out, seriesName(t, m))
		}
	}
	return out
}

// points are the checkpoints of all items and tasks of a block, as they were
// read, and their order by item and task ("slot") and step.
type points struct {
	slot                []int32
	step, tokens, order []float64
	values              [][]float64 // [metric][point]; null is NaN

	sorted []int32 // points by slot, step and order
	start  []int32 // where a slot begins in sorted
}

// read runs the block's query.
func (b *block) read(ctx context.Context, c *lake.Conn, s *source, items map[string]int32) error {
	tasks := make(map[string]int32, len(b.tasks))
	for i, t := range b.tasks {
		tasks[t] = int32(i)
	}
	if err := b.allocate(ctx, c); err != nil {
		return err
	}
	find := &finder{n: len(s.keys), items: items, tasks: tasks, task: position(tasks, "")}
	err := c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		b.add(chunk, find)
		return nil
	}, b.sql, b.params...)
	if err != nil {
		return err
	}
	b.sort(len(items) * len(b.tasks))
	return nil
}

// allocate makes room for all rows at once: growing takes three times the memory,
// and its pages take longer than the counting.
func (b *block) allocate(ctx context.Context, c *lake.Conn) error {
	rows, err := c.Rows(ctx, "SELECT count(*) FROM ("+b.sql+")", b.params...)
	if err != nil {
		return err
	}
	n := rows[0][0].(int64)
	b.slot = make([]int32, 0, n)
	b.step, b.tokens, b.order = make([]float64, 0, n), make([]float64, 0, n), make([]float64, 0, n)
	b.values = make([][]float64, len(b.metrics))
	for k := range b.values {
		b.values[k] = make([]float64, 0, n)
	}
	return nil
}

// finder tells the slot of a row. Rows of one series stand together as a rule:
// the last row's names are compared first.
type finder struct {
	n            int // keys
	items, tasks map[string]int32
	last         []string
	item         int32
	lastTask     string
	task         int32
}

// slots gives the slot of each row of a chunk, -1 for items and tasks that were
// not asked for.
func (f *finder) slots(chunk lake.Chunk, out []int32) []int32 {
	columns := make([]lake.Column, f.n+1)
	for k := range columns {
		columns[k] = chunk.Column(k)
	}
	for i := range chunk.N {
		f.findItem(columns[:f.n], i)
		if task := columns[f.n].String(i); task != f.lastTask {
			f.lastTask, f.task = strings.Clone(task), position(f.tasks, task)
		}
		if f.item < 0 || f.task < 0 {
			out = append(out, -1)
		} else {
			out = append(out, f.item*int32(len(f.tasks))+f.task)
		}
	}
	return out
}

func (f *finder) findItem(columns []lake.Column, i int) {
	if f.last != nil && f.isLast(columns, i) {
		return
	}
	f.last = f.last[:0]
	for _, c := range columns {
		f.last = append(f.last, strings.Clone(c.String(i)))
	}
	f.item = position(f.items, strings.Join(f.last, "\x00"))
}

func (f *finder) isLast(columns []lake.Column, i int) bool {
	for k, c := range columns {
		if c.String(i) != f.last[k] {
			return false
		}
	}
	return true
}

func position(of map[string]int32, name string) int32 {
	if i, ok := of[name]; ok {
		return i
	}
	return -1
}

// add takes the rows of a chunk that belong to a slot.
func (b *block) add(chunk lake.Chunk, find *finder) {
	b.slot = find.slots(chunk, b.slot)
	numbers := make([]lake.Column, 3+len(b.metrics))
	for k := range numbers {
		numbers[k] = chunk.Column(find.n + 1 + k)
	}
	b.step = appendFloats(b.step, numbers[0])
	b.tokens = appendFloats(b.tokens, numbers[1])
	b.order = appendFloats(b.order, numbers[2])
	for k := range b.metrics {
		b.values[k] = appendFloats(b.values[k], numbers[3+k])
	}
}

func appendFloats(out []float64, c lake.Column) []float64 {
	first := len(out)
	out = append(out, c.Float64s()...)
	if !c.HasNulls() {
		return out
	}
	for i := range out[first:] {
		if c.IsNull(i) {
			out[first+i] = tablefile.Null
		}
	}
	return out
}

// sort orders the points: by slot with a counting sort, which leaves a slot's
// points as they came (by step, as a rule), then within a slot where needed.
func (p *points) sort(slots int) {
	p.start = make([]int32, slots+1)
	for _, s := range p.slot {
		if s >= 0 {
			p.start[s+1]++
		}
	}
	for s := range slots {
		p.start[s+1] += p.start[s]
	}
	p.sorted = make([]int32, p.start[slots])
	next := slices.Clone(p.start[:slots])
	for i, s := range p.slot {
		if s >= 0 {
			p.sorted[next[s]] = int32(i)
			next[s]++
		}
	}
	for s := range slots {
		if own := p.sorted[p.start[s]:p.start[s+1]]; !slices.IsSortedFunc(own, p.compare) {
			slices.SortFunc(own, p.compare)
		}
	}
}

// compare falls back on the values, so that the order of rows never matters.
func (p *points) compare(a, b int32) int {
	c := cmp.Or(cmp.Compare(p.step[a], p.step[b]), cmp.Compare(p.order[a], p.order[b]), cmp.Compare(p.tokens[a], p.tokens[b]))
	for k := 0; c == 0 && k < len(p.values); k++ {
		c = cmp.Compare(p.values[k][a], p.values[k][b])
	}
	return c
}

// of gives the points of a slot by step.
func (p *points) of(slot int) []int32 { return p.sorted[p.start[slot]:p.start[slot+1]] }
