package wandb

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIsShortest: it is what strconv writes, for digits that strconv has written,
// for their neighbours, and for fewer and more of them.
func TestIsShortest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		v := math.Ldexp(1+r.Float64(), r.IntN(120)-60)
		if r.IntN(10) == 0 { // next to powers of two and of ten, where distances change
			v = []float64{math.Ldexp(1, r.IntN(120)-60), math.Pow10(r.IntN(40) - 20)}[r.IntN(2)]
			for range r.IntN(3) {
				v = math.Nextafter(v, math.Inf(2*r.IntN(2)-1))
			}
		}
		text := strconv.FormatFloat(v, 'e', r.IntN(4)+14, 64)
		if r.IntN(2) == 0 {
			text = strconv.FormatFloat(v, 'f', -1, 64)
		}
		d, end, ok := readDecimal([]byte(text), 0)
		if !ok || end != len(text) || d.Digits < 1e15 {
			continue
		}
		for _, digits := range []uint64{d.Digits - 1, d.Digits, d.Digits + 1} {
			d.Digits = digits
			decimal := strconv.FormatUint(digits, 10) + "e" + strconv.Itoa(d.Exponent)
			near, err := strconv.ParseFloat(decimal, 64)
			require.NoError(t, err)
			mantissa, _, _ := strings.Cut(strconv.FormatFloat(near, 'e', -1, 64), "e")
			shortest := strings.TrimRight(strings.Replace(mantissa, ".", "", 1), "0")
			require.Equal(t, shortest == strings.TrimRight(strconv.FormatUint(digits, 10), "0"), isShortest(d, near), decimal)
		}
	}
}
