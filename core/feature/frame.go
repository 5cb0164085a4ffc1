package feature

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// Roles of columns.
const (
	RoleID       = "id"
	RoleGroup    = "group"
	RoleMetadata = "metadata"
	RoleFeature  = "feature"
	RoleTarget   = "target"
)

// Frame is the result: columns of equal length.
type Frame struct {
	Rows    int
	Columns []Column
}

// Column is one column: numbers, or cells of the items that its rows stand for.
type Column struct {
	Name, Role, Unit, Meaning string

	Floats []float64 // tablefile.Null is null
	Cells  []any     // else: string, int64, float64, bool or nil
}

// Metadata gives what the column's field carries.
func (c Column) Metadata() map[string]string {
	out := map[string]string{"role": c.Role, "meaning": c.Meaning}
	if c.Unit != "" {
		out["unit"] = c.Unit
	}
	return out
}

// named is the list of an item's columns and what they are for.
type named struct{ names, roles []string }

func (b *builder) named() named {
	var n named
	add := func(role string, names []string) {
		for _, name := range names {
			if !slices.Contains(n.names, name) {
				n.names, n.roles = append(n.names, name), append(n.roles, role)
			}
		}
	}
	add(RoleID, b.source.keys)
	add(RoleGroup, b.source.groups)
	add(RoleMetadata, b.Metadata)
	return n
}

// itemColumns gives the columns of ids, groups and metadata; times is how often
// the rows come one after another.
func (b *builder) itemColumns(times int) []Column {
	n := b.named()
	out := make([]Column, len(n.names))
	for k, name := range n.names {
		f, _ := contract.FieldNamed(name)
		cells := make([]any, 0, len(b.rows)*times)
		for range times {
			for _, i := range b.rows {
				cells = append(cells, b.items[i].cells[k])
			}
		}
		out[k] = Column{Name: name, Role: n.roles[k], Unit: f.Unit, Meaning: f.Meaning, Cells: cells}
	}
	return out
}

// wide gives one row per item.
func (b *builder) wide(ctx context.Context) (*Frame, error) {
	f := &Frame{Rows: len(b.rows), Columns: b.itemColumns(1)}
	for series, name := range b.series {
		for window, w := range b.Windows {
			for s, stat := range b.stats[:b.shown] {
				if stat.Name == thresholdStat && !b.hasThreshold(name) {
					continue
				}
				f.Columns = append(f.Columns, Column{
					Name: name + "__" + w.Name() + "__" + stat.Name, Role: RoleFeature, Unit: stat.Unit, Meaning: stat.Formula,
					Floats: b.column(s, series, window),
				})
			}
		}
	}
	f.Columns = append(f.Columns, b.deltas()...)
	return f, b.addTargets(ctx, f, 1)
}

func (b *builder) hasThreshold(series string) bool {
	_, ok := b.Thresholds[series]
	return ok
}

// column gives a stat of a series in a window, by row.
func (b *builder) column(stat, series, window int) []float64 {
	first := b.cell(series, window, 0)
	return b.values[stat][first : first+len(b.rows)]
}

// addTargets adds the targets; times is how often the rows come.
func (b *builder) addTargets(ctx context.Context, f *Frame, times int) error {
	for _, t := range b.targets {
		values, err := b.targetColumn(ctx, t)
		if err != nil {
			return err
		}
		f.Columns = append(f.Columns, Column{Name: t.column(), Role: RoleTarget, Meaning: b.meaning(t), Floats: slices.Repeat(values, times)})
	}
	return nil
}

// long gives one row per item, series and window: by series, then window.
func (b *builder) long(ctx context.Context) (*Frame, error) {
	times := len(b.series) * len(b.Windows)
	f := &Frame{Rows: len(b.rows) * times, Columns: b.itemColumns(times)}
	series, windows := make([]any, 0, f.Rows), make([]any, 0, f.Rows)
	for _, name := range b.series {
		for _, w := range b.Windows {
			cells := [2]any{name, w.Name()} // one allocation for all rows
			for range b.rows {
				series, windows = append(series, cells[0]), append(windows, cells[1])
			}
		}
	}
	f.Columns = append(f.Columns,
		Column{Name: "series", Role: RoleID, Meaning: "The curve: <task>_<metric>, or a metric", Cells: series},
		Column{Name: "window", Role: RoleID, Meaning: "The window, as in the names of wide columns", Cells: windows})
	for s, stat := range b.stats[:b.shown] {
		f.Columns = append(f.Columns, Column{Name: stat.Name, Role: RoleFeature, Unit: stat.Unit, Meaning: stat.Formula, Floats: b.values[s]})
	}
	return f, b.addTargets(ctx, f, times)
}

// Kind tells what a column of cells holds: the type of its first value.
func (c Column) Kind() (tablefile.Type, error) {
	if c.Cells == nil {
		return tablefile.Float64, nil
	}
	for _, cell := range c.Cells {
		switch cell.(type) {
		case nil:
			continue
		case string:
			return tablefile.Text, nil
		case int64:
			return tablefile.Int64, nil
		case float64:
			return tablefile.Float64, nil
		case bool:
			return tablefile.Bool, nil
		default:
			return 0, fmt.Errorf("column %s holds a %T", c.Name, cell)
		}
	}
	return c.nullKind(), nil
}

// nullKind is the type of a column without any value, by the dictionary.
func (c Column) nullKind() tablefile.Type {
	f, _ := contract.FieldNamed(c.Name)
	switch strings.ToUpper(f.Type) {
	case "BIGINT":
		return tablefile.Int64
	case "DOUBLE":
		return tablefile.Float64
	case "BOOLEAN":
		return tablefile.Bool
	default:
		return tablefile.Text
	}
}
