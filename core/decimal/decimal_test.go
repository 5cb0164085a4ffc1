package decimal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// same holds our reading of a number against strconv's, bit for bit.
func same(t *testing.T, text string) {
	t.Helper()
	want, err := strconv.ParseFloat(text, 64)
	d, end, ok := Read(text+", 'x': 1}", 0)
	if !ok {
		return
	}
	require.Equal(t, len(text), end, text)
	if v, ok := d.Float(PowersOfTen()); ok {
		require.NoError(t, err, text)
		require.Equal(t, math.Float64bits(want), math.Float64bits(v), text)
	}
}

// TestDecimalsAreExact: random floats of all sizes in all spellings, and their
// neighbours that lie near the middle between two floats.
func TestDecimalsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		v := math.Float64frombits(r.Uint64())
		if v != v || math.IsInf(v, 0) {
			continue
		}
		same(t, strconv.FormatFloat(v, 'g', -1, 64))
		same(t, strconv.FormatFloat(v, 'e', r.IntN(18), 64))
		same(t, strconv.FormatFloat(r.Float64(), 'f', 1+r.IntN(20), 64))
		middle := strconv.FormatFloat(v, 'e', 18, 64)
		same(t, middle)
		same(t, fmt.Sprintf("%d.%de%d", r.Uint64N(1000), r.Uint64(), r.IntN(700)-350))
		same(t, fmt.Sprintf("%d", r.Uint64()>>r.IntN(64)))
	}
	// Exactly between two floats: 2^53 + 1 and its multiples by powers of ten.
	for _, text := range []string{"9007199254740993", "9007199254740993.0", "9007199254740993e5", "900719925474099300000e-5", "0", "-0", "-0.0", "0e5", "5e-324", "1e-400", "1e400"} {
		same(t, text)
	}
}

// TestDecimalsAreTaken: the fast way takes what result files hold; without this
// the test above could pass with a reader that refuses everything.
func TestDecimalsAreTaken(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 100_000 {
		text := strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(40)-20)), 'g', -1, 64)
		d, _, ok := Read(text, 0)
		if ok {
			_, ok = d.Float(PowersOfTen())
		}
		if !ok {
			refused++
		}
	}
	require.Less(t, refused, 1000, "only what lies just between two floats")
}

func TestReadDecimalRefuses(t *testing.T) {
	for _, text := range []string{"", "-", ".5", "5.", "+1", "007", "-01", "1e", "1e+", "nan", "1x", "1.5.2", "12345678901234567890", "0x1", "1_000"} {
		_, _, ok := Read(text, 0)
		require.False(t, ok, text)
	}
	d, end, ok := Read("0.000000000000000000000000123456789012345678}", 0)
	require.True(t, ok, "leading zeros are no digits")
	require.Equal(t, 44, end)
	require.Equal(t, uint64(123456789012345678), d.Digits)
}

func FuzzReadDecimal(f *testing.F) {
	for _, seed := range []string{"0.23378839590443687", "4.839900928150196e-11", "-1", "1e5", "00", "1.", strings.Repeat("9", 25)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, end, ok := Read(text, 0)
		if !ok || !EndsValue(text, end) {
			return
		}
		want, err := strconv.ParseFloat(text[:end], 64)
		require.True(t, err == nil || math.IsInf(want, 0) || want == 0, text)
		if v, ok := d.Float(PowersOfTen()); ok {
			require.Equal(t, math.Float64bits(want), math.Float64bits(v), text)
		}
	})
}
