package feature

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"

	"github.com/stretchr/testify/require"
)

// A lake of our own: three sizes of 1,000 to 4,000 steps, two recipes, two
// seeds, a checkpoint every 100 steps; two fine-tuning runs; two ladder runs.
const facts = `
	CREATE TABLE model_sizes AS SELECT * FROM (VALUES ('4M', 1000, 10, 10), ('20M', 2000, 20, 20), ('60M', 4000, 40, 40)) AS t(params, published_steps, tokens_per_step, params_exact);
	CREATE TABLE recipes AS SELECT * FROM (VALUES ('C4', 'c4', 0.5::DOUBLE), ('Dolma1.7', 'dolma', 11.4)) AS t(recipe, family, pct_code);
	CREATE TABLE grid AS SELECT recipe, params, seed::BIGINT AS seed, step::BIGINT AS step, (step * tokens_per_step)::DOUBLE AS tokens
		FROM recipes, model_sizes, range(2) AS s(seed), range(0, published_steps + 1, 100) AS c(step);
	CREATE TABLE full_eval AS SELECT recipe AS data, params, seed FROM grid;
	CREATE TABLE runs AS SELECT 'p' AS project, r AS run_id, 'simple_ft' AS run_type, 'finetune' AS method, NULL::VARCHAR AS exp_name, 'C4' AS ckpt_recipe, '4M' AS ckpt_params, 'main' AS ckpt_steps, 0 AS ckpt_seed, 1e-5 AS lr, 1.0 AS n_epochs, 42 AS ft_seed, 1e6 AS tokens_per_epoch, 1e6 AS ft_tokens, NULL AS comparison_recipe, NULL AS comparison_params, NULL AS comparison_metric, NULL AS ft_lr, NULL AS dpo_beta, NULL AS dpo_loss_type, NULL AS reduce_loss, NULL AS max_train_samples FROM (VALUES ('a'), ('b')) AS t(r);
	CREATE TABLE matched_runs AS SELECT 'p' AS project, r AS run_id, NULL::VARCHAR AS matched_group_name, 'C4' AS ckpt_recipe, '4M' AS ckpt_params, 0 AS ckpt_seed, 1000 AS pt_step, 0.25 AS pt_arc_easy_primary_metric FROM (VALUES ('a'), ('b')) AS t(r);
	CREATE TABLE run_gaps AS SELECT 'p' AS project, r AS run_id, 100::BIGINT AS expected_last_step, 100::BIGINT AS last_step FROM (VALUES ('a'), ('b')) AS t(r);
	CREATE TABLE run_evals AS SELECT 'p' AS project, r AS run_id, 'ft' AS stage, 'arc_easy' AS task, 'primary_metric' AS metric, v AS value FROM (VALUES ('a', 0.5::DOUBLE), ('b', 0.75)) AS t(r, v)`

// curves are made of hashes: as good as random, the same each time.
const values = `
	CREATE TABLE evals AS SELECT g.*, task, hash(recipe, params, seed, step, task, 1) / 2e19 AS primary_metric, hash(recipe, params, seed, step, task, 2) / 2e19 AS acc_raw
		FROM grid AS g, (VALUES ('arc_easy'), ('boolq'), ('piqa')) AS t(task);
	CREATE TABLE perplexity AS SELECT *, 1 + hash(recipe, params, seed, step) / 2e18 AS "pile-valppl", 3.0::DOUBLE AS "c4_en-valppl" FROM grid WHERE step > 0;
	CREATE TABLE run_history AS SELECT 'p' AS project, r AS run_id, step, 1::BIGINT AS occurrence, step * 7.0::DOUBLE AS seen_tokens, hash(r, step) / 1e19 AS train_loss, 1e-5::DOUBLE AS learning_rate FROM (VALUES ('a'), ('b')) AS t(r), range(1, 101) AS c(step);
	CREATE TABLE curves AS SELECT r AS run, '190M' AS size, 1.0 AS multiple, step, step * 9.0 AS tokens, m AS metric, hash(r, m, step) / 1e19 AS value FROM (VALUES ('x'), ('y')) AS t(r), (VALUES ('train/loss'), ('piqa_bpb')) AS m(m), range(0, 101, 5) AS c(step)
		UNION ALL SELECT 'x', '190M', 1.0, NULL, 450.0, 'piqa_bpb', 77.0`

func makeLake(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.lake")
	change(t, path, facts+";"+values)
	return path
}

// change writes to the lake's tables.
func change(t *testing.T, path, sql string) {
	t.Helper()
	ctx := context.Background()
	place, err := lake.ParsePlace(path, "")
	require.NoError(t, err)
	w, err := lake.Write(ctx, place, "test", lake.Options{}, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Transaction(ctx, "test", "test", func() error { return w.Exec(ctx, sql) }))
}

func windows(t *testing.T, texts ...string) []Window {
	t.Helper()
	var out []Window
	for _, text := range texts {
		w, err := ParseWindow(text)
		require.NoError(t, err)
		out = append(out, w)
	}
	return out
}

func try(t *testing.T, path string, spec Spec) (*Frame, error) {
	t.Helper()
	ctx := context.Background()
	place, err := lake.ParsePlace(path, "")
	require.NoError(t, err)
	s, err := lake.Read(ctx, place, lake.Newest, lake.Options{})
	require.NoError(t, err)
	defer s.Close()
	if spec.Metadata == nil {
		spec.Metadata = []string{}
	}
	spec.Workers = 2
	return Build(ctx, s.Conn, spec)
}

func build(t *testing.T, path string, spec Spec) *Frame {
	t.Helper()
	f, err := try(t, path, spec)
	require.NoError(t, err)
	return f
}

func (f *Frame) find(t *testing.T, name string) []float64 {
	t.Helper()
	for _, c := range f.Columns {
		if c.Name == name {
			return c.Floats
		}
	}
	t.Fatalf("no column %s", name)
	return nil
}

// row finds the row with these keys.
func (f *Frame) row(t *testing.T, keys ...string) int {
	t.Helper()
	for row := range f.Rows {
		var have []string
		for _, c := range f.Columns[:len(keys)] {
			have = append(have, fmt.Sprint(c.Cells[row]))
		}
		if slices.Equal(have, keys) {
			return row
		}
	}
	t.Fatalf("no row %v", keys)
	return 0
}

// requireSame compares all but the targets, bit for bit.
func requireSame(t *testing.T, want, got *Frame) {
	t.Helper()
	require.Equal(t, want.Rows, got.Rows)
	for k, c := range want.Columns {
		if c.Role == RoleTarget {
			continue
		}
		require.Equal(t, c.Name, got.Columns[k].Name)
		require.Equal(t, c.Cells, got.Columns[k].Cells, c.Name)
		for i, v := range c.Floats {
			require.Equal(t, math.Float64bits(v), math.Float64bits(got.Columns[k].Floats[i]), "%s, row %d", c.Name, i)
		}
	}
}

// future is what may happen after the windows: other values, fewer checkpoints,
// more of them, none.
var future = []string{
	`UPDATE evals SET primary_metric = primary_metric / 3, acc_raw = 'nan' WHERE %[1]s; UPDATE perplexity SET "pile-valppl" = "pile-valppl" * 5 WHERE %[2]s`,
	`DELETE FROM evals WHERE %[1]s AND step %% 300 = 0; DELETE FROM perplexity WHERE %[2]s AND step %% 200 = 0;
		INSERT INTO evals BY NAME SELECT * REPLACE (step + 50 AS step, 0.125 AS primary_metric) FROM evals WHERE %[1]s`,
	`DELETE FROM evals WHERE %[1]s; DELETE FROM perplexity WHERE %[2]s`,
}

// TestNoLeak: whatever happens after the windows, no bit of a feature changes.
func TestNoLeak(t *testing.T) {
	specs := map[string]Spec{
		"percent": {Windows: windows(t, "10%", "15%:30%")},
		"steps":   {Windows: windows(t, "100:300")},
		"tokens":  {Windows: windows(t, "3K tokens")},
	}
	after := map[string]string{
		"percent": "step > 0.3 * (SELECT published_steps FROM model_sizes AS m WHERE m.params = TABLE.params)",
		"steps":   "step > 300", "tokens": "tokens > 3000",
	}
	for name, spec := range specs {
		path := makeLake(t)
		spec.Tasks, spec.Metrics = []string{"arc_easy", "boolq"}, []string{"primary_metric", "acc_raw", "pile-valppl"}
		spec.Deltas = []string{"tasks", "sizes"}
		spec.Thresholds = map[string]float64{"boolq_acc_raw": 0.5}
		want := build(t, path, spec)
		require.Equal(t, 12, want.Rows)
		in := func(table string) string { return strings.ReplaceAll(after[name], "TABLE", table) }
		for _, sql := range future {
			change(t, path, fmt.Sprintf(sql, in("evals"), in("perplexity")))
			requireSame(t, want, build(t, path, spec))
		}
	}
}

func TestNoLeakOfRuns(t *testing.T) {
	path := makeLake(t)
	for source, spec := range map[string]Spec{
		"run_history": {Windows: windows(t, "20%", "50%"), Deltas: []string{"windows"}},
		"curves":      {Windows: windows(t, "50", "20:40"), Deltas: []string{"windows"}},
	} {
		spec.Source = source
		want := build(t, path, spec)
		require.Equal(t, 2, want.Rows)
		column := map[string]string{"run_history": "train_loss", "curves": "value"}[source]
		change(t, path, fmt.Sprintf("UPDATE %s SET %s = 0 WHERE step > 50; DELETE FROM %[1]s WHERE step %% 10 = 0 AND step > 50", source, column))
		requireSame(t, want, build(t, path, spec))
	}
}

// TestRowsInAnyOrder: how rows are stored does not matter, nor in how many files.
func TestRowsInAnyOrder(t *testing.T) {
	path := makeLake(t)
	spec := Spec{Windows: windows(t, "50%", "100%"), Metrics: []string{"primary_metric", "pile-valppl"}, Tasks: []string{"all"}, Deltas: []string{"windows", "tasks", "sizes"}}
	want := build(t, path, spec)
	r := rand.New(rand.NewPCG(3, 4))
	change(t, path, fmt.Sprintf("CREATE OR REPLACE TABLE evals AS FROM evals ORDER BY hash(step, task, seed, %d)", r.Int32()))
	requireSame(t, want, build(t, path, spec))
	change(t, path, "CREATE TABLE half AS FROM evals WHERE hash(step, task) % 2 = 0; DELETE FROM evals WHERE hash(step, task) % 2 = 0; INSERT INTO evals FROM half")
	requireSame(t, want, build(t, path, spec))
}

// TestShape: the columns' names, and that a long table holds what a wide one has.
func TestShape(t *testing.T) {
	path := makeLake(t)
	spec := Spec{
		Windows: windows(t, "10%", "20%"), Tasks: []string{"arc_easy", "boolq"}, Stats: []string{"n", "last", "at"}, Grid: 2, Targets: []string{"boolq"},
		Where: "params = ?", Params: []any{"20M"}, Metadata: []string{"params_exact", "pct_code"},
	}
	wide := build(t, path, spec)
	var names, roles []string
	for _, c := range wide.Columns {
		names, roles = append(names, c.Name), append(roles, c.Role)
	}
	require.Equal(t, []string{"recipe", "params", "seed", "family", "params_exact", "pct_code"}, names[:6])
	require.Equal(t, []string{"id", "id", "id", "group", "metadata", "metadata", "feature"}, roles[:7])
	require.Equal(t, []string{"arc_easy_primary_metric__10pct__n", "arc_easy_primary_metric__10pct__last", "arc_easy_primary_metric__10pct__at_1of2", "arc_easy_primary_metric__20pct__n"}, names[6:10])
	require.Equal(t, "target_boolq_primary_metric__final", names[len(names)-1])
	require.Equal(t, 4, wide.Rows)
	spec.Long = true
	long := build(t, path, spec)
	require.Equal(t, 4*2*2, long.Rows)
	require.Equal(t, append(slices.Concat(wide.find(t, "arc_easy_primary_metric__10pct__last"), wide.find(t, "arc_easy_primary_metric__20pct__last")), wide.find(t, "boolq_primary_metric__10pct__last")...), long.find(t, "last")[:12])
}

// TestTargets: the values to predict, from curves made for it.
func TestTargets(t *testing.T) {
	path := makeLake(t)
	// v rises to 0.9 at 80 % of the run and falls to 0.7; of Dolma1.7 it is a tenth.
	change(t, path, `UPDATE evals SET primary_metric = if(recipe = 'C4', 1, 0.1) * if(params = '60M' AND seed = 1, 0.5, 1) * if(share <= 0.8, share / 0.8 * 0.9, 0.9 - (share - 0.8)) FROM (SELECT params AS p, step AS s, step / published_steps AS share FROM evals JOIN model_sizes USING (params)) WHERE p = params AND s = step;
		DELETE FROM evals WHERE params = '4M' AND step > 900`)
	at := func(place string, texts ...string) *Frame {
		return build(t, path, Spec{Windows: windows(t, texts...), Targets: []string{"arc_easy"}, TargetAt: place, Stats: []string{"last"}})
	}
	f := at("final", "20%")
	require.InDelta(t, 0.7, f.find(t, "target_arc_easy_primary_metric__final")[f.row(t, "C4", "20M", "0")], 1e-12)
	require.True(t, tablefile.IsNull(f.find(t, "target_arc_easy_primary_metric__final")[f.row(t, "C4", "4M", "0")]), "a run that ended at 90 % has no final value")
	f = at("best", "20%")
	require.InDelta(t, 0.09, f.find(t, "target_arc_easy_primary_metric__best")[f.row(t, "Dolma1.7", "20M", "1")], 1e-12)
	f = at("40%", "20%")
	require.InDelta(t, 0.45, f.find(t, "target_arc_easy_primary_metric__40pct")[f.row(t, "C4", "60M", "0")], 1e-12)
	f = at("best", "90%")
	require.True(t, tablefile.IsNull(f.find(t, "target_arc_easy_primary_metric__best")[f.row(t, "C4", "20M", "0")]), "the best lies in the window")

	f = build(t, path, Spec{Windows: windows(t, "100%"), Targets: []string{"arc_easy"}, TargetParams: "60M", Stats: []string{"last"}})
	require.Equal(t, 8, f.Rows)
	require.InDelta(t, 0.7*0.75, f.find(t, "target_arc_easy_primary_metric__final")[f.row(t, "C4", "4M", "1")], 1e-12)

	change(t, path, "UPDATE evals SET primary_metric = 0.125 WHERE params = '4M' AND step = 900; UPDATE matched_runs SET pt_step = 900")
	f = build(t, path, Spec{Source: "run_history", Windows: windows(t, "100%"), Targets: []string{"arc_easy"}, TargetAt: "gain", Stats: []string{"last"}})
	require.Equal(t, []float64{0.375, 0.625}, f.find(t, "target_arc_easy_primary_metric__gain"))
	f = build(t, path, Spec{Source: "run_history", Windows: windows(t, "50%"), Targets: []string{"arc_easy", "train_loss"}, Stats: []string{"last"}})
	require.Equal(t, []float64{0.5, 0.75}, f.find(t, "target_arc_easy_primary_metric__final"))
}

// TestDeltas: by hand, on straight lines.
func TestDeltas(t *testing.T) {
	path := makeLake(t)
	// Value = ln(compute), compute = tokens x params_exact: equal at equal compute.
	change(t, path, "UPDATE evals SET primary_metric = if(tokens = 0, 0, ln(tokens * params_exact)) FROM model_sizes AS m WHERE m.params = evals.params; UPDATE evals SET primary_metric = step WHERE task = 'boolq'; UPDATE evals SET primary_metric = 3 * step WHERE task = 'piqa'")
	f := build(t, path, Spec{Windows: windows(t, "10%", "50%"), Tasks: []string{"arc_easy", "boolq", "piqa"}, Deltas: []string{"windows", "tasks", "sizes"}, Stats: []string{"n"}})
	row := f.row(t, "C4", "20M", "0")
	require.Equal(t, 800.0, f.find(t, "boolq_primary_metric__50pct_less_10pct__last")[row])
	require.Equal(t, 0.0, f.find(t, "boolq_primary_metric__50pct_less_10pct__slope")[row])
	require.InDelta(t, 3000-(1000+math.Log(1000*20*20))/2, f.find(t, "piqa_primary_metric__50pct__last_less_tasks")[row], 1e-9)
	require.InDelta(t, 0, f.find(t, "arc_easy_primary_metric__50pct__last_less_size")[row], 1e-9)
	require.True(t, tablefile.IsNull(f.find(t, "arc_easy_primary_metric__50pct__last_less_size")[f.row(t, "C4", "4M", "0")]), "nothing is smaller")
}

// TestRefusals: each says what to change.
func TestRefusals(t *testing.T) {
	path := makeLake(t)
	for _, c := range []struct {
		spec  Spec
		kind  contract.Kind
		parts []string
	}{
		{Spec{}, contract.Invalid, []string{"no window"}},
		{Spec{Windows: windows(t, "20%", "20%")}, contract.Invalid, []string{"20pct stands twice"}},
		{Spec{Windows: windows(t, "20%"), Tasks: []string{"arc_esy"}}, contract.NotFound, []string{`no task "arc_esy" (near names: arc_easy,`}},
		{Spec{Windows: windows(t, "20%"), Metrics: []string{"pile"}}, contract.NotFound, []string{`no metric "pile" (near names: pile-valppl,`}},
		{Spec{Windows: windows(t, "20%"), Stats: []string{"men"}}, contract.Invalid, []string{`no feature "men" (near names: min, mean,`}},
		{Spec{Windows: windows(t, "20%"), Source: "x"}, contract.Invalid, []string{"run_history"}},
		{Spec{Windows: windows(t, "20%"), Metadata: []string{"state"}}, contract.NotFound, []string{`no column "state" (near names: `}},
		{Spec{Windows: windows(t, "20%"), Deltas: []string{"windows"}}, contract.Invalid, []string{"one window only"}},
		{Spec{Windows: windows(t, "20%"), Tasks: []string{"boolq"}, Deltas: []string{"tasks"}}, contract.Invalid, []string{"one task only"}},
		{Spec{Windows: windows(t, "20%"), Thresholds: map[string]float64{"arc_esy": 1}}, contract.Invalid, []string{`no series "arc_esy"`, "near names: arc_easy_primary_metric,"}},
		{Spec{Windows: windows(t, "20%"), Stats: []string{"threshold_step"}}, contract.Invalid, []string{"needs a threshold"}},
		{Spec{Windows: windows(t, "1:50")}, contract.NotFound, []string{"no item has a checkpoint"}},
		{Spec{Windows: windows(t, "95%"), Targets: []string{"boolq"}}, contract.Invalid, []string{"reaches its target in 12 of 12 rows", "end the window earlier"}},
		{Spec{Windows: windows(t, "1500"), Targets: []string{"boolq"}}, contract.Invalid, []string{"reaches its target in 4 of 12 rows", "4M", "step 1500", "step 950"}},
		{Spec{Windows: windows(t, "1B tokens"), Targets: []string{"boolq"}}, contract.Invalid, []string{"reaches its target"}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"boolq"}, TargetAt: "50%"}, contract.Invalid, []string{"reaches its target"}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"boolq"}, TargetAt: "soon"}, contract.Invalid, []string{"no place in a run"}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"boolq"}, TargetAt: "gain"}, contract.Invalid, []string{"run_history"}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"bolq"}}, contract.NotFound, []string{`no target "bolq" (near names: boolq,`}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"primary_metric"}}, contract.NotFound, []string{`no target "primary_metric"`}},
		{Spec{Windows: windows(t, "50%"), Source: "run_history", Targets: []string{"train_los"}}, contract.NotFound, []string{`no target "train_los" (near names: train_loss,`}},
		{Spec{Windows: windows(t, "50%"), Source: "run_history", Targets: []string{"arc_esy"}}, contract.NotFound, []string{`no target "arc_esy" (near names: arc_easy,`}},
		{Spec{Windows: windows(t, "50%"), Source: "curves", Targets: []string{"piqa"}}, contract.NotFound, []string{`no target "piqa" (near names: piqa_bpb,`}},
		{Spec{Windows: windows(t, "50%"), TargetParams: "60M"}, contract.Invalid, []string{"name a target"}},
		{Spec{Windows: windows(t, "50%"), Targets: []string{"boolq"}, TargetParams: "61M"}, contract.NotFound, []string{"61M"}},
		{Spec{Windows: windows(t, "100%"), Source: "run_history", Targets: []string{"train_loss"}}, contract.Invalid, []string{"reaches its target"}},
	} {
		_, err := try(t, path, c.spec)
		var e *contract.Error
		require.True(t, errors.As(err, &e), "%+v: %v", c.spec, err)
		require.Equal(t, c.kind, e.Kind, "%v", err)
		require.NotEmpty(t, e.Hint)
		for _, p := range c.parts {
			require.Contains(t, e.Error(), p)
		}
	}
	change(t, path, "DROP TABLE curves")
	_, err := try(t, path, Spec{Source: "curves", Windows: windows(t, "50")})
	var e *contract.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, contract.NotFound, e.Kind)
	require.Contains(t, e.Error(), "curves: the lake has no such table")
}
