package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"ddcore/core/contract"
)

// FindExtension looks for the binary of a DuckDB extension: in o.ExtensionDirs,
// in DDCORE_EXTENSION_DIR (a list of folders), beside the program (where the
// Python wheels of the extensions lie too), and in DuckDB's own folder.
// It gives the path and the folders that were searched.
func FindExtension(o Options, name string) (path string, searched []string) {
	file := name + ".duckdb_extension"
	for _, dir := range extensionDirs(o) {
		candidates := []string{
			filepath.Join(dir, file),
			filepath.Join(dir, "duckdb_extension_"+name, "extensions", DuckDBVersion, file),
		}
		for _, c := range candidates {
			if _, err := os.Stat(c); err == nil {
				return c, searched
			}
		}
		searched = append(searched, dir)
	}
	return "", searched
}

func extensionDirs(o Options) []string {
	dirs := append([]string{}, o.ExtensionDirs...)
	dirs = append(dirs, filepath.SplitList(os.Getenv("DDCORE_EXTENSION_DIR"))...)
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		// In the wheel the program is site-packages/ddcore/bin/ddcore, and the
		// extension wheels lie beside ddcore in site-packages.
		here := filepath.Dir(exe)
		dirs = append(dirs, here, filepath.Dir(filepath.Dir(here)))
	}
	if home, err := os.UserHomeDir(); err == nil {
		platform := runtime.GOOS + "_" + runtime.GOARCH
		dirs = append(dirs, filepath.Join(home, ".duckdb", "extensions", DuckDBVersion, platform))
	}
	return dirs
}

func (db *DB) loadExtensions(ctx context.Context, o Options, names []string) error {
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, name := range names {
		path, _ := FindExtension(o, name)
		if path == "" {
			return &contract.Error{
				Kind: contract.NotFound, Op: "load DuckDB extension", Target: name,
				Err: fmt.Errorf("no %s.duckdb_extension for DuckDB %s was found", name, DuckDBVersion),
				Hint: fmt.Sprintf("pip install duckdb-extension-%s==%s, or set DDCORE_EXTENSION_DIR to the folder that holds it; `ddcore doctor` lists what was searched",
					strings.ReplaceAll(name, "_", "-"), strings.TrimPrefix(DuckDBVersion, "v")),
			}
		}
		if err := c.Exec(ctx, "LOAD "+Quote(path)); err != nil {
			var e *contract.Error
			if errors.As(err, &e) {
				e.Hint = "the extension must be built for DuckDB " + DuckDBVersion
			}
			return fmt.Errorf("load extension %s: %w", name, err)
		}
	}
	return nil
}
