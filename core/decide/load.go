package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// Loader reads the results of sizes from a lake.
type Loader struct {
	c       *lake.Conn
	tasks   []string
	recipes []string
	sizes   map[string]*checkpoints
}

// checkpoints are those of one size.
type checkpoints struct {
	seeds, steps []int64
	compute      map[int64]float64
}

// NewLoader lists the checkpoints of the lake.
func NewLoader(ctx context.Context, c *lake.Conn, tasks []string) (*Loader, error) {
	l := &Loader{c: c, tasks: tasks, sizes: map[string]*checkpoints{}}
	names, err := c.Rows(ctx, "SELECT DISTINCT recipe FROM (SELECT recipe FROM lake.main.evals UNION ALL SELECT recipe FROM lake.main.perplexity) ORDER BY recipe")
	if err != nil {
		return nil, fmt.Errorf("list the recipes: %w", err)
	}
	for _, r := range names {
		l.recipes = append(l.recipes, r[0].(string))
	}
	rows, err := c.Rows(ctx, `
		SELECT params, seed, step, max(compute)
		FROM (SELECT params, seed, step, compute FROM lake.main.evals UNION ALL SELECT params, seed, step, compute FROM lake.main.perplexity)
		GROUP BY params, seed, step ORDER BY step, seed`)
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints: %w", err)
	}
	for _, r := range rows {
		size, seed, step := r[0].(string), r[1].(int64), r[2].(int64)
		if l.sizes[size] == nil {
			l.sizes[size] = &checkpoints{compute: map[int64]float64{}}
		}
		s := l.sizes[size]
		if !slices.Contains(s.seeds, seed) {
			s.seeds = append(s.seeds, seed)
		}
		if len(s.steps) == 0 || s.steps[len(s.steps)-1] != step {
			s.steps = append(s.steps, step)
		}
		s.compute[step], _ = r[3].(float64)
	}
	for _, s := range l.sizes {
		slices.Sort(s.seeds)
	}
	return l, nil
}

// Sizes lists the sizes that have results, the smallest first.
func (l *Loader) Sizes() []string {
	return slices.DeleteFunc(contract.KnownNames("params"), func(size string) bool { return l.sizes[size] == nil })
}

// Load reads the results of a size.
func (l *Loader) Load(ctx context.Context, params string, metrics []string) (*Cube, error) {
	s := l.sizes[params]
	compute := make([]float64, len(s.steps))
	for i, step := range s.steps {
		compute[i] = s.compute[step]
	}
	cube := NewCube(params, l.recipes, s.seeds, s.steps, compute, l.tasks, metrics)
	var ofTask, whole []string
	for _, m := range metrics {
		if IsWhole(m) {
			whole = append(whole, m)
		} else {
			ofTask = append(ofTask, m)
		}
	}
	if err := l.fill(ctx, cube, "evals", "task", ofTask); err != nil {
		return nil, err
	}
	return cube, l.fill(ctx, cube, "perplexity", lake.Quote(l.tasks[0]), whole)
}

// fill reads some metrics from the table that has them.
func (l *Loader) fill(ctx context.Context, cube *Cube, table, task string, metrics []string) error {
	if len(metrics) == 0 {
		return nil
	}
	columns := make([]string, len(metrics))
	for i, m := range metrics {
		columns[i] = lake.Ident(m)
	}
	where := ""
	if table == "evals" {
		quoted := make([]string, len(l.tasks))
		for i, t := range l.tasks {
			quoted[i] = lake.Quote(t)
		}
		where = " AND task IN (" + strings.Join(quoted, ", ") + ")"
	}
	signs, places := make([]float64, len(metrics)), make([]int, len(metrics))
	for i, m := range metrics {
		if signs[i] = 1; isLowerBetter(m) {
			signs[i] = -1
		}
		places[i] = slices.Index(cube.metrics, m)
	}
	tasks, recipes, seeds, steps := indexed(l.tasks), indexed(cube.Recipes), indexed(cube.Seeds), indexed(cube.Steps)
	cells := make([]int, 0, 2048)
	err := l.c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		task, recipe := chunk.Column(0), chunk.Column(1)
		seed, step := chunk.Column(2).Int64s(), chunk.Column(3).Int64s()
		cells = cells[:0]
		for i := range chunk.N {
			cells = append(cells, cube.cell(tasks[task.String(i)], steps[step[i]], recipes[recipe.String(i)], seeds[seed[i]]))
		}
		for m, place := range places {
			column := chunk.Column(4 + m)
			values := column.Float64s()
			for i, cell := range cells {
				if !column.IsNull(i) {
					cube.values[cell+place*cube.stride()] = signs[m] * values[i]
				}
			}
		}
		return nil
	}, fmt.Sprintf("SELECT %s, recipe, seed, step, %s FROM lake.main.%s WHERE params = ?%s", task, strings.Join(columns, ", "), table, where), cube.Params)
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", table, cube.Params, err)
	}
	return nil
}

func indexed[T comparable](values []T) map[T]int {
	out := make(map[T]int, len(values))
	for i, v := range values {
		out[v] = i
	}
	return out
}
