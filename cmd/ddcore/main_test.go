package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/cli.md")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ddcore": main})
}

// TestScripts runs testdata/script/*.txtar, with the test binary as ddcore.
func TestScripts(t *testing.T) {
	requireExtensions(t)
	prepared := prepare(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", os.Getenv("HOME")) // DuckDB's own folder may have the extensions
			env.Setenv("DDCORE_EXTENSION_DIR", os.Getenv("DDCORE_EXTENSION_DIR"))
			env.Values["env"] = env
			return nil
		},
		Cmds: commands(prepared),
	})
}

// TestEveryVerbAndErrorHasAScript: what can be asked for, and what can go wrong
// (but for bugs), is tried.
func TestEveryVerbAndErrorHasAScript(t *testing.T) {
	for _, v := range core.Verbs {
		require.FileExists(t, filepath.Join("testdata", "script", v.Name+".txtar"))
	}
	for _, k := range contract.Kinds {
		if k.Kind != contract.Internal {
			require.FileExists(t, filepath.Join("testdata", "script", "error_"+string(k.Kind)+".txtar"))
		}
	}
}

// requireExtensions says how to run the tests where DuckDB's extensions are
// not found.
func requireExtensions(t *testing.T) {
	t.Helper()
	t.Setenv(lakeVariable, "")
	code, stdout, stderr := runApp(t, "doctor", "-o", "csv")
	require.Zero(t, code, stderr)
	require.NotContains(t, stdout, "missing", "DuckDB's extensions are needed: run `make test`, or set DDCORE_EXTENSION_DIR to the site-packages that has duckdb_extension_ducklake")
}

// prepare makes raw files and a curated lake of them, which the scripts copy.
func prepare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"sample", "raw", "--sizes", "4M,1B", "--recipes", "C4", "--recipes", "DCLM-Baseline (QC 7%, FW2)", "--steps", "1"},
		{"ingest", "--lake", "my.lake", "raw"},
		{"curate", "--lake", "my.lake"},
	} {
		cmd := exec.Command("ddcore", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return dir
}

// runApp runs a command line in this process.
func runApp(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errors collector
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errors}
	code = a.run(t.Context(), args)
	return code, out.String(), errors.String()
}
