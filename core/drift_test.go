package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// TestDrift: against what the change did by hand.
func TestDrift(t *testing.T) {
	raw := makeSample(t, small)
	lake := build(t, raw)
	before := must(t, "snapshots", lake, nil).column(t, "snapshot")
	since := len(before) - 1
	_, err := call(t, "drift", lake, map[string]any{"since": since})
	fails(t, contract.Invalid, err, "is not before snapshot")
	require.NotContains(t, must(t, "drift", lake, map[string]any{"since": 1}).column(t, "is_breach"), "true", "new tables are no breach")
	_, err = call(t, "drift", lake, map[string]any{"since": 1, "tables": []string{"recips"}})
	fails(t, contract.NotFound, err, "recipes")

	// Perplexities ten times as high, and one row less.
	ppl, err := filepath.Glob(filepath.Join(raw, "hf", "ppl-results", "data", "*.parquet"))
	require.NoError(t, err)
	changed := filepath.Join(t.TempDir(), "ppl.parquet")
	scratch(t, lake, `COPY (SELECT * REPLACE ("eval/pile-validation/Perplexity" * 10 AS "eval/pile-validation/Perplexity") FROM read_parquet('%s') OFFSET 1) TO '%s' (FORMAT parquet)`, ppl[0], changed)
	require.NoError(t, os.Rename(changed, ppl[0]))
	must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
	must(t, "curate", lake, nil)

	found := must(t, "drift", lake, map[string]any{"since": since, "tables": []string{"perplexity"}})
	require.Equal(t, []string{"table_name", "column_name", "check", "before", "after", "change", "limit", "is_breach"}, found[0])
	rows := query(t, lake, "SELECT count(*), count(*) + 1 FROM perplexity")[1]
	require.Equal(t, []string{"perplexity", "(null)", "rows", rows[1], rows[0]}, found[1][:5])
	require.Equal(t, "true", found[1][7])
	moved := func(limit float64) string {
		for _, row := range must(t, "drift", lake, map[string]any{"since": since, "tables": []string{"perplexity"}, "max_shift": limit})[1:] {
			if row[1] == "pile-valppl" && row[2] == "mean" {
				return row[7]
			}
		}
		return "none"
	}
	require.Equal(t, "true", moved(1))
	require.Equal(t, "false", moved(1000))
	relaxed := must(t, "drift", lake, map[string]any{"since": since, "tables": []string{"perplexity"}, "max_rows_lost": 0.5})
	require.Equal(t, "false", relaxed[1][7])

	// All tables, the widest too; those that nothing changed in are not there.
	tables := must(t, "drift", lake, map[string]any{"since": since}).column(t, "table_name")
	require.Contains(t, tables, "full_eval")
	require.NotContains(t, tables, "evals")
	for _, name := range tables {
		require.NotEqual(t, "instances", name, "a view")
	}
}
