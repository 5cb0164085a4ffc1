// Package decide tells how often a small model orders two recipes as the large
// one does: decision accuracy (arXiv 2504.11393), its bootstrap interval, the
// noise over seeds behind it, and the compute that it costs.
//
// The rules. A null and a NaN are no value. At a checkpoint a recipe's score is
// the mean over the seeds that have a value there. The target is the last step
// at which every recipe that has values at the target size has one. Compared are
// the recipes with values at both sizes. A pair is right if both sizes order it
// the same way; a tie at either size is wrong. Metrics of which less is better
// are turned around. Whatever is left out is said in the row.
package decide

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/workers"
)

// Options say what to compare with what.
type Options struct {
	Small        []string // sizes
	Target       string   // size
	Metrics      []string // at the small sizes
	TargetMetric string   // at the target; "" is each metric itself
	Tasks        []string // of the target; small perplexities have none
	Step         Step
	Single       bool  // each seed alone, instead of their mean
	Bootstrap    int64 // resamples; 0 is no interval
	RandomSeed   int64
	Threads      int
}

// Row is the answer for one task, metric, small size and step.
type Row struct {
	Task           *string  `col:"task"`
	Metric         string   `col:"metric"`
	TargetMetric   string   `col:"target_metric"`
	Small          string   `col:"small"`
	Target         string   `col:"target"`
	Step           *int64   `col:"step"`
	TargetStep     *int64   `col:"target_step"`
	Compute        *float64 `col:"compute"`
	ComputeShare   *float64 `col:"compute_fraction"`
	Recipes        int64    `col:"n_recipes"`
	Seeds          int64    `col:"n_seeds"`
	TargetSeeds    int64    `col:"n_target_seeds"`
	Pairs          int64    `col:"n_pairs"`
	Correct        int64    `col:"n_correct"`
	Ties           int64    `col:"n_ties"`
	Accuracy       *float64 `col:"decision_accuracy"`
	Low            *float64 `col:"low"`
	High           *float64 `col:"high"`
	Noise          *float64 `col:"recipe_noise"`
	Spread         *float64 `col:"recipe_spread"`
	Missing        *string  `col:"missing"`
	Refusal        *string  `col:"refusal"`
	BootstrapCount int64    `col:"n_bootstrap"`
	RandomSeed     int64    `col:"random_seed"`
}

// reference is what the target says of a task and metric.
type reference struct {
	step    int64
	compute float64
	scores  *scores
	absent  []int // recipes without a value
	problem string
}

// fewest is the least number of recipes: two make a pair.
const fewest = 2

// Accuracy compares the small sizes with the target, all tasks and metrics of a
// size in one pass over its results. load gives the results of a size; tell, if
// not nil, hears how many sizes are done.
func Accuracy(ctx context.Context, o Options, load func(params string, metrics []string) (*Cube, error), tell func(done, total int64, what string)) ([]Row, error) {
	targets := o.Metrics
	if o.TargetMetric != "" {
		targets = []string{o.TargetMetric}
	}
	target, err := load(o.Target, targets)
	if err != nil {
		return nil, err
	}
	var rows []Row
	draws := newDrawer(o.Bootstrap, o.RandomSeed)
	references := make([]map[string]*reference, len(o.Tasks)) // by metric, found once for all sizes
	for i, size := range o.Small {
		if tell != nil {
			tell(int64(i), int64(len(o.Small)), size)
		}
		small, err := load(size, o.Metrics)
		if err != nil {
			return nil, err
		}
		found := make([][]Row, len(o.Tasks))
		err = workers.Each(ctx, o.Threads, len(o.Tasks), func(k int) error {
			if references[k] == nil {
				references[k] = map[string]*reference{}
				for _, metric := range targets {
					references[k][metric] = target.reference(o.Tasks[k], metric)
				}
			}
			for _, metric := range o.Metrics {
				c := comparison{o: o, small: small, task: o.Tasks[k], metric: metric, targetMetric: metric, draws: draws}
				if o.TargetMetric != "" {
					c.targetMetric = o.TargetMetric
				}
				if IsWhole(c.metric) && IsWhole(c.targetMetric) { // once, not for every task
					if c.task = ""; k > 0 {
						continue
					}
				}
				found[k] = append(found[k], c.rows(references[k][c.targetMetric])...)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		rows = slices.Concat(rows, slices.Concat(found...))
	}
	return rows, refuse(rows)
}

// refuse makes an error of a table without an answer.
func refuse(rows []Row) error {
	problems := map[string]bool{}
	var first string
	for _, r := range rows {
		if r.Refusal == nil {
			return nil
		}
		if problems[*r.Refusal] = true; first == "" {
			first = *r.Refusal
		}
	}
	if first == "" {
		first = "nothing is there to compare"
	}
	if n := len(problems); n > 1 {
		first += fmt.Sprintf("; and %d other reasons", n-1)
	}
	return &contract.Error{
		Kind: contract.Invalid, Op: "decision_accuracy", Err: fmt.Errorf("no row has an answer: %s", first),
		Hint: "name sizes, tasks, a metric and a step that the recipes have in common: `table evals` shows what is there",
	}
}

// comparison is one task and metric of a small size against the target.
type comparison struct {
	o                    Options
	small                *Cube
	task                 string
	metric, targetMetric string
	draws                *drawer
}

// rows gives a row per step.
func (c *comparison) rows(ref *reference) []Row {
	if ref.problem != "" {
		return []Row{c.row(nil, ref, ref.problem)}
	}
	chosen, problem := c.choose(ref)
	if problem != "" {
		return []Row{c.row(nil, ref, problem)}
	}
	var out []Row
	for i := range chosen {
		out = append(out, c.row(&chosen[i], ref, ""))
	}
	return out
}

// reference finds the last step that the target's recipes have in common.
func (c *Cube) reference(task, metric string) *reference {
	at, ok := c.find(task, metric)
	if !ok {
		return &reference{problem: fmt.Sprintf("%s has no %s of %s", c.Params, metric, orAny(task))}
	}
	present := at.present(nil)
	for s := len(c.Steps) - 1; s >= 0; s-- {
		if sc := at.scores(s, present); len(present) > 0 && len(sc.recipes) == len(present) {
			return &reference{step: c.Steps[s], compute: c.Compute[s], scores: sc, absent: without(len(c.Recipes), present)}
		}
	}
	if len(present) == 0 {
		return &reference{problem: fmt.Sprintf("%s has no %s of %s", c.Params, metric, orAny(task))}
	}
	return &reference{problem: fmt.Sprintf("the recipes of %s have no step in common in %s of %s", c.Params, metric, orAny(task))}
}

func orAny(task string) string {
	if task == "" {
		return "the checkpoints"
	}
	return task
}

// step is a checkpoint of the small size with what is compared there.
type step struct {
	scores  *scores
	index   int
	missing []string
}

// choose finds the steps that are asked for.
func (c *comparison) choose(ref *reference) (chosen []step, problem string) {
	at, ok := c.small.find(c.task, c.metric)
	var present []int
	if ok {
		present = at.present(ref.scores.recipes)
	}
	if len(present) < fewest {
		return nil, fmt.Sprintf("%s has %s of %s for %d of the %d recipes of %s; %d are needed", c.small.Params, c.metric, orAny(c.task), len(present), len(ref.scores.recipes), c.o.Target, fewest)
	}
	missing := c.says(nil, "not at "+c.o.Target, ref.absent)
	missing = c.says(missing, "not at "+c.small.Params, minus(ref.scores.recipes, present))
	if c.o.Step.kind == exactStep {
		return c.exact(at, present, missing)
	}
	last := -1 // the last step that any recipe has
	for s := len(c.small.Steps) - 1; s >= 0; s-- {
		sc := at.scores(s, present)
		if len(sc.recipes) > 0 && last < 0 {
			last = s
		}
		if len(sc.recipes) < len(present) || c.o.Single && len(sc.complete()) == 0 {
			continue
		}
		if chosen = append(chosen, step{sc, s, missing}); c.o.Step.kind == lastStep {
			break
		}
	}
	slices.Reverse(chosen)
	if len(chosen) == 0 {
		return nil, fmt.Sprintf("the recipes of %s have no step in common in %s of %s", c.small.Params, c.metric, orAny(c.task))
	}
	chosen = c.o.Step.among(chosen, c.small.Steps)
	if c.o.Step.kind == lastStep && chosen[0].index < last {
		late := minus(present, at.scores(last, present).recipes)
		chosen[0].missing = c.says(missing, fmt.Sprintf("not at step %d, the last of %s", c.small.Steps[last], c.small.Params), late)
	}
	return chosen, ""
}

// exact compares at one step the recipes that are there.
func (c *comparison) exact(at series, present []int, missing []string) (chosen []step, problem string) {
	s, ok := slices.BinarySearch(c.small.Steps, c.o.Step.step)
	if !ok {
		return nil, fmt.Sprintf("%s has no checkpoint at step %d", c.small.Params, c.o.Step.step)
	}
	sc := at.scores(s, present)
	switch {
	case len(sc.recipes) < fewest:
		return nil, fmt.Sprintf("%s has %s of %s for %d recipes at step %d; %d are needed", c.small.Params, c.metric, orAny(c.task), len(sc.recipes), c.o.Step.step, fewest)
	case c.o.Single && len(sc.complete()) == 0:
		return nil, fmt.Sprintf("no seed of %s has all recipes at step %d", c.small.Params, c.o.Step.step)
	}
	return []step{{sc, s, c.says(missing, fmt.Sprintf("not at step %d", c.o.Step.step), minus(present, sc.recipes))}}, ""
}

// says adds that recipes are left out, if there are any.
func (c *comparison) says(to []string, what string, recipes []int) []string {
	if len(recipes) == 0 {
		return to
	}
	names := make([]string, len(recipes))
	for i, r := range recipes {
		names[i] = c.small.Recipes[r]
	}
	return append(slices.Clip(to), what+": "+strings.Join(names, ", "))
}

// row fills in what is known.
func (c *comparison) row(at *step, ref *reference, problem string) Row {
	r := Row{
		Metric: c.metric, TargetMetric: c.targetMetric, Small: c.small.Params, Target: c.o.Target,
		BootstrapCount: c.o.Bootstrap, RandomSeed: c.o.RandomSeed,
	}
	if c.task != "" {
		r.Task = &c.task
	}
	if ref.problem == "" {
		r.TargetStep = &ref.step
	}
	if problem != "" {
		r.Refusal = &problem
		return r
	}
	small, target := at.scores, ref.scores.only(at.scores.recipes)
	if c.o.Single {
		small = small.onlySeeds(small.complete())
		if left := len(at.scores.seedsWithValues()) - len(small.complete()); left > 0 {
			at.missing = append(slices.Clip(at.missing), fmt.Sprintf("seeds without all recipes: %d", left))
		}
	}
	r.Step, r.Compute = &c.small.Steps[at.index], &c.small.Compute[at.index]
	if ref.compute > 0 {
		share := *r.Compute / ref.compute
		r.ComputeShare = &share
	}
	if len(at.missing) > 0 {
		text := strings.Join(at.missing, "; ")
		r.Missing = &text
	}
	r.Recipes, r.Seeds, r.TargetSeeds = int64(len(small.recipes)), small.fewestSeeds(), target.fewestSeeds()
	r.count(small, target, c.o.Single)
	r.Noise, r.Spread = small.noise(), small.spread()
	if c.o.Bootstrap > 0 && len(small.recipes) > fewest {
		low, high := c.draws.interval(small, target, c.o.Single)
		r.Low, r.High = &low, &high
	}
	return r
}

// count counts the pairs.
func (r *Row) count(small, target *scores, single bool) {
	y := allSettled(target.means())
	columns := [][]float64{small.means()}
	if single {
		columns = small.bySeed()
	}
	for _, column := range columns {
		x := allSettled(column)
		for i := range x {
			for j := range i {
				r.Pairs++
				switch {
				case x[i] == x[j] || y[i] == y[j]:
					r.Ties++
				case (x[i] < x[j]) == (y[i] < y[j]):
					r.Correct++
				}
			}
		}
	}
	accuracy := float64(r.Correct) / float64(r.Pairs)
	r.Accuracy = &accuracy
}

// isMissing tells whether a value is none.
func isMissing(v float64) bool { return math.IsNaN(v) }
