package redact

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// Names are values that were learnt in some texts, to be replaced in others: who
// started one run is named in the notes of another, and in its history.
type Names struct {
	list   []name
	drafts *drafts
}

// name is a learnt value with its rule.
type name struct {
	text string
	rule *rule
}

// Learnt gives the names of all runs that the redactors have read, in an order
// that does not depend on who read what, and the drafts of learners.
func Learnt(redactors ...*Redactor) (names Names) {
	rules := map[string]*rule{}
	for _, r := range redactors {
		if names.drafts = r.given.drafts; r.drafts != nil {
			names.drafts.join(r.drafts)
		}
		for text, rule := range r.learnt {
			if old := rules[text]; old == nil || rule.name < old.name {
				rules[text] = rule
			}
		}
		for _, n := range r.given.list {
			rules[n.text] = n.rule
		}
	}
	for _, text := range slices.Sorted(maps.Keys(rules)) {
		names.list = append(names.list, name{text, rules[text]})
	}
	slices.SortStableFunc(names.list, byLength)
	return names
}

// byLength puts the longest first: it may hold the others.
func byLength(a, b name) int { return len(b.text) - len(a.text) }

// Path replaces the names that the redactor knows in a file's path.
func (r *Redactor) Path(path string) string { return string(r.replaceNames([]byte(path))) }

// common are names of roles, and words that would change other texts: those of
// the files' own keys, too.
var common = []string{
	"config", "entity", "eval", "exported_at", "extra", "history", "loss", "metadata", "metrics", "model", "name", "project", "run", "run_id", "runs",
	"runtime", "seed", "state", "step", "summary", "timestamp", "train", "train_loss", "total_tokens", "learning_rate", "value", "wandb", "wandb_metadata",
	"root", "user", "users", "admin", "ubuntu", "runner", "nobody", "test", "main", "data", "default", "none", "null", "true", "false", "nan", "localhost", "shared", "public", "home",
}

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
	r.learnt[value] = from
	r.names = append(r.names, name{value, from})
}

// replaceNames replaces learnt names in the text of a run, longest first, where
// they stand as a word and not in the run's id.
func (r *Redactor) replaceNames(text []byte) []byte {
	candidates := append(r.finder.in(text), r.names...)
	slices.SortStableFunc(candidates, byLength)
	for _, n := range candidates {
		text = r.replaceName(n, text)
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
			out = append(append(out, text[last:start]...), r.pseudonym(n.rule, n.text)...)
			last = end
			r.count(n.rule.name)
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

// inRunID tells whether the id of a run stands around text[start:end].
func (r *Redactor) inRunID(text []byte, start, end int) bool {
	for _, id := range r.keep {
		from, to := max(0, end-len(id)), min(len(text), start+len(id))
		if strings.Contains(id, string(text[start:end])) && bytes.Contains(text[from:to], []byte(id)) {
			return true
		}
	}
	return false
}
