package curate

import (
	"context"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// macroAverage writes the published macro averages: a matrix of one task whose
// items are the rows themselves.
func (b *builder) macroAverage(ctx context.Context, t *contract.Table) (int64, error) {
	left, err := load(ctx, b.w.Conn, t.SQL)
	if err != nil {
		return 0, err
	}
	m := newMatrix(1, left[0].len())
	if err := m.fill(ctx, b.w.Conn, b.workers, `
		SELECT k.id, 0::INTEGER, r.metrics
		FROM macro_rows AS r
		JOIN (SELECT DISTINCT recipe, name FROM facts_recipe_names) AS n ON n.name = r.data
		JOIN facts_seed_names AS s ON s.seed_label = r.seed
		JOIN macro_key AS k ON k.params = r.params AND k.recipe = n.recipe AND k.seed = s.seed::BIGINT AND k.step = r.step AND k.task = r.task`); err != nil {
		return 0, err
	}
	if cells := m.conflicts(); len(cells) > 0 {
		return 0, b.macroConflict(ctx, left, cells)
	}
	if err := m.checkRanges(t, func(_, item int) string { return describeMacro(left, item) }); err != nil {
		return 0, err
	}
	o, err := b.macroFile(t, left, m)
	if err != nil {
		return 0, err
	}
	return o.rows, b.register(ctx, t, []*output{o})
}

func describeMacro(left []*column, item int) string {
	task := find(left, "task")
	return describeRow(left, item) + ", task " + task.texts[task.codes[item]]
}

func (b *builder) macroConflict(_ context.Context, left []*column, cells []int) error {
	var examples []string
	for _, cell := range cells[:min(3, len(cells))] {
		examples = append(examples, describeMacro(left, cell))
	}
	return conflict("macro_avg", int64(len(cells)), examples)
}

func (b *builder) macroFile(t *contract.Table, left []*column, m *matrix) (*output, error) {
	var fields []tablefile.Field
	for _, c := range left {
		fields = append(fields, c.field())
	}
	for _, name := range contract.Metrics {
		fields = append(fields, tablefile.Field{Name: name, Type: tablefile.Float64})
	}
	o, err := b.create(t.Name, fields)
	if err != nil {
		return nil, err
	}
	for start := 0; start < m.items; start += meltRows {
		rows := make([]int32, min(meltRows, m.items-start))
		for i := range rows {
			rows[i] = int32(start + i)
		}
		var chunks []tablefile.Chunk
		for _, c := range left {
			chunks = append(chunks, c.encode(o.e, rows))
		}
		for metric := range contract.Metrics {
			chunks = append(chunks, o.e.Floats(pick(m.column(metric, 0), rows)))
		}
		if err := o.w.RowGroup(len(rows), chunks); err != nil {
			return o.fail(err)
		}
	}
	return o.close()
}
