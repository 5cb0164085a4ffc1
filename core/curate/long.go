package curate

import (
	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// longFile writes evals: a row group for each task, with the rows that raw has.
type longFile struct {
	*output
	m     *matrix
	ids   *idPages
	names tablefile.Dictionary
}

func (b *builder) newLong(left []*column, m *matrix) (*longFile, error) {
	fields := fieldsOf(left)
	fields = append(fields, tablefile.Field{Name: "task", Type: tablefile.Text})
	for _, name := range contract.Metrics {
		fields = append(fields, tablefile.Field{Name: name, Type: tablefile.Float64})
	}
	o, err := b.create("evals", fields)
	if err != nil {
		return nil, err
	}
	return &longFile{o, m, newIDPages(left, o.e), tablefile.Texts(longTasks)}, nil
}

// add writes a task's rows: the pages of the wide table, without the
// checkpoints for which raw has no row.
func (f *longFile) add(p *taskPages) error {
	columns := make([][]tablefile.Chunk, len(f.fields))
	n, rows := len(f.ids.columns), 0
	for block := range blocks(f.m.items) {
		first, last := share(f.m.items, block, blocks(f.m.items))
		kept, count := f.m.presence(p.task, first, last)
		if count == 0 {
			continue
		}
		rows += count
		for i, c := range f.ids.at(first, last, kept) {
			columns[i] = append(columns[i], c)
		}
		columns[n] = append(columns[n], f.e.Repeat(f.names, int32(p.task), count))
		for metric := range contract.Metrics {
			columns[n+1+metric] = append(columns[n+1+metric], p.values[""][metric][block].Among(kept))
		}
	}
	return f.w.Pages(rows, columns)
}
