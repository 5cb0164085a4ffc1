package curate

import (
	"context"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"
)

// macroAverage writes the published macro averages: a matrix of one task whose
// items are the rows themselves.
func (b *builder) macroAverage(ctx context.Context, t *contract.Table) (*int64, error) {
	left, err := load(ctx, b.w.Conn, t.SQL)
	if err != nil {
		return nil, err
	}
	m := newMatrix(1, left[0].len())
	defer m.close()
	err = m.fill(ctx, b.w, b.workers, "hf_macro_avg", macroRelation, "id", func(chunk lake.Chunk) func(int) int {
		ids := chunk.Column(3).Int32s()
		return func(i int) int { return int(ids[i]) }
	})
	if err != nil {
		return nil, err
	}
	if cells := m.conflicting(); len(cells) > 0 {
		return nil, macroConflict(left, cells)
	}
	columns := newTaskCoder(m, &seeds{}).columns
	m.columns(0, columns)
	if err := outlierError(t, outliers(t, 0, columns), func(_, item int) string { return describeMacro(left, item) }); err != nil {
		return nil, err
	}
	o, err := b.macroFile(t, left, columns)
	if err != nil {
		return nil, err
	}
	rows, err := b.register(ctx, t, []*output{o})
	return &rows, err
}

// macroRelation gives each raw row the number of its item.
const macroRelation = `(
	SELECT r._file, r._row, r.metrics, k.id
	FROM macro_rows AS r
	JOIN (SELECT DISTINCT recipe, name FROM facts_recipe_names) AS n ON n.name = r.data
	JOIN facts_seed_names AS s ON s.seed_label = r.seed
	JOIN macro_key AS k ON k.params = r.params AND k.recipe = n.recipe AND k.seed = s.seed::BIGINT AND k.step = r.step AND k.task = r.task)`

func describeMacro(left []*column, item int) string {
	task := find(left, "task")
	return describeRow(left, item) + ", task " + task.texts[task.codes[item]]
}

func macroConflict(left []*column, cells []int) error {
	var examples []string
	for _, cell := range cells[:min(3, len(cells))] {
		examples = append(examples, describeMacro(left, cell))
	}
	return conflict("macro_avg", int64(len(cells)), examples)
}

func (b *builder) macroFile(t *contract.Table, left []*column, metrics [][]float64) (*output, error) {
	fields := fieldsOf(left)
	for _, name := range contract.Metrics {
		fields = append(fields, tablefile.Field{Name: name, Type: tablefile.Float64})
	}
	o, err := b.create(t.Name, fields)
	if err != nil {
		return nil, err
	}
	n := left[0].len()
	for first := 0; first < n; first += meltRows {
		last := min(first+meltRows, n)
		chunks := newIDPages(left, o.e).at(first, last, nil)
		for _, values := range metrics {
			chunks = append(chunks, o.e.Floats(values[first:last]))
		}
		if err := o.w.RowGroup(last-first, chunks); err != nil {
			return o.fail(err)
		}
	}
	return o, o.close()
}
