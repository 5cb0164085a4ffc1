package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// predictionsFile writes what the query gives into a file.
func predictionsFile(t testing.TB, lake, name, sql string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, "export", lake, map[string]any{"sql": sql, "to": path})
	return path
}

const (
	twoPredictions = "SELECT * FROM (VALUES ('mean', 'C4', 0.1::DOUBLE, 0.30000000000000004::DOUBLE), ('mean', 'Dolma1.7', NULL, 'nan'::DOUBLE)) AS t(model, recipe, actual, predicted)"
	savedColumns   = "SELECT name, snapshot, arguments FROM predictions.saved ORDER BY name"
)

// TestSavePredictions: they come back exactly, with how they were made; the same
// name replaces; a refusal changes nothing.
func TestSavePredictions(t *testing.T) {
	lake := build(t, makeSample(t, small))
	for i, name := range []string{"p.parquet", "p.csv"} {
		file := predictionsFile(t, lake, name, twoPredictions)
		saved := must(t, "save_predictions", lake, map[string]any{"predictions": file, "name": "mine", "read_at": 1, "config": `{"seed": 0}`})
		require.Equal(t, []string{"predictions.mine", "2", "1"}, saved[1], i)
		require.Equal(t, query(t, lake, twoPredictions), query(t, lake, "FROM predictions.mine"))
		require.Equal(t, rows{{"name", "snapshot", "arguments"}, {"mine", "1", `{"seed": 0}`}}, query(t, lake, savedColumns))
	}
	before := must(t, "snapshots", lake, nil)
	good := predictionsFile(t, lake, "p.parquet", twoPredictions)
	lacking := predictionsFile(t, lake, "p.csv", "SELECT 'a' AS model, 'high' AS predicted")
	torn := filepath.Join(t.TempDir(), "torn.parquet")
	require.NoError(t, os.WriteFile(torn, []byte("PAR1"), 0o666))
	for _, c := range []struct {
		args map[string]any
		kind contract.Kind
		says string
	}{
		{map[string]any{"predictions": good, "name": "A b"}, contract.Invalid, "is no name for a table"},
		{map[string]any{"predictions": good, "name": "saved"}, contract.Invalid, "is no name for a table"},
		{map[string]any{"predictions": good, "name": "x", "config": "{"}, contract.Invalid, "it is no JSON"},
		{map[string]any{"predictions": good, "name": "x", "read_at": 999}, contract.Invalid, "there is no snapshot 999"},
		{map[string]any{"predictions": good + ".txt", "name": "x"}, contract.Invalid, "its ending tells no format"},
		{map[string]any{"predictions": "none.csv", "name": "x"}, contract.NotFound, "none.csv"},
		{map[string]any{"predictions": lacking, "name": "x"}, contract.Invalid, "column predicted is VARCHAR"},
		{map[string]any{"predictions": torn, "name": "x"}, contract.Invalid, "torn.parquet"},
	} {
		_, err := call(t, "save_predictions", lake, c.args)
		fails(t, c.kind, err, c.says)
	}
	require.Equal(t, before, must(t, "snapshots", lake, nil))
	_, err := call(t, "save_predictions", filepath.Join(t.TempDir(), "none.lake"), map[string]any{"predictions": good, "name": "x"})
	fails(t, contract.NotFound, err, "there is no lake here")
}

// TestSharedSaved: what is saved in a shared lake lies in its place, not on this
// machine.
func TestSharedSaved(t *testing.T) {
	raw := filepath.Join(makeSample(t, small), "hf")
	eachShared(t, func(t *testing.T, p sharedPlace) {
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		p.make(t, raw)
		must(t, "curate", p.name, nil)
		features := must(t, "features", p.name, map[string]any{"window": []string{"50%"}, "stats": []string{"n"}, "save": "early"})
		require.Len(t, query(t, p.name, "FROM features.early"), len(features))
		must(t, "save_predictions", p.name, map[string]any{"predictions": predictionsFile(t, p.name, "p.csv", twoPredictions), "name": "mine"})
		require.Equal(t, query(t, p.name, twoPredictions), query(t, p.name, "FROM predictions.mine"))
		requireNoOrphansIn(t, p.name, p.files)
		left, err := filepath.Glob(filepath.Join(temp, "ddcore-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
}
