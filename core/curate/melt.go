package curate

import (
	"cmp"
	"slices"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// meltRows is how many rows of a melted table make a row group: a reader that
// asks for one metric reads few more rows than it needs.
const meltRows = 120_000

// meltFile writes a melted table: the metrics in the order of their names,
// nulls left out.
type meltFile struct {
	*output
	aggregate string
	ids       *idPages
	names     tablefile.Dictionary
	of        int // rows of the wide table
	pages     [][]tablefile.Chunk
	rows      int

	columns []meltColumn // sorted by name
	next    int          // of columns
}

// meltColumn is one column of the wide table: a perplexity, or a metric.
type meltColumn struct {
	name       string
	perplexity *column // or nil
	contract.MetricColumn
}

func (b *builder) newMelt(name string, s *seeds) (*meltFile, error) {
	t := contract.FindTable(name)
	left, _ := s.columns(t.Aggregate, t.Grain)
	ids := meltedIDs(left)
	fields := append(fieldsOf(ids), tablefile.Field{Name: "metric", Type: tablefile.Text}, tablefile.Field{Name: "value", Type: tablefile.Float64})
	o, err := b.create(name, fields)
	if err != nil {
		return nil, err
	}
	f := &meltFile{
		output: o, aggregate: t.Aggregate, ids: newIDPages(ids, o.e), of: left[0].len(),
		pages: make([][]tablefile.Chunk, len(fields)), columns: meltColumns(left),
	}
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	f.names = tablefile.Texts(names)
	return f, nil
}

func meltColumns(left []*column) []meltColumn {
	var out []meltColumn
	for _, c := range left {
		if f, ok := contract.FieldNamed(c.name); ok && f.Unit == "perplexity" {
			out = append(out, meltColumn{name: c.name, perplexity: c})
		}
	}
	for _, c := range contract.MetricColumns {
		out = append(out, meltColumn{name: c.Name, MetricColumn: c})
	}
	slices.SortFunc(out, func(a, b meltColumn) int { return cmp.Compare(a.name, b.name) })
	return out
}

// meltedIDs are what a melted row keeps of its wide row.
func meltedIDs(left []*column) []*column {
	var out []*column
	for _, name := range []string{"params", "data", "seed", "step", "tokens", "compute"} {
		if c := find(left, name); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// add writes a task's metrics, and the perplexities that stand before them.
// Tasks come in the order of their names, and so do all columns.
func (f *meltFile) add(p *taskPages) error {
	for ; f.next < len(f.columns); f.next++ {
		c := f.columns[f.next]
		values := []tablefile.Chunk(nil)
		switch {
		case c.perplexity != nil:
			values = encodeBlocks(f.e, c.perplexity.floats)
		case c.Task == p.task:
			values = p.values[f.aggregate][c.Metric]
		default:
			return nil
		}
		if err := f.metric(int32(f.next), values); err != nil {
			return err
		}
	}
	return nil
}

func (f *meltFile) metric(code int32, values []tablefile.Chunk) error {
	n := len(f.ids.columns)
	for i, c := range values {
		kept := c.Dense()
		if kept.Len() == 0 {
			continue
		}
		first, last := share(f.of, i, len(values))
		for k, chunk := range f.ids.at(first, last, c.Valid()) {
			f.pages[k] = append(f.pages[k], chunk)
		}
		f.pages[n] = append(f.pages[n], f.e.Repeat(f.names, code, kept.Len()))
		f.pages[n+1] = append(f.pages[n+1], kept)
		f.rows += kept.Len()
	}
	if f.rows >= meltRows {
		return f.flush()
	}
	return nil
}

// flush writes the row group that is being collected.
func (f *meltFile) flush() error {
	err := f.w.Pages(f.rows, f.pages)
	for i := range f.pages {
		f.pages[i] = f.pages[i][:0]
	}
	f.rows = 0
	return err
}
