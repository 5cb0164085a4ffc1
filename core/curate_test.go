package core_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldens are the parts of the tables that are kept as text: enough to see in a
// review what a change does to values.
var goldens = map[string]string{
	"recipes":              "SELECT * FROM recipes ORDER BY ALL",
	"recipe_names":         "SELECT * FROM recipe_names ORDER BY ALL",
	"tasks":                "SELECT * FROM tasks ORDER BY ALL",
	"model_sizes":          "SELECT * FROM model_sizes ORDER BY params_numeric",
	"perplexity":           "SELECT * FROM perplexity",
	"evals":                "SELECT * FROM evals WHERE task IN ('arc_easy', 'boolq', 'mmlu_anatomy', 'mmlu_average', 'olmes_10_macro_avg')",
	"full_eval":            "SELECT COLUMNS(lambda c: NOT regexp_matches(c, '^mmlu_[^a]|_per_|_corr|_prob|margin')) FROM full_eval",
	"mean_eval":            "SELECT COLUMNS(lambda c: NOT regexp_matches(c, '^mmlu_[^a]|_per_|_corr|_prob|margin')) FROM mean_eval",
	"std_eval":             "SELECT COLUMNS(lambda c: NOT regexp_matches(c, '^mmlu_[^a]|_per_|_corr|_prob|margin')) FROM std_eval",
	"full_eval_melted":     "SELECT * FROM full_eval_melted WHERE metric IN ('pile-valppl', 'boolq_acc_raw', 'arc_easy_acc_per_byte')",
	"mean_eval_melted":     "SELECT * FROM mean_eval_melted WHERE metric IN ('pile-valppl', 'boolq_acc_raw', 'arc_easy_acc_per_byte')",
	"macro_avg":            "SELECT * FROM macro_avg WHERE task IN ('mmlu', 'piqa')",
	"scaling_law_true":     "SELECT * FROM scaling_law_true WHERE recipe = 'C4' AND task = 'piqa'",
	"scaling_law_one_step": "SELECT * FROM scaling_law_one_step WHERE recipe = 'C4' AND task = 'piqa' AND metric = 'primary_metric'",
	"scaling_law_two_step": "SELECT * FROM scaling_law_two_step WHERE recipe = 'C4' AND task = 'piqa' AND metric = 'primary_metric'",
	"runs":                 "SELECT * FROM runs",
	"run_history":          "SELECT * FROM run_history WHERE step % 100 = 0",
	"run_metrics":          "SELECT * FROM run_metrics WHERE step % 100 = 0",
	"run_evals":            "SELECT * FROM run_evals WHERE task IN ('arc_easy', 'pile') AND metric IN ('primary_metric', 'acc_raw', 'valppl')",
	"run_curves":           "SELECT * FROM run_curves",
	"run_gaps":             "SELECT * FROM run_gaps",
	"matched_runs":         "SELECT * FROM matched_runs",
	"posttrain_models":     "SELECT * FROM posttrain_models",
	"posttrain_results":    "SELECT * FROM posttrain_results WHERE metric IN ('acc_raw', 'logits_per_byte_corr', 'primary_score')",
	"posttrain_instances":  "SELECT * FROM posttrain_instances WHERE doc_id < 3",
	"posttrain_choices":    "SELECT * FROM posttrain_choices WHERE doc_id = 0",
	"posttrain_requests":   "SELECT * FROM posttrain_requests WHERE doc_id = 0",
	"posttrain_checks":     "SELECT * FROM posttrain_checks",

	"instance_checkpoints":  "SELECT * FROM instance_checkpoints",
	"instance_task_metrics": "SELECT * FROM instance_task_metrics WHERE task IN ('arc_easy', 'boolq') AND recipe = 'C4'",
	"instance_checks":       "SELECT * FROM instance_checks",
	"instances":             "SELECT * FROM instances WHERE task IN ('arc_easy', 'boolq') AND recipe = 'C4' AND seed = 2",
	"choices":               "SELECT * FROM choices WHERE task = 'boolq' AND recipe = 'C4' AND seed = 2",
	"question_results":      "SELECT * FROM question_results WHERE task IN ('arc_easy', 'boolq') AND recipe = 'C4' AND seed = 2",
	"question_curves":       "SELECT * FROM question_curves WHERE task IN ('arc_easy', 'boolq')",
	"questions":             "SELECT * FROM questions WHERE task IN ('arc_easy', 'boolq')",
	"question_agreement":    "SELECT * FROM question_agreement WHERE task IN ('arc_easy', 'boolq', 'csqa', 'piqa')",
	"question_orders":       "SELECT * FROM question_orders WHERE task IN ('arc_easy', 'boolq')",
	"ladder_runs":           "SELECT * FROM ladder_runs",
	"curves":                "SELECT * FROM curves WHERE task IN ('c4_en', 'mmlu_average') OR task IS NULL",
}

func TestGolden(t *testing.T) {
	lake := shared()
	require.Len(t, goldens, len(curated()), "every table has a golden file")
	for name, sql := range goldens {
		path := filepath.Join("..", "testdata", "golden", name+".csv")
		if !strings.Contains(sql, "ORDER BY") {
			sql += " ORDER BY " + strings.Join(contract.FindTable(name).Grain, ", ")
		}
		got := query(t, lake, sql).csv()
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
			continue
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "make golden writes it")
		require.Equal(t, string(want), got, "%s differs: look at it, then make golden", name)
	}
}

// TestPublishedTable compares full_eval with the answer of the pipeline that
// ddcore replaces: columns, types, nulls and every bit, but for mmlu_average,
// whose last bits depend on the order of summing.
func TestPublishedTable(t *testing.T) {
	data := realData(t)
	lake := build(t, filepath.Join(data, "hf"))
	expected := "read_parquet('" + filepath.Join(data, "expected", "full_eval.parquet") + "')"
	require.Equal(t,
		query(t, lake, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+expected+")"),
		query(t, lake, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM full_eval)"))
	// Text shows a float by its shortest digits: equal text, equal bits.
	exact := "SELECT * EXCLUDE (" + mmluAverages() + ") FROM "
	const order = " ORDER BY params, data, seed, step"
	require.Equal(t, query(t, lake, exact+expected), query(t, lake, exact+"full_eval"+order))
	want := query(t, lake, "SELECT "+mmluAverages()+" FROM "+expected)
	got := query(t, lake, "SELECT "+mmluAverages()+" FROM full_eval"+order)
	require.Len(t, got, len(want))
	for i := range want {
		for k := range want[i] {
			a, errA := strconv.ParseFloat(want[i][k], 64)
			b, errB := strconv.ParseFloat(got[i][k], 64)
			if errA != nil || errB != nil {
				require.Equal(t, want[i][k], got[i][k])
				continue
			}
			require.LessOrEqual(t, math.Abs(a-b), 1e-14*math.Abs(a))
		}
	}
}

func mmluAverages() string {
	var names []string
	for _, m := range contract.Metrics {
		names = append(names, `"mmlu_average_`+m+`"`)
	}
	return strings.Join(names, ", ")
}

// TestRecipesWithCommas: the old join by name lost the details of three recipes.
func TestRecipesWithCommas(t *testing.T) {
	lake := shared()
	got := query(t, lake, `SELECT count(*), count(total_tokens_billions), any_value(total_tokens_billions) FROM full_eval WHERE data = 'DCLM-Baseline (QC 7%, FW2)'`)
	require.NotEqual(t, "0", got[1][0])
	require.Equal(t, got[1][0], got[1][1])
	require.Equal(t, "182", got[1][2])
}

// TestSchedulesAgreeWithDatadec holds the computed schedules of all sizes
// against datadec's own.
func TestSchedulesAgreeWithDatadec(t *testing.T) {
	data := realData(t)
	lake := shared()
	require.Empty(t, query(t, lake, `
		SELECT m.params, m.lr_max, s.datadec_lr_max
		FROM model_sizes AS m FULL JOIN read_csv(?, all_varchar = true) AS s ON s.size = m.params
		WHERE m.params IS NULL OR s.size IS NULL
			OR m.lr_max IS DISTINCT FROM s.datadec_lr_max::DOUBLE
			OR m.total_steps IS DISTINCT FROM s.datadec_total_steps::BIGINT
			OR m.warmup_steps IS DISTINCT FROM s.datadec_warmup_steps::BIGINT
			OR m.warmup_tokens IS DISTINCT FROM s.datadec_warmup_tokens::BIGINT
			OR m.total_tokens IS DISTINCT FROM s.datadec_total_tokens::BIGINT
			OR m.batch_size IS DISTINCT FROM s.batch_size_sequences::BIGINT
			OR m.tokens_per_step IS DISTINCT FROM s.tokens_per_step::BIGINT
			OR m.params_exact IS DISTINCT FROM s.exact_params_non_embedding::BIGINT
			OR m.true_model_size IS DISTINCT FROM s.datadec_params::BIGINT`, filepath.Join(data, "reference", "model_sizes.csv"))[1:])
}

// TestTablesAgree: the wide, melted and aggregated tables say what the long
// ones say, by SQL that knows nothing of how they were made.
func TestTablesAgree(t *testing.T) {
	lake := shared()
	for name, sql := range map[string]string{
		"full_eval = evals": `
			SELECT count(*) FROM (UNPIVOT (FROM evals) ON COLUMNS(* EXCLUDE (params, recipe, seed, step, tokens, compute, task)) INTO NAME m VALUE v) AS e
			FULL JOIN (FROM full_eval_melted WHERE metric NOT LIKE '%valppl') AS f
				ON f.params = e.params AND f.data = e.recipe AND f.seed = e.seed AND f.step = e.step AND f.metric = e.task || '_' || e.m
			WHERE e.task IS DISTINCT FROM 'olmes_10_macro_avg' AND f.value IS DISTINCT FROM e.v`,
		"melted = full_eval": `
			SELECT count(*) FROM (UNPIVOT (SELECT params, data, seed, step, ` + meltable() + ` FROM full_eval)
				ON COLUMNS(* EXCLUDE (params, data, seed, step)) INTO NAME metric VALUE value) AS w
			FULL JOIN full_eval_melted AS f USING (params, data, seed, step, metric) WHERE f.value IS DISTINCT FROM w.value`,
		"mean": `
			SELECT count(*) FROM (SELECT params, data, step, metric, avg(value) AS v FROM full_eval_melted GROUP BY ALL) AS a
			FULL JOIN mean_eval_melted AS m USING (params, data, step, metric) WHERE NOT (abs(a.v - m.value) <= 1e-15 + 1e-14 * abs(a.v))`,
		"std": `
			SELECT count(*) FROM (SELECT params, data, step, stddev_samp(boolq_margin) AS v FROM full_eval GROUP BY ALL) AS a
			FULL JOIN std_eval AS s USING (params, data, step)
			WHERE (a.v IS NULL) <> (s.boolq_margin IS NULL) OR abs(a.v - s.boolq_margin) > 1e-12 * a.v`,
		"macro average over ten tasks": `
			SELECT count(*) FROM evals AS e JOIN (
				SELECT params, recipe, seed, step, avg(primary_metric) AS v, count(*) AS n FROM evals
				WHERE task NOT LIKE 'mmlu_%' AND task <> 'olmes_10_macro_avg' OR task = 'mmlu_average' GROUP BY ALL) AS a USING (params, recipe, seed, step)
			WHERE e.task = 'olmes_10_macro_avg' AND (a.n <> 10 OR NOT abs(a.v - e.primary_metric) <= 1e-14)`,
	} {
		require.Equal(t, "0", query(t, lake, sql)[1][0], name)
	}
	require.NotEqual(t, "0", query(t, lake, "SELECT count(*) FROM evals WHERE task = 'olmes_10_macro_avg'")[1][0])
	require.Equal(t, "0", query(t, lake, "SELECT count(acc_uncond) FROM evals WHERE task = 'olmes_10_macro_avg'")[1][0], "boolq has no acc_uncond: no average")
}

// meltable lists the columns of full_eval that its melted form holds.
func meltable() string {
	var names []string
	for _, set := range contract.PerplexitySets {
		names = append(names, `"`+set+`-valppl"`)
	}
	for _, c := range contract.MetricColumns {
		names = append(names, `"`+c.Name+`"`)
	}
	return strings.Join(names, ", ")
}

// everything writes all curated tables as text.
func everything(t *testing.T, lake string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range curated() {
		out[name] = must(t, "table", lake, map[string]any{"name": name, "where": "true"}).csv()
	}
	return out
}

// TestAnyPartition: shuffled rows in any number of files, one of them ingested
// twice, give the same tables.
func TestAnyPartition(t *testing.T) {
	raw := makeSample(t, whole)
	lake := build(t, raw)
	want := everything(t, lake)
	other := filepath.Join(t.TempDir(), "other")
	for _, kind := range []struct{ glob, name string }{
		{"eval-results/data/train-*", "eval"}, {"eval-results/data/macro_avg-*", "macro"}, {"eval-results/data/scaling*", "fit"}, {"ppl-results/data/*", "ppl"},
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(other, kind.name), 0o777))
		for part := range 3 {
			scratch(t, lake, "COPY (SELECT * EXCLUDE (filename, file_row_number) FROM read_parquet('%s', filename = true, file_row_number = true) WHERE hash(filename, file_row_number) %% 3 = %d ORDER BY hash(file_row_number, filename)) TO '%s' (FORMAT parquet)",
				filepath.Join(raw, "hf", kind.glob), part, filepath.Join(other, kind.name, fmt.Sprintf("p%d.parquet", part)))
		}
	}
	require.NoError(t, os.CopyFS(filepath.Join(other, "olmes"), os.DirFS(filepath.Join(raw, "olmes")))) // a result names its folder
	for _, source := range []string{"instances", "ladder"} {
		require.NoError(t, os.Rename(filepath.Join(raw, source), filepath.Join(other, source)))
	}
	shuffled := build(t, other, filepath.Join(other, "eval", "p1.parquet"), filepath.Join(other, "eval", "*.parquet"), filepath.Join(raw, "wandb"))
	got := everything(t, shuffled)
	for name := range want {
		require.Equal(t, want[name], got[name], name)
	}
}

func TestCurateAgainIsNothing(t *testing.T) {
	lake := build(t, makeSample(t, small))
	before := len(must(t, "snapshots", lake, nil))
	again := must(t, "curate", lake, nil)
	for _, state := range again.column(t, "state") {
		require.Equal(t, "up to date", state)
	}
	require.Len(t, must(t, "snapshots", lake, nil), before)
	forced := must(t, "curate", lake, map[string]any{"force": true})
	require.Equal(t, "built", forced.column(t, "state")[0])
	require.Equal(t, again.column(t, "n_rows"), forced.column(t, "n_rows"))
}

// TestContractHolds: every column of every table is in the dictionary with the
// type that the table has, and every table's grain is unique.
func TestContractHolds(t *testing.T) {
	lake := shared()
	for _, table := range contract.AllTables() {
		described := must(t, "describe", lake, map[string]any{"name": table.Name})
		for i, name := range described.column(t, "column_name") {
			f, ok := table.Field(name)
			require.True(t, ok, "%s.%s", table.Name, name)
			require.Equal(t, f.Type, described.column(t, "type")[i], "%s.%s", table.Name, name)
			require.NotEmpty(t, f.Meaning, "%s.%s", table.Name, name)
		}
		grain := `"` + strings.Join(table.Grain, `", "`) + `"`
		require.Equal(t, []string{"0"}, query(t, lake, fmt.Sprintf("SELECT count(*) FROM (SELECT %s FROM %s GROUP BY ALL HAVING count(*) > 1)", grain, table.Name))[1], table.Name)
	}
	require.Len(t, must(t, "describe", lake, map[string]any{"name": "full_eval"}), 1+1939)
}

// TestParsedIsAnAid: curate gives the same tables whether ingest's numbers are
// there, gone, damaged or of another file, and leaves none behind.
func TestParsedIsAnAid(t *testing.T) {
	raw := makeSample(t, small)
	var want map[string]string
	for name, change := range map[string]func(t *testing.T, files []string){
		"there": func(*testing.T, []string) {},
		"gone": func(t *testing.T, files []string) {
			for _, f := range files {
				require.NoError(t, os.Remove(f))
			}
		},
		"damaged": func(t *testing.T, files []string) {
			data, err := os.ReadFile(files[0])
			require.NoError(t, err)
			data[len(data)/2] ^= 1
			require.NoError(t, os.WriteFile(files[0], data, 0o666))
		},
		"cut": func(t *testing.T, files []string) { require.NoError(t, os.Truncate(files[0], 100)) },
	} {
		lake := filepath.Join(t.TempDir(), "test.lake")
		must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
		files, err := filepath.Glob(filepath.Join(lake, "parsed", "*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		change(t, files)
		must(t, "curate", lake, nil)
		require.NoDirExists(t, filepath.Join(lake, "parsed"), name)
		if got := everything(t, lake); want == nil {
			want = got
		} else {
			require.Equal(t, want, got, name)
		}
	}
}
