package feature

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"ddcore/core/tablefile"

	"github.com/stretchr/testify/require"
)

// look gives the features of one curve: values at the steps, 10 tokens a step.
func look(t *testing.T, w Window, threshold float64, steps, values []float64) map[string]float64 {
	t.Helper()
	tokens := make([]float64, len(steps))
	for i, s := range steps {
		tokens[i] = 10 * s
	}
	return lookAt(t, w, threshold, steps, tokens, values)
}

func lookAt(t *testing.T, w Window, threshold float64, steps, tokens, values []float64) map[string]float64 {
	t.Helper()
	stats, err := chosenStats(nil, 4, true)
	require.NoError(t, err)
	k := &block{tasks: []string{""}, metrics: []string{"m"}}
	k.slot, k.step, k.tokens = make([]int32, len(steps)), steps, tokens
	k.order, k.values = make([]float64, len(steps)), [][]float64{values}
	k.sort(1)
	at := &window{block: k}
	at.open(0)
	at.choose(w, &item{length: 400})
	c := at.curve(0)
	c.threshold = threshold
	b := &builder{stats: stats, values: make([][]float64, len(stats))}
	for s := range stats {
		b.values[s] = make([]float64, 1)
	}
	b.put(c, 0)
	out := map[string]float64{}
	for s, stat := range stats {
		out[stat.Name] = b.values[s][0]
	}
	return out
}

var (
	null   = tablefile.Null
	whole  = Window{0, 100, Percent}
	number = math.NaN() // no threshold
)

func requireStats(t *testing.T, want, got map[string]float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for name, v := range want {
		if tablefile.IsNull(v) {
			require.True(t, tablefile.IsNull(got[name]), "%s is %v, not null", name, got[name])
			continue
		}
		require.InDelta(t, v, got[name], 1e-12*max(1, math.Abs(v)), name)
	}
}

// TestStats: worked out by hand. Values 1, 3, 2, 6, 5 at steps 0 to 400: their
// mean is 3.4, the sum of squares around it 17.2; sum of (step - 200) v = 1100.
// The lines over ln(tokens) are those of TestLogFits.
func TestStats(t *testing.T) {
	got := look(t, whole, 4, []float64{0, 100, 200, 300, 400}, []float64{1, 3, 2, 6, 5})
	for _, name := range []string{"slope_log", "intercept_log", "power_exponent", "power_log_scale"} {
		delete(got, name)
	}
	requireStats(t, map[string]float64{
		"n": 5, "n_not_finite": 0, "first": 1, "last": 5, "last_step": 400, "change": 4, "mean": 3.4, "sd": math.Sqrt(17.2 / 4),
		"min": 1, "min_step": 0, "max": 6, "max_step": 300, "at_1of4": 3, "at_2of4": 2, "at_3of4": 6,
		"slope": 0.011, "intercept": 1.2,
		"curvature":    -2 * 0.25 / 0.875 / (200 * 200), // (step - 200)/200: S2 2.5, S4 2.125, sum of z² dv -0.25
		"slope_change": -0.01 - 0.005, "half_step": 100, "threshold_step": 300, "plateau_steps": 0, "area": 100 * (2 + 2.5 + 4 + 5.5),
	}, got)
}

// TestLogFits: v = 2 + 3 ln(tokens), then v = e^0.5 tokens^2; the point without
// tokens is on neither.
func TestLogFits(t *testing.T) {
	steps, tokens := []float64{0, 1, 2, 3}, []float64{0, math.E, math.Exp(2), math.Exp(3)}
	got := lookAt(t, whole, number, steps, tokens, []float64{77, 5, 8, 11})
	require.InDelta(t, 3, got["slope_log"], 1e-12)
	require.InDelta(t, 2, got["intercept_log"], 1e-12)
	got = lookAt(t, whole, number, steps, tokens, []float64{77, math.Exp(2.5), math.Exp(4.5), math.Exp(6.5)})
	require.InDelta(t, 2, got["power_exponent"], 1e-12)
	require.InDelta(t, 0.5, got["power_log_scale"], 1e-12)
}

// TestFewPoints: what needs more points than there are is null.
func TestFewPoints(t *testing.T) {
	nulls := func(n int) map[string]float64 {
		out := map[string]float64{}
		for _, s := range Stats {
			if s.Name != gridStat {
				out[s.Name] = null
			}
		}
		out["at_1of4"], out["at_2of4"], out["at_3of4"] = null, null, null
		out["n"], out["n_not_finite"] = float64(n), 0
		return out
	}
	requireStats(t, nulls(0), look(t, whole, 1, nil, nil))
	want := nulls(1)
	for name, v := range map[string]float64{"first": 7, "last": 7, "last_step": 300, "change": 0, "mean": 7, "min": 7, "max": 7, "min_step": 300, "max_step": 300, "at_3of4": 7} {
		want[name] = v
	}
	requireStats(t, want, look(t, whole, number, []float64{300}, []float64{7}))
	got := look(t, whole, number, []float64{100, 300}, []float64{1, 2})
	require.Equal(t, 0.005, got["slope"])
	require.True(t, tablefile.IsNull(got["curvature"]))
	require.True(t, tablefile.IsNull(got["slope_change"]))
}

// TestOddValues: values that are no numbers, steps that stand twice, ties, a
// curve that does not move.
func TestOddValues(t *testing.T) {
	got := look(t, whole, number, []float64{0, 100, 200, 300}, []float64{math.NaN(), 2, math.Inf(1), null})
	require.Equal(t, 1.0, got["n"])
	require.Equal(t, 2.0, got["n_not_finite"])
	require.Equal(t, 2.0, got["mean"])
	got = look(t, whole, number, []float64{0, 100, 200, 300}, []float64{2, 1, 2, 1})
	require.Equal(t, [2]float64{100, 0}, [2]float64{got["min_step"], got["max_step"]})
	got = look(t, whole, 3, []float64{0, 100, 200}, []float64{3, 3, 3})
	require.Equal(t, [4]float64{0, 0, 200, 0}, [4]float64{got["sd"], got["slope"], got["plateau_steps"], got["threshold_step"]})
	require.True(t, tablefile.IsNull(got["half_step"]))
	got = look(t, whole, 1.5, []float64{0, 100, 200}, []float64{3, 2, 1})
	require.Equal(t, [2]float64{200, 100}, [2]float64{got["threshold_step"], got["half_step"]})
	got = look(t, whole, 9, []float64{0, 100, 200}, []float64{3, 2, 1})
	require.True(t, tablefile.IsNull(got["threshold_step"]))
	got = look(t, whole, number, []float64{0, 100}, []float64{-1, 1})
	require.True(t, tablefile.IsNull(got["power_exponent"]), "a negative value has no power law")

	k := &block{tasks: []string{""}, metrics: []string{"m"}}
	k.slot, k.step, k.tokens = make([]int32, 3), []float64{100, 100, 0}, []float64{1, 2, 0}
	k.order, k.values = []float64{2, 1, 1}, [][]float64{{20, 10, 5}}
	k.sort(1)
	at := &window{block: k}
	at.open(0)
	at.choose(Window{0, 100, Steps}, &item{})
	require.Equal(t, []float64{5, 20}, at.curve(0).values, "of one step the last occurrence counts")
}

// TestWindows: both ends are inside, and nothing else.
func TestWindows(t *testing.T) {
	steps, values := []float64{0, 100, 200, 300, 400}, []float64{1, 2, 3, 4, 5}
	for text, want := range map[string][2]float64{
		"100": {2, 2}, "99": {1, 1}, "100:300": {3, 4}, "25%": {2, 2}, "24.9%": {1, 1}, "25%:50%": {2, 3}, "2000 tokens": {3, 3}, "1001:2999 tokens": {1, 3},
	} {
		w, err := ParseWindow(text)
		require.NoError(t, err)
		got := look(t, w, number, steps, values)
		require.Equal(t, want, [2]float64{got["n"], got["last"]}, text)
	}
}

// TestInvariances: the order of points does not matter to a bit; values moved and
// scaled move and scale features as their units say.
func TestInvariances(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	moved := map[string]bool{"first": true, "last": true, "mean": true, "min": true, "max": true, "at_1of4": true, "at_2of4": true, "at_3of4": true, "intercept": true, "intercept_log": true}
	scaled := map[string]bool{"change": true, "sd": true, "slope": true, "slope_log": true, "curvature": true, "slope_change": true}
	same := map[string]bool{"n": true, "n_not_finite": true, "last_step": true, "min_step": true, "max_step": true, "half_step": true, "plateau_steps": true, "threshold_step": true}
	for trial := range 200 {
		n := 1 + r.IntN(12)
		steps, values, order := make([]float64, n), make([]float64, n), r.Perm(n)
		for i := range n {
			steps[i], values[i] = float64(30*i), math.Trunc(r.NormFloat64()*4)/4
		}
		base := look(t, whole, 0.5, steps, values)
		shuffled := look(t, whole, 0.5, permuted(steps, order), permuted(values, order))
		for name, v := range base {
			require.Equal(t, math.Float64bits(v), math.Float64bits(shuffled[name]), "%s, trial %d", name, trial)
		}
		const a, b = 8, 4 // exact in binary: no ties appear or go
		other := slices.Clone(values)
		for i := range other {
			other[i] = a + b*other[i]
		}
		got := look(t, whole, a+b*0.5, steps, other)
		for name, v := range base {
			switch {
			case tablefile.IsNull(v):
				continue
			case moved[name]:
				v = a + b*v
			case scaled[name]:
				v *= b
			case !same[name]:
				continue
			}
			require.InDelta(t, v, got[name], 1e-9, fmt.Sprintf("%s, trial %d", name, trial))
		}
	}
}

func permuted(values []float64, order []int) []float64 {
	out := make([]float64, len(values))
	for i, k := range order {
		out[i] = values[k]
	}
	return out
}
