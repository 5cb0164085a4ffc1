package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/stretchr/testify/require"
)

// tiny is a sample of few tables and archives of instances.
var tiny = sample.Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 1, Checkpoints: 2, Questions: 1, Models: -1, Runs: -1}

// ingested is a lake of archives of instances and perplexities, not curated: that
// takes longer than all else here.
func ingested(t testing.TB, name string, options map[string]any) (raw string) {
	t.Helper()
	raw = makeSample(t, tiny)
	for _, part := range []string{"hf/ppl-results", "instances"} {
		_, err := callWith(t, "ingest", name, map[string]any{"paths": []string{filepath.Join(raw, part)}}, options)
		require.NoError(t, err)
	}
	return raw
}

const instancesSQL = "SELECT * EXCLUDE (_file, _row) FROM raw.instances ORDER BY ALL"

// TestExpireKeepsFilesThatCameAgain: the file of a part that was dropped and came
// again has the name that it had. To forget the snapshot in which it was first must
// not delete it.
func TestExpireKeepsFilesThatCameAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "test.lake")
	raw := ingested(t, name, nil)
	want := query(t, name, instancesSQL)
	archives := filepath.Join(raw, "instances")
	away := filepath.Join(t.TempDir(), "away")
	require.NoError(t, os.Rename(archives, away))
	require.NoError(t, os.MkdirAll(archives, 0o777))
	must(t, "ingest", name, map[string]any{"paths": []string{archives, filepath.Join(raw, "hf/ppl-results")}, "prune": true})
	require.Len(t, query(t, name, instancesSQL), 1, "dropped")
	require.NoError(t, os.Remove(archives))
	require.NoError(t, os.Rename(away, archives))
	must(t, "ingest", name, map[string]any{"paths": []string{archives}})
	require.Equal(t, want, query(t, name, instancesSQL))
	entries := query(t, name, "SELECT f.path, count(*) FROM __ducklake_metadata_lake.ducklake_data_file AS f JOIN __ducklake_metadata_lake.ducklake_table USING (table_id) WHERE table_name = '_instances' GROUP BY ALL HAVING count(*) > 1")
	require.NotEmpty(t, entries[1:], "a file with two entries, which is what this test is about")

	core.CloseIdle()
	done := must(t, "expire", name, map[string]any{"keep": 1})
	require.Equal(t, []string{"1"}, done.column(t, "n_kept"))
	require.NotEqual(t, []string{"0"}, done.column(t, "n_files"))
	require.Equal(t, want, query(t, name, instancesSQL))
	require.Len(t, must(t, "verify", name, nil), 2, "only the summary")
	require.Len(t, must(t, "snapshots", name, nil), 2)
	require.Equal(t, []string{"0"}, must(t, "expire", name, map[string]any{"keep": 1}).column(t, "n_files"))
}

// TestCompact: many small files become one, old snapshots read as before, and raw
// files keep their names.
func TestCompact(t *testing.T) {
	name := filepath.Join(t.TempDir(), "test.lake")
	ingested(t, name, nil)
	for range 3 {
		write(t, name, "CREATE SCHEMA IF NOT EXISTS lake.features; CREATE TABLE IF NOT EXISTS lake.features.f (x DOUBLE); INSERT INTO lake.features.f VALUES (random())")
	}
	last := len(must(t, "snapshots", name, nil)) - 2
	before, files := query(t, name, "FROM features.f ORDER BY 1"), query(t, name, "FROM raw.files ORDER BY ALL")
	rawFiles := query(t, name, "SELECT DISTINCT filename FROM raw._instances ORDER BY 1")
	done := must(t, "compact", name, nil)
	require.Contains(t, done.csv(), "features|f|3|1")
	require.Contains(t, done.csv(), "raw|files|")
	require.NotContains(t, done.csv(), "|_")
	require.Equal(t, before, query(t, name, "FROM features.f ORDER BY 1"))
	require.Equal(t, files, query(t, name, "FROM raw.files ORDER BY ALL"))
	require.Equal(t, rawFiles, query(t, name, "SELECT DISTINCT filename FROM raw._instances ORDER BY 1"))
	past, err := callWith(t, "sql", name, map[string]any{"sql": "SELECT count(*) FROM features.f"}, map[string]any{"snapshot": last - 1})
	require.NoError(t, err)
	require.Equal(t, "2", past[1][0], "an older snapshot")
	require.Len(t, must(t, "compact", name, nil), 1, "nothing is left to do")
	core.CloseIdle()
	must(t, "expire", name, map[string]any{"keep": 1})
	require.Equal(t, before, query(t, name, "FROM features.f ORDER BY 1"))
	require.Len(t, must(t, "verify", name, nil), 2)
	requireNoOrphansIn(t, name, filepath.Join(name, "data"))
}

// TestExpireArguments: what cannot be read changes nothing.
func TestExpireArguments(t *testing.T) {
	name := filepath.Join(t.TempDir(), "test.lake")
	_, err := call(t, "expire", name, map[string]any{"keep": 1})
	fails(t, contract.NotFound, err, "there is no lake here")
	require.NoDirExists(t, name)
	write(t, name, "CREATE TABLE lake.main.x AS SELECT 1 AS a")
	before := must(t, "snapshots", name, nil)
	for _, args := range []map[string]any{nil, {"keep": -1}, {"older_than": "soon"}, {"older_than": "-3d"}} {
		_, err := call(t, "expire", name, args)
		fails(t, contract.Invalid, err, "expire")
	}
	require.Equal(t, []string{"0"}, must(t, "expire", name, map[string]any{"older_than": "1h"}).column(t, "n_snapshots"))
	require.Equal(t, before, must(t, "snapshots", name, nil))
	require.Equal(t, []string{"1"}, must(t, "expire", name, map[string]any{"older_than": "0s"}).column(t, "n_kept"))
}

// TestVerify: what is missing, cut, changed or nobody's is told, file by file.
func TestVerify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "test.lake")
	ingested(t, name, nil)
	require.Len(t, must(t, "verify", name, nil), 2)
	find := func(pattern string) string {
		found, err := filepath.Glob(filepath.Join(name, "data", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		return found[0]
	}
	hf, gone, cut := find("raw/_hf_ppl_results/*.parquet"), find("raw/_choices/*.parquet"), find("raw/_instances/*.parquet")
	text, err := os.ReadFile(hf)
	require.NoError(t, err)
	text[len(text)/3] ^= 1
	require.NoError(t, os.WriteFile(hf, text, 0o666))
	require.NoError(t, os.Remove(gone))
	require.NoError(t, os.Truncate(cut, 100))
	require.NoError(t, os.WriteFile(filepath.Join(name, "data", "raw", "left.parquet"), []byte("x"), 0o666))
	base := func(path string) string { rel, _ := filepath.Rel(filepath.Join(name, "data"), path); return rel }
	found := must(t, "verify", name, nil)
	require.ElementsMatch(t, []string{base(hf), base(gone), base(cut), "raw/left.parquet", ""}, found.column(t, "path"))
	require.ElementsMatch(t, []string{"damaged", "missing", "damaged", "orphan", "checked"}, found.column(t, "state"))
	require.Contains(t, found.csv(), "SHA-256")
	require.Contains(t, found.csv(), "100 bytes, not")
	require.Len(t, must(t, "verify", name, map[string]any{"quick": true}), 5, "a changed byte is not seen by a quick look")

	require.Equal(t, []string{"raw/left.parquet"}, must(t, "clean", name, map[string]any{"dry_run": true}).column(t, "path"))
	require.FileExists(t, filepath.Join(name, "data", "raw", "left.parquet"))
	must(t, "clean", name, nil)
	require.NoFileExists(t, filepath.Join(name, "data", "raw", "left.parquet"))
}

// TestBackup: a backup has it all, also the past; the next one copies what is new, and
// a restored lake goes on with the same key.
func TestBackup(t *testing.T) {
	name := filepath.Join(t.TempDir(), "test.lake")
	raw := ingested(t, name, nil)
	to := filepath.Join(t.TempDir(), "backup")
	first := must(t, "backup", name, map[string]any{"to": to})
	require.Equal(t, first.column(t, "n_files"), first.column(t, "n_new_files"))
	require.Equal(t, query(t, name, instancesSQL), query(t, to, instancesSQL), "a backup can be read")
	require.Len(t, must(t, "verify", to, nil), 2)
	require.Equal(t, []string{"0"}, must(t, "backup", name, map[string]any{"to": to}).column(t, "n_new_files"))
	write(t, name, "CREATE TABLE lake.main.x AS SELECT 1 AS a")
	require.Equal(t, []string{"1"}, must(t, "backup", name, map[string]any{"to": to}).column(t, "n_new_files"))

	again := filepath.Join(t.TempDir(), "again.lake")
	must(t, "restore", again, map[string]any{"from": to})
	require.Equal(t, must(t, "snapshots", name, nil), must(t, "snapshots", again, nil))
	require.Equal(t, query(t, name, instancesSQL), query(t, again, instancesSQL))
	for _, state := range must(t, "ingest", again, map[string]any{"paths": []string{filepath.Join(raw, "instances")}}).column(t, "state") {
		require.Contains(t, "unchanged skipped", state)
	}
	for _, file := range []string{"redaction.key"} {
		want, err := os.ReadFile(filepath.Join(name, file))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(again, file))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}

	for _, bad := range []struct {
		verb, lake string
		args       map[string]any
		kind       contract.Kind
		text       string
	}{
		{"restore", again, map[string]any{"from": to}, contract.Invalid, "already"},
		{"restore", again + "2", map[string]any{"from": raw}, contract.NotFound, "there is no backup here"},
		{"backup", name, map[string]any{"to": raw}, contract.Invalid, "holds other files"},
		{"backup", name, map[string]any{"to": name + "/x"}, contract.Invalid, "in the lake"},
		{"backup", name, map[string]any{"to": "s3://bucket/x"}, contract.Invalid, "a backup goes to a folder"},
		{"backup", again + "2", map[string]any{"to": to}, contract.NotFound, "there is no lake here"},
	} {
		_, err := call(t, bad.verb, bad.lake, bad.args)
		fails(t, bad.kind, err, bad.text)
	}
	files, err := filepath.Glob(filepath.Join(to, "data", "raw", "_choices", "*.parquet"))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(files[0], 10))
	_, err = call(t, "restore", again+"3", map[string]any{"from": to})
	fails(t, contract.Invalid, err, "SHA-256 differs", "nothing was restored")
	require.NoDirExists(t, again+"3")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(again), ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, []string{"1"}, must(t, "backup", name, map[string]any{"to": to}).column(t, "n_new_files"), "a damaged file is copied again")
}

// TestSharedBackup: a shared lake's backup is a lake in a folder, of which a shared
// one can be made again.
func TestSharedBackup(t *testing.T) {
	p := onS3(t)
	ingested(t, p.name, map[string]any{"data": p.data})
	want := query(t, p.name, instancesSQL)
	to := filepath.Join(t.TempDir(), "backup")
	must(t, "backup", p.name, map[string]any{"to": to})
	require.Equal(t, want, query(t, to, instancesSQL))
	require.Equal(t, must(t, "snapshots", p.name, nil), must(t, "snapshots", to, nil))
	require.Len(t, must(t, "verify", to, nil), 2)
	require.Len(t, must(t, "verify", p.name, nil), 2)

	other := onS3(t)
	_, err := callWith(t, "restore", other.name, map[string]any{"from": to}, map[string]any{"data": other.data})
	require.NoError(t, err)
	require.Equal(t, want, query(t, other.name, instancesSQL))
	require.Equal(t, admin(t, p.database, "SELECT key FROM ddcore.redaction_key"), admin(t, other.database, "SELECT key FROM ddcore.redaction_key"))
	write(t, other.name, "CREATE TABLE lake.main.x AS SELECT 1 AS a")
	require.Equal(t, "1", query(t, other.name, "FROM x")[1][0], "it goes on")
	_, err = call(t, "restore", p.name, map[string]any{"from": to})
	fails(t, contract.Invalid, err, "there is a lake already")

	must(t, "compact", p.name, nil)
	core.CloseIdle()
	require.Equal(t, []string{"1"}, must(t, "expire", p.name, map[string]any{"keep": 1}).column(t, "n_kept"))
	require.Equal(t, want, query(t, p.name, instancesSQL))
	require.Empty(t, must(t, "clean", p.name, nil)[1:])
	require.Len(t, must(t, "verify", p.name, nil), 2)
}
