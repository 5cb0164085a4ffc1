package runtypes

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ddcore/core/contract"
)

var header = []string{"kind", "name", "run_type", "shape"}

// line is one record of a patterns file.
type line struct {
	kind, name, runType, shape string
	file                       string
	number                     int
}

// Load gives the built-in rules with those of a user's file in front: text is
// the file's content, "" for none, and file its name in errors.
func Load(file, text string) (*Rules, error) {
	lines, err := read("the built-in patterns", builtIn)
	if err != nil {
		return nil, err
	}
	if text != "" {
		own, err := read(file, text)
		if err != nil {
			return nil, err
		}
		lines = merge(own, lines)
	}
	rules, err := compile(lines)
	if err != nil {
		return nil, err
	}
	return &Rules{rules: rules, text: builtIn + "\x00" + text}, nil
}

func read(file, text string) ([]line, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comment = '#'
	r.FieldsPerRecord = len(header)
	var lines []line
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken(file, "%v", err)
		}
		number, _ := r.FieldPos(0)
		if first {
			if !slices.Equal(record, header) {
				return nil, broken(file, "its first line is %q", strings.Join(record, ","))
			}
			continue
		}
		l := line{record[0], record[1], record[2], record[3], file, number}
		if err := l.check(lines); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func (l line) check(before []line) error {
	switch {
	case !slices.Contains([]string{"piece", "rule", "holds"}, l.kind):
		return l.broken("the kind %q is none of piece, rule and holds", l.kind)
	case l.name == "":
		return l.broken("the %s has no name", l.kind)
	case l.kind != "piece" && l.runType == "":
		return l.broken("the rule %s has no run_type", l.name)
	case slices.ContainsFunc(before, l.replaces):
		return l.broken("the %s %s stands there twice", l.kind, l.name)
	}
	return nil
}

// replaces tells whether both lines are of one name: pieces and rules (of
// either kind) are named apart.
func (l line) replaces(o line) bool {
	return l.name == o.name && (l.kind == "piece") == (o.kind == "piece")
}

// merge puts a user's lines in the place of those of the same name, and the new
// ones in front.
func merge(own, lines []line) []line {
	var added []line
	lines = slices.Clone(lines)
	for _, l := range own {
		if i := slices.IndexFunc(lines, l.replaces); i >= 0 {
			lines[i] = l
		} else {
			added = append(added, l)
		}
	}
	return append(added, lines...)
}

// compile makes the rules: shapes in their order, then the rules that ask for
// words only.
func compile(lines []line) ([]rule, error) {
	pieces := map[string]line{}
	for _, l := range lines {
		if l.kind == "piece" {
			if _, err := regexp.Compile(l.shape); err != nil {
				return nil, l.broken("the piece %s is no regular expression: %v", l.name, err)
			}
			pieces[l.name] = l
		}
	}
	var shapes, words []rule
	for _, l := range lines {
		switch {
		case l.shape == "" || l.kind == "piece":
		case l.kind == "rule":
			pattern, err := l.pattern(pieces)
			if err != nil {
				return nil, err
			}
			shapes = append(shapes, rule{name: l.name, runType: l.runType, pattern: pattern})
		default:
			words = append(words, l.words())
		}
	}
	return append(shapes, words...), nil
}

func (l line) words() rule {
	r := rule{name: l.name, runType: l.runType}
	for _, w := range strings.Fields(l.shape) {
		if lacks, ok := strings.CutPrefix(w, "!"); ok {
			r.lacks = append(r.lacks, lacks)
		} else {
			r.holds = append(r.holds, w)
		}
	}
	return r
}

var part = regexp.MustCompile(`\{(?:([a-z][a-z0-9_]*):)?([a-z][a-z0-9_]*)\}`)

// pattern turns a shape into a regular expression that fits whole ids only.
func (l line) pattern(pieces map[string]line) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	rest := l.shape
	for {
		at := part.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		name := rest[at[4]:at[5]]
		piece, ok := pieces[name]
		if !ok {
			return nil, l.broken("the rule %s uses the piece %s, which there is not; there are %s", l.name, name, strings.Join(slices.Sorted(maps.Keys(pieces)), ", "))
		}
		open := "(?:"
		if at[2] >= 0 {
			open = "(?P<" + rest[at[2]:at[3]] + ">"
		}
		b.WriteString(open + piece.shape + ")")
		rest = rest[at[1]:]
	}
	if strings.ContainsAny(rest, "{}") || strings.ContainsAny(part.ReplaceAllString(l.shape, ""), "{}") {
		return nil, l.broken("the rule %s has a brace that is no {piece} or {field:piece}", l.name)
	}
	b.WriteString(regexp.QuoteMeta(rest) + `\z`)
	pattern, err := regexp.Compile(b.String())
	if err != nil {
		return nil, l.broken("the rule %s makes no regular expression: %v", l.name, err)
	}
	return pattern, nil
}

func (l line) broken(format string, args ...any) error {
	return broken(fmt.Sprintf("%s line %d", l.file, l.number), format, args...)
}

func broken(where, format string, args ...any) error {
	return &contract.Error{
		Kind: contract.Invalid, Op: "read the patterns of", Target: where, Err: fmt.Errorf(format, args...),
		Hint: "a patterns file is CSV with the columns " + strings.Join(header, ",") + "; see the W&B section of the guide",
	}
}
