package sample

import (
	"bytes"
	"math"
	"strconv"
)

// dictStyle is how a metrics dict is written: labels[k] is key k with its
// quotes and the colon.
type dictStyle struct{ labels [numKeys]string }

// The eval results hold Python reprs, the macro averages JSON as Python's json
// module writes it. Finite numbers look the same in both.
var (
	pythonRepr = newDictStyle("'")
	jsonText   = newDictStyle(`"`)
)

func newDictStyle(quote string) dictStyle {
	var s dictStyle
	for k, name := range keyNames {
		s.labels[k] = quote + name + quote + ": "
	}
	return s
}

// appendDict appends the shown metrics as a dict.
func (s *dictStyle) appendDict(dst []byte, v *values, shown []int) []byte {
	dst = append(dst, '{')
	for i, k := range shown {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, s.labels[k]...)
		dst = appendFloat(dst, v[k])
	}
	return append(dst, '}')
}

// appendFloat appends a finite number as Python's repr: the shortest digits that
// read back equal, an exponent below 1e-4 and from 1e16 on, and always a point
// or an exponent.
func appendFloat(dst []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}
