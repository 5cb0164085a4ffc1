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

// TestDiff: each kind of difference is found where it is, exactly, and nothing else.
func TestDiff(t *testing.T) {
	local := filepath.Join(t.TempDir(), "test.lake")
	write(t, local, `CREATE SCHEMA lake.features; CREATE TABLE lake.features.f AS SELECT 1 AS x, 'nan'::DOUBLE AS y;
		CREATE TABLE lake.features.gone AS SELECT 1 AS x;
		CREATE TABLE lake.main.model_sizes AS SELECT * FROM (VALUES ('4M', 'nan'::DOUBLE), ('150M', NULL), ('1B', 0.0022382354832751615)) AS t(params, lr_max);
		CREATE TABLE lake.main.recipes AS SELECT * FROM (VALUES ('Dolma1.7', 1), ('C4', 2)) AS t(recipe, n);
		CREATE TABLE lake.main.tasks AS SELECT 'piqa' AS task, 'olmes' AS suite;
		CREATE VIEW lake.main.some_view AS SELECT * FROM main.recipes`)
	copied := filepath.Join(t.TempDir(), "copy.lake")
	require.NoError(t, os.CopyFS(copied, os.DirFS(local)))
	diff := func(a, b string, args map[string]any) rows {
		if args == nil {
			args = map[string]any{}
		}
		args["other"] = b
		return must(t, "diff", a, args)[1:]
	}
	require.Empty(t, diff(local, local, map[string]any{"tables": []string{"recipes", "features.f", "some_view"}}))

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

	other := filepath.Join(t.TempDir(), "other.lake")
	write(t, other, "CREATE TABLE lake.main.recipes AS SELECT 'Falcon' AS recipe, 3 AS n")
	require.Equal(t, rows{
		{"main", "recipes", "", "rows removed", "2", "recipe C4; recipe Dolma1.7"},
		{"main", "recipes", "", "rows added", "1", "recipe Falcon"},
	}, diff(local, other, map[string]any{"tables": []string{"recipes"}}), "no row is on both sides")
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

// TestDiffNothingInCommon: sides without rows, and without a row in common, have no
// values to compare.
func TestDiffNothingInCommon(t *testing.T) {
	local := filepath.Join(t.TempDir(), "test.lake")
	write(t, local, "CREATE TABLE lake.main.recipes (recipe VARCHAR, n BIGINT); CREATE TABLE lake.main.tasks (task VARCHAR, n BIGINT)")
	write(t, local, "INSERT INTO lake.main.recipes VALUES ('C4', 1)")
	write(t, local, "DELETE FROM lake.main.recipes; INSERT INTO lake.main.recipes VALUES ('Falcon', 1)")
	last := len(must(t, "snapshots", local, nil)) - 2
	removed, added := []string{"main", "recipes", "", "rows removed", "1", "recipe Falcon"}, []string{"main", "recipes", "", "rows added", "1", "recipe C4"}
	require.Equal(t, rows{removed, added}, must(t, "diff", local, map[string]any{"other_snapshot": last - 1})[1:])
	require.Equal(t, rows{removed}, must(t, "diff", local, map[string]any{"other_snapshot": last - 2})[1:], "the other side is empty")
}

// TestDiffWide: tables of more columns than one join compares.
func TestDiffWide(t *testing.T) {
	local := filepath.Join(t.TempDir(), "test.lake")
	columns := make([]string, 450)
	for i := range columns {
		columns[i] = fmt.Sprintf("n::DOUBLE AS c%d", i)
	}
	write(t, local, "CREATE TABLE lake.main.recipes AS SELECT 'r' || n AS recipe, "+strings.Join(columns, ", ")+" FROM range(5) AS t(n)")
	last := len(must(t, "snapshots", local, nil)) - 2
	write(t, local, "UPDATE lake.main.recipes SET c3 = 7, c449 = NULL WHERE recipe = 'r2'")
	found := must(t, "diff", local, map[string]any{"other_snapshot": last})
	require.Equal(t, rows{{"main", "recipes", "c3", "changed", "1", "recipe r2: 7.0 -> 2.0"}, {"main", "recipes", "c449", "changed", "1", "recipe r2: null -> 2.0"}}, found[1:])
}
