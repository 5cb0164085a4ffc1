package feature

import (
	"math"
	"slices"

	"ddcore/core/tablefile"
)

// deltas gives the columns of the comparisons that were asked for.
func (b *builder) deltas() []Column {
	var out []Column
	for _, d := range Deltas {
		if !slices.Contains(b.Deltas, d.Name) {
			continue
		}
		columns := map[string]func(Delta) []Column{"windows": b.windowDeltas, "tasks": b.taskDeltas, "sizes": b.sizeDeltas}[d.Name]
		out = append(out, columns(d)...)
	}
	return out
}

// windowDeltas compare each window with the one named before it.
func (b *builder) windowDeltas(d Delta) []Column {
	var out []Column
	for series, name := range b.series {
		for w := 1; w < len(b.Windows); w++ {
			for _, stat := range deltaStats {
				s := b.stat(stat)
				values := less(b.column(s, series, w), b.column(s, series, w-1))
				column := name + "__" + b.Windows[w].Name() + "_less_" + b.Windows[w-1].Name() + "__" + stat
				out = append(out, Column{Name: column, Role: RoleFeature, Unit: b.stats[s].Unit, Meaning: d.Formula, Floats: values})
			}
		}
	}
	return out
}

func less(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = orNull(a[i] - b[i])
	}
	return out
}

func orNull(v float64) float64 {
	if !isFinite(v) {
		return tablefile.Null
	}
	return v
}

// taskDeltas compare each task with the mean of the others.
func (b *builder) taskDeltas(d Delta) []Column {
	var out []Column
	first := 0 // series of the block
	for _, k := range b.blocks {
		n := len(k.metrics)
		if len(k.tasks) > 1 && k.metrics[0] != "" {
			for t := range k.tasks {
				for m := range n {
					out = append(out, b.taskDelta(d, k, first, t, m)...)
				}
			}
		}
		first += len(k.tasks) * n
	}
	return out
}

func (b *builder) taskDelta(d Delta, k *block, first, task, metric int) []Column {
	var out []Column
	series := first + task*len(k.metrics) + metric
	for w, window := range b.Windows {
		for _, stat := range deltaStats {
			s := b.stat(stat)
			var others [][]float64
			for t := range k.tasks {
				if t != task {
					others = append(others, b.column(s, first+t*len(k.metrics)+metric, w))
				}
			}
			out = append(out, Column{
				Name: b.series[series] + "__" + window.Name() + "__" + stat + "_less_tasks",
				Role: RoleFeature, Unit: b.stats[s].Unit, Meaning: d.Formula, Floats: less(b.column(s, series, w), rowMeans(others)),
			})
		}
	}
	return out
}

// rowMeans gives the mean of the columns' values, by row; nulls are left out.
func rowMeans(columns [][]float64) []float64 {
	out := make([]float64, len(columns[0]))
	for row := range out {
		sum, n := 0.0, 0
		for _, c := range columns {
			if isFinite(c[row]) {
				sum, n = sum+c[row], n+1
			}
		}
		out[row] = sum / float64(n) // NaN where there is none
	}
	return out
}

// sizeDeltas compare each item with the next smaller size at equal compute.
func (b *builder) sizeDeltas(d Delta) []Column {
	smaller := b.smallerSizes()
	var out []Column
	series := 0
	for _, k := range b.blocks {
		for t := range k.tasks {
			for m := range k.metrics {
				for _, w := range b.Windows {
					values := make([]float64, len(b.rows))
					for row := range b.rows {
						values[row] = b.sizeDelta(k, t, m, w, b.rows[row], smaller[row])
					}
					out = append(out, Column{Name: b.series[series] + "__" + w.Name() + "__last_less_size", Role: RoleFeature, Unit: "value", Meaning: d.Formula, Floats: values})
				}
				series++
			}
		}
	}
	return out
}

// smallerSizes gives each row the item of the next smaller size of its recipe:
// of its seed, else of seed 0; -1 where there is none.
func (b *builder) smallerSizes() []int32 {
	index := index(b.items)
	var sizes []*item // one for each size, by parameters
	for _, it := range b.items {
		if !slices.ContainsFunc(sizes, func(s *item) bool { return s.keys[1] == it.keys[1] }) {
			sizes = append(sizes, it)
		}
	}
	slices.SortFunc(sizes, func(a, b *item) int { return int(a.parameters - b.parameters) })
	out := make([]int32, len(b.rows))
	for row, i := range b.rows {
		it := b.items[i]
		out[row] = -1
		for _, s := range sizes {
			if s.parameters >= it.parameters {
				break
			}
			for _, seed := range []string{"0", it.keys[2]} {
				if found, ok := index[it.keys[0]+"\x00"+s.keys[1]+"\x00"+seed]; ok {
					out[row] = found
				}
			}
		}
	}
	return out
}

func (b *builder) sizeDelta(k *block, task, metric int, w Window, own, other int32) float64 {
	if other < 0 {
		return tablefile.Null
	}
	small := b.curveOf(k, task, metric, w, other)
	if small.n() == 0 {
		return tablefile.Null
	}
	level, compute := small.last(), small.tokens[small.n()-1]*b.items[other].parameters
	large := b.curveOf(k, task, metric, w, own)
	return orNull(large.atTokens(compute/b.items[own].parameters) - level)
}

// curveOf gives a curve of its own memory.
func (b *builder) curveOf(k *block, task, metric int, w Window, i int32) *curve {
	look := &window{block: k}
	look.open(int(i)*len(k.tasks) + task)
	look.choose(w, b.items[i])
	return look.curve(metric)
}

// atTokens interpolates linearly in ln(tokens); outside of the curve it is NaN.
func (c *curve) atTokens(tokens float64) float64 {
	for i, t := range c.tokens {
		switch {
		case t == tokens:
			return c.values[i]
		case t > tokens && i > 0 && c.tokens[i-1] > 0:
			share := (math.Log(tokens) - c.logs[i-1]) / (c.logs[i] - c.logs[i-1])
			return c.values[i-1] + share*(c.values[i]-c.values[i-1])
		case t > tokens:
			return math.NaN()
		}
	}
	return math.NaN()
}
