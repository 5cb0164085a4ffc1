package core_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lockedSQL runs a query as the dashboard does.
func lockedSQL(t *testing.T, lake, sql string) (rows int64, err error) {
	t.Helper()
	request, err := json.Marshal(map[string]any{"verb": "sql", "lake": lake, "args": map[string]any{"sql": sql}, "options": map[string]any{"locked": true, "threads": 1}})
	require.NoError(t, err)
	result, err := core.Call(t.Context(), request, nil)
	if err != nil {
		return 0, err
	}
	defer result.Close()
	err = result.Each(t.Context(), func(b arrow.RecordBatch) error { rows += b.NumRows(); return nil })
	return rows, err
}

// TestLockedReadsTheLakeAndNothingElse: a locked session gives the lake's rows,
// and no statement reaches a file, the network, a setting or a second statement.
func TestLockedReadsTheLakeAndNothingElse(t *testing.T) {
	lake := build(t, makeSample(t, sample.Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 1, Runs: 1, Checkpoints: -1, Models: -1}))
	other := filepath.Join(t.TempDir(), "other.lake") // SQLite opens files by itself, not through DuckDB
	require.NoError(t, os.CopyFS(other, os.DirFS(lake)))
	secret := filepath.Join(t.TempDir(), "secret.csv")
	require.NoError(t, os.WriteFile(secret, []byte("a\n1\n"), 0o600))
	for _, sql := range []string{"FROM recipes", "SELECT * FROM raw.files", "WITH a AS (FROM tasks) SELECT count(*) FROM a", "SELECT unnest([1, 2])", "FROM range(3)", "SELECT count(*) FROM evals WHERE task = 'arc_easy' AND step >= 0"} {
		rows, err := lockedSQL(t, lake, sql)
		require.NoError(t, err, sql)
		require.Positive(t, rows, sql)
	}
	for _, sql := range []string{
		"FROM read_csv('" + secret + "')", "FROM '" + secret + "'", "FROM read_text('" + secret + "')", "FROM glob('/*')",
		"FROM read_blob('" + lake + "/data/../redaction.key')", "FROM read_blob('" + lake + "/redaction.key')",
		"FROM read_blob('" + lake + "/data/../../*')", "FROM glob('" + lake + "/data/../*')", "FROM read_text('" + lake + "/data/../data/../.writer.lock')",
		"FROM sqlite_scan('" + other + "/catalog.sqlite', 'ducklake_table')", "FROM sqlite_query('" + other + "/catalog.sqlite', 'SELECT 1')",
		"FROM query('SELECT 1')", "SELECT (FROM system.main.sqlite_scan('" + other + "/catalog.sqlite', 'ducklake_table') SELECT count(*))",
		"FROM '" + other + "/catalog.sqlite'", "FROM recipes WHERE exists (FROM \"SQLITE_SCAN\"('" + other + "/catalog.sqlite', 'ducklake_table'))",
		"WITH a AS (FROM sqlite_scan('" + other + "/catalog.sqlite', 'ducklake_table')) FROM a", "FROM postgres_scan('host=127.0.0.1', 'a', 'b')",
		"FROM ducklake_table_info('" + other + "')", "ATTACH 'ducklake:sqlite:" + other + "/catalog.sqlite' AS o",
		"ATTACH '" + lake + "/catalog.sqlite' AS other (TYPE sqlite)", "ATTACH ':memory:' AS m",
		"INSTALL httpfs", "LOAD httpfs", "FROM 'http://127.0.0.1:1/a.csv'",
		"COPY recipes TO '" + secret + "'", "COPY recipes TO '" + lake + "/data/x.parquet'", "EXPORT DATABASE '" + lake + "/data/out'",
		"SET enable_external_access = true", "RESET lock_configuration", "PRAGMA threads = 1", "SET memory_limit = '1TB'",
		"DELETE FROM evals", "DROP TABLE evals", "CREATE TABLE a AS SELECT 1", "CREATE SECRET (TYPE s3)",
		"CALL ducklake_expire_snapshots('lake', older_than => now())", "FROM ducklake_add_data_files('lake', 'recipes', '" + lake + "/data/x')",
		"SELECT 1; SELECT 2", "FROM raw.wandb_runs_personal", "FROM lake.raw.\"_WANDB_RUNS_personal\"", "EXPLAIN FROM evals", "COPY recipes TO '" + lake + "/data/y.parquet'; SELECT 1", "SELECT getenv('HOME')",
		"EXPLAIN ANALYZE COPY recipes TO '" + lake + "/data/z.parquet'", "BEGIN", "COMMIT", "DETACH lake",
	} {
		_, err := lockedSQL(t, lake, sql)
		if !assert.Error(t, err, sql) {
			continue
		}
		require.NotEqual(t, contract.Internal, contract.AsError(err).Kind, "%s: %v", sql, err)
	}
	for _, name := range []string{"x.parquet", "y.parquet", "z.parquet", "out"} {
		require.NoFileExists(t, filepath.Join(lake, "data", name))
	}
	text, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "a\n1\n", string(text))
}

// TestLockedSharedLake: the same holds where the catalog is in PostgreSQL, and
// the files in a folder or on S3.
func TestLockedSharedLake(t *testing.T) {
	raw := makeSample(t, sample.Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 1, Runs: -1, Checkpoints: -1, Models: -1})
	eachShared(t, func(t *testing.T, p sharedPlace) {
		p.make(t, raw)
		must(t, "curate", p.name, nil)
		want := must(t, "sql", p.name, map[string]any{"sql": "SELECT count(*) FROM evals"})
		got, err := callWith(t, "sql", p.name, map[string]any{"sql": "SELECT count(*) FROM evals"}, map[string]any{"locked": true})
		require.NoError(t, err)
		require.Equal(t, want, got)
		for _, sql := range []string{
			"FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1')", "FROM postgres_scan('dbname=postgres', 'public', 'x')",
			"FROM read_parquet('" + p.data + "/**')", "COPY evals TO '" + p.data + "/x.parquet'", "FROM read_csv('/etc/hosts')", "FROM duckdb_secrets()",
		} {
			_, err := lockedSQL(t, p.name, sql)
			require.Error(t, err, sql)
		}
	})
}

// TestLockedPublishedLake: a published lake is read where it lies, in a folder or
// on a web server, and nothing else on that server.
func TestLockedPublishedLake(t *testing.T) {
	top := t.TempDir()
	publishTo(t, filepath.Join(top, "public"), map[string]any{"tables": []string{"recipes"}})
	require.NoError(t, os.WriteFile(filepath.Join(top, "other.csv"), []byte("a\n1\n"), 0o600))
	server := httptest.NewServer(http.FileServer(http.Dir(top)))
	defer server.Close()
	for _, name := range []string{filepath.Join(top, "public"), server.URL + "/public"} {
		for range 2 { // the second asks whether it was published again
			rows, err := lockedSQL(t, name, "FROM recipes")
			require.NoError(t, err, name)
			require.Equal(t, int64(25), rows)
		}
		for _, sql := range []string{"FROM read_csv('" + server.URL + "/other.csv')", "FROM '" + server.URL + "/other.csv'", "FROM '" + top + "/other.csv'"} {
			_, err := lockedSQL(t, name, sql)
			require.Error(t, err, sql)
		}
	}
}
