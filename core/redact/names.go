package redact

import (
	"maps"
	"slices"
)

// Names are values that were learnt in some texts, to be replaced in others: who
// started one run is named in the notes of another, and in its history.
type Names []name

// name is a learnt value with its rule.
type name struct {
	text string
	rule *rule
}

// Learnt gives the names of all runs that the redactors have read, in an order
// that does not depend on who read what.
func Learnt(redactors ...*Redactor) Names {
	rules := map[string]*rule{}
	for _, r := range redactors {
		for text, rule := range r.learnt {
			if old := rules[text]; old == nil || rule.name < old.name {
				rules[text] = rule
			}
		}
		for _, n := range r.given {
			rules[n.text] = n.rule
		}
	}
	var names Names
	for _, text := range slices.Sorted(maps.Keys(rules)) {
		names = append(names, name{text, rules[text]})
	}
	slices.SortStableFunc(names, byLength)
	return names
}

// byLength puts the longest first: it may hold the others.
func byLength(a, b name) int { return len(b.text) - len(a.text) }

// Path replaces the names that the redactor knows in a file's path.
func (r *Redactor) Path(path string) string { return string(r.replaceNames([]byte(path))) }
