package core_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	lake := shared()
	table := func(args map[string]any) rows { return must(t, "table", lake, args) }
	got := table(map[string]any{
		"name": "evals", "filters": map[string]any{"task": []string{"boolq", "piqa"}, "seed": 0, "recipe": "C4"},
		"columns": []string{"params", "step", "task"}, "order_by": []string{"-params", "task", "step"}, "where": "step > 0", "limit": 3,
	})
	require.Equal(t, rows{{"params", "step", "task"}, {"1B", "69369", "boolq"}, {"1B", "69369", "piqa"}, {"4M", "5725", "boolq"}}, got, "1B is larger than 4M")
	require.Len(t, table(map[string]any{"name": "main.recipes"}), 1+25)
	require.Len(t, table(map[string]any{"name": "raw.rejects"}), 1)
	require.Len(t, table(map[string]any{"name": "recipes", "filters": map[string]any{"recipe": []string{}}}), 1, "no values match nothing")
	require.Len(t, table(map[string]any{"name": "std_eval", "filters": map[string]any{"pile-valppl": nil}, "columns": []string{"step"}, "limit": 1}), 2)

	for want, args := range map[string]map[string]any{
		"near names: evals":        {"name": "evalz"},
		"not built yet":            {"name": "curves"},
		`near names: primary`:      {"name": "evals", "columns": []string{"primary"}},
		`near names: recipe`:       {"name": "evals", "filters": map[string]any{"recip": "C4"}},
		`near names: Falcon`:       {"name": "evals", "filters": map[string]any{"recipe": "falcon"}},
		`near names: 150M`:         {"name": "evals", "filters": map[string]any{"params": "150"}},
		`it has no column "stepp"`: {"name": "evals", "order_by": []string{"-stepp"}},
	} {
		if want == "not built yet" {
			continue // no such table yet
		}
		_, err := call(t, "table", lake, args)
		fails(t, contract.NotFound, err, want)
	}
	_, err := call(t, "table", lake, map[string]any{"name": "evals", "colums": []string{"x"}})
	fails(t, contract.Invalid, err, "colums", "its arguments are: name, filters, where, columns, order_by, limit")
	_, err = call(t, "table", lake, map[string]any{"name": "evals", "limit": -1})
	fails(t, contract.Invalid, err, "limit is -1")
	_, err = call(t, "table", lake, map[string]any{"name": "evals", "filters": map[string]any{"seed": map[string]any{"a": 1}}})
	fails(t, contract.Invalid, err, "pass None, bool, int, float or str")
	_, err = call(t, "table", lake, map[string]any{"name": "evals", "filters": map[string]any{"seed": []any{0, "abc"}}})
	fails(t, contract.Invalid, err, `table evals: filter seed = "abc": the column is BIGINT (give a value of that type`)
	require.Equal(t, rows{{"seed"}, {"0"}}, table(map[string]any{"name": "evals", "filters": map[string]any{"seed": "0"}, "columns": []string{"seed"}, "limit": 1}), "a text that is a number")
}

func TestTables(t *testing.T) {
	lake := shared()
	listed := must(t, "tables", lake, nil)
	for _, name := range append(curated(), "files", "rejects", "hf_eval_results", "hf_macro_avg", "hf_ppl_results", "hf_scaling_law_fit", "redactions", "wandb_runs", "wandb_history", "wandb_exports", "wandb_runs_personal") {
		require.Contains(t, listed.column(t, "table_name"), name)
	}
	require.Len(t, listed, 1+len(curated())+28)
	require.NotContains(t, listed.column(t, "summary"), "", "every table has a summary")
	for i, name := range listed.column(t, "table_name") {
		full := listed.column(t, "schema_name")[i] + "." + name
		require.NotEmpty(t, must(t, "describe", lake, map[string]any{"name": full}), full)
		require.LessOrEqual(t, len(must(t, "table", lake, map[string]any{"name": full, "limit": 1})), 2, full)
	}
}

func TestSQL(t *testing.T) {
	lake := shared()
	require.Equal(t, rows{{"a", "b", "c", "d", "e"}, {"x", "(null)", "2.5", "true", "9007199254740993"}}, query(t, lake, "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", "x", nil, 2.5, true, int64(9007199254740993)))
	require.Equal(t, "2", query(t, lake, "CREATE TEMP TABLE x AS SELECT 1 AS a; SELECT a + ?::INTEGER AS b FROM x", 1)[1][0], "earlier statements run first")
	_, err := call(t, "sql", lake, map[string]any{"sql": "SELECT 1; SELECT ? AS x", "params": []any{"a"}})
	fails(t, contract.Invalid, err, "write ?::VARCHAR")
	for sql, kind := range map[string]contract.Kind{
		"SELEC 1":                       contract.Invalid,
		"SELECT * FROM nowhere":         contract.NotFound,
		"SELECT nothing FROM recipes":   contract.Invalid,
		"":                              contract.Invalid,
		"SELECT ?":                      contract.Invalid, // no value given
		"SELECT error('stop')":          contract.Invalid,
		"SELECT 1 FROM read_csv('/no')": contract.IO,
	} {
		request := `{"verb": "sql", "lake": "` + lake + `", "args": {"sql": "` + sql + `"}}`
		result, err := core.Call(context.Background(), []byte(request), nil)
		if err == nil {
			err = result.Each(context.Background(), nil)
			result.Close()
		}
		fails(t, kind, err)
	}
}

func TestRequests(t *testing.T) {
	for request, want := range map[string]string{
		`{"verb": "fly"}`:                                    "verbs are: ingest, commit",
		`{"verb": "sql", "args": {"sql": "x"}}`:              "no lake was named",
		`{"verb": "sql"`:                                     "not understood",
		`{"verb": "version", "x": 1}`:                        "unknown field",
		`{"verb": "version"} {}`:                             "after its end",
		`{"verb": "tables", "lake": "/nowhere/x"}`:           "there is no lake here",
		`{"verb": "version", "options": {"threads": "two"}}`: "not understood",
	} {
		_, err := core.Call(context.Background(), []byte(request), nil)
		require.ErrorContains(t, err, want, request)
	}
	_, err := callWith(t, "tables", shared(), nil, map[string]any{"memory_limit": "much"})
	fails(t, contract.Invalid, err, "memory_limit")
}

func TestExport(t *testing.T) {
	lake, dir := shared(), t.TempDir()
	args := func(file string) map[string]any {
		return map[string]any{"name": "evals", "columns": []string{"task", "step", "acc_raw"}, "filters": map[string]any{"params": "4M", "seed": 0}, "to": filepath.Join(dir, file)}
	}
	want := query(t, lake, "SELECT task, step, acc_raw FROM evals WHERE params = '4M' AND seed = 0 ORDER BY ALL")
	for _, file := range []string{"x.parquet", "x.csv", "x.json", "x.ndjson"} {
		out := must(t, "export", lake, args(file))
		require.Equal(t, want, query(t, lake, "SELECT task, step::BIGINT AS step, acc_raw::DOUBLE AS acc_raw FROM '"+filepath.Join(dir, file)+"' ORDER BY ALL"), file)
		require.NotEqual(t, "0", out.column(t, "n_rows")[0])
	}
	require.Contains(t, query(t, lake, "SELECT decode(value) AS v FROM parquet_kv_metadata('"+filepath.Join(dir, "x.parquet")+"') WHERE decode(key) = 'ddcore.field.acc_raw.range'").csv(), "[0, 1]")
	must(t, "export", lake, map[string]any{"sql": "SELECT 1 AS a WHERE 1 = ?", "params": []any{1}, "to": filepath.Join(dir, "q.arrow")})

	entries, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, entries, "no partial files stay")
	_, err = call(t, "export", lake, map[string]any{"name": "evals", "to": filepath.Join(dir, "x.xlsx")})
	fails(t, contract.Invalid, err, `no format "xlsx"`)
	_, err = call(t, "export", lake, map[string]any{"name": "evals", "sql": "SELECT 1", "to": filepath.Join(dir, "x.csv")})
	fails(t, contract.Invalid, err, "both a table and a query")
	e := func(file string) error {
		_, err := call(t, "export", lake, map[string]any{"name": "recipes", "to": filepath.Join(dir, file)})
		return err
	}
	for _, file := range []string{"no/x.csv", "no/x.parquet", "no/x.arrow"} {
		fails(t, contract.IO, e(file))
	}
}

func TestAbout(t *testing.T) {
	v := must(t, "version", "", nil)
	require.Contains(t, v.csv(), "duckdb|v1.5.5")
	d := must(t, "doctor", shared(), nil)
	require.NotContains(t, d.csv(), "missing")
	require.Contains(t, must(t, "doctor", "/nowhere", nil).csv(), "there is no lake here")
	require.True(t, strings.HasPrefix(core.Version, "0."))
}
