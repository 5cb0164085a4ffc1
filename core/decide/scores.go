package decide

import (
	"math"
	"slices"
)

// Cube holds the results of one size. Of a metric of which less is better it
// holds the negative.
type Cube struct {
	Params  string
	Recipes []string
	Seeds   []int64
	Steps   []int64   // ascending
	Compute []float64 // by step

	tasks, metrics []string
	values         []float64 // [task][metric][step][recipe][seed]; NaN is no value
}

// NewCube makes a cube without values. The recipes are the same for all cubes
// that are compared.
func NewCube(params string, recipes []string, seeds, steps []int64, compute []float64, tasks, metrics []string) *Cube {
	c := &Cube{Params: params, Recipes: recipes, Seeds: seeds, Steps: steps, Compute: compute, tasks: tasks, metrics: metrics}
	c.values = make([]float64, len(tasks)*len(metrics)*len(steps)*len(recipes)*len(seeds))
	for i := range c.values {
		c.values[i] = math.NaN()
	}
	return c
}

// stride is the distance between two metrics of a task.
func (c *Cube) stride() int { return len(c.Steps) * len(c.Recipes) * len(c.Seeds) }

// cell is the place of the first metric's value.
func (c *Cube) cell(task, step, recipe, seed int) int {
	return ((task*len(c.metrics)*len(c.Steps)+step)*len(c.Recipes)+recipe)*len(c.Seeds) + seed
}

// Set puts a value in its place, by indices.
func (c *Cube) Set(task, metric, step, recipe, seed int, v float64) {
	c.values[c.cell(task, step, recipe, seed)+metric*c.stride()] = v
}

// series is one task and metric of a cube: [step][recipe][seed].
type series struct {
	values         []float64
	recipes, seeds int
}

// find gives a series. A metric of the checkpoint as a whole, such as a
// perplexity, is the same for every task.
func (c *Cube) find(task, metric string) (series, bool) {
	m := slices.Index(c.metrics, metric)
	t := slices.Index(c.tasks, task)
	if IsWhole(metric) {
		t = 0
	}
	if m < 0 || t < 0 {
		return series{}, false
	}
	start := (t*len(c.metrics) + m) * c.stride()
	return series{c.values[start : start+c.stride()], len(c.Recipes), len(c.Seeds)}, true
}

// present lists the recipes that have a value at any step, out of the given
// ones; nil is all.
func (s series) present(among []int) []int {
	has := make([]bool, s.recipes)
	for i, v := range s.values {
		if !isMissing(v) {
			has[i/s.seeds%s.recipes] = true
		}
	}
	var out []int
	for r, ok := range has {
		if ok && (among == nil || slices.Contains(among, r)) {
			out = append(out, r)
		}
	}
	return out
}

// scores gives what the given recipes have at a step.
func (s series) scores(step int, recipes []int) *scores {
	out := &scores{}
	at := s.values[step*s.recipes*s.seeds:]
	for _, r := range recipes {
		values := at[r*s.seeds : (r+1)*s.seeds]
		if slices.ContainsFunc(values, func(v float64) bool { return !isMissing(v) }) {
			out.recipes = append(out.recipes, r)
			out.values = append(out.values, values)
		}
	}
	return out
}

// scores are the values of recipes at one step, by seed.
type scores struct {
	recipes []int
	values  [][]float64 // [recipe][seed]; NaN is no value
}

// only gives the scores of some of the recipes.
func (s *scores) only(recipes []int) *scores {
	out := &scores{}
	for i, r := range s.recipes {
		if slices.Contains(recipes, r) {
			out.recipes = append(out.recipes, r)
			out.values = append(out.values, s.values[i])
		}
	}
	return out
}

// onlySeeds gives the scores of some of the seeds.
func (s *scores) onlySeeds(seeds []int) *scores {
	out := &scores{recipes: s.recipes}
	for _, values := range s.values {
		row := make([]float64, len(seeds))
		for k, seed := range seeds {
			row[k] = values[seed]
		}
		out.values = append(out.values, row)
	}
	return out
}

// complete lists the seeds that have all recipes.
func (s *scores) complete() []int {
	return s.seedsWhere(func(n int) bool { return n == len(s.values) })
}

func (s *scores) seedsWithValues() []int { return s.seedsWhere(func(n int) bool { return n > 0 }) }

func (s *scores) seedsWhere(enough func(n int) bool) []int {
	var out []int
	for seed := range s.values[0] {
		n := 0
		for _, values := range s.values {
			if !isMissing(values[seed]) {
				n++
			}
		}
		if enough(n) {
			out = append(out, seed)
		}
	}
	return out
}

// known gives each recipe's values, ascending: a mean then does not depend on
// the order of seeds.
func (s *scores) known() [][]float64 {
	out := make([][]float64, len(s.values))
	for i, values := range s.values {
		for _, v := range values {
			if !isMissing(v) {
				out[i] = append(out[i], v)
			}
		}
		slices.Sort(out[i])
	}
	return out
}

func (s *scores) means() []float64 {
	out := make([]float64, len(s.values))
	for i, values := range s.known() {
		out[i] = mean(values)
	}
	return out
}

// bySeed gives each seed's values, by recipe.
func (s *scores) bySeed() [][]float64 {
	out := make([][]float64, len(s.values[0]))
	for seed := range out {
		for _, values := range s.values {
			out[seed] = append(out[seed], values[seed])
		}
	}
	return out
}

func (s *scores) fewestSeeds() int64 {
	fewest := math.MaxInt
	for _, values := range s.known() {
		fewest = min(fewest, len(values))
	}
	return int64(fewest)
}

// noise is the standard deviation over seeds, pooled over recipes: the root of
// the squared deviations from each recipe's mean, over the sum of (seeds - 1).
// It is nil where no recipe has two seeds.
func (s *scores) noise() *float64 {
	squares, n := 0.0, 0
	for _, values := range s.known() {
		m := mean(values)
		for _, v := range values {
			squares += (v - m) * (v - m)
		}
		n += len(values) - 1
	}
	return root(squares, n)
}

// spread is the standard deviation of the recipes' means (n - 1).
func (s *scores) spread() *float64 {
	means := s.means()
	m := mean(means)
	squares := 0.0
	for _, v := range means {
		squares += (v - m) * (v - m)
	}
	return root(squares, len(means)-1)
}

func root(squares float64, n int) *float64 {
	if n == 0 {
		return nil
	}
	sd := math.Sqrt(squares / float64(n))
	return &sd
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// settled rounds a mean to 12 digits (40 bits), less than any difference between
// results: of 0.1 + 0.2 and 0.3 the last bits differ, which is no order of recipes.
func settled(v float64) float64 {
	const dropped = 12
	return math.Float64frombits((math.Float64bits(v) + 1<<(dropped-1)) &^ (1<<dropped - 1))
}

func allSettled(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = settled(v)
	}
	return out
}

// minus gives the members of all that are not in part.
func minus(all, part []int) []int {
	var out []int
	for _, v := range all {
		if !slices.Contains(part, v) {
			out = append(out, v)
		}
	}
	return out
}

// without gives the numbers below n that are not in part.
func without(n int, part []int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return minus(all, part)
}
