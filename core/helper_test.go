package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

// rows is a result as text: a header line and a line per row.
type rows [][]string

func (r rows) column(t testing.TB, name string) []string {
	t.Helper()
	for k, header := range r[0] {
		if header == name {
			var out []string
			for _, row := range r[1:] {
				out = append(out, row[k])
			}
			return out
		}
	}
	t.Fatalf("no column %s in %v", name, r[0])
	return nil
}

// csv writes the rows with | between cells.
func (r rows) csv() string {
	var b strings.Builder
	for _, row := range r {
		b.WriteString(strings.Join(row, "|") + "\n")
	}
	return b.String()
}

func call(t testing.TB, verb, lake string, args map[string]any) (rows, error) {
	t.Helper()
	return callWith(t, verb, lake, args, nil)
}

func callWith(t testing.TB, verb, lake string, args, options map[string]any) (rows, error) {
	t.Helper()
	request, err := json.Marshal(map[string]any{"verb": verb, "lake": lake, "args": args, "options": options})
	require.NoError(t, err)
	result, err := core.Call(context.Background(), request, nil)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	return collect(result)
}

func collect(result *core.Result) (rows, error) {
	out := rows{{}}
	for _, f := range result.Schema().Fields() {
		out[0] = append(out[0], f.Name)
	}
	err := result.Each(context.Background(), func(b arrow.RecordBatch) error {
		for i := range int(b.NumRows()) {
			row := make([]string, b.NumCols())
			for k := range row {
				row[k] = strings.Clone(b.Column(k).ValueStr(i)) // the batch's memory does not last
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

func must(t testing.TB, verb, lake string, args map[string]any) rows {
	t.Helper()
	r, err := call(t, verb, lake, args)
	require.NoError(t, err)
	return r
}

func query(t testing.TB, lake, sql string, params ...any) rows {
	t.Helper()
	return must(t, "sql", lake, map[string]any{"sql": sql, "params": params})
}

// fails expects an error of a kind whose text holds all the parts.
func fails(t testing.TB, kind contract.Kind, err error, parts ...string) *contract.Error {
	t.Helper()
	var e *contract.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, kind, e.Kind, "%v", err)
	for _, p := range parts {
		require.Contains(t, e.Error(), p)
	}
	return e
}

// small is a sample that builds in about a second.
var small = sample.Options{Sizes: []string{"4M", "1B"}, Recipes: []string{"C4", "DCLM-Baseline (QC 7%, FW2)"}, Steps: 1, Checkpoints: -1, Models: -1}

// whole is the same with archives of instances and dumps of OLMES, for what looks
// at every table.
var whole = func() sample.Options {
	o := small
	o.Checkpoints, o.Models = 0, 0
	return o
}()

func makeSample(t testing.TB, o sample.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "raw")
	_, err := sample.Generate(context.Background(), dir, o, nil)
	require.NoError(t, err)
	return dir
}

// build ingests folders into a new lake and curates it.
func build(t testing.TB, paths ...string) string {
	t.Helper()
	lake := filepath.Join(t.TempDir(), "test.lake")
	must(t, "ingest", lake, map[string]any{"paths": paths})
	must(t, "curate", lake, nil)
	return lake
}

// realData gives the folder of the real samples, or skips: they are not part
// of the project.
func realData(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DDCORE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "hf")); err != nil {
		t.Skip("no real data: set DDCORE_DATA to its folder")
	}
	abs, err := filepath.Abs(dir)
	require.NoError(t, err)
	return abs
}

// scratch runs SQL on a DuckDB of its own, to make input files.
func scratch(t testing.TB, lake, sql string, args ...any) {
	t.Helper()
	_, err := call(t, "sql", lake, map[string]any{"sql": fmt.Sprintf(sql, args...)})
	require.NoError(t, err)
}

// shared is a curated lake of the whole sample, for tests that only read.
var shared = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "ddcore-test")
	if err != nil {
		panic(err)
	}
	sharedDir = dir
	if _, err := sample.Generate(context.Background(), filepath.Join(dir, "raw"), whole, nil); err != nil {
		panic(err)
	}
	lake := filepath.Join(dir, "test.lake")
	for _, request := range []map[string]any{
		{"verb": "ingest", "lake": lake, "args": map[string]any{"paths": []string{filepath.Join(dir, "raw")}}},
		{"verb": "curate", "lake": lake},
	} {
		text, _ := json.Marshal(request)
		result, err := core.Call(context.Background(), text, nil)
		if err != nil {
			panic(err)
		}
		result.Close()
	}
	return lake
})

var sharedDir string

func TestMain(m *testing.M) {
	flag.Parse()
	if child := os.Getenv("DDCORE_TEST_CHILD"); child != "" {
		runChild(child)
		return
	}
	code := m.Run()
	core.CloseIdle()
	os.RemoveAll(sharedDir)
	os.Exit(code)
}

// curated lists the tables of main.
func curated() []string {
	var names []string
	for _, t := range contract.AllTables() {
		names = append(names, t.Name)
	}
	return names
}
