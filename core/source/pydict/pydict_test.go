package pydict_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"ddcore/core/contract"
	"ddcore/core/source/pydict"

	"github.com/stretchr/testify/require"
)

func scan(t *testing.T, text string) []string {
	t.Helper()
	var pairs []string
	err := pydict.Scan(text, func(key string, v pydict.Value) error {
		pairs = append(pairs, fmt.Sprintf("%s=%d:%s", key, v.Kind, v.Text))
		return nil
	})
	require.NoError(t, err, text)
	return pairs
}

func TestScan(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{}`, nil},
		{` { } `, nil},
		{`{'a': 1}`, []string{"a=0:1"}},
		{`{"a":1,}`, []string{"a=0:1"}},
		{`{'a': -1.5e-05, "b": .5, 'c': 5., 'd': +7}`, []string{"a=0:-1.5e-05", "b=0:.5", "c=0:5.", "d=0:+7"}},
		{`{'a': nan, 'b': inf, 'c': -inf, 'd': NaN, 'e': -Infinity}`, []string{"a=0:nan", "b=0:inf", "c=0:-inf", "d=0:NaN", "e=0:-Infinity"}},
		{`{'a': None, 'b': null, 'c': True, 'd': false}`, []string{"a=1:None", "b=1:null", "c=2:True", "d=2:false"}},
		{`{'it\'s': "say \"x\"", 3: ''}`, []string{`it\'s=3:say \"x\"`, "3=3:"}},
		{`{'n': {'x': [1, (2, 3,), {4, 5}, {}], 'y': None}, 'z': 1}`, []string{"n=4:{'x': [1, (2, 3,), {4, 5}, {}], 'y': None}", "z=0:1"}},
		{"{\n'a'\t:\r\n1}", []string{"a=0:1"}},
	} {
		require.Equal(t, c.want, scan(t, c.text), c.text)
	}
}

func TestScanErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                   "at byte 0: expected a dictionary that starts with {, found the end of the text",
		`[1]`:                "at byte 0: expected a dictionary",
		`{'a': 1`:            "expected a comma or }, found the end",
		`{'a' 1}`:            "at byte 5: expected a colon",
		`{'a': 1} x`:         `at byte 9: expected nothing after the dictionary's }, found "x"`,
		`{'a': 1 2}`:         "expected a comma or }",
		`{'a': 1x}`:          "the end of a number",
		`{'a': 007}`:         "expected a number",
		`{'a': --1}`:         "expected a number",
		`{'a': -None}`:       "expected a",
		`{'a': 1e}`:          "the digits of an exponent",
		`{'a': .}`:           "expected a number",
		`{'a': np.float64}`:  "expected a value",
		`{'a': 'b}`:          "the string's closing quote",
		`{'a': nanx}`:        "expected a value",
		`{[1]: 2}`:           "a key that is a string or a number",
		`{'a': [1, }`:        "expected a value",
		`{'a': (1}`:          "expected a comma or )",
		"{'a': 'x\ny'}":      "closing quote",
		`{'a': 1, , 'b': 2}`: "expected a value",
		`{'a': ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: "levels of nesting",
	} {
		err := pydict.Scan(text, nil)
		require.ErrorContains(t, err, want, text)
	}
}

func TestMetrics(t *testing.T) {
	out := make([]float64, len(contract.Metrics))
	fill := func() {
		for i := range out {
			out[i] = -99
		}
	}
	at := func(name string) float64 { return out[pydict.MetricIndex(name)] }
	fill()
	require.NoError(t, new(pydict.Parser).Metrics(`{'acc_raw': 0.1, 'acc_uncond': None, 'margin': nan, 'total_prob': inf, 'no_answer': True, 'predicted_index_raw': [1], 'correct_prob': 1e999, 'acc_per_char': 168631869269606400000, 'acc_per_token': 1, 'acc_per_token': 2}`, out))
	require.Equal(t, 0.1, at("acc_raw"))
	require.Equal(t, -99.0, at("acc_uncond"), "None keeps the slot")
	require.Equal(t, -99.0, at("primary_metric"), "absent keeps the slot")
	require.True(t, math.IsNaN(at("margin")))
	require.True(t, math.IsInf(at("total_prob"), 1))
	require.Equal(t, 1.0, at("no_answer"))
	require.True(t, math.IsInf(at("correct_prob"), 1))
	require.Equal(t, 1.686318692696064e+20, at("acc_per_char"))
	require.Equal(t, 2.0, at("acc_per_token"), "the last value counts")

	for _, bad := range []string{`{'acc_raw': 'high'}`, `{'acc_raw': [0.5]}`} {
		require.ErrorContains(t, new(pydict.Parser).Metrics(bad, out), "acc_raw: expected a number")
		require.ErrorContains(t, new(pydict.Parser).Check(bad), "acc_raw: expected a number")
	}
	require.NoError(t, new(pydict.Parser).Check(`{'acc_raw': None, 'other': 'text'}`))
}

// TestParserForgets: what a parser remembers of one row never changes the next.
func TestParserForgets(t *testing.T) {
	texts := []string{
		`{'acc_raw': 1, 'margin': 2, 'x': 3}`, `{'acc_raw': 4, 'margin': 5}`, `{'margin': 6, 'acc_raw': 7, 'x': 8}`, `{}`,
		`{"acc_raw": 9,"margin":10}`, `{'acc_raw': 11, 'acc_raw': 12}`, `{'acc_raw': 1, 'margin'}`, `{'acc_raw': 13,}`, `{'acc_raw': 14, 'margin': 15, 'x': 16}`,
		`{'acc_raw': 1, 'margin': 2} 'x': 3`,
	}
	var kept pydict.Parser
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		text := texts[r.IntN(len(texts))]
		a, b := make([]float64, len(contract.Metrics)), make([]float64, len(contract.Metrics))
		errA, errB := kept.Metrics(text, a), new(pydict.Parser).Metrics(text, b)
		require.Equal(t, errB, errA, text)
		require.Equal(t, errB, kept.Check(text), text)
		if errA == nil {
			require.Equal(t, b, a, text)
		}
	}
}

// FuzzScan: no input panics; Check and Metrics agree; and all JSON objects are
// read, with every number equal to what encoding/json gives.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{'a': 1}`, `{"acc_raw": 0.25, "b": [1, {"c": null}]}`, `{'x': (1,), 'y': {1, 2}}`, `{'acc_raw': -1.5e-300}`, "{'\\", `{"a":1e+9}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := make([]float64, len(contract.Metrics))
		require.Equal(t, new(pydict.Parser).Check(text) == nil, new(pydict.Parser).Metrics(text, out) == nil, text)

		var object map[string]any
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &object) != nil || object == nil || strings.Count(text, "[")+strings.Count(text, "{") > 90 {
			return
		}
		got := map[string]float64{}
		require.NoError(t, pydict.Scan(text, func(key string, v pydict.Value) error {
			if x, ok, err := v.Float(); ok && err == nil && v.Kind == pydict.Number {
				got[key] = x
			}
			return nil
		}), text)
		if strings.Contains(text, `\`) || strings.Count(text, ":") != len(object) {
			return // keys with escapes or duplicates compare differently
		}
		for key, value := range object {
			if x, ok := value.(float64); ok {
				require.Equal(t, x, got[key], text)
			}
		}
	})
}

func BenchmarkMetrics(b *testing.B) {
	var text strings.Builder
	text.WriteString("{")
	for i, name := range contract.Metrics {
		fmt.Fprintf(&text, "'%s': %v, ", name, 1/float64(i+3))
	}
	s := strings.TrimSuffix(text.String(), ", ") + "}"
	out := make([]float64, len(contract.Metrics))
	p := new(pydict.Parser)
	b.Run("Metrics", func(b *testing.B) {
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			_ = p.Metrics(s, out)
		}
	})
	b.Run("Check", func(b *testing.B) {
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			_ = p.Check(s)
		}
	})
}
