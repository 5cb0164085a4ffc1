package decide

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// level of the percentile interval.
const level = 0.95

// drawer makes resamples. They depend on the random seed and on the numbers of
// recipes and seeds only, so that a row is the same whatever else is asked for,
// and all tasks and metrics of a size share them.
type drawer struct {
	n, seed int64
	mu      sync.Mutex
	draws   map[string][]draw
}

func newDrawer(n, seed int64) *drawer {
	return &drawer{n: n, seed: seed, draws: map[string][]draw{}}
}

// draw is one resample: recipes with replacement, and for each recipe seeds with
// replacement, at the small size and at the target. A recipe that is drawn twice
// is no pair with itself.
type draw struct {
	recipes []int32   // those drawn, each once
	times   []float64 // how often
	weight  float64   // of all pairs: the sum of the products of times
	small   [][]uint8 // for each recipe drawn, the seeds; for single seeds one list for all
	target  [][]uint8
}

// shape is what resamples depend on: how many seeds each recipe has. Where each
// seed is taken alone, small is their number.
type shape struct{ small, target []int }

func (s shape) isSingle() bool { return len(s.small) < len(s.target) }

func (s shape) key() string {
	var b []byte
	for _, n := range slices.Concat(s.small, []int{-1}, s.target) {
		b = binary.AppendVarint(b, int64(n))
	}
	return string(b)
}

func (d *drawer) get(s shape) []draw {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := s.key()
	if _, ok := d.draws[key]; !ok {
		rng := rand.New(rand.NewPCG(uint64(d.seed), uint64(len(s.target))))
		draws := make([]draw, d.n)
		for i := range draws {
			draws[i] = s.draw(rng)
		}
		d.draws[key] = draws
	}
	return d.draws[key]
}

func (s shape) draw(rng *rand.Rand) draw {
	n := len(s.target)
	times := make([]float64, n)
	for {
		clear(times)
		for range n {
			times[rng.IntN(n)]++
		}
		if slices.Max(times) < float64(n) { // else there is no pair: draw again
			break
		}
	}
	d := draw{weight: float64(n * n)}
	for i, w := range times {
		if w == 0 {
			continue
		}
		d.recipes = append(d.recipes, int32(i))
		d.times = append(d.times, w)
		d.weight -= w * w
		if !s.isSingle() {
			d.small = append(d.small, pick(rng, s.small[i]))
		}
		d.target = append(d.target, pick(rng, s.target[i]))
	}
	d.weight /= 2
	if s.isSingle() {
		d.small = append(d.small, pick(rng, s.small[0]))
	}
	return d
}

// pick draws n of n, ascending, as means are summed.
func pick(rng *rand.Rand, n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(rng.IntN(n))
	}
	slices.Sort(out)
	return out
}

// interval gives the percentile interval of decision accuracy.
func (d *drawer) interval(small, target *scores, single bool) (low, high float64) {
	y := target.known()
	var x [][]float64
	s := shape{target: lengths(y)}
	if single {
		x = small.bySeed()
		s.small = []int{len(x)}
	} else {
		x = small.known()
		s.small = lengths(x)
	}
	draws := d.get(s)
	accuracies := make([]float64, len(draws))
	xs, ys := make([]float64, len(s.target)), make([]float64, len(s.target))
	for i := range draws {
		draw := &draws[i]
		for k, r := range draw.recipes {
			ys[k] = resampled(y[r], draw.target[k])
		}
		if !single {
			for k, r := range draw.recipes {
				xs[k] = resampled(x[r], draw.small[k])
			}
			accuracies[i] = draw.right(xs, ys) / draw.weight
			continue
		}
		for _, seed := range draw.small[0] {
			for k, r := range draw.recipes {
				xs[k] = settled(x[seed][r])
			}
			accuracies[i] += draw.right(xs, ys) / draw.weight / float64(len(draw.small[0]))
		}
	}
	slices.Sort(accuracies)
	return quantile(accuracies, (1-level)/2), quantile(accuracies, (1+level)/2)
}

func lengths(values [][]float64) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = len(v)
	}
	return out
}

// resampled is the mean of the values picked.
func resampled(values []float64, picked []uint8) float64 {
	if len(picked) == 1 {
		return settled(values[0])
	}
	sum := 0.0
	for _, i := range picked {
		sum += values[i]
	}
	return settled(sum / float64(len(picked)))
}

// right is the weight of the pairs that both order in the same way.
func (d *draw) right(x, y []float64) float64 {
	sum := 0.0
	for i, w := range d.times {
		xi, yi, row := x[i], y[i], 0.0
		for j, v := range d.times[:i] {
			if xi > x[j] && yi > y[j] || xi < x[j] && yi < y[j] {
				row += v
			}
		}
		sum += w * row
	}
	return sum
}

// quantile interpolates between order statistics, as NumPy does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := math.Floor(at)
	i := int(below)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-below)*(sorted[i+1]-sorted[i])
}
