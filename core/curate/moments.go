package curate

import (
	"math"

	"ddcore/core/tablefile"
)

// kahan sums with compensation, as pandas' group means do; nulls are left out,
// NaN is not: the mean of a NaN is NaN.
type kahan struct {
	sum, lost float64
	n         int
}

func (k *kahan) add(v float64) {
	if tablefile.IsNull(v) {
		return
	}
	k.n++
	y := v - k.lost
	t := k.sum + y
	k.lost = t - k.sum - y
	if k.lost != k.lost {
		k.lost = 0 // the sum is infinite: as pandas does
	}
	k.sum = t
}

func (k *kahan) mean() float64 {
	if k.n == 0 {
		return tablefile.Null
	}
	return k.sum / float64(k.n)
}

// welford gives the sample standard deviation (n - 1) in one pass, as pandas'
// group deviations do; null for fewer than two values.
type welford struct {
	mean, m2 float64
	n        int
}

func (w *welford) add(v float64) {
	if tablefile.IsNull(v) {
		return
	}
	w.n++
	d := v - w.mean
	w.mean += d / float64(w.n)
	w.m2 += float64(d * (v - w.mean))
}

func (w *welford) std() float64 {
	if w.n < 2 {
		return tablefile.Null
	}
	return math.Sqrt(w.m2 / float64(w.n-1))
}
