package jsontext

import "bytes"

// AppendMember writes a member behind others of a JSON object, whose braces are
// still missing. The key has its escapes, and no quotes.
func AppendMember(dst, key, value []byte) []byte {
	dst = append(append(append(Comma(dst), '"'), key...), '"', ':')
	return append(dst, value...)
}

// Comma writes a comma behind members, if there are any.
func Comma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		return append(dst, ',')
	}
	return dst
}

// Object puts braces around members.
func Object(members []byte) []byte {
	return bytes.Join([][]byte{{'{'}, members, {'}'}}, nil)
}
