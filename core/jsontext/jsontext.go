// Package jsontext walks JSON text without building it: values are views of the
// text, so that numbers keep their spelling and nothing is copied. Beyond JSON
// it accepts the tokens NaN, Infinity and -Infinity, which Python writes.
package jsontext

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth bounds nesting: the walk is recursive.
const maxDepth = 500

// ErrTorn says that the text ended inside a value: a line cut short, not a wrong one.
var ErrTorn = errors.New("the text ends in the middle of a value")

// Space gives the position of the first byte from i on that is no white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// Skip checks the value that starts at b[i] and gives the position behind it.
func Skip(b []byte, i int) (int, error) { return skip(b, i, 0, nil) }

// skip passes over copies if it is given what holds them.
func skip(b []byte, i, depth int, copies *Copies) (int, error) {
	if i >= len(b) {
		return i, ErrTorn
	}
	switch c := b[i]; {
	case c == '"':
		return String(b, i)
	case c == '{' || c == '[':
		if depth == maxDepth {
			return i, fmt.Errorf("at byte %d: more than %d levels of nesting", i, maxDepth)
		}
		if c == '[' || copies == nil || depth > shallow {
			return skipItems(b, i, depth+1, copies)
		}
		end, ok := copies.find(b, i)
		if ok {
			return end, nil
		}
		end, err := skipItems(b, i, depth+1, copies)
		if err == nil {
			copies.keep(b[i:end])
		}
		return end, err
	case c == '-' || c-'0' <= 9:
		return Number(b, i)
	default:
		return word(b, i)
	}
}

// skipItems checks an object or a list.
func skipItems(b []byte, i, depth int, copies *Copies) (int, error) {
	isObject := b[i] == '{'
	end := b[i] + 2 // } and ] stand two behind { and [
	i = Space(b, i+1)
	if i < len(b) && b[i] == end {
		return i + 1, nil
	}
	for {
		var err error
		if isObject {
			if i, err = key(b, i); err != nil {
				return i, err
			}
		}
		if i, err = skip(b, i, depth, copies); err != nil {
			return i, err
		}
		i = Space(b, i)
		switch {
		case i < len(b) && b[i] == end:
			return i + 1, nil
		case i < len(b) && b[i] == ',':
			i = Space(b, i+1)
		default:
			return i, expected(b, i, "a comma or "+string(end))
		}
	}
}

// key checks a key and its colon and gives the position of the value.
func key(b []byte, i int) (int, error) {
	if i >= len(b) || b[i] != '"' {
		return i, expected(b, i, "a key")
	}
	i, err := String(b, i)
	if err != nil {
		return i, err
	}
	i = Space(b, i)
	if i >= len(b) || b[i] != ':' {
		return i, expected(b, i, "a colon")
	}
	return Space(b, i+1), nil
}

// special finds the first byte from i on that ends a string, starts an escape or is
// a control character. It looks at eight bytes at a time: in eight bytes without
// such a one, neither they less 0x20, nor they XOR '"' or '\\' less 1, borrow from
// the bit 0x80 of a byte that did not have it; the lowest that does is the first.
func special(b []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, escape := x^'"'*ones, x^'\\'*ones
		found := ((x-' '*ones)&^x | (quote-ones)&^quote | (escape-ones)&^escape) & high
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// String checks the string that starts at b[i], its quotes included.
func String(b []byte, i int) (int, error) {
	for i++; ; i++ {
		i = special(b, i)
		switch {
		case i >= len(b):
			return i, ErrTorn
		case b[i] == '"':
			return i + 1, nil
		case b[i] != '\\':
			return i, expected(b, i, "no control character in a string")
		}
		i++
		switch {
		case i >= len(b):
			return i, ErrTorn
		case b[i] == 'u':
			if i+4 >= len(b) {
				return i, ErrTorn
			}
			if _, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 16); err != nil {
				return i, expected(b, i, "four hexadecimal digits")
			}
			i += 4
		case bytes.IndexByte([]byte(`"\/bfnrt`), b[i]) < 0:
			return i, expected(b, i, "an escape")
		}
	}
}

// Number checks the number that starts at b[i].
func Number(b []byte, i int) (int, error) {
	start := i
	if b[i] == '-' {
		i++
		if i < len(b) && b[i] == 'I' {
			return word(b, i)
		}
	}
	whole := digits(b, i)
	if whole == 0 || whole > 1 && b[i] == '0' {
		return start, expected(b, start, "a number")
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		n := digits(b, i+1)
		if n == 0 {
			return i, expected(b, i+1, "the digits behind the point")
		}
		i += 1 + n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		n := digits(b, i)
		if n == 0 {
			return i, expected(b, i, "the digits of an exponent")
		}
		i += n
	}
	return i, nil
}

func digits(b []byte, i int) (n int) {
	for i+n < len(b) && b[i+n]-'0' <= 9 {
		n++
	}
	return n
}

var words = []string{"true", "false", "null", "NaN", "Infinity"}

func word(b []byte, i int) (int, error) {
	for _, w := range words {
		if bytes.HasPrefix(b[i:], []byte(w)) {
			return i + len(w), nil
		}
		if len(b)-i < len(w) && bytes.HasPrefix([]byte(w), b[i:]) {
			return i, ErrTorn
		}
	}
	return i, expected(b, i, "a value")
}

// expected says what is wrong and where, without quoting the text: it may hold
// personal data.
func expected(b []byte, i int, what string) error {
	if i >= len(b) {
		return ErrTorn
	}
	return fmt.Errorf("at byte %d: expected %s", i, what)
}

// Whole checks that b is one value with nothing but white space around it.
func Whole(b []byte) error { return whole(b, nil) }

func whole(b []byte, copies *Copies) error {
	i, err := skip(b, Space(b, 0), 0, copies)
	if err != nil {
		return err
	}
	if i = Space(b, i); i < len(b) {
		return expected(b, i, "nothing after the value")
	}
	return nil
}

// Members shows each member of the object b: the key without its quotes, escapes
// as written, and the value. What is no object, or breaks off, is an error where it
// does.
func Members(b []byte, visit func(key, value []byte) error) error { return members(b, visit, nil) }

func members(b []byte, visit func(key, value []byte) error, copies *Copies) error {
	i := Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return expected(b, i, "an object")
	}
	if i = Space(b, i+1); i < len(b) && b[i] == '}' {
		return nil
	}
	for {
		value, err := key(b, i)
		if err != nil {
			return err
		}
		name := b[i+1 : bytes.LastIndexByte(b[:value], '"')]
		end, err := skip(b, value, 0, copies)
		if err != nil {
			return err
		}
		if err := visit(name, b[value:end]); err != nil {
			return err
		}
		switch i = Space(b, end); {
		case i < len(b) && b[i] == '}':
			return nil
		case i < len(b) && b[i] == ',':
			i = Space(b, i+1)
		default:
			return expected(b, i, "a comma or }")
		}
	}
}

// Unquote gives the text of a checked string without quotes. ok is false where
// UTF-8 cannot hold it: half of a surrogate pair.
func Unquote(s []byte) (text string, ok bool) {
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s), true
	}
	out, ok := AppendUnquoted(make([]byte, 0, len(s)), s)
	if !ok {
		return "", false
	}
	return string(out), true
}

// AppendUnquoted is Unquote into memory at hand.
func AppendUnquoted(dst, s []byte) (out []byte, ok bool) {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...), true
		}
		dst = append(dst, s[:i]...)
		if s[i+1] != 'u' {
			dst, s = append(dst, unescaped(s[i+1])), s[i+2:]
			continue
		}
		r := hex(s[i+2:])
		s = s[i+6:]
		if utf16.IsSurrogate(r) {
			if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
				return dst, false
			}
			if r = utf16.DecodeRune(r, hex(s[2:])); r == utf8.RuneError {
				return dst, false
			}
			s = s[6:]
		}
		dst = utf8.AppendRune(dst, r)
	}
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return c
	}
}

func hex(s []byte) rune {
	v, _ := strconv.ParseUint(string(s[:4]), 16, 16)
	return rune(v)
}

// AppendQuoted writes s as a JSON string.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for text := unsafe.Slice(unsafe.StringData(s), len(s)); ; {
		i := special(text, 0)
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"')
		}
		if c := text[i]; c < ' ' {
			dst = fmt.Appendf(dst, `\u%04x`, c)
		} else {
			dst = append(dst, '\\', c)
		}
		text = text[i+1:]
	}
}

// AppendFloat writes a float as Python does: the shortest digits that read back
// equal, always with a point or an exponent.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
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
