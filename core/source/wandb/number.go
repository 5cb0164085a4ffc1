package wandb

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"

	"ddcore/core/decimal"
	"ddcore/core/jsontext"
)

// number is a JSON number that a float64 gives back: the same decimal value has
// no shorter or other spelling that this float64 stands for.
type number struct {
	value float64
	whole bool // spelled without a point or an exponent
}

const exact = 1 << 53 // whole numbers up to here are float64s

// readNumber reads the number at b[i], if a float64 gives it back.
func readNumber(b []byte, i int) (n number, end int, ok bool) {
	d, end, ok := readDecimal(b, i)
	if !ok {
		return n, end, false
	}
	n.whole = d.Whole
	if n.value, ok = d.Float(decimal.PowersOfTen()); !ok {
		if n.value, ok = parse(b[i:end]); !ok {
			return n, end, false
		}
	}
	switch {
	case d.Whole:
		return n, end, d.Digits <= exact
	case d.Digits < 1e15: // 15 digits always come back, but for numbers near 0
		return n, end, d.Digits == 0 || math.Abs(n.value) > 1e-300
	default:
		return n, end, isShortest(d, n.value)
	}
}

func readDecimal(b []byte, i int) (d decimal.Number, end int, ok bool) {
	return decimal.ReadPrefix(unsafe.String(unsafe.SliceData(b), len(b)), i)
}

func parse(text []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil
}

// isShortest tells whether the shortest spelling of v, which d is one of, has d's
// digits. All decimals that stand for v lie within the distance of two float64s:
// where that is less than a unit of d's last digit, there is none but d with so
// few digits.
func isShortest(d decimal.Number, v float64) bool {
	d = trim(d)
	v = math.Abs(v)
	if d.Exponent >= -22 && d.Exponent <= 0 && 2*(math.Nextafter(v, math.Inf(1))-v) < 1/decimal.Tens[-d.Exponent] {
		return true
	}
	var buffer [32]byte
	s, _, _ := readDecimal(strconv.AppendFloat(buffer[:0], v, 'e', -1, 64), 0)
	s = trim(s)
	return d.Digits == s.Digits && d.Exponent == s.Exponent
}

func trim(d decimal.Number) decimal.Number {
	for d.Digits != 0 && d.Digits%10 == 0 {
		d.Digits /= 10
		d.Exponent++
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
