package feature

import (
	"errors"
	"fmt"
	"slices"

	"ddcore/core/contract"
)

// Stat is a feature of one series in one window: the one place where its name,
// formula and meaning stand.
type Stat struct {
	Name    string
	Formula string
	Inputs  string // what it is computed from
	Unit    string // in terms of the series' unit, "value"
	Least   int    // points it needs: with fewer it is null

	of func(*curve) float64
}

// Stats is the catalogue, in the order of columns.
var Stats = []Stat{
	{"n", "number of finite values", "values", "", 0, func(c *curve) float64 { return float64(c.n()) }},
	{"n_not_finite", "number of NaN and infinite values, which no other feature reads", "values", "", 0, func(c *curve) float64 { return float64(c.notFinite) }},
	{"first", "value at the first step", "values", "value", 1, (*curve).first},
	{"last", "value at the last step", "values", "value", 1, (*curve).last},
	{"last_step", "last step", "steps", "steps", 1, func(c *curve) float64 { return c.steps[c.n()-1] }},
	{"change", "last - first", "values", "value", 1, func(c *curve) float64 { return c.last() - c.first() }},
	{"mean", "sum(v) / n", "values", "value", 1, func(c *curve) float64 { return mean(c.values) }},
	{"sd", "sqrt(sum((v - mean)^2) / (n - 1))", "values", "value", 2, (*curve).sd},
	{"min", "smallest value", "values", "value", 1, func(c *curve) float64 { return c.values[c.low] }},
	{"min_step", "first step of the smallest value", "steps, values", "steps", 1, func(c *curve) float64 { return c.steps[c.low] }},
	{"max", "greatest value", "values", "value", 1, func(c *curve) float64 { return c.values[c.high] }},
	{"max_step", "first step of the greatest value", "steps, values", "steps", 1, func(c *curve) float64 { return c.steps[c.high] }},
	{gridStat, "last value up to k/grid of the window, for k = 1 … grid - 1", "values", "value", 1, nil},
	{"slope", "b of the least-squares line v = a + b step", "steps, values", "value/step", 2, func(c *curve) float64 { return c.linear.slope }},
	{"intercept", "a of the same line", "steps, values", "value", 2, func(c *curve) float64 { return c.linear.intercept }},
	{"slope_log", "b of the least-squares line v = a + b ln(tokens), over points with tokens > 0", "tokens, values", "value", 2, func(c *curve) float64 { return c.overLogs.slope }},
	{"intercept_log", "a of the same line", "tokens, values", "value", 2, func(c *curve) float64 { return c.overLogs.intercept }},
	{"power_exponent", "b of the power law v = e^a tokens^b: least squares of ln(v) on ln(tokens), over points with tokens > 0; null unless all values are > 0", "tokens, values", "", 2, func(c *curve) float64 { return c.power.slope }},
	{"power_log_scale", "a of the same power law", "tokens, values", "ln(value)", 2, func(c *curve) float64 { return c.power.intercept }},
	{"curvature", "2 c of the least-squares parabola v = a + b step + c step^2", "steps, values", "value/step^2", 3, func(c *curve) float64 { return fitCurvature(c.steps, c.values) }},
	{"slope_change", "slope of the window's second half - slope of its first half (with the middle), each of two points or more", "steps, values", "value/step", 4, (*curve).slopeChange},
	{"half_step", "first step at which v is half-way from first to last, or beyond; null where these are equal", "steps, values", "steps", 2, (*curve).half},
	{thresholdStat, "first step at which v is at the threshold, or beyond it as seen from first; null where it stays on its side", "steps, values, threshold", "steps", 1, func(c *curve) float64 { return c.reaches(c.threshold) }},
	{"plateau_steps", "steps before the last one in which all values lie within 0.05 (max - min) of last", "steps, values", "steps", 2, (*curve).plateau},
	{"area", "sum of the trapezoids (v[i] + v[i-1]) / 2 (step[i] - step[i-1])", "steps, values", "value steps", 2, (*curve).area},
}

// Rules are how values are read, for the reference.
const Rules = `v is the value, the points are those of the window by rising step; the unit "value" is that of the series.

- A feature is a finite number or null; it is null where the window has fewer points than the feature needs.
- Null values are left out. So are NaN and infinite ones, which ` + "`n_not_finite`" + ` counts.
- Points without a step are left out (one evaluation of curves has none).
- Of several values of one step the last one logged counts.
- Of equal values the first one is the smallest and the greatest.
- Fits are plain least squares, each point of equal weight. A power law is fitted as a line in logarithms, without an offset.
- Parts of a window (` + "`at_…`, `slope_change`" + `) are measured in the window's unit.`

// Place is where in a run a target stands.
type Place struct{ Name, Value string }

// Places are the values of target_at.
var Places = []Place{
	{"final", "evals: value at the last checkpoint, null unless it has 95 % of published_steps; run_history and curves: the last value; a task of run_history: its result after fine-tuning"},
	{"best", "the best value of the run: the smallest of losses, perplexities and bits per byte, the greatest of all else; the first of equal ones"},
	{"gain", "run_history: the result after fine-tuning - that of the starting checkpoint, from evals at exactly its step, else as the run's configuration records it"},
	{"50%, 5000 steps, 2B tokens", "the last value up to there"},
}

const (
	gridStat      = "at"
	thresholdStat = "threshold_step"
)

// Delta is a feature that compares features.
type Delta struct {
	Name    string // as it is asked for
	Column  string // how its columns are called
	Formula string
	Inputs  string
}

// Deltas are the comparisons that can be asked for.
var Deltas = []Delta{
	{"windows", "<series>__<window>_less_<window>__<stat>", "the stat in a window - the stat in the window named before it; for last, mean and slope", "the same series in two windows"},
	{"tasks", "<series>__<window>__<stat>_less_tasks", "the stat - its mean over the other tasks, of the same metric; for last, mean and slope", "all tasks of one item"},
	{"sizes", "<series>__<window>__last_less_size", "value - last value of the next smaller size in its own window, at the compute of the latter (6 N tokens): between two checkpoints linear in ln(compute), null outside of the item's own window", "the same recipe; the same seed, else seed 0"},
}

var deltaStats = []string{"last", "mean", "slope"}

// chosenStats gives the stats of those names, in the catalogue's order; no names
// mean all, without the threshold's where there is none.
func chosenStats(names []string, grid int, hasThreshold bool) ([]Stat, error) {
	var known []string
	for _, s := range Stats {
		known = append(known, s.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, refuse("stats", fmt.Errorf("there is no feature %q", name), contract.NearNames(name, known))
		}
	}
	if slices.Contains(names, thresholdStat) && !hasThreshold {
		return nil, refuse("stats", errors.New("threshold_step needs a threshold"), `pass thresholds, e.g. arc_easy_primary_metric=0.5`)
	}
	if grid < 1 || grid > 100 {
		return nil, refuse("grid", fmt.Errorf("it is %d", grid), "it is the number of equal parts of a window, 1 to 100")
	}
	var out []Stat
	for _, s := range Stats {
		switch {
		case len(names) > 0 && !slices.Contains(names, s.Name), s.Name == thresholdStat && !hasThreshold:
		case s.Name == gridStat:
			out = append(out, gridStats(s, grid)...)
		default:
			out = append(out, s)
		}
	}
	return out, nil
}

func gridStats(s Stat, grid int) []Stat {
	var out []Stat
	for k := 1; k < grid; k++ {
		at, share := s, float64(k)/float64(grid)
		at.Name = fmt.Sprintf("%s_%dof%d", s.Name, k, grid)
		at.Formula = fmt.Sprintf("last value up to %d/%d of the window", k, grid)
		at.of = func(c *curve) float64 { return c.valueAt(share) }
		out = append(out, at)
	}
	return out
}

func refuse(target string, err error, hint string) error {
	return &contract.Error{Kind: contract.Invalid, Op: "features", Target: target, Err: err, Hint: hint}
}
