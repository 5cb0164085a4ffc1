package decide

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

var none = math.NaN()

// made is a cube of one task from values [step][recipe][seed].
func made(params string, values [][][]float64) *Cube {
	steps, compute := make([]int64, len(values)), make([]float64, len(values))
	for i := range steps {
		steps[i], compute[i] = int64(i*100), float64(i)*1e15
	}
	recipes := []string{"A", "B", "C", "D", "E", "F", "G", "H"}[:len(values[0])]
	seeds := []int64{0, 1, 2, 3, 4}[:len(values[0][0])]
	c := NewCube(params, recipes, seeds, steps, compute, []string{"t"}, []string{"m"})
	for s, byRecipe := range values {
		for r, bySeed := range byRecipe {
			for k, v := range bySeed {
				c.Set(0, 0, s, r, k, v)
			}
		}
	}
	return c
}

func ask(t testing.TB, o Options, small, target [][][]float64) ([]Row, error) {
	t.Helper()
	o.Small, o.Target, o.Metrics, o.Tasks, o.Threads = []string{"4M"}, "1B", []string{"m"}, []string{"t"}, 1
	return Accuracy(context.Background(), o, func(params string, _ []string) (*Cube, error) {
		return made(params, map[string][][][]float64{"4M": small, "1B": target}[params]), nil
	}, nil)
}

func one(t testing.TB, o Options, small, target [][][]float64) Row {
	t.Helper()
	rows, err := ask(t, o, small, target)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

// flat is one step of one seed a recipe.
func flat(values ...float64) [][][]float64 {
	out := [][][]float64{nil}
	for _, v := range values {
		out[0] = append(out[0], []float64{v})
	}
	return out
}

// TestByHand: four recipes make six pairs.
func TestByHand(t *testing.T) {
	target := flat(1, 2, 3, 4)
	for _, c := range []struct {
		small         [][][]float64
		correct, ties int64
	}{
		{flat(1, 2, 3, 4), 6, 0},
		{flat(4, 3, 2, 1), 0, 0},
		{flat(2, 1, 3, 4), 5, 0},
		{flat(1, 1, 3, 4), 5, 1},
		{flat(5, 5, 5, 5), 0, 6},
		{flat(math.Inf(-1), 0, 1, math.Inf(1)), 6, 0},
	} {
		r := one(t, Options{}, c.small, target)
		require.Equal(t, []int64{4, 6, c.correct, c.ties}, []int64{r.Recipes, r.Pairs, r.Correct, r.Ties}, c.small)
		require.Equal(t, float64(c.correct)/6, *r.Accuracy)
	}
	tied := one(t, Options{}, flat(1, 2, 3, 4), flat(1, 1, 3, 4))
	require.Equal(t, []int64{5, 1}, []int64{tied.Correct, tied.Ties}, "a tie at the target is wrong, too")
}

// TestSeeds: the mean of seeds decides, or each seed alone.
func TestSeeds(t *testing.T) {
	// Means 2, 3, 4; seed 0 says C < A < B, seed 1 says A < B < C.
	small := [][][]float64{{{3, 1}, {4, 2}, {2, 6}}}
	target := flat(1, 2, 3)
	mean := one(t, Options{}, small, target)
	require.Equal(t, []int64{3, 3, 2}, []int64{mean.Pairs, mean.Correct, mean.Seeds})
	single := one(t, Options{Single: true}, small, target)
	require.Equal(t, []int64{6, 4, 2}, []int64{single.Pairs, single.Correct, single.Seeds})
	require.InDelta(t, 2.0/3, *single.Accuracy, 1e-15)

	// Deviations 1, 1, 1, 1, 2, 2 from the means: 12 over three degrees of freedom.
	require.InDelta(t, 2, *mean.Noise, 1e-15)
	require.InDelta(t, 1, *mean.Spread, 1e-15)
	require.Nil(t, one(t, Options{}, flat(1, 2, 3), target).Noise)

	// The mean is over the seeds that are there; a seed alone needs all recipes.
	small[0][0][1] = none
	r := one(t, Options{}, small, target)
	require.Equal(t, []int64{1, 3, 2, 1}, []int64{r.Seeds, r.Pairs, r.Correct, r.Ties}, "A and B are both 3")
	alone := one(t, Options{Single: true}, small, target)
	require.Equal(t, []int64{1, 3}, []int64{alone.Seeds, alone.Pairs})
	require.Equal(t, "seeds without all recipes: 1", *alone.Missing)
}

// TestRoundedTies: three seeds of an accuracy over 10 questions are equal in the
// mean, though their sums in floating point are not.
func TestRoundedTies(t *testing.T) {
	require.NotEqual(t, mean([]float64{0.1, 0.2, 0.3}), mean([]float64{0, 0.1, 0.5}))
	tied := [][][]float64{{{0.1, 0.2, 0.3}, {0, 0.1, 0.5}, {0.9, 0.9, 0.9}}}
	apart := flat(1, 2, 3)
	for _, o := range []Options{{}, {Bootstrap: 50}} {
		small := one(t, o, tied, apart)
		require.Equal(t, []int64{3, 2, 1}, []int64{small.Pairs, small.Correct, small.Ties})
		target := one(t, o, apart, tied)
		require.Equal(t, []int64{3, 2, 1}, []int64{target.Pairs, target.Correct, target.Ties})
	}
	values := []float64{0, 0.1, 0.2, 0.3, 0.5}
	require.Equal(t, resampled(values, []uint8{0, 1, 4}), resampled(values, []uint8{1, 2, 3}))
	require.Equal(t, []float64{math.Inf(-1), 0, 1, math.Inf(1)}, allSettled([]float64{math.Inf(-1), 0, 1, math.Inf(1)}))
}

// TestMissing: what is left out is said.
func TestMissing(t *testing.T) {
	target := [][][]float64{{{1}, {2}, {3}, {none}}, {{1}, {2}, {3}, {none}}, {{9}, {none}, {3}, {none}}}
	small := [][][]float64{{{1}, {2}, {3}, {4}}, {{2}, {1}, {none}, {4}}}
	r := one(t, Options{}, small, target)
	require.Equal(t, []int64{0, 100, 3, 3}, []int64{*r.Step, *r.TargetStep, r.Recipes, r.Correct})
	require.Equal(t, "not at 1B: D; not at step 100, the last of 4M: C", *r.Missing)
	require.Equal(t, 0.0, *r.ComputeShare)

	at := func(text string) Options {
		s, err := ParseStep(text)
		require.NoError(t, err)
		return Options{Step: s}
	}
	r = one(t, at("100"), small, target)
	require.Equal(t, []int64{100, 2, 0}, []int64{*r.Step, r.Recipes, r.Correct})
	require.Equal(t, "not at 1B: D; not at step 100: C", *r.Missing)
	require.Equal(t, 1.0, *r.ComputeShare)
	_, err := ask(t, at("50"), small, target)
	refused(t, err, "4M has no checkpoint at step 50")

	r = one(t, Options{}, [][][]float64{{{1}, {none}, {3}, {4}}}, flat(1, 2, 3, 4))
	require.Equal(t, "not at 4M: B", *r.Missing)
}

func TestSteps(t *testing.T) {
	values := make([][][]float64, 11) // steps 0 to 1000
	for i := range values {
		values[i] = flat(1, 2, 3)[0]
	}
	for text, want := range map[string][]int64{
		"": {1000}, "last": {1000}, "25%": {200}, "0.25": {200}, "100%": {1000}, "1%": {0}, "300": {300},
		"all": {0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000},
	} {
		s, err := ParseStep(text)
		require.NoError(t, err, text)
		rows, err := ask(t, Options{Step: s}, values, flat(1, 2, 3))
		require.NoError(t, err)
		var got []int64
		for _, r := range rows {
			got = append(got, *r.Step)
		}
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"first", "-1", "0%", "101%", "1.5", "NaN%"} {
		_, err := ParseStep(text)
		require.ErrorContains(t, err, text)
	}
}

func refused(t *testing.T, err error, part string) {
	t.Helper()
	var e *contract.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, contract.Invalid, e.Kind)
	require.ErrorContains(t, err, part)
	require.NotEmpty(t, e.Hint)
}

func TestRefusals(t *testing.T) {
	_, err := ask(t, Options{}, flat(1, none, none), flat(1, 2, 3))
	refused(t, err, "4M has m of t for 1 of the 3 recipes of 1B; 2 are needed")
	_, err = ask(t, Options{}, flat(1, 2, 3), flat(none, none, none))
	refused(t, err, "1B has no m of t")
	_, err = ask(t, Options{}, [][][]float64{{{1}, {none}}, {{none}, {1}}}, flat(1, 2))
	refused(t, err, "the recipes of 4M have no step in common in m of t")
	_, err = ask(t, Options{}, flat(1, 2), [][][]float64{{{1}, {none}}, {{none}, {1}}})
	refused(t, err, "the recipes of 1B have no step in common in m of t")
	_, err = ask(t, Options{Single: true}, [][][]float64{{{1, none}, {none, 2}}}, flat(1, 2))
	refused(t, err, "no step in common")
}

// brute counts pairs the long way, from every value.
func brute(small, target [][]float64) (right, ties, pairs int) {
	average := func(values []float64) float64 {
		values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
		slices.Sort(values)
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return sum / float64(len(values))
	}
	sign := func(d float64) int {
		switch {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	}
	for a := range small {
		for b := a + 1; b < len(small); b++ {
			x, y := sign(average(small[a])-average(small[b])), sign(average(target[a])-average(target[b]))
			pairs++
			if x*y == 1 {
				right++
			}
			if x*y == 0 {
				ties++
			}
		}
	}
	return right, ties, pairs
}

// TestAgainstBruteForce: random values with many ties and holes.
func TestAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(recipes, seeds int) [][]float64 {
		out := make([][]float64, recipes)
		for r := range out {
			for range seeds {
				v := float64(rng.IntN(6)) / 4
				if rng.IntN(5) == 0 {
					v = none
				}
				out[r] = append(out[r], v)
			}
			out[r][rng.IntN(seeds)] = float64(rng.IntN(6)) / 4
		}
		return out
	}
	for range 500 {
		n := 2 + rng.IntN(6)
		small, target := random(n, 1+rng.IntN(3)), random(n, 1+rng.IntN(3))
		right, ties, pairs := brute(small, target)
		r := one(t, Options{Bootstrap: 20}, [][][]float64{small}, [][][]float64{target})
		require.Equal(t, []int64{int64(n), int64(pairs), int64(right), int64(ties)}, []int64{r.Recipes, r.Pairs, r.Correct, r.Ties})
		if n > 2 {
			require.True(t, 0 <= *r.Low && *r.Low <= *r.High && *r.High <= 1)
		}

		whole := 0 // seeds that every recipe has
		right, ties, pairs = 0, 0, 0
		for k := range small[0] {
			column := make([][]float64, n)
			for i := range column {
				column[i] = small[i][k : k+1]
			}
			if slices.ContainsFunc(column, func(v []float64) bool { return math.IsNaN(v[0]) }) {
				continue
			}
			a, b, c := brute(column, target)
			right, ties, pairs, whole = right+a, ties+b, pairs+c, whole+1
		}
		if whole > 0 {
			r = one(t, Options{Single: true}, [][][]float64{small}, [][][]float64{target})
			require.Equal(t, []int64{int64(whole), int64(pairs), int64(right), int64(ties)}, []int64{r.Seeds, r.Pairs, r.Correct, r.Ties})
		}
	}
}

// TestOrderDoesNotMatter: renaming recipes and seeds, or any rising function of
// the values, changes nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	small := [][]float64{{0.1, 0.7, 0.3}, {0.2, 0.25, 0.4}, {0.9, 0.1, 0.1}, {0.5, 0.55, 0.3}}
	target := [][]float64{{0.3}, {0.2}, {0.4}, {0.1}}
	want := one(t, Options{}, [][][]float64{small}, [][][]float64{target})
	order := []int{2, 0, 3, 1}
	a, b := make([][]float64, 4), make([][]float64, 4)
	for to, from := range order {
		a[to] = []float64{small[from][2], small[from][0], small[from][1]}
		b[to] = []float64{math.Exp(target[from][0])}
	}
	got := one(t, Options{}, [][][]float64{a}, [][][]float64{b})
	require.Equal(t, []int64{want.Pairs, want.Correct, want.Ties}, []int64{got.Pairs, got.Correct, got.Ties})
	require.Equal(t, *want.Noise, *got.Noise)
}

// TestInterval: seeded, ordered, and equal to resampling by the long way.
func TestInterval(t *testing.T) {
	small := [][][]float64{{{1, 2}, {2.5, 3}, {2, 4}, {3, 5}, {4.5, 6}}} // ascending, as they are drawn from
	target := [][][]float64{{{1, 1.5}, {2, 2.5}, {3, 4}, {3, 3.5}, {5, 6}}}
	o := Options{Bootstrap: 400, RandomSeed: 7}
	r := one(t, o, small, target)
	again := one(t, o, small, target)
	require.Equal(t, []float64{*r.Low, *r.High}, []float64{*again.Low, *again.High})
	require.Less(t, *r.Low, *r.Accuracy)
	require.LessOrEqual(t, *r.Accuracy, *r.High)
	require.Equal(t, []int64{400, 7}, []int64{r.BootstrapCount, r.RandomSeed})

	s := shape{small: []int{2, 2, 2, 2, 2}, target: []int{2, 2, 2, 2, 2}}
	var accuracies []float64
	for _, d := range newDrawer(400, 7).get(s) {
		var x, y []float64 // every draw is a recipe of its own
		var name []int32
		for k, recipe := range d.recipes {
			for range int(d.times[k]) {
				name = append(name, recipe)
				x = append(x, (small[0][recipe][d.small[k][0]]+small[0][recipe][d.small[k][1]])/2)
				y = append(y, (target[0][recipe][d.target[k][0]]+target[0][recipe][d.target[k][1]])/2)
			}
		}
		require.Len(t, name, 5)
		right, pairs := 0.0, 0.0
		for i := range name {
			for j := range i {
				if name[i] == name[j] {
					continue
				}
				if pairs++; (x[i]-x[j])*(y[i]-y[j]) > 0 {
					right++
				}
			}
		}
		accuracies = append(accuracies, right/pairs)
	}
	slices.Sort(accuracies)
	require.InDelta(t, quantile(accuracies, 0.025), *r.Low, 1e-12)
	require.InDelta(t, quantile(accuracies, 0.975), *r.High, 1e-12)
	require.Nil(t, one(t, o, flat(1, 2), flat(1, 2)).Low, "two recipes have no interval")
}

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 4, 8}
	for q, want := range map[float64]float64{0: 1, 1: 8, 0.5: 3, 0.25: 1.75} {
		require.Equal(t, want, quantile(v, q))
	}
}

func TestFrontier(t *testing.T) {
	row := func(compute, accuracy float64, small string) Row {
		return Row{Metric: "m", Compute: &compute, Accuracy: &accuracy, Small: small}
	}
	problem := "none"
	var got []string
	for _, r := range Frontier([]Row{
		row(3, 0.7, "20M"), row(1, 0.6, "4M"), row(2, 0.6, "10M"), row(3, 0.9, "60M"), row(4, 0.8, "4M"), row(0, 1, "untrained"),
		{Metric: "m", Refusal: &problem},
	}) {
		got = append(got, fmt.Sprintf("%s %v", r.Small, *r.Accuracy))
	}
	require.Equal(t, "4M 0.6, 60M 0.9", strings.Join(got, ", "))
}

func TestNoise(t *testing.T) {
	cube := made("4M", [][][]float64{
		{{1, 3}, {2, 2}, {5, none}},
		{{1, 1}, {4, none}, {5, none}},
	})
	rows := cube.noise(Step{}, "t", "m")
	require.Len(t, rows, 1)
	require.Equal(t, []int64{0, 2, 2}, []int64{*rows[0].Step, rows[0].Recipes, rows[0].Seeds})
	require.InDelta(t, 1, *rows[0].Noise, 1e-15, "squares 2 and 0 over two degrees of freedom")
	require.InDelta(t, math.Sqrt2, *rows[0].Most, 1e-15)
	require.Equal(t, 0.0, *rows[0].Least)
	require.Equal(t, 0.0, *rows[0].Ratio)
	require.Equal(t, "one seed only: C", *rows[0].Missing)
	alone := made("4M", flat(1, 2)).noise(Step{}, "t", "m")
	require.Contains(t, *alone[0].Refusal, "no recipe of 4M has m of t for two seeds")
}
