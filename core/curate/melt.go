package curate

import (
	"slices"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// meltRows is how many rows of a melted table make a row group: a reader that
// asks for one metric reads few more rows than it needs.
const meltRows = 120_000

// meltColumn is one column of a wide table on its way into a melted one.
type meltColumn struct {
	name   string
	values func() []float64
}

// meltColumns lists perplexities and metrics, sorted by name.
func (w *wide) meltColumns(aggregate string, left []*column) []meltColumn {
	var out []meltColumn
	for _, c := range left {
		if f, ok := contract.FieldNamed(c.name); ok && f.Unit == "perplexity" {
			out = append(out, meltColumn{c.name, func() []float64 { return c.floats }})
		}
	}
	for _, c := range contract.MetricColumns {
		out = append(out, meltColumn{c.Name, func() []float64 { return w.metric(c, aggregate) }})
	}
	slices.SortFunc(out, func(a, b meltColumn) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}

// meltedFile writes one of `of` parts of a melted table: the metrics in the
// order of their names, nulls left out.
func (b *builder) meltedFile(name string, part, of int) (*output, error) {
	t := contract.FindTable(name)
	left, _ := b.wide.leftColumns(t.Aggregate, t.Grain)
	ids := idColumns(left)
	var fields []tablefile.Field
	for _, c := range ids {
		fields = append(fields, c.field())
	}
	o, err := b.create(name, append(fields, tablefile.Field{Name: "metric", Type: tablefile.Text}, tablefile.Field{Name: "value", Type: tablefile.Float64}))
	if err != nil {
		return nil, err
	}
	columns := b.wide.meltColumns(t.Aggregate, left)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	m := melter{o: o, ids: ids, names: tablefile.Texts(names), pages: make([][]tablefile.Chunk, len(o.fields)), whole: map[int][]tablefile.Chunk{}}
	first, last := share(len(columns), part, of)
	for i := first; i < last; i++ {
		if err := m.add(int32(i), columns[i].values()); err != nil {
			return o.fail(err)
		}
	}
	if err := m.flush(); err != nil {
		return o.fail(err)
	}
	return o.close()
}

// idColumns are what a melted row keeps of its wide row. Numbers that repeat
// are coded: a dictionary of steps is small, and its codes are written once.
func idColumns(left []*column) []*column {
	var out []*column
	for _, name := range []string{"params", "data", "seed", "step", "tokens", "compute"} {
		if c := find(left, name); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// melter collects the pages of a row group. The id columns of a metric without
// nulls are the same as those of the last one: they are encoded once.
type melter struct {
	o     *output
	ids   []*column
	names tablefile.Dictionary
	pages [][]tablefile.Chunk
	rows  int
	whole map[int][]tablefile.Chunk // id chunks by number of rows, for metrics without nulls
}

func (m *melter) add(metric int32, values []float64) error {
	rows, kept := withoutNulls(values)
	if len(kept) == 0 {
		return nil
	}
	for i, chunk := range m.idChunks(rows, len(values)) {
		m.pages[i] = append(m.pages[i], chunk)
	}
	n := len(m.ids)
	m.pages[n] = append(m.pages[n], m.o.e.Repeat(m.names, metric, len(kept)))
	m.pages[n+1] = append(m.pages[n+1], m.o.e.Floats(kept))
	if m.rows += len(kept); m.rows >= meltRows {
		return m.flush()
	}
	return nil
}

func (m *melter) idChunks(rows []int32, n int) []tablefile.Chunk {
	if rows == nil && m.whole[n] != nil {
		return m.whole[n]
	}
	chunks := make([]tablefile.Chunk, len(m.ids))
	for i, c := range m.ids {
		chunks[i] = c.encode(m.o.e, rows)
	}
	if rows == nil {
		m.whole[n] = chunks
	}
	return chunks
}

// withoutNulls gives the values that are there and their rows; nil rows say
// that all are.
func withoutNulls(values []float64) (rows []int32, kept []float64) {
	if !slices.ContainsFunc(values, tablefile.IsNull) {
		return nil, values
	}
	rows = []int32{}
	for i, v := range values {
		if !tablefile.IsNull(v) {
			rows, kept = append(rows, int32(i)), append(kept, v)
		}
	}
	return rows, kept
}

func (m *melter) flush() error {
	if m.rows == 0 {
		return nil
	}
	err := m.o.w.Pages(m.rows, m.pages)
	for i := range m.pages {
		m.pages[i] = m.pages[i][:0]
	}
	m.rows = 0
	return err
}
