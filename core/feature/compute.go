package feature

import (
	"context"
	"math"

	"ddcore/core/tablefile"
	"ddcore/core/workers"
)

// rowsPerJob is how many rows a worker takes at a time.
const rowsPerJob = 128

// at gives what a window of that unit measures, by point.
func (p *points) at(unit Unit) []float64 {
	if unit == Tokens {
		return p.tokens
	}
	return p.step
}

// compute fills the values of all stats, series by series.
func (b *builder) compute(ctx context.Context) error {
	cells := len(b.series) * len(b.Windows) * len(b.rows)
	b.values = make([][]float64, len(b.stats))
	for s := range b.values {
		b.values[s] = make([]float64, cells)
	}
	type job struct {
		block             *block
		series, task      int // of the task's first metric
		firstRow, lastRow int
	}
	var jobs []job
	series := 0
	for _, k := range b.blocks {
		for t := range k.tasks {
			for row := 0; row < len(b.rows); row += rowsPerJob {
				jobs = append(jobs, job{k, series, t, row, min(row+rowsPerJob, len(b.rows))})
			}
			series += len(k.metrics)
		}
	}
	return workers.Each(ctx, max(b.Workers, 1), len(jobs), func(i int) error {
		j := jobs[i]
		w := &window{block: j.block}
		for row := j.firstRow; row < j.lastRow; row++ {
			b.computeRow(w, j.series, j.task, row)
		}
		return nil
	})
}

// computeRow computes the features of one item and task: all windows, metrics
// and stats.
func (b *builder) computeRow(w *window, series, task, row int) {
	i := int(b.rows[row])
	w.open(i*len(w.block.tasks) + task)
	for k, bounds := range b.Windows {
		w.choose(bounds, b.items[i])
		for m := range w.block.metrics {
			c := w.curve(m)
			if at, ok := b.Thresholds[b.series[series+m]]; ok {
				c.threshold = at
			}
			b.put(c, b.cell(series+m, k, row))
		}
	}
}

// cell is the place of a value in values.
func (b *builder) cell(series, window, row int) int {
	return (series*len(b.Windows)+window)*len(b.rows) + row
}

// put computes all stats of a curve.
func (b *builder) put(c *curve, cell int) {
	for s, stat := range b.stats {
		v := math.NaN()
		if c.n() >= stat.Least {
			v = stat.of(c)
		}
		if !isFinite(v) {
			v = tablefile.Null
		}
		b.values[s][cell] = v
	}
}

// window is what a worker needs to look at one series after another, again and
// again in the same memory.
type window struct {
	block  *block
	points []int32   // of the slot
	logs   []float64 // ln(tokens) of each of them
	at     []float64 // of all points: what the window is measured in
	inside []int32   // places in points
	c      curve
}

// open takes the points of a slot.
func (w *window) open(slot int) {
	w.points = w.block.of(slot)
	w.logs = w.logs[:0]
	for _, p := range w.points {
		w.logs = append(w.logs, math.Log(w.block.tokens[p]))
	}
}

// choose finds the points in a window.
func (w *window) choose(bounds Window, it *item) {
	w.c.from, w.c.to = bounds.on(it.length)
	w.at = w.block.at(bounds.Unit)
	w.inside = w.inside[:0]
	for i, p := range w.points {
		if at := w.at[p]; w.c.from <= at && at <= w.c.to {
			w.inside = append(w.inside, int32(i))
		}
	}
}

// curve gives the finite values of a metric in the window. Of several values of
// one step the last one counts.
func (w *window) curve(metric int) *curve {
	values, c := w.block.values[metric], &w.c
	c.clear()
	for _, i := range w.inside {
		p := w.points[i]
		v := values[p]
		switch {
		case isFinite(v):
			c.add(w.block.step[p], w.block.tokens[p], w.logs[i], w.at[p], v)
		case !tablefile.IsNull(v):
			c.notFinite++
		}
	}
	c.prepare()
	return c
}
