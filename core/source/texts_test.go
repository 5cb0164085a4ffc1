package source

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ddcore/core/lake"
	"ddcore/core/sample"
	"ddcore/core/source/pydict"

	"github.com/stretchr/testify/require"
)

// TestTextsOfEveryEncoding: our reader of text columns gives what DuckDB gives,
// in files as several writers make them, and takes the usual ones.
func TestTextsOfEveryEncoding(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	_, err := sample.Generate(ctx, dir, sample.Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 2}, nil)
	require.NoError(t, err)
	made, err := filepath.Glob(filepath.Join(dir, "hf", "eval-results", "data", "train-*"))
	require.NoError(t, err)
	db, err := lake.OpenDB(ctx, lake.Options{Threads: 2})
	require.NoError(t, err)
	defer db.Close()
	c, err := db.Connect()
	require.NoError(t, err)
	defer c.Close()

	files := map[string]bool{made[0]: true} // does our reader take it?
	for options, ours := range map[string]bool{
		"COMPRESSION snappy": true, "COMPRESSION zstd": true, "COMPRESSION uncompressed": true, "COMPRESSION gzip": false,
		"COMPRESSION zstd, PARQUET_VERSION v2": false, "COMPRESSION snappy, ROW_GROUP_SIZE 2048": true, "COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 1": true,
	} {
		path := filepath.Join(dir, strings.NewReplacer(" ", "_", ",", "").Replace(options)+".parquet")
		require.NoError(t, c.Exec(ctx, "COPY (SELECT CASE WHEN range % 7 = 3 THEN NULL WHEN range % 3 = 0 THEN 'same' ELSE 'ä' || range END AS metrics, range AS step FROM range(5000)) TO "+lake.Quote(path)+" (FORMAT parquet, "+options+")"))
		files[path] = ours
	}
	for path, ours := range files {
		a := &action{stored: path, table: &RawTable{Dict: "metrics"}, file: &File{Path: path}}
		want := map[int64]string{}
		rows, err := c.Rows(ctx, "SELECT file_row_number::BIGINT, coalesce(metrics, 'null') FROM read_parquet("+lake.Quote(path)+", file_row_number = true)")
		require.NoError(t, err)
		for _, r := range rows {
			want[r[0].(int64)] = r[1].(string)
		}
		var mu sync.Mutex
		got := map[int64]string{}
		visit := func(_ *pydict.Parser, row int64, text string, isNull bool) {
			mu.Lock()
			defer mu.Unlock()
			if got[row] = strings.Clone(text); isNull {
				got[row] = "null"
			}
		}
		chunks, err := a.textChunks(ctx, c)
		require.NoError(t, err)
		err = a.readTexts(ctx, 2, chunks, visit)
		require.Equal(t, ours, err == nil, "%s: %v", path, err)
		require.NoError(t, a.eachText(ctx, c, 2, visit, func() { clear(got) }))
		require.Equal(t, want, got, path)
	}
}
