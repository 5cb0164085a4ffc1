package sample

import (
	"ddcore/core/jsontext"
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
		dst = jsontext.AppendFloat(dst, v[k])
	}
	return append(dst, '}')
}
