// Package pydict reads the text of one dictionary as Python's repr writes it
// ({'acc_raw': 0.25, …}) or as JSON does, without building it: every key and
// value is shown to a visitor as a view of the text.
//
// Accepted beyond JSON: single quotes, None, True, False, nan, inf, tuples,
// sets, trailing commas, keys that are numbers. Accepted beyond Python's
// literal_eval: nan, inf, NaN, Infinity, null, true, false. Numbers are never
// rounded here: the visitor gets their text.
package pydict

import (
	"fmt"
	"strings"

	"ddcore/core/decimal"
)

// Kind is a value's type.
type Kind int

// The kinds of values.
const (
	Number Kind = iota // incl. nan and inf
	None
	Bool
	String
	Nested // list, tuple, set or dictionary
)

// Value is one value: its kind and its text (a string's text lies between its
// quotes, escapes as written).
type Value struct {
	Kind Kind
	Text string
}

// maxDepth bounds nesting, as Python's own parser does.
const maxDepth = 100

// Scan reads text as one dictionary and shows each pair to visit in the order
// of the text. The error says what is wrong and at which byte.
func Scan(text string, visit func(key string, v Value) error) error {
	s := scanner{text: text}
	if err := s.open(); err != nil {
		return err
	}
	if err := s.pairs(visit, 0); err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) open() error {
	s.space()
	if !s.take('{') {
		return s.expected("a dictionary that starts with {")
	}
	return nil
}

func (s *scanner) end() error {
	s.space()
	if s.pos < len(s.text) {
		return s.expected("nothing after the dictionary's }")
	}
	return nil
}

type scanner struct {
	text string
	pos  int
}

func (s *scanner) expected(what string) error {
	found := "the end of the text"
	if s.pos < len(s.text) {
		end := min(s.pos+20, len(s.text))
		found = fmt.Sprintf("%q", strings.ToValidUTF8(s.text[s.pos:end], "?"))
	}
	return fmt.Errorf("at byte %d: expected %s, found %s", s.pos, what, found)
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// pairs reads "key: value, …}"; the opening brace is behind it.
func (s *scanner) pairs(visit func(string, Value) error, depth int) error {
	for {
		s.space()
		if s.take('}') {
			return nil
		}
		key, err := s.key(depth)
		if err != nil {
			return err
		}
		value, err := s.value(depth)
		if err != nil {
			return err
		}
		if visit != nil {
			if err := visit(key, value); err != nil {
				return err
			}
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

// key reads a key and its colon.
func (s *scanner) key(depth int) (string, error) {
	v, err := s.value(depth)
	if err != nil {
		return "", err
	}
	if v.Kind == Nested {
		return "", s.expected("a key that is a string or a number")
	}
	s.space()
	if !s.take(':') {
		return "", s.expected("a colon")
	}
	return v.Text, nil
}

// next reads what stands between two items: a comma, or the closing bracket.
func (s *scanner) next(closing byte) (done bool, err error) {
	s.space()
	if s.take(closing) {
		return true, nil
	}
	if !s.take(',') {
		return false, s.expected("a comma or " + string(closing))
	}
	return false, nil
}

func (s *scanner) value(depth int) (Value, error) {
	s.space()
	if s.pos == len(s.text) {
		return Value{}, s.expected("a value")
	}
	switch c := s.text[s.pos]; {
	case c == '\'' || c == '"':
		return s.quoted(c)
	case c == '{' || c == '[' || c == '(':
		return s.nested(depth + 1)
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		return s.number()
	default:
		return s.word()
	}
}

func (s *scanner) quoted(quote byte) (Value, error) {
	start := s.pos + 1
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == quote:
			s.pos = i + 1
			return Value{String, s.text[start:i]}, nil
		case c > '\\':
			continue // nearly every byte of a metric's name
		case c == '\\':
			i++
		case c == '\n':
			s.pos = i
			return Value{}, s.expected("the string's closing quote")
		}
	}
	s.pos = len(s.text)
	return Value{}, s.expected("the string's closing quote")
}

func (s *scanner) nested(depth int) (Value, error) {
	start := s.pos
	if depth > maxDepth {
		return Value{}, s.expected(fmt.Sprintf("no more than %d levels of nesting", maxDepth))
	}
	open := s.text[s.pos]
	s.pos++
	var err error
	switch open {
	case '{':
		err = s.braces(depth)
	case '[':
		err = s.items(']', depth)
	default:
		err = s.items(')', depth)
	}
	return Value{Nested, s.text[start:s.pos]}, err
}

// braces reads a dictionary or a set: the first item tells which.
func (s *scanner) braces(depth int) error {
	s.space()
	if s.take('}') {
		return nil
	}
	start := s.pos
	if _, err := s.value(depth); err != nil {
		return err
	}
	s.space()
	isDict := s.pos < len(s.text) && s.text[s.pos] == ':'
	s.pos = start
	if isDict {
		return s.pairs(nil, depth)
	}
	return s.items('}', depth)
}

func (s *scanner) items(closing byte, depth int) error {
	for {
		s.space()
		if s.take(closing) {
			return nil
		}
		if _, err := s.value(depth); err != nil {
			return err
		}
		if done, err := s.next(closing); done || err != nil {
			return err
		}
	}
}

func (s *scanner) number() (Value, error) {
	start := s.pos
	if c := s.text[s.pos]; c == '-' || c == '+' {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == 'i' || s.text[s.pos] == 'n' || s.text[s.pos] == 'I') {
			v, err := s.word()
			if err == nil && v.Kind != Number {
				s.pos = start
				return v, s.expected("a number")
			}
			return Value{Number, s.text[start:s.pos]}, err
		}
	}
	whole := s.digits()
	leadingZero := whole > 1 && s.text[s.pos-whole] == '0'
	fraction := 0
	if s.take('.') {
		fraction = s.digits()
	}
	if whole+fraction == 0 || leadingZero {
		s.pos = start
		return Value{}, s.expected("a number")
	}
	if s.take('e') || s.take('E') {
		if !s.take('-') {
			s.take('+')
		}
		if s.digits() == 0 {
			return Value{}, s.expected("the digits of an exponent")
		}
	}
	if !s.atEnd() {
		return Value{}, s.expected("the end of a number")
	}
	return Value{Number, s.text[start:s.pos]}, nil
}

func (s *scanner) digits() int {
	rest := s.text[s.pos:]
	n := 0
	for n < len(rest) && rest[n]-'0' <= 9 {
		n++
	}
	s.pos += n
	return n
}

func (s *scanner) atEnd() bool { return decimal.EndsValue(s.text, s.pos) }

func (s *scanner) word() (Value, error) {
	start := s.pos
	for s.pos < len(s.text) && isLetter(s.text[s.pos]) {
		s.pos++
	}
	word := s.text[start:s.pos]
	if s.atEnd() {
		switch word {
		case "None", "null":
			return Value{None, word}, nil
		case "True", "False", "true", "false":
			return Value{Bool, word}, nil
		case "nan", "NaN", "inf", "Infinity":
			return Value{Number, word}, nil
		}
	}
	s.pos = start
	return Value{}, s.expected("a value")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
