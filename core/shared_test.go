package core_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// sharedKinds are the places of a shared lake's files.
var sharedKinds = map[string]func(testing.TB) sharedPlace{"folder": inFolder, "S3": onS3}

func eachShared(t *testing.T, test func(t *testing.T, p sharedPlace)) {
	for kind, make := range sharedKinds {
		t.Run(kind, func(t *testing.T) { test(t, make(t)) })
	}
}

// make ingests a folder as the first write of the lake.
func (p sharedPlace) make(t testing.TB, raw string) {
	t.Helper()
	_, err := callWith(t, "ingest", p.name, map[string]any{"paths": []string{raw}}, map[string]any{"data": p.data})
	require.NoError(t, err)
}

// TestSharedLake: a lake with its catalog in PostgreSQL has the same tables as
// one in a folder, and does all that it does.
func TestSharedLake(t *testing.T) {
	raw := makeSample(t, small)
	local := build(t, raw)
	want := everything(t, local)
	eachShared(t, func(t *testing.T, p sharedPlace) {
		_, err := call(t, "tables", p.name, nil)
		fails(t, contract.NotFound, err, "there is no lake here")
		_, err = call(t, "curate", p.name, nil)
		fails(t, contract.NotFound, err, "there is no lake here")
		_, err = call(t, "ingest", p.name, map[string]any{"paths": []string{raw}})
		fails(t, contract.Invalid, err, "needs a place for its files", "--data")
		p.useKeyOf(t, local)

		p.make(t, raw)
		must(t, "curate", p.name, nil)
		require.Equal(t, want, everything(t, p.name))
		for _, state := range must(t, "ingest", p.name, map[string]any{"paths": []string{raw}}).column(t, "state") {
			require.Contains(t, "unchanged skipped", state)
		}
		require.Contains(t, must(t, "curate", p.name, nil).column(t, "state"), "up to date")
		requireNoOrphansIn(t, p.name, p.files)

		require.Equal(t, must(t, "tables", local, nil).column(t, "n_rows"), must(t, "tables", p.name, nil).column(t, "n_rows"))
		require.Equal(t, must(t, "describe", local, map[string]any{"name": "evals"}), must(t, "describe", p.name, map[string]any{"name": "evals"}))
		for _, state := range must(t, "doctor", p.name, nil).column(t, "state") {
			require.NotEqual(t, "missing", state)
		}
		past, err := callWith(t, "tables", p.name, nil, map[string]any{"snapshot": 1})
		require.NoError(t, err)
		require.Contains(t, past.column(t, "table_name"), "files")
		require.NotContains(t, past.column(t, "table_name"), "evals")
		to := filepath.Join(t.TempDir(), "evals.csv")
		must(t, "export", p.name, map[string]any{"name": "evals", "to": to})
		require.FileExists(t, to)

		_, err = callWith(t, "tables", p.name, nil, map[string]any{"data": p.data})
		require.NoError(t, err)
		for _, verb := range []string{"tables", "curate"} {
			_, err = callWith(t, verb, p.name, nil, map[string]any{"data": p.data + "/other"})
			fails(t, contract.Invalid, err, "this lake's files are at "+p.data+", not at "+p.data+"/other")
		}
	})
}

// useKeyOf gives the lake to be the key of a local one's pseudonyms.
func (p sharedPlace) useKeyOf(t testing.TB, local string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(local, "redaction.key"))
	require.NoError(t, err)
	admin(t, p.database, "CREATE SCHEMA ddcore")
	admin(t, p.database, "CREATE TABLE ddcore.redaction_key (one boolean PRIMARY KEY DEFAULT true CHECK (one), key text NOT NULL)")
	admin(t, p.database, "INSERT INTO ddcore.redaction_key (key) VALUES ($1)", strings.TrimSpace(string(key)))
}

// TestSharedRawBytes: raw files lie on S3 byte for byte, and none stays behind
// on this machine.
func TestSharedRawBytes(t *testing.T) {
	p := onS3(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	raw := filepath.Join(makeSample(t, small), "hf")
	p.make(t, raw)
	for _, row := range query(t, p.name, "SELECT path, sha256 FROM raw.files")[1:] {
		found, err := filepath.Glob(filepath.Join(p.files, "raw", "*", "*-"+row[1][:12]+".parquet"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		want, err := os.ReadFile(filepath.Join(raw, row[0]))
		require.NoError(t, err)
		got, err := os.ReadFile(found[0])
		require.NoError(t, err)
		require.True(t, string(want) == string(got), row[0])
	}
	left, err := filepath.Glob(filepath.Join(temp, "ddcore-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestSharedFailure: a write that fails leaves the lake as it was, and no file;
// those that others are just writing stay.
func TestSharedFailure(t *testing.T) {
	raw := makeSample(t, small)
	eachShared(t, func(t *testing.T, p sharedPlace) {
		p.make(t, filepath.Join(raw, "hf", "ppl-results"))
		others := filepath.Join(p.files, "raw", "others.parquet")
		require.NoError(t, os.WriteFile(others, []byte("just being written"), 0o666))
		snapshots := must(t, "snapshots", p.name, nil)
		eval, err := filepath.Glob(filepath.Join(raw, "hf", "eval-results", "data", "train-*.parquet"))
		require.NoError(t, err)
		bad := filepath.Join(t.TempDir(), "zz-bad.parquet") // after the good ones
		scratch(t, p.name, "COPY (SELECT * REPLACE (1.5 AS step) FROM read_parquet('%s')) TO '%s' (FORMAT parquet)", filepath.Join(raw, "hf", "ppl-results", "data", "*"), bad)
		_, err = call(t, "ingest", p.name, map[string]any{"paths": append(eval, bad)})
		require.Error(t, err)
		require.Equal(t, snapshots, must(t, "snapshots", p.name, nil))
		require.FileExists(t, others)
		require.NoError(t, os.Remove(others))
		requireNoOrphansIn(t, p.name, p.files)
	})
}

// TestSharedKilled: a writer that is killed frees the lock, and what it left
// harms nobody.
func TestSharedKilled(t *testing.T) {
	raw := makeSample(t, small)
	p := inFolder(t)
	p.make(t, filepath.Join(raw, "hf", "ppl-results"))
	before := must(t, "snapshots", p.name, nil)
	killAt(t, "committing", "ingest", p.name, map[string]any{"paths": []string{raw}})
	require.Equal(t, before, must(t, "snapshots", p.name, nil))
	must(t, "ingest", p.name, map[string]any{"paths": []string{raw}})
	require.Equal(t, query(t, p.name, "SELECT sum(n_rows)::BIGINT FROM raw.files WHERE raw_table = 'hf_eval_results'")[1],
		query(t, p.name, "SELECT count(*) FROM raw.hf_eval_results")[1])
}

// TestSharedWriters: writers in several processes make one lake and wait for
// each other; who waits too long is told for whom.
func TestSharedWriters(t *testing.T) {
	p := inFolder(t)
	raw := makeSample(t, small)
	var folders []string
	for seed := range 3 {
		o := small
		o.Seed = uint64(seed)
		folders = append(folders, filepath.Join(makeSample(t, o), "hf", "ppl-results"))
	}
	t.Setenv("DDCORE_TEST_DATA", p.data)
	var all sync.WaitGroup
	for i := range 6 {
		cmd := child(t, "", "ingest", p.name, map[string]any{"paths": []string{folders[i%3]}})
		all.Go(func() {
			out, err := cmd.Output()
			require.NoError(t, err, string(out))
		})
	}
	all.Wait()
	require.Equal(t, []string{"1", "2", "3"}, query(t, p.name, "SELECT file_id FROM raw.files ORDER BY file_id").column(t, "file_id"))
	require.Equal(t, query(t, p.name, "SELECT sum(n_rows)::BIGINT FROM raw.files")[1], query(t, p.name, "SELECT count(*) FROM raw.hf_ppl_results")[1])
	requireNoOrphansIn(t, p.name, p.files)

	holder, release := stoppedAt(t, "committing", "ingest", p.name, map[string]any{"paths": []string{raw}})
	defer release()
	t.Setenv("DDCORE_LOCK_TIMEOUT", "100ms")
	_, err := call(t, "curate", p.name, nil)
	fails(t, contract.Busy, err, "process "+holder, "(ingest) is writing to this lake")
	require.NotEmpty(t, query(t, p.name, "SELECT 1"), "readers do not wait")
}

// TestSharedRestart: a session that lies idle while the server starts again does
// not break the next read.
func TestSharedRestart(t *testing.T) {
	p := inFolder(t)
	p.make(t, filepath.Join(makeSample(t, small), "hf", "ppl-results"))
	before := must(t, "snapshots", p.name, nil)
	admin(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", p.database)
	require.Equal(t, before, must(t, "snapshots", p.name, nil))
	must(t, "curate", p.name, nil)
}

// TestSharedSecrets: keys and passwords stand in no error, table, catalog or
// file, and a wrong one is told as such.
func TestSharedSecrets(t *testing.T) {
	p := onS3(t)
	raw := makeSample(t, small)
	p.make(t, raw)
	must(t, "curate", p.name, nil)
	clean := func(what, text string) {
		for _, secret := range []string{pgPassword, s3Password, "canary-wrong", "canary-token"} {
			require.NotContains(t, text, secret, what)
		}
	}
	dump := exec.Command("pg_dump", "--inserts", adminURL(postgresServer().address, p.database))
	catalog, err := dump.Output()
	require.NoError(t, err)
	require.Contains(t, string(catalog), p.data)
	clean("catalog", string(catalog))
	require.NotContains(t, string(catalog), s3Key)
	clean("secrets", query(t, p.name, "SELECT * FROM duckdb_secrets()").csv())
	for _, verb := range []string{"doctor", "tables", "snapshots", "files"} {
		clean(verb, must(t, verb, p.name, nil).csv())
	}
	require.NoError(t, filepath.WalkDir(p.files, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			clean(path, string(text))
		}
		return err
	}))
	for name, value := range map[string]string{
		"AWS_SECRET_ACCESS_KEY": "canary-wrong", "AWS_ACCESS_KEY_ID": "canary-wrong", "AWS_SESSION_TOKEN": "canary-token'",
		"AWS_ENDPOINT_URL": "http://u:canary-wrong@x", "PGPASSWORD": "canary-wrong",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			core.CloseIdle()
			_, err := call(t, "table", p.name, map[string]any{"name": "evals"})
			if name != "AWS_SESSION_TOKEN" { // which this server does not look at
				require.Error(t, err)
				clean(name, err.Error())
			}
			_, err = call(t, "ingest", p.name, map[string]any{"paths": []string{filepath.Join(makeSample(t, small), "hf")}})
			if err != nil {
				clean(name, err.Error())
			}
		})
	}
}

// TestSharedKey: a reader of the tables does not get the key of pseudonyms.
func TestSharedKey(t *testing.T) {
	p := inFolder(t)
	p.make(t, makeSample(t, small))
	require.Len(t, admin(t, p.database, "SELECT key FROM ddcore.redaction_key"), 1)
	admin(t, p.database, "CREATE ROLE reader_"+p.database+" LOGIN PASSWORD '"+pgPassword+"'")
	admin(t, p.database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_"+p.database)
	reader := strings.Replace(p.name, "user="+pgUser, "user=reader_"+p.database, 1)
	require.NotEmpty(t, query(t, reader, "SELECT * FROM raw.wandb_runs"))
	_, err := call(t, "sql", reader, map[string]any{"sql": "SELECT * FROM postgres_query('__ducklake_metadata_lake', 'SELECT key FROM ddcore.redaction_key')"})
	require.ErrorContains(t, err, "permission denied")
	_, err = call(t, "ingest", reader, map[string]any{"paths": []string{makeSample(t, small)}})
	require.ErrorContains(t, err, "permission denied")
}

// TestSharedIsReadOnly: a query cannot write the catalog behind DuckLake's back.
func TestSharedIsReadOnly(t *testing.T) {
	p := inFolder(t)
	p.make(t, filepath.Join(makeSample(t, small), "hf", "ppl-results"))
	for _, sql := range []string{
		"DELETE FROM __ducklake_metadata_lake.ducklake_snapshot",
		"SELECT * FROM postgres_query('__ducklake_metadata_lake', 'DELETE FROM public.ducklake_snapshot RETURNING snapshot_id')",
		"CALL postgres_execute('__ducklake_metadata_lake', 'DELETE FROM public.ducklake_snapshot')",
		"CREATE TABLE x AS SELECT 1 AS a",
	} {
		_, err := call(t, "sql", p.name, map[string]any{"sql": sql})
		require.Error(t, err, sql)
	}
	require.NotEmpty(t, query(t, p.name, "FROM raw.hf_ppl_results"))
}

func TestPlaces(t *testing.T) {
	for name, want := range map[string]string{
		"ducklake:md:x": "PostgreSQL",
		"ducklake:postgres:host=x password=canary":                    "must hold no password",
		"ducklake:postgres:host=x sslpassword = 'canary'":             "must hold no password",
		"ducklake:postgres:postgresql://u:canary@h/d":                 "must hold no password",
		"ducklake:postgres:postgresql://u@h/d?password=canary":        "must hold no password",
		"ducklake:postgres:postgresql://u:canary%zz@h/d":              "cannot be read",
		"ducklake:postgres:port=canary":                               "not understood",
		"ducklake:postgres:host=127.0.0.1 port=1 dbname=x user=nobdy": "refused",
	} {
		_, err := call(t, "tables", name, nil)
		require.ErrorContains(t, err, want, name)
		require.NotContains(t, err.Error(), "canary")
	}
	const lake = "ducklake:postgres:host=127.0.0.1 port=1"
	for data, want := range map[string]string{
		"gs://bucket/x": "cannot be at a place of this kind", "s3://": "s3://bucket/prefix",
		"s3://bucket/x?s3_secret_access_key=canary": "s3://bucket/prefix",
	} {
		_, err := callWith(t, "tables", lake, nil, map[string]any{"data": data})
		fails(t, contract.Invalid, err, want)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := callWith(t, "tables", "some.lake", nil, map[string]any{"data": "s3://bucket/x"})
	fails(t, contract.Invalid, err, "a folder is a lake with its data in it")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = core.Call(ctx, []byte(`{"verb": "tables", "lake": "`+lake+`"}`), nil)
	fails(t, contract.Cancelled, err)
}
