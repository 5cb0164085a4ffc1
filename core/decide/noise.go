package decide

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// NoiseRow is the noise of one size, task, metric and step: how far a recipe's
// seeds lie apart, and how far its rivals do.
type NoiseRow struct {
	Task    *string  `col:"task"`
	Metric  string   `col:"metric"`
	Params  string   `col:"params"`
	Step    *int64   `col:"step"`
	Compute *float64 `col:"compute"`
	Recipes int64    `col:"n_recipes"`
	Seeds   int64    `col:"n_seeds"`
	Noise   *float64 `col:"recipe_noise"`
	Least   *float64 `col:"least_noise"`
	Most    *float64 `col:"most_noise"`
	Spread  *float64 `col:"recipe_spread"`
	Ratio   *float64 `col:"spread_to_noise"`
	Missing *string  `col:"missing"`
	Refusal *string  `col:"refusal"`
}

// Noise measures the noise at the steps at which every recipe that has two
// seeds anywhere has two.
func Noise(ctx context.Context, o Options, load func(params string, metrics []string) (*Cube, error)) ([]NoiseRow, error) {
	var rows []NoiseRow
	var asked []Row
	for _, size := range o.Small {
		cube, err := load(size, o.Metrics)
		if err != nil {
			return nil, err
		}
		for k, task := range o.Tasks {
			for _, metric := range o.Metrics {
				of := task
				if IsWhole(metric) { // once, not for every task
					if of = ""; k > 0 {
						continue
					}
				}
				found := cube.noise(o.Step, of, metric)
				for _, r := range found {
					asked = append(asked, Row{Refusal: r.Refusal})
				}
				rows = append(rows, found...)
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return rows, refuse(asked)
}

func (c *Cube) noise(at Step, task, metric string) []NoiseRow {
	base := NoiseRow{Metric: metric, Params: c.Params}
	if task != "" {
		base.Task = &task
	}
	fail := func(format string, args ...any) []NoiseRow {
		problem := fmt.Sprintf(format, args...)
		base.Refusal = &problem
		return []NoiseRow{base}
	}
	s, ok := c.find(task, metric)
	if !ok {
		return fail("%s has no %s of %s", c.Params, metric, orAny(task))
	}
	several, left := c.withSeeds(s)
	if len(several) == 0 {
		return fail("no recipe of %s has %s of %s for two seeds at one step", c.Params, metric, orAny(task))
	}
	if len(left) > 0 {
		missing := "one seed only: " + strings.Join(left, ", ")
		base.Missing = &missing
	}
	var common []step
	for i := range c.Steps {
		sc := s.scores(i, several)
		isAsked := at.kind != exactStep || c.Steps[i] == at.step
		if isAsked && len(sc.recipes) == len(several) && sc.fewestSeeds() > 1 {
			common = append(common, step{scores: sc, index: i})
		}
	}
	if len(common) == 0 {
		return fail("the recipes of %s have no such step in common at which %s of %s has two seeds", c.Params, metric, orAny(task))
	}
	var rows []NoiseRow
	for _, st := range at.among(common, c.Steps) {
		rows = append(rows, c.noiseAt(base, st))
	}
	return rows
}

// withSeeds tells the recipes that have two seeds at some step from those that
// have values of one.
func (c *Cube) withSeeds(s series) (several []int, one []string) {
	for _, r := range s.present(nil) {
		most := int64(0)
		for i := range c.Steps {
			if sc := s.scores(i, []int{r}); len(sc.recipes) > 0 {
				most = max(most, sc.fewestSeeds())
			}
		}
		if most > 1 {
			several = append(several, r)
		} else {
			one = append(one, c.Recipes[r])
		}
	}
	return several, one
}

func (c *Cube) noiseAt(r NoiseRow, at step) NoiseRow {
	sc := at.scores
	r.Step, r.Compute = &c.Steps[at.index], &c.Compute[at.index]
	r.Recipes, r.Seeds = int64(len(sc.recipes)), sc.fewestSeeds()
	r.Noise, r.Spread = sc.noise(), sc.spread()
	least, most := math.Inf(1), 0.0
	for _, recipe := range sc.recipes {
		sd := *sc.only([]int{recipe}).noise()
		least, most = min(least, sd), max(most, sd)
	}
	r.Least, r.Most = &least, &most
	if r.Spread != nil && *r.Noise > 0 {
		ratio := *r.Spread / *r.Noise
		r.Ratio = &ratio
	}
	return r
}
