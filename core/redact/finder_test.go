package redact

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The finder misses no name that stands in a text, and finds no other.
func TestFinder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []rune(`ab"é`)
	text := func(n int) string {
		out := make([]rune, n)
		for i := range out {
			out[i] = letters[random.IntN(len(letters))]
		}
		return string(out)
	}
	for range 3000 {
		var names []name
		known := map[string]bool{}
		for range random.IntN(6) {
			if n := text(3 + random.IntN(12)); !known[n] {
				known[n] = true
				names = append(names, name{text: n})
			}
		}
		f := newFinder(names)
		for range 3 {
			b := text(random.IntN(300))
			if random.IntN(2) == 0 {
				b = escaped(b)
			}
			var want []string
			for _, n := range names {
				if bytes.Contains([]byte(b), []byte(n.text)) || bytes.Contains([]byte(b), []byte(escaped(n.text))) {
					want = append(want, n.text)
				}
			}
			var got []string
			for _, n := range f.in([]byte(b)) {
				got = append(got, n.text)
			}
			require.ElementsMatch(t, want, got, b)
		}
	}
}
