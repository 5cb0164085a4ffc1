package dashboard

import (
	"context"
	"slices"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// index is what the page must know before it asks for tables.
type index struct {
	Lake            string            `json:"lake"`
	Version         string            `json:"version"`
	Snapshot        int64             `json:"snapshot"`
	SQL             bool              `json:"sql"`
	Site            bool              `json:"site"`            // files beside the page, no server
	Files           []string          `json:"files,omitempty"` // of a site: the tables that it has
	LeftOut         []string          `json:"left_out,omitempty"`
	Tables          []tableInfo       `json:"tables"`
	Sizes           []sizeInfo        `json:"sizes"` // smallest first
	Recipes         []recipeInfo      `json:"recipes"`
	Tasks           []string          `json:"tasks"`
	Metrics         []metricInfo      `json:"metrics"`      // of tasks
	Perplexity      []metricInfo      `json:"perplexities"` // of no task
	Instances       []instanceInfo    `json:"instances"`
	Missing         map[string]string `json:"missing"` // view -> what makes its table
	InstanceRecipes []string          `json:"instance_recipes"`
	DocsPerBlock    int               `json:"docs_per_block"`
}

type tableInfo struct {
	Schema  string `json:"schema"`
	Name    string `json:"name"`
	Rows    *int64 `json:"rows"`
	Columns int64  `json:"columns"`
	Bytes   int64  `json:"bytes"`
	Summary string `json:"summary"`
}

type sizeInfo struct {
	Params string `json:"params"`
	N      int64  `json:"n"`
}

type recipeInfo struct {
	Recipe string `json:"recipe"`
	Family string `json:"family"`
}

type metricInfo struct {
	Name          string `json:"name"`
	Unit          string `json:"unit"`
	Meaning       string `json:"meaning"`
	LowerIsBetter bool   `json:"lower_is_better"`
}

// instanceInfo is a size and task whose questions the lake has.
type instanceInfo struct {
	Params string `json:"params"`
	Task   string `json:"task"`
	Docs   int64  `json:"docs"`
}

// newest gives the number of the snapshot that is read.
func newest(ctx context.Context, call Call) (n int64, err error) {
	err = rowsOf(ctx, call, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')", func(r []any) { n, _ = r[0].(int64) })
	return n, err
}

// makeIndex looks at the lake.
func makeIndex(ctx context.Context, call Call, lake string) (*index, error) {
	snapshot, err := newest(ctx, call)
	if err != nil {
		return nil, err
	}
	i := &index{
		Lake: lake, Snapshot: snapshot, Version: core.Version, DocsPerBlock: docsPerBlock, Missing: map[string]string{},
		Tables: []tableInfo{}, Sizes: []sizeInfo{}, Recipes: []recipeInfo{}, Instances: []instanceInfo{}, InstanceRecipes: []string{},
	}
	i.Tasks = append(slices.Clone(contract.WideTasks), contract.MacroAverage)
	i.Metrics, i.Perplexity = describeMetrics(contract.Metrics), describeMetrics(perplexities())
	if err := i.addTables(ctx, call); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		table, sql string
		add        func(row []any)
	}{
		{"evals", "SELECT params, params_exact FROM model_sizes WHERE params IN (SELECT params FROM evals UNION SELECT params FROM perplexity) ORDER BY params_exact", func(r []any) {
			i.Sizes = append(i.Sizes, sizeInfo{r[0].(string), r[1].(int64)})
		}},
		{"evals", "SELECT recipe, family FROM recipes WHERE recipe IN (SELECT recipe FROM evals UNION SELECT recipe FROM perplexity) ORDER BY recipe", func(r []any) {
			i.Recipes = append(i.Recipes, recipeInfo{r[0].(string), r[1].(string)})
		}},
		{"instance_checkpoints", "SELECT DISTINCT recipe FROM instance_checkpoints ORDER BY recipe", func(r []any) {
			i.InstanceRecipes = append(i.InstanceRecipes, r[0].(string))
		}},
		{"instance_task_metrics", "SELECT params, task, max(n_instances) FROM instance_task_metrics JOIN model_sizes USING (params) WHERE task IN (SELECT task FROM tasks) GROUP BY params, params_exact, task ORDER BY params_exact, task", func(r []any) {
			i.Instances = append(i.Instances, instanceInfo{r[0].(string), r[1].(string), r[2].(int64)})
		}},
	} {
		if !i.has("main", part.table) {
			continue
		}
		if err := rowsOf(ctx, call, part.sql, part.add); err != nil {
			return nil, err
		}
	}
	i.addMissing()
	return i, nil
}

func (i *index) has(schema, name string) bool {
	return slices.ContainsFunc(i.Tables, func(t tableInfo) bool { return t.Schema == schema && t.Name == name })
}

// addMissing says, for every view whose table is not there or empty, what makes it.
func (i *index) addMissing() {
	for _, need := range []struct{ view, table, ingest string }{
		{"curve", "evals", needsEvals},
		{"decisions", "evals", needsEvals},
		{"grid", "matched_runs", needsRuns},
		{"runs", "runs", needsRuns},
		{"instances", "instance_checkpoints", needsInstances},
	} {
		isThere := slices.ContainsFunc(i.Tables, func(t tableInfo) bool {
			return t.Schema == "main" && t.Name == need.table && (t.Rows == nil || *t.Rows > 0)
		})
		if !isThere {
			i.Missing[need.view] = need.ingest
		}
	}
	if !slices.ContainsFunc(i.Tables, func(t tableInfo) bool { return t.Schema == "predictions" && t.Name != "saved" }) {
		i.Missing["predictions"] = needsPredictions
	}
}

func describeMetrics(names []string) []metricInfo {
	out := make([]metricInfo, len(names))
	for i, name := range names {
		out[i].Name = name
		if f, ok := contract.FieldNamed(name); ok {
			out[i].Unit, out[i].Meaning = f.Unit, f.Meaning
			out[i].LowerIsBetter = f.Unit == "perplexity" || f.Unit == "bits/byte" || name == "no_answer"
		}
	}
	return out
}

func (i *index) addTables(ctx context.Context, call Call) error {
	return each(ctx, call, query{"tables", map[string]any{}}, func(r []any) {
		t := tableInfo{Schema: r[0].(string), Name: r[1].(string), Columns: r[3].(int64), Bytes: r[4].(int64), Summary: r[5].(string)}
		if n, ok := r[2].(int64); ok {
			t.Rows = &n
		}
		i.Tables = append(i.Tables, t)
	})
}

func rowsOf(ctx context.Context, call Call, sql string, f func([]any)) error {
	return each(ctx, call, query{"sql", map[string]any{"sql": sql}}, f)
}

// each shows a result row by row: string, int64, float64, bool or nil.
func each(ctx context.Context, call Call, q query, f func(row []any)) error {
	result, err := call(ctx, q.Verb, q.Args)
	if err != nil {
		return err
	}
	defer result.Close()
	return result.Each(ctx, func(b arrow.RecordBatch) error {
		for i := range int(b.NumRows()) {
			row := make([]any, b.NumCols())
			for c := range row {
				row[c] = value(b.Column(c), i)
			}
			f(row)
		}
		return nil
	})
}

// value reads a cell; what it gives is a copy.
func value(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch c := column.(type) {
	case *array.String:
		return string([]byte(c.Value(i)))
	case *array.Int64:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.Boolean:
		return c.Value(i)
	default:
		return column.ValueStr(i)
	}
}
