package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// TestDiff: each kind of difference is found where it is, exactly, and nothing else.
func TestDiff(t *testing.T) {
	local := build(t, makeSample(t, small))
	write(t, local, `CREATE SCHEMA lake.features; CREATE TABLE lake.features.f AS SELECT 1 AS x, 'nan'::DOUBLE AS y;
		CREATE TABLE lake.features.gone AS SELECT 1 AS x`)
	copied := filepath.Join(t.TempDir(), "copy.lake")
	require.NoError(t, os.CopyFS(copied, os.DirFS(local)))
	diff := func(a, b string, args map[string]any) rows {
		if args == nil {
			args = map[string]any{}
		}
		args["other"] = b
		return must(t, "diff", a, args)[1:]
	}
	require.Empty(t, diff(local, local, map[string]any{"tables": []string{"evals", "raw.files", "instances"}}))

	before := must(t, "snapshots", copied, nil)
	write(t, copied, `
		UPDATE lake.main.model_sizes SET lr_max = lr_max * (1 + 2.3e-16) WHERE params = '1B';
		DELETE FROM lake.main.recipes WHERE recipe = 'C4';
		INSERT INTO lake.main.recipes SELECT * REPLACE ('New' AS recipe) FROM lake.main.recipes LIMIT 1;
		INSERT INTO lake.features.f VALUES (1, 'nan'), (2, NULL);
		DROP TABLE lake.features.gone; CREATE TABLE lake.features.fresh AS SELECT 1 AS a;
		ALTER TABLE lake.main.tasks ADD COLUMN extra INTEGER; ALTER TABLE lake.main.tasks DROP COLUMN suite`)
	found := diff(local, copied, nil)
	lr := query(t, local, "SELECT lr_max::VARCHAR FROM model_sizes WHERE params = '1B'")[1][0]
	next := query(t, copied, "SELECT lr_max::VARCHAR FROM model_sizes WHERE params = '1B'")[1][0]
	require.NotEqual(t, lr, next)
	want := rows{
		{"features", "f", "", "rows added", "2", `{"x":1,"y":NaN}; {"x":2,"y":null}`},
		{"features", "fresh", "", "table added", "1", ""},
		{"features", "gone", "", "table removed", "1", ""},
		{"main", "model_sizes", "lr_max", "changed", "1", "params 1B: " + lr + " -> " + next},
		{"main", "recipes", "", "rows removed", "1", "recipe C4"},
		{"main", "recipes", "", "rows added", "1", "recipe New"},
		{"main", "tasks", "suite", "column removed", "1", ""},
		{"main", "tasks", "extra", "column added", "1", ""},
	}
	require.Equal(t, want, found)
	mine := map[string]any{"tables": []string{"features.f", "recipes", "model_sizes"}}
	require.Len(t, diff(copied, local, mine), 4, "the other way round")
	require.Len(t, diff(local, copied, map[string]any{"tables": []string{"recipes"}, "examples": 1}), 2)

	last := len(before) - 2 // the number of the snapshot before
	past := must(t, "diff", copied, map[string]any{"other_snapshot": last, "tables": mine["tables"]})
	require.Equal(t, diff(copied, local, mine), past[1:], "two snapshots of one lake")

	for _, bad := range []struct {
		args map[string]any
		kind contract.Kind
		text string
	}{
		{nil, contract.Invalid, "nothing to compare with"},
		{map[string]any{"other_snapshot": -1}, contract.Invalid, "negative"},
		{map[string]any{"other_snapshot": 99}, contract.NotFound, "snapshot 99"},
		{map[string]any{"other": "nothing.lake"}, contract.NotFound, "there is no lake here"},
		{map[string]any{"other": copied, "tables": []string{"x"}}, contract.NotFound, "main.x"},
	} {
		_, err := call(t, "diff", local, bad.args)
		fails(t, bad.kind, err, bad.text)
	}
}

// TestDiffWide: tables of more columns than one join compares.
func TestDiffWide(t *testing.T) {
	local := build(t, makeSample(t, small))
	copied := filepath.Join(t.TempDir(), "copy.lake")
	require.NoError(t, os.CopyFS(copied, os.DirFS(local)))
	write(t, copied, `UPDATE lake.main.full_eval SET mmlu_average_acc_raw = 0.5 WHERE step = 0 AND params = '4M'`)
	found := must(t, "diff", local, map[string]any{"other": copied, "examples": 1, "tables": []string{"full_eval"}})[1:]
	require.Len(t, found, 1)
	require.Equal(t, []string{"main", "full_eval", "mmlu_average_acc_raw", "changed"}, found[0][:4])
}
