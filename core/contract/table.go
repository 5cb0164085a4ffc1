package contract

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Table is a curated table: what its .sql file says of it.
type Table struct {
	Name    string
	Summary string   // one sentence
	Grain   []string // the columns that identify a row, never null
	Version int      // rises with every change of meaning
	Types   map[string]string
	// Aggregate is "mean" or "std" for tables over seeds: all columns but the
	// grain are then DOUBLE, and a deviation has no range but >= 0.
	Aggregate string
	Order     int    // position in the build
	Maker     string // what makes it: "" its query, "view" a view of its query, else Go
	Uncounted bool   // a view whose rows nobody counts: that would read all that is behind it
	SQL       string // the query
}

var registry []*Table

// Register adds a table; packages that own .sql files call it once.
func Register(t *Table) { registry = append(registry, t) }

// AllTables gives the curated tables in the order of their build.
func AllTables() []*Table {
	return slices.SortedFunc(slices.Values(registry), func(a, b *Table) int { return a.Order - b.Order })
}

// FindTable gives the curated table of that name, or nil.
func FindTable(name string) *Table {
	name = strings.TrimPrefix(name, "main.")
	for _, t := range registry {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// ParseTable reads a .sql file: a header of "-- key: value" lines, then SQL.
func ParseTable(text string) (*Table, error) {
	t := &Table{Version: 1, Types: map[string]string{}}
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if !ok {
			break
		}
		key, value, ok := strings.Cut(comment, ": ")
		if !ok {
			continue
		}
		if err := t.set(key, strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	if t.Name == "" || t.Summary == "" || len(t.Grain) == 0 {
		return nil, fmt.Errorf("a table file needs the header lines table, summary and grain")
	}
	t.SQL = text
	return t, nil
}

func (t *Table) set(key, value string) (err error) {
	switch key {
	case "table":
		t.Name = value
	case "summary":
		t.Summary = value
	case "grain":
		t.Grain = strings.Split(value, ", ")
	case "version":
		t.Version, err = strconv.Atoi(value)
	case "order":
		t.Order, err = strconv.Atoi(value)
	case "made by":
		t.Maker = value
	case "rows":
		t.Uncounted = value == "uncounted"
	case "aggregate":
		t.Aggregate = value
	case "types":
		for pair := range strings.SplitSeq(value, ", ") {
			name, kind, _ := strings.Cut(pair, " ")
			t.Types[name] = kind
		}
	}
	return err
}

// Field gives the meaning of a column in this table.
func (t *Table) Field(column string) (Field, bool) {
	f, ok := FieldNamed(column)
	if !ok {
		return f, false
	}
	if kind, ok := t.Types[column]; ok {
		f.Type = kind
	}
	if t.Aggregate == "" || slices.Contains(t.Grain, column) || column == "metric" {
		return f, true
	}
	f.Type = "DOUBLE"
	if t.Aggregate == "std" {
		zero := 0.0
		f.Min, f.Max = &zero, nil
		f.Meaning = "Standard deviation over seeds (n - 1; null for one seed) of: " + f.Meaning
	} else {
		f.Meaning = "Mean over seeds of: " + f.Meaning
	}
	return f, true
}

// Range writes a field's range as people do: "[0, 1]", ">= 0" or "".
func (f Field) Range() string {
	number := func(v *float64) string { return strconv.FormatFloat(*v, 'g', -1, 64) }
	switch {
	case f.Min != nil && f.Max != nil:
		return "[" + number(f.Min) + ", " + number(f.Max) + "]"
	case f.Min != nil:
		return ">= " + number(f.Min)
	case f.Max != nil:
		return "<= " + number(f.Max)
	default:
		return ""
	}
}

// Metadata gives a field's facts as key and value pairs.
func (f Field) Metadata() map[string]string {
	m := map[string]string{"meaning": f.Meaning}
	if f.Unit != "" {
		m["unit"] = f.Unit
	}
	if r := f.Range(); r != "" {
		m["range"] = r
	}
	return m
}

// Annotate adds what the contract knows to an Arrow schema: to each column its
// unit, range and meaning, and to the schema the table, its grain and version.
// Without a table, only columns that have one meaning everywhere are annotated.
func Annotate(s *arrow.Schema, t *Table) *arrow.Schema {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = f
		if known, ok := lookup(t, f.Name); ok {
			fields[i].Metadata = arrow.MetadataFrom(known.Metadata())
		}
	}
	if t == nil {
		return arrow.NewSchema(fields, nil)
	}
	meta := arrow.MetadataFrom(t.Metadata())
	return arrow.NewSchema(fields, &meta)
}

// Metadata gives a table's facts as key and value pairs.
func (t *Table) Metadata() map[string]string {
	return map[string]string{
		"ddcore.table": t.Name, "ddcore.version": strconv.Itoa(t.Version),
		"ddcore.grain": strings.Join(t.Grain, ", "), "ddcore.summary": t.Summary,
	}
}

func lookup(t *Table, column string) (Field, bool) {
	if t != nil {
		return t.Field(column)
	}
	return FieldNamed(column)
}
