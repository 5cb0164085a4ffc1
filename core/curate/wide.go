package curate

import (
	"slices"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// wideFile writes full_eval, mean_eval or std_eval. The columns of the first
// block of rows go to the file as they come, those of later blocks wait: so the
// row groups lie one behind the other.
type wideFile struct {
	*output
	aggregate string
	after     int // the metrics stand after this many columns
	groups    []*tablefile.Group
	waiting   [][]wideChunk // by block
}

type wideChunk struct {
	column int
	chunk  tablefile.Chunk
}

func (b *builder) newWide(name string, s *seeds) (*wideFile, error) {
	t := contract.FindTable(name)
	left, after := s.columns(t.Aggregate, t.Grain)
	metrics := make([]tablefile.Field, len(contract.MetricColumns))
	for i, c := range contract.MetricColumns {
		metrics[i] = tablefile.Field{Name: c.Name, Type: tablefile.Float64}
	}
	o, err := b.create(name, slices.Insert(fieldsOf(left), after, metrics...))
	if err != nil {
		return nil, err
	}
	n := left[0].len()
	f := &wideFile{output: o, aggregate: t.Aggregate, after: after, waiting: make([][]wideChunk, blocks(n))}
	for block := range blocks(n) {
		first, last := share(n, block, blocks(n))
		g, err := o.w.Group(last - first)
		if err != nil {
			return nil, err
		}
		f.groups = append(f.groups, g)
		for i, chunk := range newIDPages(left, o.e).at(first, last, nil) {
			if i >= after {
				i += len(metrics)
			}
			if err := f.put(block, i, chunk); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func (f *wideFile) put(block, column int, chunk tablefile.Chunk) error {
	if block > 0 {
		f.waiting[block] = append(f.waiting[block], wideChunk{column, chunk})
		return nil
	}
	return f.groups[block].Column(column, chunk)
}

// add writes a task's columns.
func (f *wideFile) add(p *taskPages) error {
	for metric, pages := range p.values[f.aggregate] {
		column, ok := contract.MetricPosition(p.task, metric)
		if !ok {
			continue
		}
		for block, chunk := range pages {
			if err := f.put(block, f.after+column, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes what waits.
func (f *wideFile) flush() error {
	for block, chunks := range f.waiting {
		for _, c := range chunks {
			if err := f.groups[block].Column(c.column, c.chunk); err != nil {
				return err
			}
		}
	}
	return nil
}
