package sample

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddcore/core/contract"
)

// small is a quick sample with the smallest and the largest size.
var small = Options{Sizes: []string{"1B", "4M"}, Recipes: []string{"C4", "Dolma1.7"}, Steps: 2, Models: 1}

func generate(t *testing.T, o Options) (dir string, files []File) {
	t.Helper()
	dir = t.TempDir()
	files, err := Generate(t.Context(), dir, o, nil)
	require.NoError(t, err)
	return dir, files
}

// filesBelow lists the files below dir, not the folders.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	}))
	return names
}

func TestSameOptionsGiveTheSameBytes(t *testing.T) {
	first, files := generate(t, small)
	second, again := generate(t, small)
	other := small
	other.Seed = 1
	third, _ := generate(t, other)

	require.Equal(t, files, again)
	require.Len(t, files, 31+len(ladderRuns))
	for _, f := range files {
		a, err := os.ReadFile(filepath.Join(first, f.Path))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(second, f.Path))
		require.NoError(t, err)
		c, err := os.ReadFile(filepath.Join(third, f.Path))
		require.NoError(t, err)
		assert.Equal(t, f.Bytes, int64(len(a)), f.Path)
		assert.True(t, string(a) == string(b), "%s differs between two runs", f.Path)
		assert.True(t, string(a) != string(c) || filepath.Base(f.Path) == "metrics.jsonl", "%s does not depend on the seed", f.Path)
	}
}

func TestProgressReachesTheTotal(t *testing.T) {
	var last, total int64
	files, err := Generate(t.Context(), t.TempDir(), small, func(done, all int64, _ string) {
		assert.Greater(t, done, last)
		last, total = done, all
	})
	require.NoError(t, err)
	var rows int64
	for _, f := range files {
		rows += f.Rows
	}
	assert.Equal(t, rows, last)
	assert.Equal(t, rows, total)
}

func TestCancelledRunLeavesNoFiles(t *testing.T) {
	t.Run("before the start", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		dir := t.TempDir()
		_, err := Generate(ctx, dir, small, nil)
		assert.Equal(t, contract.Cancelled, contract.AsError(err).Kind)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, filesBelow(t, dir))
	})
	t.Run("after some files", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		_, err := Generate(ctx, dir, small, func(_, _ int64, what string) {
			if filepath.Base(what) == "macro_avg-00000-of-00001.parquet" {
				cancel()
			}
		})
		assert.Equal(t, contract.Cancelled, contract.AsError(err).Kind)
		assert.Empty(t, filesBelow(t, dir))
	})
}

func TestFilesOfOthersAreKept(t *testing.T) {
	dir, _ := generate(t, small)
	before := filesBelow(t, dir)
	_, err := Generate(t.Context(), dir, Options{Seed: 9}, nil)
	require.Error(t, err)
	assert.Equal(t, contract.Invalid, contract.AsError(err).Kind)
	assert.Contains(t, err.Error(), "not empty")
	assert.Equal(t, before, filesBelow(t, dir))
}

func TestWriteErrorNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hf"), nil, 0o600)) // a file where a folder should be
	_, err := Generate(t.Context(), dir, small, nil)
	var e *contract.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, contract.IO, e.Kind)
	assert.Contains(t, e.Target, "eval-results")
}

func TestFailedRenameUndoesTheOthers(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	blocked := filepath.Join(dir, "hf/ppl-results/data/train-00000-of-00001.parquet")
	_, err := Generate(ctx, dir, small, func(done, total int64, _ string) {
		if done == total { // all is written, nothing has its final name yet
			assert.NoError(t, os.MkdirAll(filepath.Join(blocked, "x"), 0o755))
		}
	})
	var e *contract.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, contract.IO, e.Kind)
	assert.Empty(t, filesBelow(t, dir))
}

func TestInvalidOptions(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		says []string
	}{
		"size":         {Options{Sizes: []string{"150m"}}, []string{`size "150m"`, "150M"}},
		"recipe":       {Options{Recipes: []string{"C4", "Dolma 1.7"}}, []string{`recipe "Dolma 1.7"`, "Dolma1.7"}},
		"seed":         {Options{Seeds: []string{"small aux 4"}}, []string{"small aux 2", "small aux 3"}},
		"no such seed": {Options{Seeds: []string{"small aux 2"}}, []string{"size 1B", "large aux 2"}},
		"steps":        {Options{Steps: -1}, []string{"negative"}},
		"history rows": {Options{FTRows: -1}, []string{"negative"}},
		"full steps":   {Options{Full: true, Steps: 3}, []string{"full shape"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Generate(t.Context(), dir, c.o, nil)
			var e *contract.Error
			require.True(t, errors.As(err, &e))
			assert.Equal(t, contract.Invalid, e.Kind)
			for _, text := range c.says {
				assert.Contains(t, err.Error(), text)
			}
			assert.Empty(t, filesBelow(t, dir))
		})
	}
}
