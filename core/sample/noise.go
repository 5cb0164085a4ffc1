package sample

// key names one random draw: a hash of the random seed and of everything that
// the draw depends on. Draws are looked up, not taken from a stream, so a value
// does not depend on which others are generated, nor in what order.
type key uint64

// Domains keep draws for different purposes apart. Their numbers are part of
// the output: append, never reorder.
const (
	domainRoot uint64 = iota + 1
	domainTaskFacts
	domainRecipe
	domainFamily
	domainRun
	domainRecipeTask
	domainCrossing
	domainRunTask
	domainCheckpoint
	domainRow
	domainSkew
	domainKeySet
	domainSet
	domainFitMetric
	domainFitMix
	domainFitLoss
	domainAccuracy
	domainWandb
	domainQuestion
	domainOlmes
	domainLadder
)

// with gives the key of a more specific draw. The mixing is SplitMix64 (Steele,
// Lea, Flood: Fast splittable pseudorandom number generators, 2014).
func (k key) with(x uint64) key {
	z := (uint64(k) ^ x*0xd6e8feb86659fd93) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return key(z ^ z>>31)
}

// id is with for an index into the facts.
func (k key) id(i int) key { return k.with(uint64(i)) }

// normal gives a draw with mean 0 and variance 1: the sum of four uniform 16-bit
// numbers, scaled. It is bounded by ±3.47, which keeps curves free of wild
// outliers.
func (k key) normal() float64 {
	const (
		mean = 2 * 0xffff
		sd   = 37837.22 // of four uniform draws from 0..65535
	)
	sum := k&0xffff + k>>16&0xffff + k>>32&0xffff + k>>48
	return (float64(sum) - mean) / sd
}

// below gives a whole number from 0 to n-1.
func (k key) below(n int) int { return int(uint64(k) % uint64(n)) }
