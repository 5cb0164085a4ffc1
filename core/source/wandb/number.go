package wandb

import (
	"bytes"
	"math"
	"strconv"

	"ddcore/core/jsontext"
)

// number is a JSON number that a float64 gives back: the same decimal value has
// no shorter or other spelling that this float64 stands for.
type number struct {
	value float64
	whole bool // spelled without a point or an exponent
}

// decimal is a number's digits and exponent: mantissa × 10^exponent.
type decimal struct {
	mantissa uint64
	digits   int // without leading zeros
	exponent int
	negative bool
	whole    bool
}

// readDecimal reads the number at b[i]. ok is false for what is no number, or
// has more digits than 64 bits hold.
func readDecimal(b []byte, i int) (d decimal, end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		d.negative = true
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		d.add(b[i])
		i++
	}
	if i == start || i-start > 1 && b[start] == '0' {
		return d, i, false
	}
	d.whole = true
	if i < len(b) && b[i] == '.' {
		d.whole = false
		point := i + 1
		for i = point; i < len(b) && b[i]-'0' <= 9; i++ {
			d.add(b[i])
		}
		if i == point {
			return d, i, false
		}
		d.exponent = point - i
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		d.whole = false
		exponent, end, ok := readExponent(b, i+1)
		if !ok {
			return d, end, false
		}
		d.exponent += exponent
		i = end
	}
	return d, i, d.digits <= 19
}

func (d *decimal) add(c byte) {
	d.mantissa = d.mantissa*10 + uint64(c-'0')
	if d.digits > 0 || c != '0' {
		d.digits++
	}
}

func readExponent(b []byte, i int) (exponent, end int, ok bool) {
	sign := 1
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		if b[i] == '-' {
			sign = -1
		}
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 && i-start < 5 {
		exponent = exponent*10 + int(b[i]-'0')
		i++
	}
	return sign * exponent, i, i > start && (i == len(b) || b[i]-'0' > 9)
}

// pow10 are the powers that a float64 holds exactly.
var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

const exact = 1 << 53 // whole numbers up to here are float64s

// readNumber reads the number at b[i], if a float64 gives it back.
func readNumber(b []byte, i int) (n number, end int, ok bool) {
	d, end, ok := readDecimal(b, i)
	if !ok {
		return n, end, false
	}
	n.whole = d.whole
	if d.mantissa <= exact && d.exponent <= 0 && d.exponent >= -22 {
		n.value = float64(d.mantissa) / pow10[-d.exponent] // rounded once: both are exact
		if d.negative {
			n.value = -n.value
		}
	} else if n.value, ok = parse(b[i:end]); !ok {
		return n, end, false
	}
	switch {
	case d.whole:
		return n, end, d.mantissa <= exact
	case d.digits <= 15: // so many always come back, but for numbers near 0
		return n, end, d.mantissa == 0 || math.Abs(n.value) > 1e-300
	default:
		return n, end, d.sameAs(n.value)
	}
}

func parse(text []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil
}

// sameAs tells whether the shortest spelling of v has these digits.
func (d decimal) sameAs(v float64) bool {
	var buffer [32]byte
	s, _, _ := readDecimal(strconv.AppendFloat(buffer[:0], v, 'e', -1, 64), 0)
	a, b := d.trim(), s.trim()
	return a.mantissa == b.mantissa && a.exponent == b.exponent
}

func (d decimal) trim() decimal {
	for d.mantissa != 0 && d.mantissa%10 == 0 {
		d.mantissa /= 10
		d.exponent++
	}
	return d
}

// readSpecial reads NaN and the infinities, which Python writes.
func readSpecial(value []byte) (number, bool) {
	switch string(value) {
	case "NaN":
		return number{value: math.NaN()}, true
	case "Infinity":
		return number{value: math.Inf(1)}, true
	case "-Infinity":
		return number{value: math.Inf(-1)}, true
	}
	return number{}, false
}

// readValue reads a value as a number that a float64 gives back.
func readValue(value []byte) (number, bool) {
	n, end, ok := readNumber(value, 0)
	if ok && end == len(value) {
		return n, true
	}
	return readSpecial(value)
}

// appendNumber writes the number as it was: whole, or as Python writes a float.
func appendNumber(dst []byte, n number) []byte {
	if n.whole {
		return strconv.AppendFloat(dst, n.value, 'f', -1, 64)
	}
	return jsontext.AppendFloat(dst, n.value)
}

// isSpelled tells whether text is how appendNumber writes n.
func (n number) isSpelled(text []byte) bool {
	var buffer [40]byte
	return bytes.Equal(appendNumber(buffer[:0], n), text)
}
