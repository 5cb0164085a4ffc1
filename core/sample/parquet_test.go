package sample

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, path string) *file.Reader {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

// texts reads a text column without nulls.
func texts(t *testing.T, r *file.Reader, column string) []string {
	t.Helper()
	var out []string
	for g := range r.NumRowGroups() {
		chunk, err := r.RowGroup(g).Column(r.MetaData().Schema.ColumnIndexByName(column))
		require.NoError(t, err)
		n := r.MetaData().RowGroup(g).NumRows()
		values := make([]parquet.ByteArray, n)
		_, read, err := chunk.(*file.ByteArrayColumnChunkReader).ReadBatch(n, values, make([]int16, n), nil)
		require.NoError(t, err)
		require.Equal(t, int(n), read)
		for _, v := range values {
			out = append(out, string(v))
		}
	}
	return out
}

// doubles reads a double column; nulls are left out.
func doubles(t *testing.T, r *file.Reader, column string) []float64 {
	t.Helper()
	var out []float64
	for g := range r.NumRowGroups() {
		chunk, err := r.RowGroup(g).Column(r.MetaData().Schema.ColumnIndexByName(column))
		require.NoError(t, err)
		n := r.MetaData().RowGroup(g).NumRows()
		values := make([]float64, n)
		_, read, err := chunk.(*file.Float64ColumnChunkReader).ReadBatch(n, values, make([]int16, n), nil)
		require.NoError(t, err)
		out = append(out, values[:read]...)
	}
	return out
}

func TestFilesHoldWhatThePlanSays(t *testing.T) {
	dir, files := generate(t, small)
	for _, f := range files {
		if filepath.Ext(f.Path) != ".parquet" {
			continue
		}
		r := open(t, filepath.Join(dir, f.Path))
		assert.Equal(t, f.Rows, r.NumRows(), f.Path)
		group := r.MetaData().RowGroup(0)
		column, err := group.ColumnChunk(group.NumColumns() - 1)
		require.NoError(t, err)
		assert.Equal(t, compress.Codecs.Snappy, column.Compression(), f.Path)
	}
	p := mustPlan(t, small)
	rows := slices.Collect(p.evalRows())
	var metrics []string
	for _, f := range files[:2] {
		metrics = append(metrics, texts(t, open(t, filepath.Join(dir, f.Path)), "metrics")...)
	}
	require.Len(t, metrics, len(rows))
	for i, row := range rows {
		v := p.model.measure(row.checkpoint, row.task)
		shown := shownKeys(keySetOf(row.size, row.recipe), row.task.conditional)
		require.Equal(t, string(pythonRepr.appendDict(nil, &v, shown)), metrics[i])
	}
}

func TestOneStepFitsLackTheTaskLoss(t *testing.T) {
	dir, files := generate(t, small)
	r := open(t, filepath.Join(dir, files[3].Path))
	setups := texts(t, r, "setup")
	oneStep := 0
	for _, s := range setups {
		if strings.Contains(s, "1_step") {
			oneStep++
		}
	}
	assert.Equal(t, len(setups)/5, oneStep)
	for _, column := range []string{"step_1_y", "step_1_pred", "abs_error_step_1"} {
		assert.Len(t, doubles(t, r, column), len(setups)-oneStep, column)
	}
	for _, column := range []string{"stacked_y", "stacked_pred", "rel_error_stacked", "decision_acc"} {
		assert.Len(t, doubles(t, r, column), len(setups), column)
	}
}

func TestSingleRecipeHasNoDecisionAccuracy(t *testing.T) {
	dir, files := generate(t, Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 1})
	assert.Empty(t, doubles(t, open(t, filepath.Join(dir, files[3].Path)), "decision_acc"))
}

// realData is the folder with real samples; tests that need it are skipped
// elsewhere.
func realData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DDCORE_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	if _, err := os.Stat(filepath.Join(dir, "hf")); err != nil {
		t.Skipf("no real sample in %s; set DDCORE_DATA", dir)
	}
	return dir
}

func TestSchemasEqualTheRealSample(t *testing.T) {
	data := realData(t)
	dir := t.TempDir()
	_, err := Generate(t.Context(), dir, Options{Sizes: []string{"4M"}, Recipes: []string{"C4"}, Steps: 1}, nil)
	require.NoError(t, err)
	for ours, real := range map[string]string{
		"hf/eval-results/data/train-00000-of-00002.parquet": "hf/eval-results/data/train-00000-of-00002.parquet",
		"hf/ppl-results/data/train-00000-of-00001.parquet":  "hf/ppl-results/data/train-00000-of-00001.parquet",
	} {
		a, b := open(t, filepath.Join(dir, ours)), open(t, filepath.Join(data, real))
		require.True(t, a.MetaData().Schema.Equals(b.MetaData().Schema), "%s: %s", ours, a.MetaData().Schema)
	}
}

// TestRowsLookLikeTheRealSample compares, for the runs of the real sample, all
// columns but the numbers in metrics, and checks the numbers of instances.
func TestRowsLookLikeTheRealSample(t *testing.T) {
	data := realData(t)
	number := regexp.MustCompile(`: [^,}]+`)
	accuracy := regexp.MustCompile(`'acc_raw': ([^,}]+)`)
	p := mustPlan(t, Options{Full: true, Sizes: []string{"4M", "150M"}, Recipes: []string{"C4", "Dolma1.7"}, Seeds: []string{"default"}})
	var ours []result
	for r := range p.evalRows() {
		if r.size.label == "150M" && r.recipe.name == "C4" && r.step <= 10_000 || r.size.label == "4M" && r.recipe.name == "Dolma1.7" {
			ours = append(ours, r)
		}
	}
	i := 0
	for _, name := range []string{"train-00000-of-00002.parquet", "train-00001-of-00002.parquet"} {
		r := open(t, filepath.Join(data, "hf/eval-results/data", name))
		tasks, steps, metrics := texts(t, r, "task"), doubles(t, r, "step"), texts(t, r, "metrics")
		tokens, compute := doubles(t, r, "tokens"), doubles(t, r, "compute")
		for j := range tasks {
			row := ours[i]
			i++
			require.Equal(t, tasks[j], row.task.name)
			require.Equal(t, steps[j], float64(row.step))
			require.Equal(t, tokens[j], row.size.tokens(row.step))
			require.Equal(t, compute[j], 6*row.size.params*row.size.tokens(row.step))
			v := p.model.measure(row.checkpoint, row.task)
			dict := string(pythonRepr.appendDict(nil, &v, shownKeys(keySetOf(row.size, row.recipe), row.task.conditional)))
			require.Equal(t, number.ReplaceAllString(metrics[j], ""), number.ReplaceAllString(dict, ""))
			correct := parseFloat(t, accuracy.FindStringSubmatch(metrics[j])[1]) * float64(row.task.n)
			require.InDelta(t, math.Round(correct), correct, 1e-7, "%s has not %d instances", row.task.name, row.task.n)
		}
	}
	assert.Equal(t, len(ours), i)
}

func parseFloat(t *testing.T, text string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return f
}
