package redact

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// name is a learnt value with its rule.
type name struct {
	text string
	rule *rule
}

// common are names of roles and words that would change other texts.
var common = []string{"root", "user", "users", "admin", "ubuntu", "runner", "nobody", "test", "main", "data", "default", "none", "null", "true", "false", "nan", "localhost", "shared", "public", "home"}

func (r *Redactor) learn(from *rule, value string) {
	if from.name == "email" { // the name before the @, as in a home folder
		value, _, _ = strings.Cut(value, "@")
		from = r.policy.keys["user"]
	}
	hasLetter := strings.IndexFunc(value, func(c rune) bool { return c > 127 || isWord(byte(c)) && (c < '0' || c > '9') && c != '_' }) >= 0
	if len(value) < 3 || !hasLetter || r.known[value] || slices.Contains(common, strings.ToLower(value)) {
		return
	}
	r.known[value] = true
	r.names = append(r.names, name{value, from})
}

// replaceNames replaces learnt names in the text of a run, longest first, where
// they stand as a word and not in the run's id.
func (r *Redactor) replaceNames(text []byte) []byte {
	slices.SortStableFunc(r.names, func(a, b name) int { return len(b.text) - len(a.text) })
	for _, n := range r.names {
		if bytes.Contains(text, []byte(n.text)) {
			text = r.replaceName(n, text)
		}
		if quoted := escaped(n.text); quoted != n.text {
			text = r.replaceName(name{quoted, n.rule}, text)
		}
	}
	return text
}

// escaped writes a name as JSON in ASCII does.
func escaped(s string) string {
	var out []byte
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', byte(c))
		case c < 0x80:
			out = append(out, byte(c))
		default:
			for _, unit := range utf16.Encode([]rune{c}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return string(out)
}

func (r *Redactor) replaceName(n name, text []byte) []byte {
	pseudonym := r.key.pseudonym(n.rule.pseudonym, n.text)
	var out []byte
	last := 0
	for i := 0; ; {
		k := bytes.Index(text[i:], []byte(n.text))
		if k < 0 {
			break
		}
		start, end := i+k, i+k+len(n.text)
		i = end
		if startsWord(text, start) && endsWord(text, end) && !r.inRunID(text, start, end) {
			if out == nil {
				out = make([]byte, 0, len(text)+len(text)/8)
			}
			out = append(append(out, text[last:start]...), pseudonym...)
			last = end
			r.Counts[n.rule.name]++
		}
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// startsWord tells whether a word may start at i; the letter of an escape (\n)
// is no part of it.
func startsWord(text []byte, i int) bool {
	return i == 0 || !isLetterOrDigit(text[i-1]) || i > 1 && text[i-2] == '\\'
}

func endsWord(text []byte, i int) bool { return i == len(text) || !isLetterOrDigit(text[i]) }

func isLetterOrDigit(c byte) bool { return c != '_' && (isWord(c) || c > 127) }

// inRunID tells whether the run's id stands around text[start:end].
func (r *Redactor) inRunID(text []byte, start, end int) bool {
	if !strings.Contains(r.runID, string(text[start:end])) {
		return false
	}
	from := max(0, end-len(r.runID))
	to := min(len(text), start+len(r.runID))
	return bytes.Contains(text[from:to], []byte(r.runID))
}
