package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// value reads a JSON number, true, false, null or quoted text as what it is,
// and all else as text.
func value(s string) any {
	if !json.Valid([]byte(s)) {
		return s
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return s
	}
	switch v.(type) {
	case nil, bool, string, json.Number:
		return v
	default:
		return s // [1] and {} are text
	}
}

func values(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = value(s)
	}
	return out
}

// filters reads COLUMN=VALUE and COLUMN=VALUE,VALUE; a column that is given
// again adds its values.
func filters(texts []string) (map[string]any, error) {
	lists := map[string][]any{}
	for _, text := range texts {
		column, list, ok := strings.Cut(text, "=")
		if !ok || column == "" {
			return nil, fmt.Errorf("filter %q is not COLUMN=VALUE (other conditions: --where)", text)
		}
		lists[column] = append(lists[column], values(split(list))...)
	}
	out := map[string]any{}
	for column, list := range lists {
		out[column] = list
		if len(list) == 1 {
			out[column] = list[0]
		}
	}
	return out, nil
}

// split cuts a list at its commas, but for those in brackets or double quotes:
// a recipe is called "DCLM-Baseline (QC 7%, FW2)".
func split(list string) []string {
	var out []string
	start, depth, quoted := 0, 0, false
	for i, c := range list {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			out = append(out, strings.TrimSpace(list[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(list[start:]))
}

// count is a flag for a whole number that has a least value.
type count struct {
	value *int64
	least int64
}

func newCount(value *int64, least int64) *count { return &count{value, least} }

func (c *count) String() string { return "" } // no default is shown
func (c *count) Type() string   { return "N" }

func (c *count) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < c.least {
		return fmt.Errorf("not a whole number from %d on", c.least)
	}
	*c.value = n
	return nil
}

// renamed shows a flag's value under another name in the help.
type renamed struct {
	pflag.Value
	name string
}

func (r renamed) Type() string { return r.name }

// named names the value of a flag in the help.
func named(flags *pflag.FlagSet, flag, name string) {
	f := flags.Lookup(flag)
	f.Value = renamed{f.Value, name}
	if f.DefValue == "[]" {
		f.DefValue = "" // pflag would show it
	}
}
