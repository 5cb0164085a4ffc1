package sample

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A subset must repeat the numbers of the whole: what depends on a size, recipe
// or task depends on its place in the facts, not on its place in the sample.
func TestSubsetRepeatsTheWhole(t *testing.T) {
	type id struct {
		params, data, task string
		seed               int
		step               int64
	}
	measured := func(o Options) map[id]values {
		p := mustPlan(t, o)
		out := map[id]values{}
		for r := range p.evalRows() {
			out[id{r.size.label, r.recipe.name, r.task.name, r.seed, r.step}] = p.model.measure(r.checkpoint, r.task)
		}
		return out
	}
	whole := measured(Options{Sizes: []string{"4M", "20M"}, Recipes: []string{"C4", "Falcon"}})
	part := measured(Options{Sizes: []string{"20M"}, Recipes: []string{"Falcon"}, Seeds: []string{"default"}})
	require.NotEmpty(t, part)
	for k, v := range part {
		require.Equal(t, whole[k], v, "%v", k)
	}
}

func TestMetricsAreInRange(t *testing.T) {
	p := mustPlan(t, Options{})
	var negativeMargins, rows int
	for r := range p.evalRows() {
		v := p.model.measure(r.checkpoint, r.task)
		where := r.task.name + " " + r.size.label
		for k, x := range v {
			require.False(t, math.IsNaN(x) || math.IsInf(x, 0), "%s %s", where, keyNames[k])
		}
		for way := range 5 {
			require.InDelta(t, math.Round(v[acc+way]*float64(r.task.n)), v[acc+way]*float64(r.task.n), 1e-8)
			require.True(t, v[acc+way] >= 0 && v[acc+way] <= 1, where)
		}
		for way := range 3 {
			require.True(t, v[correctProb+way] > 0 && v[correctProb+way] < 1, where)
			require.True(t, v[uncondProb+way] > 0 && v[uncondProb+way] < 1, where)
			require.True(t, v[normProb+way] > 0 && v[normProb+way] < 1, where)
			require.True(t, v[totalProb+way] >= v[correctProb+way] && v[totalProb+way] <= float64(r.task.choices), where)
			require.True(t, v[margin+way] >= -1 && v[margin+way] <= v[correctProb+way], where)
			require.Less(t, v[logits+way], 0.0, where)
		}
		require.Equal(t, v[r.task.primary], v[primaryMetric])
		rows++
		if v[margin] < 0 {
			negativeMargins++
		}
	}
	assert.Greater(t, negativeMargins, rows/2)
}

// Larger models and longer training must help, or no plot of the sample would
// mean anything.
func TestCurvesImprove(t *testing.T) {
	p := mustPlan(t, Options{Sizes: []string{"4M", "60M", "150M", "1B"}})
	all := p.macroTasks()
	mean := map[string]float64{}
	for _, s := range p.sizes {
		for _, r := range p.recipes {
			for _, step := range []int64{0, s.final} {
				for _, task := range all {
					if task.name == macroAverage {
						v := p.model.average(checkpoint{s, r, 0, step}, task.of)
						name := s.label
						if step == 0 {
							name = "untrained " + s.label
						}
						mean[name] += v[primaryMetric] / float64(len(p.recipes))
					}
				}
			}
			first, last := p.model.loss(checkpoint{s, r, 0, 1250}), p.model.loss(checkpoint{s, r, 0, s.final})
			assert.Greater(t, first, last)
		}
	}
	assert.Less(t, mean["4M"], mean["60M"])
	assert.Less(t, mean["60M"], mean["150M"])
	assert.Less(t, mean["150M"], mean["1B"])
	assert.Less(t, mean["untrained 1B"]+0.1, mean["1B"])
	assert.InDelta(t, 0.55, mean["1B"], 0.06, "near the real macro average")
}

func TestMMLUCountsOnceInTheMacroAverage(t *testing.T) {
	p := mustPlan(t, small)
	c := checkpoint{p.sizes[0], p.recipes[0], 0, p.sizes[0].final}
	var ten, macro float64
	for _, task := range p.macroTasks() {
		v := p.model.average(c, task.of)[primaryMetric]
		if task.name == macroAverage {
			macro = v
		} else {
			ten += v / 10
		}
	}
	assert.InDelta(t, ten, macro, 1e-12)
}

func TestKeySets(t *testing.T) {
	has := func(set keySet, conditional bool, name string) bool {
		for _, k := range shownKeys(set, conditional) {
			if keyNames[k] == name {
				return true
			}
		}
		return false
	}
	assert.Len(t, shownKeys(plainKeys, false), 22, "150M of the real sample")
	assert.Len(t, shownKeys(logitKeys, false), 27, "4M of the real sample")
	assert.Len(t, shownKeys(logitKeys, true), 22, "4M of the real sample, boolq")
	assert.True(t, has(byteKeys, false, "bits_per_byte_corr"))
	assert.True(t, has(byteKeys, false, "predicted_index_uncond"))
	assert.False(t, has(plainKeys, false, "acc_per_byte"))
	for set := range numKeySets {
		assert.False(t, has(set, true, "acc_uncond"))
		assert.True(t, has(set, true, "primary_metric"))
	}
	for _, o := range []Options{{}, {Full: true}} {
		p := mustPlan(t, o)
		seen := map[keySet]int{}
		for _, s := range p.sizes {
			for _, r := range p.recipes {
				seen[keySetOf(s, r)]++
			}
		}
		assert.Len(t, seen, int(numKeySets), "every key set occurs")
	}
}

func TestTasks(t *testing.T) {
	tasks := loadTasks()
	require.Len(t, tasks, 66)
	subjects := 0
	for _, task := range tasks {
		if task.subject {
			subjects++
			assert.True(t, strings.HasPrefix(task.name, "mmlu_"))
		}
		assert.Positive(t, task.n, task.name)
		assert.True(t, strings.HasPrefix(keyNames[task.primary], "acc_"), task.name)
	}
	assert.Equal(t, len(subjectInstances), subjects)
}
