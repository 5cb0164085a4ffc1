package lines

import (
	"bytes"

	"ddcore/core/tablefile"
)

// TextFields makes columns of text.
func TextFields(names ...string) []tablefile.Field {
	fields := make([]tablefile.Field, len(names))
	for i, n := range names {
		fields[i] = tablefile.Field{Name: n, Type: tablefile.Text}
	}
	return fields
}

// AppendMember writes a member behind others of a JSON object, whose braces are
// still missing. The key has its escapes, and no quotes.
func AppendMember(dst, key, value []byte) []byte {
	dst = append(append(append(Comma(dst), '"'), key...), '"', ':')
	return append(dst, value...)
}

// Comma writes a comma behind members, if there are any.
func Comma(dst []byte) []byte {
	if len(dst) > 0 {
		return append(dst, ',')
	}
	return dst
}

// Object puts braces around members.
func Object(members []byte) []byte {
	return bytes.Join([][]byte{{'{'}, members, {'}'}}, nil)
}
