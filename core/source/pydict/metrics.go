package pydict

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ddcore/core/contract"
)

// Check tells whether text is a dictionary of metrics: readable, and a number,
// a boolean or None under every known metric.
func Check(text string) error {
	return Scan(text, func(key string, v Value) error {
		if v.Kind <= Bool || MetricIndex(key) < 0 {
			return nil
		}
		return notNumeric(key, v)
	})
}

// Metrics parses text into out, which has one slot for each of
// contract.Metrics, preset by the caller; a metric that is absent or None keeps
// its slot. Numbers are rounded once, to the nearest float64; True is 1. A key
// that occurs twice counts once, with its last value, as in Python. Unknown
// keys are passed over: raw keeps them.
func Metrics(text string, out []float64) error {
	return Scan(text, func(key string, v Value) error {
		i := MetricIndex(key)
		if i < 0 {
			return nil
		}
		x, ok, err := v.Float()
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if ok {
			out[i] = x
		}
		return nil
	})
}

// Float gives the value as a number; ok is false for None.
func (v Value) Float() (x float64, ok bool, err error) {
	switch v.Kind {
	case Number:
		x, err = strconv.ParseFloat(v.Text, 64)
		if x != x {
			x = math.NaN() // one NaN for all
		}
		if err != nil && math.IsInf(x, 0) {
			err = nil // 1e999 is inf in Python, too
		}
		return x, true, err
	case None:
		return 0, false, nil
	case Bool:
		if strings.EqualFold(v.Text, "true") {
			return 1, true, nil
		}
		return 0, true, nil
	default:
		return 0, false, fmt.Errorf("expected a number, found %.40q", v.Text)
	}
}

func notNumeric(key string, v Value) error {
	_, _, err := v.Float()
	return fmt.Errorf("%s: %w", key, err)
}

var metricIndex = func() map[string]int {
	m := make(map[string]int, len(contract.Metrics))
	for i, name := range contract.Metrics {
		m[name] = i
	}
	return m
}()

// MetricIndex gives the position of a metric in contract.Metrics, or -1.
func MetricIndex(key string) int {
	if i, ok := metricIndex[key]; ok {
		return i
	}
	return -1
}
