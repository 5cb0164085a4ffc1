package feature

import "math"

// line is a least-squares fit y = intercept + slope x.
type line struct{ slope, intercept float64 }

var noLine = line{math.NaN(), math.NaN()}

// fitLine needs two different x.
func fitLine(x, y []float64) line {
	mx, my := mean(x), mean(y)
	var sxx, sxy float64
	for i := range x {
		dx := x[i] - mx
		sxx += dx * dx
		sxy += dx * (y[i] - my)
	}
	if len(x) < 2 || sxx == 0 {
		return noLine
	}
	slope := sxy / sxx
	return line{slope, my - slope*mx}
}

// fitCurvature gives the second derivative of the least-squares parabola through
// at least three points of different x. It is computed on x centred and scaled
// to 1, where the sums of fourth powers lose nothing.
func fitCurvature(x, y []float64) float64 {
	n := float64(len(x))
	if n < 3 {
		return math.NaN()
	}
	mx, my, scale := mean(x), mean(y), (x[len(x)-1]-x[0])/2
	var s2, s3, s4, sy, sy2 float64
	for i := range x {
		z := (x[i] - mx) / scale
		dy := y[i] - my
		s2 += z * z
		s3 += z * z * z
		s4 += z * z * z * z
		sy += z * dy
		sy2 += z * z * dy
	}
	return 2 * (s2*sy2 - s3*sy) / (s2*(s4-s2*s2/n) - s3*s3) / (scale * scale)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func isFinite(v float64) bool { return v-v == 0 }
