package sample

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustPlan(t *testing.T, o Options) *plan {
	t.Helper()
	p, err := newPlan(o)
	require.NoError(t, err)
	return p
}

func sizeOf(p *plan, label string) *size {
	return p.sizes[slices.IndexFunc(p.sizes, func(s *size) bool { return s.label == label })]
}

func TestFullShapeHasThePublishedRows(t *testing.T) {
	rows := map[string]int64{}
	for _, out := range mustPlan(t, Options{Full: true, Runs: -1, Models: -1, Checkpoints: -1}).outputs() {
		name, _, _ := strings.Cut(path.Base(out.path), "-")
		switch {
		case strings.HasPrefix(out.path, "hf/ppl"):
			name = "ppl"
		case strings.HasPrefix(out.path, ladderDir): // has one shape only
			continue
		}
		rows[name] += out.rows
	}
	assert.Equal(t, map[string]int64{
		"train": 1_410_750, "ppl": 22_709, "macro_avg": 235_000, "scaling_law_fit": 132_000,
	}, rows)
}

func TestFullShapeHasAllSizesRecipesAndSeeds(t *testing.T) {
	p := mustPlan(t, Options{Full: true})
	assert.Len(t, p.sizes, 14)
	assert.Len(t, p.recipes, 25)
	for _, s := range p.sizes {
		assert.Len(t, s.seeds, 3, s.label)
		assert.Equal(t, s.final, s.evalSteps[len(s.evalSteps)-1], s.label)
	}
}

func TestCheckpointSteps(t *testing.T) {
	p := mustPlan(t, Options{})
	steps := map[string][]int64{}
	for _, s := range p.sizes {
		steps[s.label] = s.evalSteps
	}
	assert.Equal(t, []int64{0, 1250, 2500, 3750, 5000, 5725}, steps["4M"], "as the real sample")
	assert.Len(t, steps["1B"], defaultSteps+1)
	assert.Equal(t, []int64{0, 69369}, mustPlan(t, Options{Sizes: []string{"1B"}, Steps: 1}).sizes[0].evalSteps)
	for label, all := range steps {
		assert.True(t, slices.IsSorted(all), label)
		for _, step := range all[:len(all)-1] {
			assert.Zero(t, step%interval, "%s step %d", label, step)
		}
	}
}

func TestRowsAreOrderedWithSeedsInterleaved(t *testing.T) {
	p := mustPlan(t, Options{})
	rows := slices.Collect(p.evalRows())
	assert.True(t, slices.IsSortedFunc(rows, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.size.label, b.size.label), cmp.Compare(a.recipe.name, b.recipe.name),
			cmp.Compare(a.task.name, b.task.name), cmp.Compare(a.step, b.step))
	}))
	var seeds []string
	for _, row := range rows[:4] {
		seeds = append(seeds, p.seeds[row.seed])
	}
	assert.Equal(t, []string{"small aux 2", "small aux 3", "default", "small aux 2"}, seeds)
}

func TestSeedsFollowTheSize(t *testing.T) {
	p := mustPlan(t, Options{Sizes: []string{"1B", "750M"}})
	labels := func(s *size) (out []string) {
		for _, id := range s.seeds {
			out = append(out, p.seeds[id])
		}
		return out
	}
	assert.Equal(t, []string{"large aux 2", "large aux 3", "default"}, labels(p.sizes[0]))
	assert.Equal(t, []string{"small aux 2", "small aux 3", "default"}, labels(p.sizes[1]))
}

func TestPerplexitiesOverlapEvaluations(t *testing.T) {
	type id struct {
		params, data string
		seed         int
		step         int64
	}
	for _, full := range []bool{false, true} {
		p := mustPlan(t, Options{Full: full})
		evaluated := map[id]bool{}
		for _, s := range p.sizes {
			for _, r := range p.recipes {
				for c := range p.checkpoints(s, r) {
					evaluated[id{s.label, r.name, c.seed, c.step}] = true
				}
			}
		}
		both, only := 0, 0
		var index int64
		for row := range p.pplRows() {
			require.Equal(t, index, row.index)
			index++
			require.Positive(t, row.step)
			require.False(t, row.size.label == "150M" && row.step == 1250)
			if evaluated[id{row.size.label, row.recipe.name, row.seed, row.step}] {
				both++
			} else {
				only++
			}
		}
		assert.Greater(t, both, 10*len(p.recipes))
		assert.Greater(t, only, len(p.recipes))
		assert.Contains(t, sizeOf(p, "4M").pplSteps, int64(5735))
	}
}

func TestMacroAveragesLackAFewRows(t *testing.T) {
	p := mustPlan(t, Options{Full: true, Recipes: []string{"C4"}})
	missing := 0
	for c := range p.checkpoints(sizeOf(p, "4M"), p.recipes[0]) {
		if lacksMacroAverage(c) {
			missing++
			assert.Less(t, c.step, int64(5725), "the final step is complete")
		}
	}
	assert.Equal(t, macroMissing, missing)
	var names []string
	for _, task := range p.macroTasks() {
		names = append(names, task.name)
	}
	assert.Len(t, names, 11)
	assert.True(t, slices.IsSorted(names))
}
