package hub

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "data/a.parquet", true},
		{"*.parquet", "data/a.parquet", true}, // as in huggingface_hub
		{"data/", "data/deep/a", true},
		{"data/", "dat", false},
		{"data/train-*.parquet", "data/train-0.parquet", true},
		{"data/train-*.parquet", "data/macro_avg-0.parquet", false},
		{"a.b", "axb", false},
		{"a?c", "abc", true},
		{"a[bc]d", "acd", true},
		{"a[!bc]d", "acd", false},
		{"a[!bc]d", "axd", true},
		{"a[]x]d", "a]d", true},
		{"a[b", "a[b", true},
		{"[z-a]", "b", false},
		{"é*", "étude", true},
		{"a?", "aé", true},
		{"", "", true},
		{"", "a", false},
		{"a\n*", "a\nb", true},
	} {
		require.Equal(t, test.want, Match(test.pattern, test.name), "%q %q", test.pattern, test.name)
	}
}

// FuzzMatch: no pattern panics.
func FuzzMatch(f *testing.F) {
	f.Add("data/[!a-z]*?.parquet", "data/x")
	f.Add("[[]", "[")
	f.Fuzz(func(t *testing.T, pattern, name string) { Match(pattern, name) })
}

func TestSelectors(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Selectors() {
		require.Regexp(t, repoName, s.Repo)
		require.NotEmpty(t, s.Include)
		require.NotEmpty(t, s.Meaning)
		names[s.Name] = true
	}
	require.Len(t, names, len(Selectors()))
}
