// Package decimal reads the numbers that repr and JSON write as the nearest
// float64, several times faster than strconv and bit for bit the same; what it
// is not sure of it leaves to strconv.
package decimal

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"sync"
	"unsafe"
)

// Number is a number as it is written: ±Digits × 10^Exponent.
type Number struct {
	Digits   uint64
	Exponent int
	Negative bool
	Whole    bool // without a point and an exponent
}

// maxDigits is how many decimal digits always fit into 64 bits.
const maxDigits = 19

// Read is ReadPrefix of a number behind which a value may end.
func Read(text string, pos int) (d Number, end int, ok bool) {
	d, end, ok = ReadPrefix(text, pos)
	return d, end, ok && EndsValue(text, end)
}

// ReadPrefix reads the plain number that stands at text[pos:], as repr and JSON
// write it: -0.25, 1e-05, 12. end is behind it. ok is false for all that needs a
// closer look (a sign +, a point without digits on both sides, a leading zero,
// more digits than 64 bits hold, no number at all).
func ReadPrefix(text string, pos int) (d Number, end int, ok bool) {
	if pos < len(text) && text[pos] == '-' {
		d.Negative = true
		pos++
	}
	start := pos
	d.Digits, pos = readDigits(text, pos, 0)
	n := pos - start
	if n == 0 || n > 1 && text[start] == '0' {
		return d, pos, false
	}
	d.Whole = true
	if pos < len(text) && text[pos] == '.' {
		d.Whole = false
		point := pos + 1
		d.Digits, pos = readDigits(text, point, d.Digits)
		if pos == point {
			return d, pos, false
		}
		d.Exponent = point - pos
		n += pos - point
		if d.Digits == 0 || text[start] == '0' {
			n = significant(text[point:pos])
		}
	}
	if n > maxDigits {
		return d, pos, false
	}
	if pos < len(text) && text[pos]|0x20 == 'e' {
		d.Whole = false
		var e int
		if e, pos, ok = readExponent(text, pos+1); !ok {
			return d, pos, false
		}
		d.Exponent += e
	}
	return d, pos, true
}

// readDigits reads decimal digits on top of those in before, eight at a time
// where there are as many. More than 64 bits hold wrap around: the caller counts.
func readDigits(text string, pos int, before uint64) (value uint64, end int) {
	value = before
	data := unsafe.Slice(unsafe.StringData(text), len(text))
	for pos+8 <= len(data) {
		word := binary.LittleEndian.Uint64(data[pos:])
		if !allDigits(word) {
			break
		}
		value = value*100_000_000 + eightDigits(word)
		pos += 8
	}
	for pos < len(data) && data[pos]-'0' <= 9 {
		value = value*10 + uint64(data[pos]-'0')
		pos++
	}
	return value, pos
}

// allDigits tells whether all eight bytes are '0' … '9': adding 6 to a digit
// leaves its upper half 3, and so does the digit itself.
func allDigits(word uint64) bool {
	const upper, threes = 0xF0F0F0F0F0F0F0F0, 0x3030303030303030
	return word&upper == threes && (word+0x0606060606060606)&upper == threes
}

// eightDigits gives the number that eight digits write, the first in the lowest
// byte: pairs, then fours, then all are joined.
func eightDigits(word uint64) uint64 {
	word -= 0x3030303030303030
	word = word*10 + word>>8
	const mask = 0x000000FF000000FF
	const pairs, fours = 100 + 1_000_000<<32, 1 + 10_000<<32
	return ((word&mask)*pairs + (word>>16&mask)*fours) >> 32
}

// significant counts digits from the first that is no zero.
func significant(digits string) int {
	for i := range len(digits) {
		if digits[i] != '0' {
			return len(digits) - i
		}
	}
	return 0
}

func readExponent(text string, pos int) (e, end int, ok bool) {
	negative := false
	if pos < len(text) && (text[pos] == '-' || text[pos] == '+') {
		negative = text[pos] == '-'
		pos++
	}
	start := pos
	for pos < len(text) && text[pos]-'0' <= 9 && pos-start < 5 {
		e = e*10 + int(text[pos]-'0')
		pos++
	}
	if negative {
		e = -e
	}
	return e, pos, pos > start
}

// EndsValue tells whether a bare value may end at pos.
func EndsValue(text string, pos int) bool {
	if pos == len(text) {
		return true
	}
	switch text[pos] {
	case ',', '}', ']', ')', ':', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// Float gives the nearest float64, ties to even; ok is false where that takes
// more than 128 bits to tell.
func (d Number) Float(powers *Powers) (v float64, ok bool) {
	switch {
	case d.Digits == 0:
	case d.Digits>>53 == 0 && d.Exponent >= -22 && d.Exponent <= 22:
		// Both factors are exact, so there is one rounding only.
		if v = float64(d.Digits); d.Exponent < 0 {
			v /= Tens[-d.Exponent]
		} else {
			v *= Tens[d.Exponent]
		}
	default:
		if v, ok = powers.scale(d.Digits, d.Exponent); !ok {
			return 0, false
		}
	}
	if d.Negative {
		v = math.Copysign(v, -1)
	}
	return v, true
}

// Tens are the powers of ten that float64 holds exactly.
var Tens = [23]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// The powers of ten between which a product of 64-bit digits is a normal float64.
const minPower, maxPower = -342, 308

// Powers holds the upper 128 bits of each power of ten, rounded down.
type Powers [maxPower - minPower + 1]struct{ high, low uint64 }

// PowersOfTen is made at first use, in less than a millisecond.
var PowersOfTen = sync.OnceValue(func() *Powers {
	t := new(Powers)
	mask := new(big.Int).SetUint64(math.MaxUint64)
	for i := range t {
		n := i + minPower
		bits128 := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil)
		if n < 0 { // 2^k / 10^-n with at least 128 bits
			bits128.Quo(new(big.Int).Lsh(big.NewInt(1), uint(bits128.BitLen()+128)), bits128)
		}
		if shift := bits128.BitLen() - 128; shift >= 0 {
			bits128.Rsh(bits128, uint(shift))
		} else {
			bits128.Lsh(bits128, uint(-shift))
		}
		t[i].low = new(big.Int).And(bits128, mask).Uint64()
		t[i].high = bits128.Rsh(bits128, 64).Uint64()
	}
	return t
})

// scale gives digits × 10^exponent as the nearest float64, by the method of
// Eisel and Lemire ("Number parsing at a gigabyte per second", arXiv
// 2101.11408): the product with the upper bits of the power decides, unless what
// was cut off could change the rounding; then ok is false.
func (t *Powers) scale(digits uint64, exponent int) (v float64, ok bool) {
	if exponent < minPower || exponent > maxPower {
		return 0, false
	}
	power := &t[exponent-minPower]
	zeros := bits.LeadingZeros64(digits)
	digits <<= zeros
	high, low := bits.Mul64(digits, power.high)
	const below = 0x1FF // the bits of high that only round
	if high&below == below && low+digits < digits {
		carry, lowest := bits.Mul64(digits, power.low)
		var over uint64
		low, over = bits.Add64(low, carry, 0)
		high += over
		if high&below == below && low == math.MaxUint64 && lowest+digits < digits {
			return 0, false
		}
	}
	top := high >> 63
	mantissa := high >> (top + 9) // 53 bits and one to round by
	if low == 0 && high&below == 0 && mantissa&3 == 1 {
		return 0, false // it may lie just between two floats
	}
	// 217706 / 2^16 is log2(10), near enough for all powers of the table.
	binary := (217706*exponent)>>16 + 64 + 1023 - zeros - int(1^top)
	mantissa = (mantissa + mantissa&1) >> 1
	if mantissa>>53 != 0 {
		mantissa >>= 1
		binary++
	}
	if binary < 1 || binary > 2046 {
		return 0, false // subnormal or infinite
	}
	return math.Float64frombits(uint64(binary)<<52 | mantissa&(1<<52-1)), true
}
