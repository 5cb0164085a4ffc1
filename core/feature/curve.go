package feature

import "math"

// curve is what a window shows of one series of one item: its finite values by
// rising step, one a step, and what several features need of them.
type curve struct {
	steps, values []float64
	tokens, logs  []float64 // tokens seen and their logarithm; NaN where unknown or 0
	at            []float64 // steps or tokens: what the window is measured in
	from, to      float64   // the window's ends, measured so
	notFinite     int
	threshold     float64 // NaN where none was asked for

	linear, overLogs, power line
	low, high               int // the first of the smallest and of the greatest values
	logValues               []float64
}

func (c *curve) clear() {
	c.steps, c.values, c.tokens, c.logs, c.at = c.steps[:0], c.values[:0], c.tokens[:0], c.logs[:0], c.at[:0]
	c.notFinite, c.threshold = 0, math.NaN()
}

// add takes a point; one of the same step as the last takes its place.
func (c *curve) add(step, tokens, log, at, value float64) {
	if n := len(c.steps) - 1; n >= 0 && c.steps[n] == step {
		c.tokens[n], c.logs[n], c.at[n], c.values[n] = tokens, log, at, value
		return
	}
	c.steps, c.tokens, c.logs = append(c.steps, step), append(c.tokens, tokens), append(c.logs, log)
	c.at, c.values = append(c.at, at), append(c.values, value)
}

// prepare computes what several features share.
func (c *curve) prepare() {
	c.linear, c.overLogs, c.power = noLine, noLine, noLine
	c.low, c.high = 0, 0
	for i, v := range c.values {
		if v < c.values[c.low] {
			c.low = i
		}
		if v > c.values[c.high] {
			c.high = i
		}
	}
	if len(c.values) < 2 {
		return
	}
	c.linear = fitLine(c.steps, c.values)
	x, y := positive(c.logs, c.values)
	c.overLogs = fitLine(x, y)
	if c.values[c.low] > 0 {
		c.logValues = c.logValues[:0]
		for _, v := range y {
			c.logValues = append(c.logValues, math.Log(v))
		}
		c.power = fitLine(x, c.logValues)
	}
}

// positive leaves out points without tokens: the start of a run, as a rule.
func positive(logs, values []float64) (x, y []float64) {
	first := 0
	for first < len(logs) && !isFinite(logs[first]) {
		first++
	}
	for _, l := range logs[first:] {
		if !isFinite(l) {
			return scattered(logs, values)
		}
	}
	return logs[first:], values[first:]
}

func scattered(logs, values []float64) (x, y []float64) {
	for i, l := range logs {
		if isFinite(l) {
			x, y = append(x, l), append(y, values[i])
		}
	}
	return x, y
}

func (c *curve) n() int { return len(c.values) }

func (c *curve) first() float64 { return c.values[0] }

func (c *curve) last() float64 { return c.values[len(c.values)-1] }

func (c *curve) sd() float64 {
	if len(c.values) < 2 {
		return math.NaN()
	}
	m, sum := mean(c.values), 0.0
	for _, v := range c.values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(c.values)-1))
}

// until gives the number of points up to a share of the window.
func (c *curve) until(share float64) int {
	end := c.from + (c.to-c.from)*share
	n := 0
	for n < len(c.at) && c.at[n] <= end {
		n++
	}
	return n
}

func (c *curve) valueAt(share float64) float64 {
	if n := c.until(share); n > 0 {
		return c.values[n-1]
	}
	return math.NaN()
}

func (c *curve) slopeChange() float64 {
	n := c.until(0.5)
	if n < 2 || len(c.values)-n < 2 {
		return math.NaN()
	}
	return fitLine(c.steps[n:], c.values[n:]).slope - fitLine(c.steps[:n], c.values[:n]).slope
}

// reaches gives the first step at which the values are at a level or beyond it,
// seen from the first value.
func (c *curve) reaches(level float64) float64 {
	isBelow := c.values[0] < level
	for i, v := range c.values {
		if isBelow && v >= level || !isBelow && v <= level {
			return c.steps[i]
		}
	}
	return math.NaN()
}

func (c *curve) half() float64 {
	if c.first() == c.last() {
		return math.NaN()
	}
	return c.reaches((c.first() + c.last()) / 2)
}

// plateauBand is how far values of a plateau may lie from the last one, as a
// share of the range of all values.
const plateauBand = 0.05

func (c *curve) plateau() float64 {
	band := plateauBand * (c.values[c.high] - c.values[c.low])
	i := len(c.values) - 1
	for i > 0 && math.Abs(c.values[i-1]-c.last()) <= band {
		i--
	}
	return c.steps[len(c.steps)-1] - c.steps[i]
}

func (c *curve) area() float64 {
	if len(c.values) < 2 {
		return math.NaN()
	}
	sum := 0.0
	for i := 1; i < len(c.values); i++ {
		sum += (c.values[i] + c.values[i-1]) / 2 * (c.steps[i] - c.steps[i-1])
	}
	return sum
}
