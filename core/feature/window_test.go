package feature

import (
	"errors"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

func TestParseWindow(t *testing.T) {
	for text, want := range map[string]struct {
		w    Window
		name string
	}{
		"20%":                 {Window{0, 20, Percent}, "20pct"},
		" 10% : 20 % ":        {Window{10, 20, Percent}, "10to20pct"},
		"10:20%":              {Window{10, 20, Percent}, "10to20pct"},
		"12.5%":               {Window{0, 12.5, Percent}, "12p5pct"},
		"5000":                {Window{0, 5000, Steps}, "5000steps"},
		"0:5000":              {Window{0, 5000, Steps}, "5000steps"},
		"500 steps:5K steps":  {Window{500, 5000, Steps}, "500to5000steps"},
		"1 step":              {Window{0, 1, Steps}, "1steps"},
		"2B tokens":           {Window{0, 2e9, Tokens}, "2Btokens"},
		"2e9 tokens":          {Window{0, 2e9, Tokens}, "2Btokens"},
		"2.3B tokens":         {Window{0, 2.3e9, Tokens}, "2300Mtokens"},
		"500M:1.5T tokens":    {Window{500e6, 1.5e12, Tokens}, "500Mto1500Btokens"},
		"0 tokens:7 tokens":   {Window{0, 7, Tokens}, "7tokens"},
		"100%":                {Window{0, 100, Percent}, "100pct"},
		"0.001%":              {Window{0, 0.001, Percent}, "0p001pct"},
		"1000tokens":          {Window{0, 1000, Tokens}, "1Ktokens"},
		"1000.0 steps":        {Window{0, 1000, Steps}, "1000steps"},
		"9007199254740991":    {Window{0, 9007199254740991, Steps}, "9007199254740991steps"},
		"99.999 % : 100 %   ": {Window{99.999, 100, Percent}, "99p999to100pct"},
	} {
		got, err := ParseWindow(text)
		require.NoError(t, err, text)
		require.Equal(t, want.w, got, text)
		require.Equal(t, want.name, got.Name(), text)
	}
}

func TestParseWindowRefuses(t *testing.T) {
	for text, cause := range map[string]string{
		"": "is no number", "%": "is no number", "x": "is no number", "-5": "is no number", "nan": "is no number", "inf tokens": "is no number", "0x10": "is no number", "1_000": "is no number",
		"20%:10%": "ends before it begins", "0": "ends before it begins", "5:5": "ends before it begins", "101%": "100 %", "10%:5000 steps": "different units",
		"1:2:3": "is no number", "0.5 steps": "no whole number", "1e300": "too large", "1e300%": "too large", "2B%": "is no number", "9007199254740992": "too large",
	} {
		_, err := ParseWindow(text)
		var e *contract.Error
		require.True(t, errors.As(err, &e), text)
		require.Equal(t, contract.Invalid, e.Kind, text)
		require.Contains(t, e.Error(), cause, text)
		require.NotEmpty(t, e.Hint)
	}
}

// FuzzWindow: what is read is a stretch of a run, and two windows have one name
// only if they are one.
func FuzzWindow(f *testing.F) {
	for _, text := range []string{"20%", "10%:20%", "5000", "2.3B tokens", "1e3 steps", "12.5%", "0.000001%"} {
		f.Add(text, "20 %")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := ParseWindow(a)
		if err != nil {
			return
		}
		require.Less(t, v.From, v.To)
		require.GreaterOrEqual(t, v.From, 0.0)
		require.Regexp(t, `^([0-9]+(p[0-9]+)?[KMBT]?to)?[0-9]+(p[0-9]+)?[KMBT]?(pct|steps|tokens)$`, v.Name())
		if w, err := ParseWindow(b); err == nil {
			require.Equal(t, v == w, v.Name() == w.Name())
		}
	})
}
