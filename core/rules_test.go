package core_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms in the order in which they may import: each only what stands after it.
var rooms = []string{"cmd", "capi", "core", "core/feature", "core/decide", "core/curate", "core/source", "core/redact", "core/lake", "core/sample", "core/tablefile", "core/inflate", "core/jsontext", "core/decimal", "core/hub", "core/contract", "core/workers"}

// TestImports holds the project's rules on imports, each with its reason.
func TestImports(t *testing.T) {
	for path, imports := range sources(t) {
		room := roomOf(path)
		isTest := strings.HasSuffix(path, "_test.go")
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported, "ddcore/"); ok {
				require.LessOrEqual(t, slices.Index(rooms, room), slices.Index(rooms, roomOf(own+"/x.go")), "%s imports %s: data flows one way through the rooms", path, imported)
				require.False(t, (room == "cmd" || room == "capi") && own != "core" && own != "core/contract" && roomOf(own+"/x.go") != room && (!isTest || own != "core/hub/hubtest"), "%s imports %s: a face calls core only", path, imported)
			}
			require.False(t, imported == "C" && room != "capi", "%s imports C: capi is the border, and has no logic", path)
			require.False(t, strings.Contains(imported, "arrow/cdata") && room != "capi", "%s imports cdata: only capi hands memory over", path)
			require.False(t, strings.Contains(imported, "duckdb-go") && room != "core/lake", "%s imports DuckDB: core/lake is the only package that knows it", path)
			require.False(t, imported == "os/signal" && room != "cmd", "%s imports os/signal: a library must leave Python's signal handlers alone", path)
			require.False(t, strings.Contains(imported, "arrow-go/v18/parquet") && !isTest, "%s imports arrow-go's Parquet: it adds 20 MB to each binary; use core/tablefile", path)
		}
	}
}

// TestNoMachineInTheSources: no path of a machine, no address of a registry.
func TestNoMachineInTheSources(t *testing.T) {
	words := []string{"/" + "root/", "/" + "work/", "/" + "tmp/", "@" + "gmail", "proxy." + "golang"}
	for path := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", path))
		require.NoError(t, err)
		for _, w := range words {
			require.NotContains(t, string(text), w, path)
		}
	}
}

// TestShortFiles: a file that outgrows 500 lines wants to be two.
func TestShortFiles(t *testing.T) {
	for path := range sources(t) {
		text, err := os.ReadFile(filepath.Join("..", path))
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 500, path)
	}
}

func roomOf(path string) string {
	best := ""
	for _, r := range rooms {
		if strings.HasPrefix(path, r+"/") && len(r) > len(best) {
			best = r
		}
	}
	return best
}

// sources gives the imports of every Go file, by its path from the top.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, top := range []string{"cmd", "capi", "core"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", top), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			require.NoError(t, err)
			rel, err := filepath.Rel("..", path)
			require.NoError(t, err)
			var imports []string
			for _, i := range f.Imports {
				name, err := strconv.Unquote(i.Path.Value)
				require.NoError(t, err)
				imports = append(imports, name)
			}
			out[filepath.ToSlash(rel)] = imports
			return nil
		}))
	}
	require.NotEmpty(t, out)
	return out
}
