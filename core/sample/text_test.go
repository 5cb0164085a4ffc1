package sample

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"ddcore/core/jsontext"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Texts are what Python 3.11's repr gave for these numbers.
func TestFloatsLookAsInPython(t *testing.T) {
	for _, c := range []struct {
		f    float64
		text string
	}{
		{0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{1, "1.0"},
		{-1, "-1.0"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{100, "100.0"},
		{0.0001, "0.0001"},
		{9.999999999999999e-05, "9.999999999999999e-05"},
		{1e-05, "1e-05"},
		{1.5e-05, "1.5e-05"},
		{-2.5e-07, "-2.5e-07"},
		{123456789, "123456789.0"},
		{1e15, "1000000000000000.0"},
		{9999999999999998, "9999999999999998.0"},
		{1e16, "1e+16"},
		{1.5e16, "1.5e+16"},
		{-1.5e16, "-1.5e+16"},
		{1e22, "1e+22"},
		{1e23, "1e+23"},
		{1.7976931348623157e+308, "1.7976931348623157e+308"},
		{5e-324, "5e-324"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{8430221996851200, "8430221996851200.0"},
		{4.479680249856e+17, "4.479680249856e+17"},
		{0.30000000000000004, "0.30000000000000004"},
		{1e100, "1e+100"},
		{12345.678, "12345.678"},
		{1234567890123456.8, "1234567890123456.8"},
		{0.00012345, "0.00012345"},
	} {
		assert.Equal(t, c.text, string(jsontext.AppendFloat(nil, c.f)))
	}
}

func TestFloatsReadBackEqual(t *testing.T) {
	shape := regexp.MustCompile(`^-?(\d+\.\d+|\d(\.\d+)?e[+-]\d{2,3})$`)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		f := math.Float64frombits(random.Uint64())
		if random.IntN(2) == 0 { // the range of metrics
			f = random.NormFloat64() * math.Pow(10, float64(random.IntN(24)-6))
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text := string(jsontext.AppendFloat([]byte("x"), f))[1:]
		require.Regexp(t, shape, text)
		back, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(f), math.Float64bits(back), text)
	}
}

func TestDictStyles(t *testing.T) {
	v := values{acc: 0.25, margin: -1e-5}
	shown := []int{acc, margin}
	assert.Equal(t, "{'acc_raw': 0.25, 'margin': -1e-05}", string(pythonRepr.appendDict(nil, &v, shown)))
	var back map[string]float64
	require.NoError(t, json.Unmarshal(jsonText.appendDict(nil, &v, shown), &back))
	assert.Equal(t, map[string]float64{"acc_raw": 0.25, "margin": -1e-5}, back)
}
