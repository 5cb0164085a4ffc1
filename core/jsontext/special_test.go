package jsontext

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// special finds the byte that a look at one byte after the other finds.
func TestSpecial(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(b []byte, i int) int {
		k := slices.IndexFunc(b[i:], func(c byte) bool { return c < ' ' || strings.IndexByte(`"\\`, c) >= 0 })
		if k < 0 {
			return len(b)
		}
		return i + k
	}
	b := make([]byte, 40)
	for range 200_000 {
		n := random.IntN(len(b))
		for i := range n {
			b[i] = byte(' ' + random.IntN(224))
			if random.IntN(12) == 0 {
				b[i] = byte(random.IntN(256))
			}
		}
		i := random.IntN(n + 1)
		require.Equal(t, one(b[:n], i), special(b[:n], i), "%q from %d", b[:n], i)
	}
}
