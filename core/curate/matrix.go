package curate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/source"
	"ddcore/core/source/pydict"
	"ddcore/core/tablefile"
	"ddcore/core/workers"
)

// matrix finds the metrics of every task and item (checkpoint). The values stay
// where ingest left them, row by row in the order of the raw files: 300 MB at
// full shape that need not be copied.
type matrix struct {
	tasks, items int
	blocks       []*source.Parsed
	cells        []atomic.Int64 // [task][item]: where its row lies, as ref gives it; 0: nowhere

	mu        sync.Mutex
	conflicts []int // cells for which raw has rows of different values
}

func newMatrix(tasks, items int) *matrix {
	return &matrix{tasks: tasks, items: items, cells: make([]atomic.Int64, tasks*items)}
}

// ref names a row of a block.
func ref(block int, row int64) int64 { return int64(block)<<40 | (row + 1) }

// row gives the metrics of a cell, or nil.
func (m *matrix) row(task, item int) []float64 {
	r := m.cells[task*m.items+item].Load()
	if r == 0 {
		return nil
	}
	return m.blocks[r>>40].Row(r&(1<<40-1) - 1)
}

// close gives the blocks' files back.
func (m *matrix) close() {
	for _, b := range m.blocks {
		b.Close()
	}
}

// locate gives, for a chunk of raw rows, the cell of row i.
type locate func(chunk lake.Chunk) func(i int) int

// fill finds the metrics of a raw table's rows: of files that ingest has parsed
// there, of others in the text of the dictionaries. relation has the columns
// _file, _row, metrics and keys; the keys are the columns of a chunk from number
// 3 on.
func (m *matrix) fill(ctx context.Context, w *lake.Writer, workers int, table, relation, keys string, at locate) error {
	files, err := w.Rows(ctx, "SELECT file_id, sha256, n_rows FROM lake.raw.files WHERE raw_table = ? ORDER BY file_id", table)
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", table, err)
	}
	block, isParsed, text := map[int64]int{}, make([]bool, len(files)), []string{"-1"}
	for i, f := range files {
		p := source.LoadParsed(w.Path, f[1].(string), f[2].(int64))
		if isParsed[i] = p != nil; !isParsed[i] {
			p = source.NewParsed(f[2].(int64))
			text = append(text, fmt.Sprint(f[0]))
		}
		block[f[0].(int64)] = len(m.blocks)
		m.blocks = append(m.blocks, p)
	}
	if len(files) == 0 {
		return nil
	}
	sql := "SELECT _file, _row, if(_file IN (" + strings.Join(text, ", ") + "), metrics, NULL), " + keys + " FROM " + relation
	if len(text) == 1 { // DuckDB reads a column even where a condition never asks for it
		sql = "SELECT _file, _row, NULL::VARCHAR, " + keys + " FROM " + relation
	}
	parsers := sync.Pool{New: func() any { return new(pydict.Parser) }}
	return w.Chunks(ctx, workers, func(chunk lake.Chunk) error {
		parser := parsers.Get().(*pydict.Parser)
		defer parsers.Put(parser)
		files, rows, texts := chunk.Column(0).Int64s(), chunk.Column(1).Int64s(), chunk.Column(2)
		cell := at(chunk)
		for i := range chunk.N {
			b := block[files[i]]
			if !isParsed[b] {
				if err := parser.Metrics(texts.String(i), m.blocks[b].Empty(rows[i])); err != nil {
					return fmt.Errorf("a row that passed ingest does not parse: %w", err)
				}
			}
			m.put(cell(i), ref(b, rows[i]))
		}
		return nil
	}, sql)
}

// put gives a cell its row. A second row must have the same values.
func (m *matrix) put(cell int, r int64) {
	if m.cells[cell].CompareAndSwap(0, r) {
		return
	}
	first, second := m.row(cell/m.items, cell%m.items), m.blocks[r>>40].Row(r&(1<<40-1)-1)
	for k, v := range first {
		if math.Float64bits(v) != math.Float64bits(second[k]) {
			m.mu.Lock()
			m.conflicts = append(m.conflicts, cell)
			m.mu.Unlock()
			return
		}
	}
}

// conflicting gives the cells that conflict, in order.
func (m *matrix) conflicting() []int {
	slices.Sort(m.conflicts)
	return slices.Compact(m.conflicts)
}

// mean is a task that is the mean over others, metric by metric.
type mean struct {
	task int
	over []int
	all  bool // every one of them must have a value; else those that have one count
}

// average adds tasks that are means, one after another: one may be over another.
func (m *matrix) average(ctx context.Context, n int, means []mean) error {
	first := len(m.blocks)
	for range means {
		m.blocks = append(m.blocks, source.NewParsed(int64(m.items)))
	}
	return workers.Each(ctx, n, blocks(m.items), func(part int) error {
		from, to := share(m.items, part, blocks(m.items))
		sums := make([]kahan, len(contract.Metrics))
		for item := from; item < to; item++ {
			for k, a := range means {
				m.averageItem(a, item, sums, first+k)
			}
		}
		return nil
	})
}

func (m *matrix) averageItem(a mean, item int, sums []kahan, block int) {
	clear(sums)
	for _, task := range a.over {
		for metric, v := range m.row(task, item) {
			sums[metric].add(v)
		}
	}
	out := m.blocks[block].Empty(int64(item))
	for metric, sum := range sums {
		if sum.n == len(a.over) || !a.all && sum.n > 0 {
			out[metric] = sum.mean()
			m.cells[a.task*m.items+item].Store(ref(block, int64(item)))
		}
	}
}

// columns puts a task's metrics into columns, [metric][item].
func (m *matrix) columns(task int, out [][]float64) {
	for item := range m.items {
		row := m.row(task, item)
		for metric := range out {
			if row == nil {
				out[metric][item] = tablefile.Null
			} else {
				out[metric][item] = row[metric]
			}
		}
	}
}

// presence tells which of items first … last have a row for the task, as bits;
// nil when all have.
func (m *matrix) presence(task, first, last int) (kept []byte, count int) {
	kept = make([]byte, (last-first+7)/8)
	for i := range last - first {
		if m.cells[task*m.items+first+i].Load() != 0 {
			kept[i/8] |= 1 << (i % 8)
			count++
		}
	}
	if count == last-first {
		return nil, count
	}
	return kept, count
}

// outlier is a value outside its metric's range.
type outlier struct {
	metric, task, item int
	value              float64
}

// outliers finds the values outside their metric's range.
func outliers(t *contract.Table, task int, columns [][]float64) []outlier {
	var out []outlier
	for metric, name := range contract.Metrics {
		f, _ := t.Field(name)
		low, high := math.Inf(-1), math.Inf(1)
		if f.Min != nil {
			low = *f.Min - contract.Slack
		}
		if f.Max != nil {
			high = *f.Max + contract.Slack
		}
		for item, v := range columns[metric] {
			if v < low || v > high { // NaN and Null have no order
				out = append(out, outlier{metric, task, item, v})
			}
		}
	}
	return out
}

// outlierError reports the first metric that has outliers, or nil.
func outlierError(t *contract.Table, found []outlier, name func(task, item int) string) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b outlier) int {
		return cmp.Or(a.metric-b.metric, a.task-b.task, a.item-b.item)
	})
	metric := found[0].metric
	var count int64
	var examples []string
	for _, o := range found {
		if o.metric != metric {
			break
		}
		if count++; len(examples) < 3 {
			examples = append(examples, fmt.Sprintf("%s, %s %v", name(o.task, o.item), contract.Metrics[metric], o.value))
		}
	}
	f, _ := t.Field(contract.Metrics[metric])
	return violation(t, contract.Metrics[metric]+" is outside "+f.Range(), count, examples)
}
