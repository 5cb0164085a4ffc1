package curate

import (
	"cmp"
	"slices"
	"strings"

	"ddcore/core/tablefile"
)

// seeds groups checkpoints that differ by seed only.
type seeds struct {
	left   []*column // of full_eval, in its order, without the metrics
	after  int       // the metrics stand after this many columns
	groups [][]int32 // rows, by params, data, step, in the order of their first row
}

func groupSeeds(left []*column) *seeds {
	s := &seeds{left: left, after: 1 + slices.IndexFunc(left, func(c *column) bool { return c.name == "c4_en-valppl" })}
	// Checkpoints are sorted by params, data, seed, step: codes rise in the order
	// of the names of params, and within one of them, of data.
	type key struct {
		params, data int32
		step         float64
	}
	params, data, step := find(left, "params"), find(left, "data"), find(left, "step")
	index := map[key]int{}
	var keys []key
	for row := range left[0].len() {
		k := key{params.codes[row], data.codes[row], step.floats[row]}
		i, ok := index[k]
		if !ok {
			i = len(s.groups)
			index[k] = i
			keys, s.groups = append(keys, k), append(s.groups, nil)
		}
		s.groups[i] = append(s.groups[i], int32(row))
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := keys[i], keys[j]
		return cmp.Or(cmp.Compare(a.params, b.params), strings.Compare(data.texts[a.data], data.texts[b.data]), cmp.Compare(a.step, b.step))
	})
	sorted := make([][]int32, len(order))
	for i, k := range order {
		sorted[i] = s.groups[k]
	}
	s.groups = sorted
	return s
}

// reduce gives the mean or the standard deviation of a column over the seeds of
// each group.
func (s *seeds) reduce(aggregate string, values, out []float64) {
	for i, g := range s.groups {
		if aggregate == "std" {
			var w welford
			for _, row := range g {
				w.add(values[row])
			}
			out[i] = w.std()
			continue
		}
		var k kahan
		for _, row := range g {
			k.add(values[row])
		}
		out[i] = k.mean()
	}
}

// columns gives full_eval's own columns, or what is left of them over seeds: the
// grain, and every number.
func (s *seeds) columns(aggregate string, grain []string) (columns []*column, after int) {
	if aggregate == "" {
		return s.left, s.after
	}
	first := make([]int32, len(s.groups))
	for i, g := range s.groups {
		first[i] = g[0]
	}
	for i, c := range s.left {
		if i == s.after {
			after = len(columns)
		}
		switch {
		case slices.Contains(grain, c.name):
			columns = append(columns, c.at(first))
		case c.isNumber() && c.name != "seed":
			over := &column{name: c.name, kind: tablefile.Float64, floats: make([]float64, len(s.groups))}
			s.reduce(aggregate, c.numbers(), over.floats)
			over.codeFloats()
			columns = append(columns, over)
		}
	}
	return columns, after
}
