// Package redact replaces personal data in JSON text by pseudonyms. What is
// personal is one file, policy.csv: values known by their key (username, host,
// job_id …) and values known by their shape (e-mail addresses, home folders,
// keys of services …), in strings and in keys, at every level of nesting. A
// name that was learnt in one place is replaced in all strings of that run.
//
// Numbers stay, except whole numbers under a key of the rules job and id; so do
// run ids, which the whole analysis hangs on.
package redact

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed policy.csv
var policyFile string

// rule is one line of the policy.
type rule struct {
	name      string
	pseudonym string // {} stands for the hash
	learn     bool   // what it replaces is replaced elsewhere, too
	numbers   bool   // also whole numbers under its keys
	tree      string // the key below which it replaces every text, at any depth

	pattern *regexp.Regexp // of a shape, within a line; its first group, if any, is what is replaced
	needs   []need         // a text without any of these cannot match
}

// need is a cheap test before the regular expression.
type need struct {
	classes class // of the bytes that it takes
	holds   func(text []byte) bool
}

// policy is the parsed file.
type policy struct {
	keys   map[string]*rule // by lower-case key, or parent.key
	shapes []*rule
}

var thePolicy = sync.OnceValue(func() *policy {
	p, err := parsePolicy(policyFile)
	if err != nil {
		panic("redact: " + err.Error()) // part of the program, read by every test
	}
	return p
})

func parsePolicy(text string) (*policy, error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	p := &policy{keys: map[string]*rule{}}
	for i, f := range lines[1:] {
		r := &rule{name: f[0], pseudonym: f[4], learn: f[5] == "yes", numbers: f[0] == "job" || f[0] == "id"}
		switch f[1] {
		case "key":
			for _, key := range strings.Fields(f[2]) {
				p.keys[key] = r
			}
		case "tree":
			r.tree = f[2]
			p.keys[r.tree] = r
		case "shape":
			if r.pattern, err = regexp.Compile(f[2]); err != nil {
				return nil, fmt.Errorf("policy, line %d: %w", i+2, err)
			}
			for _, n := range strings.Fields(f[3]) {
				r.needs = append(r.needs, newNeed(n))
			}
			p.shapes = append(p.shapes, r)
		default:
			return nil, fmt.Errorf("policy, line %d: match is key, tree or shape, not %q", i+2, f[1])
		}
	}
	return p, nil
}

// class is a set of kinds of bytes.
type class uint16

const (
	at class = 1 << iota
	slash
	dot
	colon
	equals
	digit
	upper
	underscore
	dash
	tilde
	backslash
)

var classOf = func() (t [256]class) {
	for c := byte('0'); c <= '9'; c++ {
		t[c] = digit
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = upper
	}
	for c, k := range map[byte]class{'@': at, '/': slash, '.': dot, ':': colon, '=': equals, '_': underscore, '-': dash, '~': tilde, '\\': backslash} {
		t[c] = k
	}
	return t
}()

func classes[T string | []byte](text T) (c class) {
	for i := range len(text) {
		c |= classOf[text[i]]
	}
	return c
}

// newNeed reads a need: a literal, or the name of one of these tests.
func newNeed(word string) need {
	switch word {
	case "path":
		return need{slash, holdsPath}
	case "hex40":
		return need{digit, holdsHex40}
	case "dots":
		return need{dot | digit, func(t []byte) bool { return bytes.Count(t, []byte(".")) >= 3 }}
	case "colons":
		return need{colon, func(t []byte) bool { return bytes.Count(t, []byte(":")) >= 3 }}
	default:
		literal := []byte(word)
		return need{classes(word), func(t []byte) bool { return bytes.Contains(t, literal) }}
	}
}

// holdsPath tells whether an absolute path may begin somewhere.
func holdsPath(text []byte) bool {
	for i := 0; ; i++ {
		k := bytes.IndexByte(text[i:], '/')
		if k < 0 {
			return false
		}
		if i += k; i == 0 || bytes.IndexByte([]byte(" \t\n\"'=:,;([{<>"), text[i-1]) >= 0 {
			return true
		}
	}
}

// holdsHex40 tells whether 40 hexadecimal digits stand in a row: such a row
// holds every 40th byte.
func holdsHex40(text []byte) bool {
	for i := 39; i < len(text); i += 40 {
		if isHex(text[i]) && hexAround(text, i) >= 40 {
			return true
		}
	}
	return false
}

func hexAround(text []byte, i int) int {
	first, last := i, i
	for first > 0 && isHex(text[first-1]) {
		first--
	}
	for last < len(text) && isHex(text[last]) {
		last++
	}
	return last - first
}

func isHex(c byte) bool { return c-'0' <= 9 || c-'a' <= 5 }
