package core_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// publishTo publishes the shared lake, and gives what publish tells.
func publishTo(t testing.TB, to string, more map[string]any) rows {
	t.Helper()
	args := map[string]any{"to": to}
	for name, value := range more {
		args[name] = value
	}
	return must(t, "publish", shared(), args)
}

// requirePublished compares all that one may read of two lakes: what is published.
func requirePublished(t *testing.T, published string) {
	t.Helper()
	require.Empty(t, must(t, "diff", shared(), map[string]any{"other": published, "tables": []string{"evals", "mean_eval", "perplexity", "recipes", "instance_task_metrics", "posttrain_results", "run_metrics"}})[1:])
	decision := map[string]any{"small": []string{"4M"}, "target": "1B", "task": []string{"arc_easy"}}
	require.Equal(t, must(t, "decision_accuracy", shared(), decision), must(t, "decision_accuracy", published, decision))
	require.Empty(t, query(t, published, "SELECT * FROM duckdb_tables() WHERE schema_name = 'raw'")[1:])
}

// TestPublish: a published lake reads as the lake it comes from, from a folder and
// from a web server, and cannot be written.
func TestPublish(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "public")
	publishTo(t, folder, nil)
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	for _, name := range []string{folder, server.URL, server.URL + "/"} {
		if name != server.URL {
			requirePublished(t, name)
		}
		for verb, args := range map[string]map[string]any{"curate": nil, "ingest": {"paths": []string{folder}}, "features": {"target": []string{"arc_easy"}, "window": []string{"50%"}, "save": "x"}} {
			_, err := call(t, verb, name, args)
			fails(t, contract.Invalid, err, "can only be read", "publish it again")
		}
		_, err := call(t, "sql", name, map[string]any{"sql": "CREATE TABLE x AS SELECT 1 AS a"})
		require.Error(t, err)
		for _, verb := range []string{"files", "rejects", "redactions"} {
			_, err := call(t, verb, name, nil)
			fails(t, contract.NotFound, err, "no raw data")
		}
		require.NotContains(t, must(t, "doctor", name, nil).column(t, "state"), "missing")
	}
	catalog, err := os.ReadFile(filepath.Join(folder, "lake.ducklake"))
	require.NoError(t, err)
	require.NotContains(t, string(catalog), os.TempDir(), "no path of this machine")
	for _, row := range query(t, folder, "SELECT path, n_bytes, sha256 FROM published.files")[1:] {
		text, err := os.ReadFile(filepath.Join(folder, row[0]))
		require.NoError(t, err)
		require.Equal(t, row[2], sha256Of(text))
	}
	require.NoFileExists(t, filepath.Join(folder, ".writer.lock"))
}

// TestPublishAgain: only what has changed is copied, a reader who is there sees the
// next version, and clean deletes the last one's files.
func TestPublishAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "public")
	first := publishTo(t, folder, map[string]any{"tables": []string{"evals", "recipes", "question_results"}})
	require.Equal(t, []string{"1", "1", "1"}, first.column(t, "n_new_files"))
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	_, err := call(t, "table", server.URL, map[string]any{"name": "tasks"})
	fails(t, contract.NotFound, err, "tasks")
	require.Equal(t, query(t, shared(), "SELECT count(*) FROM question_results"), query(t, server.URL, "SELECT count(*) FROM question_results"))
	again := publishTo(t, folder, map[string]any{"tables": []string{"evals", "recipes", "tasks"}})
	require.Equal(t, []string{"0", "0", "1"}, again.column(t, "n_new_files"))
	require.NotEmpty(t, must(t, "table", server.URL, map[string]any{"name": "tasks"})[1:], "the next call reads the next version")
	old := filepath.Join(folder, "data", "main", "question_results")
	require.DirExists(t, old, "readers may have it open")
	publishTo(t, folder, map[string]any{"tables": []string{"tasks"}, "clean": true})
	require.NoDirExists(t, old)
	require.Len(t, must(t, "tables", folder, nil), 4)
}

// TestPublishRefuses: wrong arguments, personal data and forbidden texts leave no
// lake behind, and what was published before.
func TestPublishRefuses(t *testing.T) {
	to := filepath.Join(t.TempDir(), "public")
	for _, bad := range []struct {
		args map[string]any
		kind contract.Kind
		text string
	}{
		{map[string]any{"to": ""}, contract.Invalid, "no place was named"},
		{map[string]any{"to": "md:x"}, contract.Invalid, "MotherDuck"},
		{map[string]any{"to": "https://host/x"}, contract.Invalid, "nothing can be written to a web server"},
		{map[string]any{"to": "gs://host/x"}, contract.Invalid, "place of this kind"},
		{map[string]any{"to": "ducklake:postgres:dbname=x"}, contract.Invalid, "beside its files"},
		{map[string]any{"to": shared()}, contract.Invalid, "this is the lake that is to be published"},
		{map[string]any{"to": filepath.Dir(shared())}, contract.Invalid, "holds other files"},
		{map[string]any{"to": to, "tables": []string{"raw.files"}}, contract.Invalid, "only tables of main"},
		{map[string]any{"to": to, "tables": []string{"recipe"}}, contract.NotFound, "main.recipes"},
		{map[string]any{"to": to, "forbid": []string{"nobody", "DCLM-Base"}}, contract.Violation, "the forbidden text 2 of 2"},
	} {
		_, err := call(t, "publish", shared(), bad.args)
		fails(t, bad.kind, err, bad.text)
		require.NotContains(t, err.Error(), "DCLM-Base")
	}
	require.NoDirExists(t, to)
	for _, name := range []string{"https://u:canary@host/x", "s3://bucket/x?s3_secret_access_key=canary", "https://"} {
		_, err := call(t, "tables", name, nil)
		fails(t, contract.Invalid, err, "address of a published lake")
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := call(t, "tables", "md:my_db?motherduck_token=canary", nil)
	fails(t, contract.Invalid, err, "MotherDuck", "ddcore.attach")
	require.NotContains(t, err.Error(), "canary")
}

// TestPublishPersonal: a canary in a curated table stops it.
func TestPublishPersonal(t *testing.T) {
	local, to := filepath.Join(t.TempDir(), "test.lake"), filepath.Join(t.TempDir(), "public")
	write(t, local, "CREATE SCHEMA lake.predictions; CREATE TABLE lake.predictions.fine AS SELECT 'ask user-01234567@example.invalid' AS note")
	must(t, "publish", local, map[string]any{"to": to})
	before := must(t, "tables", to, nil)
	write(t, local, "CREATE TABLE lake.predictions.notes AS SELECT 'ask canary.person@example.org' AS note, 1 AS n")
	_, err := call(t, "publish", local, map[string]any{"to": to})
	e := fails(t, contract.Violation, err, "predictions.notes", "personal data (rule email)", "allow email")
	require.Equal(t, "note", e.Column)
	require.NotContains(t, err.Error(), "canary")
	require.Equal(t, before, must(t, "tables", to, nil))
	must(t, "publish", local, map[string]any{"to": to, "allow": []string{"email"}, "tables": []string{"predictions.notes"}})
	require.Equal(t, "1", query(t, to, "SELECT n FROM predictions.notes")[1][0])
	// A table from which rows were deleted is more than its files.
	write(t, local, "INSERT INTO lake.predictions.notes VALUES ('x', 2), ('y', 3); DELETE FROM lake.predictions.notes WHERE n <> 2; ALTER TABLE lake.predictions.notes RENAME note TO remark")
	must(t, "publish", local, map[string]any{"to": to, "tables": []string{"predictions.notes"}})
	require.Equal(t, rows{{"remark", "n"}, {"x", "2"}}, query(t, to, "FROM predictions.notes"))
}

// TestPublishToS3: the same with keys; without them nobody reads or writes, and no
// key stands anywhere.
func TestPublishToS3(t *testing.T) {
	p := onS3(t)
	publishTo(t, p.data, nil)
	requirePublished(t, p.data)
	again := publishTo(t, p.data, map[string]any{"tables": []string{"evals"}, "clean": true})
	require.Equal(t, []string{"0"}, again.column(t, "n_new_files"))
	found, err := filepath.Glob(filepath.Join(p.files, "data", "main", "*", "*.parquet"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	catalog, err := os.ReadFile(filepath.Join(p.files, "lake.ducklake"))
	require.NoError(t, err)
	require.NotContains(t, string(catalog), s3Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-wrong")
	core.CloseIdle()
	for verb, args := range map[string]map[string]any{"tables": nil, "publish": {"to": p.data}} {
		from := p.data
		if verb == "publish" {
			from = shared()
		}
		_, err := call(t, verb, from, args)
		fails(t, contract.IO, err, p.data, "AWS_SECRET_ACCESS_KEY")
		require.NotContains(t, err.Error(), "canary-wrong")
	}
}

// TestPublishWithoutRights: a folder that cannot be written, as nobody but root may.
func TestPublishWithoutRights(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o666))
	_, err := call(t, "publish", shared(), map[string]any{"to": file})
	fails(t, contract.IO, err, file)
	_, err = call(t, "publish", shared(), map[string]any{"to": filepath.Join(file, "x")})
	fails(t, contract.IO, err, file)
	require.False(t, strings.Contains(err.Error(), ".partial"))
}
