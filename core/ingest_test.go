package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// writeEvals writes task results: a row per dictionary, of tasks in order.
func writeEvals(t testing.TB, lake, path string, rows ...string) {
	t.Helper()
	scratch(t, lake, "COPY (SELECT * FROM (VALUES %s) AS t(params, data, task, step, seed, chinchilla, tokens, compute, metrics)) TO '%s' (FORMAT parquet)", strings.Join(rows, ", "), path)
}

func evalRow(params, recipe, task, seed string, step int, dict string) string {
	return fmt.Sprintf("('%s', '%s', '%s', %d::DOUBLE, '%s', '5xC', %d::DOUBLE * 65536, %d::DOUBLE * 1e12, '%s')",
		params, recipe, task, step, seed, step, step, strings.ReplaceAll(dict, "'", "''"))
}

// smallLake is a lake of two perplexity rows: somewhere to run SQL.
func smallLake(t testing.TB) (lake, dir string) {
	t.Helper()
	dir = t.TempDir()
	raw := makeSample(t, small)
	lake = filepath.Join(dir, "test.lake")
	must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(raw, "hf", "ppl-results")}})
	return lake, dir
}

func TestIngestIsByContent(t *testing.T) {
	raw := makeSample(t, small)
	lake := filepath.Join(t.TempDir(), "test.lake")
	args := map[string]any{"paths": []string{raw}}
	first := must(t, "ingest", lake, args)
	require.Equal(t, []string{"added"}, unique(first.column(t, "state")))
	snapshots := len(must(t, "snapshots", lake, nil))
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", lake, args).column(t, "state")))
	require.Len(t, must(t, "snapshots", lake, nil), snapshots, "nothing to do leaves no snapshot")

	// The same content elsewhere is no new file.
	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.CopyFS(moved, os.DirFS(raw)))
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", lake, map[string]any{"paths": []string{moved}}).column(t, "state")))

	// A changed file replaces its rows, and only those.
	ppl := filepath.Join(raw, "hf", "ppl-results", "data", "train-00000-of-00001.parquet")
	before := query(t, lake, "SELECT count(*) FROM raw.hf_eval_results")
	scratch(t, lake, "COPY (SELECT * FROM read_parquet('%s') LIMIT 3) TO '%s' (FORMAT parquet)", ppl, ppl)
	changed := must(t, "ingest", lake, args)
	require.Equal(t, []string{"replaced", "unchanged"}, unique(changed.column(t, "state")))
	require.Equal(t, "3", query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1][0])
	require.Equal(t, before, query(t, lake, "SELECT count(*) FROM raw.hf_eval_results"))

	// A removed file is told, and its rows are kept until prune.
	require.NoError(t, os.Remove(ppl))
	require.Contains(t, must(t, "ingest", lake, args).column(t, "state"), "missing")
	require.Equal(t, "3", query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1][0])
	args["prune"] = true
	require.Contains(t, must(t, "ingest", lake, args).column(t, "state"), "removed")
	require.Equal(t, "0", query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1][0])
	require.NotContains(t, must(t, "files", lake, nil).column(t, "raw_table"), "hf_ppl_results")
}

func unique(values []string) []string {
	var out []string
	for _, v := range values {
		seen := false
		for _, o := range out {
			seen = seen || o == v
		}
		if !seen {
			out = append(out, v)
		}
	}
	if len(out) == 2 && out[0] > out[1] {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// TestStoredFilesAreTheFiles: raw keeps every byte of a Parquet file.
func TestStoredFilesAreTheFiles(t *testing.T) {
	raw := makeSample(t, small)
	lake := filepath.Join(t.TempDir(), "test.lake")
	must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
	stored := map[string]bool{}
	require.NoError(t, filepath.WalkDir(filepath.Join(lake, "data", "raw"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			stored[string(content)] = true
		}
		return err
	}))
	require.NoError(t, filepath.WalkDir(raw, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, stored[string(content)], path)
		}
		return err
	}))
}

// TestRevisions: files with other types, fewer and more columns are one table.
func TestRevisions(t *testing.T) {
	lake, dir := smallLake(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	scratch(t, lake, `COPY (SELECT 'C4' AS data, '4M' AS params, 'boolq' AS task, 1250::BIGINT AS step, 6198::INTEGER AS seed, '{"acc_raw": 0.5}' AS metrics) TO '%s'`, path("a.parquet"))
	scratch(t, lake, `COPY (SELECT '4M' AS params, 'C4' AS data, 'boolq' AS task, 2500::FLOAT AS step, 'default' AS seed, '5xC' AS chinchilla, 1.5::DOUBLE AS tokens, 3::DOUBLE AS compute, '{''acc_raw'': 0.25}' AS metrics, [1, 2] AS predicted, 'x' AS note) TO '%s'`, path("b.parquet"))
	scratch(t, lake, `COPY (SELECT '4M' AS params, 'C4' AS data, 'boolq' AS task, 3750::DOUBLE AS step, '2' AS seed, {'acc_raw': 0.125::DOUBLE, 'margin': NULL::DOUBLE} AS metrics) TO '%s'`, path("c.parquet"))
	must(t, "ingest", lake, map[string]any{"paths": []string{path("*.parquet")}})
	require.Equal(t, rows{{"step", "seed", "predicted", "note"}, {"1250", "6198", "(null)", "(null)"}, {"2500", "default", "[1,2]", "x"}, {"3750", "2", "(null)", "(null)"}},
		query(t, lake, "SELECT step, seed, predicted, note FROM raw.hf_eval_results ORDER BY step"))
	must(t, "curate", lake, nil)
	require.Equal(t, rows{{"seed", "step", "acc_raw", "margin"}, {"0", "1250", "0.5", "(null)"}, {"0", "2500", "0.25", "(null)"}, {"0", "3750", "0.125", "(null)"}},
		query(t, lake, "SELECT seed, step, acc_raw, margin FROM evals WHERE params = '4M' AND recipe = 'C4' AND task = 'boolq' ORDER BY step"))

	scratch(t, lake, `COPY (SELECT '4M' AS params, 'C4' AS data, 'boolq' AS task, 9007199254740993 AS step, 'default' AS seed, '{}' AS metrics) TO '%s'`, path("d.parquet"))
	_, err := call(t, "ingest", lake, map[string]any{"paths": []string{path("d.parquet")}})
	fails(t, contract.Invalid, err, "d.parquet", "row 0, column step: 9007199254740993", "cannot be kept exactly")
}

func TestRejects(t *testing.T) {
	lake, dir := smallLake(t)
	path := filepath.Join(dir, "bad.parquet")
	writeEvals(t, lake, path,
		evalRow("4M", "C4", "boolq", "default", 0, `{'acc_raw': 0.5}`),
		evalRow("4M", "C4", "boolq", "default", 1250, `{'acc_raw': 0.5`),
		evalRow("4M", "C4", "boolq", "default", 2500, `{'acc_raw': 'half'}`),
		strings.Replace(evalRow("4M", "C4", "boolq", "default", 3750, `{}`), "'boolq'", "NULL", 1),
		strings.Replace(evalRow("4M", "C4", "boolq", "default", 3750, `{}`), "3750::DOUBLE", "12.5::DOUBLE", 1),
		evalRow("4M", "C4", "boolq", "default", 5000, `{'acc_raw': nan, 'margin': None, 'sum_logits_corr': -inf, 'other': {'deep': [1, (2, None)]}, 'no_answer': True}`),
		strings.Replace(evalRow("4M", "C4", "boolq", "default", 5725, `{}`), "'{}'", "NULL", 1),
	)
	state := must(t, "ingest", lake, map[string]any{"paths": []string{path}})
	require.Equal(t, []string{"7"}, state.column(t, "n_rows"))
	require.Equal(t, []string{"5"}, state.column(t, "n_rejects"))
	got := must(t, "rejects", lake, nil)
	require.Equal(t, []string{"1", "2", "3", "4", "6"}, got.column(t, "row"))
	reasons := got.column(t, "reason")
	for i, want := range []string{"metrics at byte 15: expected a comma or }", `metrics acc_raw: expected a number, found "half"`, "task is null", "step is 12.5, not a whole number", "metrics is null"} {
		require.Contains(t, reasons[i], want)
	}
	require.Equal(t, `{'acc_raw': 0.5`, got.column(t, "text")[0])
	require.Equal(t, "7", query(t, lake, "SELECT count(*) FROM raw.hf_eval_results")[1][0], "raw keeps rejected rows")
	require.NotContains(t, reasons[0], dir)

	must(t, "curate", lake, nil)
	require.Equal(t, rows{
		{"step", "acc_raw", "margin", "sum_logits_corr", "no_answer"},
		{"0", "0.5", "(null)", "(null)", "(null)"},
		{"5000", "NaN", "(null)", "-Inf", "1"},
	}, query(t, lake, "SELECT step, acc_raw, margin, sum_logits_corr, no_answer FROM evals WHERE params = '4M' AND recipe = 'C4' AND task = 'boolq' ORDER BY step"))
}

// TestBadInput: each leaves the lake as it was.
func TestBadInput(t *testing.T) {
	lake, dir := smallLake(t)
	must(t, "curate", lake, nil)
	before := must(t, "snapshots", lake, nil)
	contents := everything(t, lake)
	path := func(name string) string { return filepath.Join(dir, name) }
	ok := evalRow("4M", "C4", "boolq", "default", 1250, `{'acc_raw': 0.5}`)

	writeEvals(t, lake, path("whole.parquet"), ok)
	whole, err := os.ReadFile(path("whole.parquet"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path("cut.parquet"), whole[:len(whole)/2], 0o666))
	require.NoError(t, os.WriteFile(path("text.parquet"), []byte("not parquet"), 0o666))
	require.NoError(t, os.WriteFile(path("empty.parquet"), nil, 0o666))
	require.NoError(t, os.WriteFile(path("notes.txt"), []byte("hello"), 0o666))
	require.NoError(t, os.Mkdir(path("nothing"), 0o777))
	damaged := append([]byte{}, whole...)
	for i := 4; i < len(whole)/3; i++ {
		damaged[i] ^= 0xFF
	}
	require.NoError(t, os.WriteFile(path("damaged.parquet"), damaged, 0o666))
	scratch(t, lake, "COPY (SELECT '4M' AS params, 'C4' AS data, 'boolq' AS task, 1.0 AS step) TO '%s'", path("wrong.parquet"))
	scratch(t, lake, "COPY (SELECT 1 AS a) TO '%s'", path("foreign.parquet"))

	for name, want := range map[string][]string{
		"cut.parquet":     {"cut.parquet", "not a readable Parquet file", "download it again"},
		"text.parquet":    {"text.parquet", "not a readable Parquet file"},
		"empty.parquet":   {"empty.parquet", "not a readable Parquet file"},
		"damaged.parquet": {"damaged.parquet", "not a readable Parquet file"},
		"wrong.parquet":   {"wrong.parquet", "resembles raw.hf_eval_results but lacks the columns seed, metrics"},
		"foreign.parquet": {"foreign.parquet", "of no known source"},
		"notes.txt":       {"notes.txt", "of no known source"},
	} {
		_, err := call(t, "ingest", lake, map[string]any{"paths": []string{path(name)}})
		e := fails(t, contract.Invalid, err, want...)
		require.NotContains(t, e.Error(), dir, "a path of the machine is not told")
	}
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{path("nothing")}})
	fails(t, contract.NotFound, err, "none of a known source")
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{path("absent")}})
	fails(t, contract.NotFound, err, "no such file or folder")
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{path("x*.parquet")}})
	fails(t, contract.NotFound, err, "the glob matches nothing")
	// One bad file among good ones stops all of them.
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{path("whole.parquet"), path("cut.parquet")}})
	fails(t, contract.Invalid, err, "cut.parquet")

	require.Equal(t, before, must(t, "snapshots", lake, nil))
	require.Equal(t, contents, everything(t, lake))
	requireNoOrphans(t, lake)
}

// requireNoOrphans checks that every Parquet file of the lake's folder belongs
// to a snapshot.
func requireNoOrphans(t testing.TB, lake string) {
	t.Helper()
	requireNoOrphansIn(t, lake, filepath.Join(lake, "data"))
}

// requireNoOrphansIn does the same for a lake whose files are below root.
func requireNoOrphansIn(t testing.TB, lake, root string) {
	t.Helper()
	known := map[string]bool{}
	for _, row := range query(t, lake, `
		SELECT s.schema_name || '/' || t.table_name || '/' || f.path
		FROM __ducklake_metadata_lake.ducklake_data_file AS f
		JOIN __ducklake_metadata_lake.ducklake_table AS t USING (table_id)
		JOIN __ducklake_metadata_lake.ducklake_schema AS s USING (schema_id)
		UNION ALL SELECT s.schema_name || '/' || t.table_name || '/' || f.path
		FROM __ducklake_metadata_lake.ducklake_delete_file AS f
		JOIN __ducklake_metadata_lake.ducklake_table AS t USING (table_id)
		JOIN __ducklake_metadata_lake.ducklake_schema AS s USING (schema_id)`)[1:] {
		known[row[0]] = true
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, err := filepath.Rel(root, path)
			require.NoError(t, err)
			require.True(t, known[filepath.ToSlash(rel)], "orphan %s", rel)
		}
		return err
	}))
}

func TestContradictions(t *testing.T) {
	lake, dir := smallLake(t)
	must(t, "curate", lake, nil)
	contents := everything(t, lake)
	path := func(name string) string { return filepath.Join(dir, name) }
	row := func(dict string) string { return evalRow("150M", "C4", "boolq", "default", 1250, dict) }

	// Equal values twice, however they are written, are one row.
	writeEvals(t, lake, path("a.parquet"), row(`{'acc_raw': 0.5, 'margin': nan}`), row(`{'margin': nan, 'acc_raw': 0.50}`))
	must(t, "ingest", lake, map[string]any{"paths": []string{path("a.parquet")}})
	must(t, "curate", lake, nil)
	require.Equal(t, "1", query(t, lake, "SELECT count(*) FROM evals WHERE params = '150M' AND task = 'boolq'")[1][0])

	// Different values stop the build, and the message names both rows.
	writeEvals(t, lake, path("b.parquet"), row(`{'acc_raw': 0.25, 'margin': nan}`))
	must(t, "ingest", lake, map[string]any{"paths": []string{path("b.parquet")}})
	_, err := call(t, "curate", lake, nil)
	e := fails(t, contract.Violation, err, "evals", "150M / C4 / default / step 1250 / boolq", "a.parquet row 0", "b.parquet row 0", "the former tables are untouched")
	require.Equal(t, "evals", e.Table)
	require.Len(t, e.Rows, 1)
	require.Equal(t, "1", query(t, lake, "SELECT count(*) FROM evals WHERE params = '150M' AND task = 'boolq' AND acc_raw = 0.5")[1][0])
	require.Equal(t, contents["recipes"], everything(t, lake)["recipes"])
	requireNoOrphans(t, lake)
}

func TestPerplexityContradiction(t *testing.T) {
	lake, dir := smallLake(t)
	path := filepath.Join(dir, "again.parquet")
	scratch(t, lake, `COPY (SELECT params, data, seed, step, "eval/pile-validation/Perplexity" + 1 AS "eval/pile-validation/Perplexity" FROM raw.hf_ppl_results LIMIT 1) TO '%s'`, path)
	must(t, "ingest", lake, map[string]any{"paths": []string{path}})
	_, err := call(t, "curate", lake, nil)
	fails(t, contract.Violation, err, "perplexity", "again.parquet row 0")
}

func TestUnknownNames(t *testing.T) {
	for want, row := range map[string]string{
		`recipe "C5" (1 rows, first in x.parquet)`: evalRow("4M", "C5", "boolq", "default", 0, `{}`),
		`params "2B"`:     evalRow("2B", "C4", "boolq", "default", 0, `{}`),
		`task "boolqq"`:   evalRow("4M", "C4", "boolqq", "default", 0, `{}`),
		`seed "tiny aux"`: evalRow("4M", "C4", "boolq", "tiny aux", 0, `{}`),
	} {
		lake, dir := smallLake(t)
		path := filepath.Join(dir, "x.parquet")
		writeEvals(t, lake, path, row)
		must(t, "ingest", lake, map[string]any{"paths": []string{path}})
		_, err := call(t, "curate", lake, nil)
		fails(t, contract.Violation, err, "unknown names: "+want)
	}
}

func TestRanges(t *testing.T) {
	lake, dir := smallLake(t)
	path := filepath.Join(dir, "x.parquet")
	writeEvals(t, lake, path, evalRow("4M", "C4", "boolq", "default", 1250, `{'acc_raw': 1.5}`), evalRow("4M", "C4", "piqa", "default", 1250, `{'bits_per_byte_corr': 250.0}`))
	must(t, "ingest", lake, map[string]any{"paths": []string{path}})
	_, err := call(t, "curate", lake, nil)
	e := fails(t, contract.Violation, err, "acc_raw is outside [0, 1] in 1 rows", "params 4M, recipe C4, seed 0, step 1250, task boolq, acc_raw 1.5")
	require.Equal(t, "acc_raw", e.Column)
}
