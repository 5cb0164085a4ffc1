package sample

import (
	"math"
	"slices"
)

// Published checkpoints lie 1250 steps apart (real sample: 4M and 150M), and
// their final step is not a multiple.
const (
	interval      = 1250
	largeInterval = 2 * interval // from 530M on: keeps the full shape at its published row count
)

// targetSize is what scaling laws and decisions are made for.
const targetSize = "1B"

// hasFirst lists the sizes whose full shape includes the first checkpoint after
// step 0. 4M and 150M have it in the real sample, and 10M has not in a
// published preview; for the others it is ours, so that the full shape has
// exactly 285 checkpoints per recipe and seed: 285 x 25 x 3 x 66 tasks =
// 1,410,750 rows.
var hasFirst = []string{"4M", "150M", "530M", "750M"}

// Perplexities were measured at other checkpoints than tasks: never at step 0,
// not at step 1250 of 150M, and at one step past the final one of small sizes
// (real sample: 5735 beside 5725).
const (
	pastFinal         = 10
	pastFinalMaxSize  = 20e6 // parameters
	pplMissingSize    = "150M"
	pplMissingStep    = interval
	pplHalfSteps      = 15 // full shape: checkpoints of 1B half way between the evaluated ones
	pplHalfStepsExtra = 59 // full shape: that many runs of 1B have one more, which makes 22,709 rows
)

// setSteps sets the checkpoints of s.
func (s *size) setSteps(o Options) {
	if !o.Full {
		s.evalSteps = evenSteps(s.final, o.Steps)
		s.setPPLSteps(s.evalSteps)
		return
	}
	spacing := int64(interval)
	if s.params > 500e6 {
		spacing = largeInterval
	}
	grid := gridSteps(s.final, spacing)
	s.setPPLSteps(grid)
	if slices.Contains(hasFirst, s.label) {
		s.evalSteps = grid
	} else {
		s.evalSteps = slices.Delete(slices.Clone(grid), 1, 2)
	}
	if s.label == targetSize {
		s.addHalfSteps()
	}
}

// gridSteps gives step 0, all multiples of spacing below final, and final.
func gridSteps(final, spacing int64) []int64 {
	var steps []int64
	for step := int64(0); step < final; step += spacing {
		steps = append(steps, step)
	}
	return append(steps, final)
}

// evenSteps gives step 0, final, and between them multiples of the interval as
// evenly as possible, n checkpoints after step 0 or as many as there are.
func evenSteps(final int64, n int) []int64 {
	steps := []int64{0}
	for i := 1; i < n; i++ {
		even := float64(final) * float64(i) / float64(n)
		step := interval * int64(math.Round(even/interval))
		if step > steps[len(steps)-1] && step < final {
			steps = append(steps, step)
		}
	}
	return append(steps, final)
}

// setPPLSteps derives the checkpoints with perplexities from evaluated ones.
func (s *size) setPPLSteps(steps []int64) {
	s.pplSteps = slices.Clone(steps[1:])
	if i := slices.Index(s.pplSteps, pplMissingStep); i >= 0 && s.label == pplMissingSize {
		s.pplSteps = slices.Delete(s.pplSteps, i, i+1)
	}
	if s.params < pastFinalMaxSize {
		s.pplSteps = append(s.pplSteps, s.final+pastFinal)
	}
}

// addHalfSteps adds perplexity checkpoints half way between the first ones. The
// last of them is only in some runs (see hasPPL).
func (s *size) addHalfSteps() {
	for i := range int64(pplHalfSteps + 1) {
		s.partStep = interval + i*largeInterval
		s.pplSteps = append(s.pplSteps, s.partStep)
	}
	slices.Sort(s.pplSteps)
}

// hasPPL tells whether c has perplexities, c.step being one of pplSteps. Runs
// are counted over all recipes and seeds, chosen or not.
func (p *plan) hasPPL(c checkpoint) bool {
	if c.size.partStep == 0 || c.step != c.size.partStep {
		return true
	}
	run := c.recipe.id*len(p.target.seeds) + slices.Index(p.target.seeds, c.seed)
	return run < pplHalfStepsExtra
}
