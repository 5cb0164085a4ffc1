// Package runtypes tells from a W&B run's id what type of run it is. The shapes
// of the ids are data (patterns.csv), which a user can extend or override.
package runtypes

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

//go:embed patterns.csv
var builtIn string

// Other is the type of a run that no rule fits.
const Other = "other"

// Match says which rule fits a run id and what it read there.
type Match struct {
	RunType string
	Rule    string // "" for Other
	Fields  map[string]string
}

// rule is one shape of run ids.
type rule struct {
	name, runType string
	pattern       *regexp.Regexp // nil for a rule that asks for words only
	holds, lacks  []string
}

// Rules are shapes in the order in which they are tried.
type Rules struct {
	rules []rule
	text  string
}

// Text is what the rules were made from: equal texts make equal rules.
func (r *Rules) Text() string { return r.text }

// Names lists the rules in their order.
func (r *Rules) Names() []string {
	names := make([]string, len(r.rules))
	for i, rule := range r.rules {
		names[i] = rule.name
	}
	return names
}

// Fields lists all names of fields that a rule may give, sorted.
func (r *Rules) Fields() []string {
	var names []string
	for _, rule := range r.rules {
		if rule.pattern != nil {
			names = append(names, rule.fieldNames()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Classify gives the first rule that fits the whole id.
func (r *Rules) Classify(id string) Match {
	for _, rule := range r.rules {
		if fields, ok := rule.match(id); ok {
			return Match{rule.runType, rule.name, fields}
		}
	}
	return Match{RunType: Other}
}

func (r rule) match(id string) (map[string]string, bool) {
	if r.pattern == nil {
		missing := func(word string) bool { return !strings.Contains(id, word) }
		return nil, !slices.ContainsFunc(r.holds, missing) && !slices.ContainsFunc(r.lacks, func(w string) bool { return !missing(w) })
	}
	found := r.pattern.FindStringSubmatch(id)
	if found == nil {
		return nil, false
	}
	fields := map[string]string{}
	for i, name := range r.pattern.SubexpNames() {
		if name != "" {
			fields[name] = found[i]
		}
	}
	return fields, true
}

func (r rule) fieldNames() []string {
	return slices.DeleteFunc(r.pattern.SubexpNames(), func(name string) bool { return name == "" })
}
