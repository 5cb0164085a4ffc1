package jsontext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"ddcore/core/jsontext"

	"github.com/stretchr/testify/require"
)

var texts = []string{
	`{}`, `[]`, ` {"a" : [1, -2.5e-07, {"b": null}], "c/d:e.f": "x\u00e9\n\"", "n": 168631869269606400000} `,
	`-0`, `01`, `1.`, `1e`, `.5`, `-`, `tru`, `true`, `"\ud83d\ude00"`, `"\ud83d"`, `"\x"`, "\"\x01\"", `{"a":1,}`, `{"a"}`,
	`[1 2]`, `{"a":1}{`, `"`, `{`, `[[[[1]]]]`, `{a:1}`, ``, ` `,
}

func TestWholeAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		require.Equal(t, json.Valid([]byte(text)), jsontext.Whole([]byte(text)) == nil, text)
	}
	for _, text := range []string{`NaN`, `[Infinity,-Infinity]`} {
		require.NoError(t, jsontext.Whole([]byte(text)), "Python writes it")
	}
	require.Error(t, jsontext.Whole([]byte(strings.Repeat("[", 1e6))))
}

func TestTornIsToldFromWrong(t *testing.T) {
	whole := `{"a":[1.5,"x\u0041",{"b":true}],"c":null}`
	for i := range len(whole) {
		err := jsontext.Whole([]byte(whole[:i]))
		require.True(t, errors.Is(err, jsontext.ErrTorn), "%s: %v", whole[:i], err)
	}
	require.NotErrorIs(t, jsontext.Whole([]byte(`{"a":1 "b":2}`)), jsontext.ErrTorn)
}

func TestMembersAndStrings(t *testing.T) {
	var got []string
	require.NoError(t, jsontext.Members([]byte(` { "a\"b" : [1, 2] , "c" : {} } `), func(k, v []byte) error {
		got = append(got, string(k), string(v))
		return nil
	}))
	require.Equal(t, []string{`a\"b`, `[1, 2]`, `c`, `{}`}, got)
	require.NoError(t, jsontext.Members([]byte(` { } `), nil))
	for _, broken := range []string{``, `[1]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1;`} {
		require.Error(t, jsontext.Members([]byte(broken), func(_, _ []byte) error { return nil }), broken)
	}
	text, ok := jsontext.Unquote([]byte(`\ud83d\ude00\t\/`))
	require.True(t, ok)
	require.Equal(t, "😀\t/", text)
	_, ok = jsontext.Unquote([]byte(`\ud83d`))
	require.False(t, ok)
	require.Equal(t, `"a\"\\\u0000é"`, string(jsontext.AppendQuoted(nil, "a\"\\\x00é")))
}

func TestFloatsAsPython(t *testing.T) {
	for want, f := range map[string]float64{"1.0": 1, "1e-05": 1e-5, "0.0001": 1e-4, "1e+16": 1e16, "9062103.0": 9062103, "1.9e-09": 1.9e-9} {
		require.Equal(t, want, string(jsontext.AppendFloat(nil, f)))
	}
}

func FuzzWhole(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := jsontext.Whole([]byte(text))
		if members := jsontext.Members([]byte(text), func(_, _ []byte) error { return nil }); err == nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
			require.NoError(t, members) // and does not panic where the text is none
		}
		if json.Valid([]byte(text)) && err != nil && !strings.Contains(err.Error(), "nesting") {
			t.Fatal(err)
		}
		if err != nil || strings.Contains(text, "N") || strings.Contains(text, "I") {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON", text)
		}
	})
}

func TestOnce(t *testing.T) {
	var once jsontext.Once
	for text, want := range map[string]string{
		`{"a":1,"b":2}`:                          ``,
		`[{"a":1},{"a":2},{"b":{"a":3}}]`:        ``,
		`"a"`:                                    ``,
		`{"a":1,"b":2,"a":3}`:                    `{"a":3,"b":2}`,
		`{"a":1,"\u0061":[1, 2]}`:                `{"\u0061":[1,2]}`,
		` {"x":[0,{"k":{},"k":1e5 , "l":NaN}]} `: `{"x":[0,{"k":1e5,"l":NaN}]}`,
		`{"a":{"b":1,"b":2},"a":{"c":"}"}}`:      `{"a":{"c":"}"}}`,
	} {
		if want == "" {
			want = text
		}
		require.Equal(t, want, string(once.Text([]byte(text))))
	}
}

func FuzzOnce(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Add(`{"a":1,"b":[{"c":1,"c":2}],"a":{"d":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if jsontext.Whole([]byte(text)) != nil || !json.Valid([]byte(text)) || strings.Contains(strings.ToLower(text), `\ud`) {
			return // half of a surrogate pair is another text to Go
		}
		var once jsontext.Once
		got := once.Text([]byte(text))
		require.Equal(t, decoded(t, []byte(text)), decoded(t, got))
		require.Equal(t, got, once.Text(got))
	})
}

// decoded reads as Go does: of a key that stands twice the last value.
func decoded(t *testing.T, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

// TestCopies: with copies in it, and copies that differ or end early, a text is
// read as without looking for them.
func TestCopies(t *testing.T) {
	long := `{"a":[1,{"b":"` + strings.Repeat("x", 2000) + `"}],"c":2}`
	var c jsontext.Copies
	for _, text := range []string{
		`{"a":` + long + `,"b":{"c":` + long + `,"d":[` + long + `,` + long + `]}}`,
		`{"a":` + long + `,"b":` + long[:len(long)-1] + `}`,
		`{"a":` + long + `,"b":` + long[:len(long)-2] + `x}}`,
		`{"a":` + long + `,"b":` + long + `]`,
		`{"a":` + long + `,"b":` + long,
		`{"b":` + long + `x}`,
		`{}`,
	} {
		require.Equal(t, jsontext.Whole([]byte(text)), c.Whole([]byte(text)), text)
		if jsontext.Whole([]byte(text)) != nil {
			continue
		}
		var want, got []string
		require.NoError(t, jsontext.Members([]byte(text), func(key, value []byte) error { want = append(want, string(key), string(value)); return nil }))
		require.NoError(t, c.Members([]byte(text), func(key, value []byte) error { got = append(got, string(key), string(value)); return nil }))
		require.Equal(t, want, got)
	}
}
