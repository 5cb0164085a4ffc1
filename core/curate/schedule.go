package curate

import (
	"context"
	"fmt"

	"ddcore/core/lake"
)

// schedule fills the columns lr_at_step and cumulative_lr: the learning rate of
// every checkpoint and its integral.
//
// Warm-up is linear over warmup_steps to lr_max; then a cosine over the
// remaining steps to lr_final, held from there. The integral is closed in the
// warm-up, then trapezoids one step wide, summed as NumPy sums (pairwise): so
// that the last bits are those of the published table.
func schedule(ctx context.Context, c *lake.Conn, left []*column) error {
	params, step := find(left, "params"), find(left, "step")
	atStep, total := find(left, "lr_at_step"), find(left, "cumulative_lr")
	sizes, err := c.Rows(ctx, `
		SELECT params, warmup_steps, lr_decay_steps, lr_max, lr_final
		FROM lake.main.model_sizes WHERE params IN (SELECT params FROM checkpoint) ORDER BY params`)
	if err != nil {
		return fmt.Errorf("read the schedules: %w", err)
	}
	for _, s := range sizes {
		rate := rate{warmup: s[1].(int64), peak: s[3].(float64), final: s[4].(float64)}
		if rate.decay, err = cosine(ctx, c, s[2].(int64)); err != nil {
			return err
		}
		areas, size, totals := rate.trapezoids(), params.textCode[s[0].(string)], map[float64]float64{}
		for row, at := range step.floats {
			if params.codes[row] != size {
				continue
			}
			if _, known := totals[at]; !known {
				totals[at] = rate.integral(at, areas)
			}
			atStep.floats[row], total.floats[row] = rate.at(at), totals[at]
		}
	}
	atStep.codeFloats()
	total.codeFloats()
	return nil
}

// cosine gives cos(pi t / steps) for t = 0 … steps, by the C library's cos.
func cosine(ctx context.Context, c *lake.Conn, steps int64) ([]float64, error) {
	out := make([]float64, 0, steps+1)
	err := c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		out = append(out, chunk.Column(0).Float64s()...)
		return nil
	}, "SELECT cos(pi() * i::DOUBLE / ?::DOUBLE) FROM range(?::BIGINT + 1) AS t(i)", steps, steps)
	if err != nil {
		return nil, fmt.Errorf("tabulate the cosine: %w", err)
	}
	return out, nil
}

// rate is one size's learning-rate schedule.
type rate struct {
	warmup      int64
	peak, final float64
	decay       []float64 // cosine, by step after the warm-up
}

// at gives the learning rate at a step.
func (r rate) at(step float64) float64 {
	if step <= float64(r.warmup) {
		return float64(r.peak*step) / float64(r.warmup)
	}
	t := int(step) - int(r.warmup)
	if t >= len(r.decay)-1 {
		return r.final
	}
	return r.cosineRate(t)
}

// The conversions forbid the compiler to fuse a product and a sum, which would
// round differently on other machines.
func (r rate) cosineRate(t int) float64 {
	return r.final + float64(float64(0.5*float64(r.peak-r.final))*(1+r.decay[t]))
}

// trapezoids gives the area under the cosine between steps t and t + 1.
func (r rate) trapezoids() []float64 {
	out := make([]float64, len(r.decay)-1)
	for t := range out {
		out[t] = (r.cosineRate(t+1) + r.cosineRate(t)) / 2
	}
	return out
}

func (r rate) integral(step float64, areas []float64) float64 {
	if step <= 0 {
		return 0
	}
	t := min(step, float64(r.warmup))
	sum := float64(r.peak*float64(t*t)) / float64(2*r.warmup)
	if step <= float64(r.warmup) {
		return sum
	}
	return sum + pairwise(areas[:min(int(step)-int(r.warmup), len(areas))])
}

// pairwise sums as numpy.sum does: eight running sums in blocks of up to 128,
// halves above that.
func pairwise(a []float64) float64 {
	switch n := len(a); {
	case n < 8:
		sum := 0.0
		for _, v := range a {
			sum += v
		}
		return sum
	case n <= 128:
		return pairwiseBlock(a)
	default:
		half := n / 2
		half -= half % 8
		return pairwise(a[:half]) + pairwise(a[half:])
	}
}

func pairwiseBlock(a []float64) float64 {
	r := [8]float64(a[:8])
	i := 8
	for ; i < len(a)-len(a)%8; i += 8 {
		for k := range r {
			r[k] += a[i+k]
		}
	}
	sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, v := range a[i:] {
		sum += v
	}
	return sum
}
