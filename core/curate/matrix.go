package curate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/source/pydict"
	"ddcore/core/tablefile"
)

// matrix holds metric values of tasks × items (checkpoints), metric-major: one
// metric of one task is contiguous, so that a column of the long, of the wide
// and of the melted table are all views of it.
type matrix struct {
	tasks, items int
	values       []float64     // [metric][task][item], tablefile.Null where absent
	present      []atomic.Bool // [task][item]: a raw row was read

	mu      sync.Mutex
	repeats []repeat
}

// repeat is a second raw row for the same task and item.
type repeat struct {
	cell   int
	values []float64
}

func newMatrix(tasks, items int) *matrix {
	m := &matrix{tasks: tasks, items: items, values: make([]float64, len(contract.Metrics)*tasks*items), present: make([]atomic.Bool, tasks*items)}
	for i := range m.values {
		m.values[i] = tablefile.Null
	}
	return m
}

// column gives one metric of one task over all items.
func (m *matrix) column(metric, task int) []float64 {
	start := (metric*m.tasks + task) * m.items
	return m.values[start : start+m.items]
}

// fill parses the dictionaries that a query gives as (item INTEGER, task
// INTEGER, text), on several workers.
func (m *matrix) fill(ctx context.Context, c *lake.Conn, workers int, sql string) error {
	type scratch struct {
		parser pydict.Parser
		row    []float64
	}
	pool := sync.Pool{New: func() any { return &scratch{row: make([]float64, len(contract.Metrics))} }}
	return c.Chunks(ctx, workers, func(chunk lake.Chunk) error {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		items, tasks, texts := chunk.Column(0).Int32s(), chunk.Column(1).Int32s(), chunk.Column(2)
		for i := range chunk.N {
			for k := range s.row {
				s.row[k] = tablefile.Null
			}
			if err := s.parser.Metrics(texts.String(i), s.row); err != nil {
				return fmt.Errorf("a row that passed ingest does not parse: %w", err)
			}
			m.put(int(tasks[i])*m.items+int(items[i]), s.row)
		}
		return nil
	}, sql)
}

func (m *matrix) put(cell int, row []float64) {
	if m.present[cell].Swap(true) {
		m.mu.Lock()
		m.repeats = append(m.repeats, repeat{cell, slices.Clone(row)})
		m.mu.Unlock()
		return
	}
	for k, v := range row {
		m.values[k*m.tasks*m.items+cell] = v
	}
}

// conflicts gives the cells, in order, whose raw rows have different values.
// Rows that stand twice with equal values count once.
func (m *matrix) conflicts() []int {
	var cells []int
	for _, r := range m.repeats {
		for k, v := range r.values {
			if math.Float64bits(v) != math.Float64bits(m.values[k*m.tasks*m.items+r.cell]) {
				cells = append(cells, r.cell)
				break
			}
		}
	}
	slices.Sort(cells)
	return slices.Compact(cells)
}

// average sets task `into` to the mean over the given tasks, metric by metric.
// all asks for every task's value; without it, the values that there are count.
func (m *matrix) average(into int, tasks []int, all bool) {
	sums := make([]kahan, m.items)
	for metric := range contract.Metrics {
		clear(sums)
		for _, t := range tasks {
			for item, v := range m.column(metric, t) {
				sums[item].add(v)
			}
		}
		out := m.column(metric, into)
		for item, sum := range sums {
			if sum.n == len(tasks) || (!all && sum.n > 0) {
				out[item] = sum.mean()
			}
		}
	}
	for item := range m.items {
		for metric := range contract.Metrics {
			if !tablefile.IsNull(m.column(metric, into)[item]) {
				m.present[into*m.items+item].Store(true)
			}
		}
	}
}

// kahan sums with compensation, as pandas' group means do; nulls are left out,
// NaN is not: the mean of a NaN is NaN.
type kahan struct {
	sum, lost float64
	n         int
}

func (k *kahan) add(v float64) {
	if tablefile.IsNull(v) {
		return
	}
	k.n++
	y := v - k.lost
	t := k.sum + y
	k.lost = t - k.sum - y
	if k.lost != k.lost {
		k.lost = 0 // the sum is infinite: as pandas does
	}
	k.sum = t
}

func (k *kahan) mean() float64 {
	if k.n == 0 {
		return tablefile.Null
	}
	return k.sum / float64(k.n)
}

// welford gives the sample standard deviation (n - 1) in one pass, as pandas'
// group deviations do; null for fewer than two values.
type welford struct {
	mean, m2 float64
	n        int
}

func (w *welford) add(v float64) {
	if tablefile.IsNull(v) {
		return
	}
	w.n++
	d := v - w.mean
	w.mean += d / float64(w.n)
	w.m2 += float64(d * (v - w.mean))
}

func (w *welford) std() float64 {
	if w.n < 2 {
		return tablefile.Null
	}
	return math.Sqrt(w.m2 / float64(w.n-1))
}

// checkRanges holds every value against its metric's range.
func (m *matrix) checkRanges(t *contract.Table, name func(task, item int) string) error {
	for metric, metricName := range contract.Metrics {
		f, _ := t.Field(metricName)
		low, high := math.Inf(-1), math.Inf(1)
		if f.Min != nil {
			low = *f.Min - contract.Slack
		}
		if f.Max != nil {
			high = *f.Max + contract.Slack
		}
		var count int64
		var examples []string
		for task := range m.tasks {
			for item, v := range m.column(metric, task) {
				if v >= low && v <= high || v != v { // NaN and Null have no order
					continue
				}
				if count++; len(examples) < 3 {
					examples = append(examples, fmt.Sprintf("%s, %s %v", name(task, item), metricName, v))
				}
			}
		}
		if count > 0 {
			return violation(t, metricName+" is outside "+f.Range(), count, examples)
		}
	}
	return nil
}
