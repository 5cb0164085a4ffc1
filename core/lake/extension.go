package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/workers"
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
		dirs = append(dirs, filepath.Join(home, ".duckdb", "extensions", DuckDBVersion, platform()))
	}
	return dirs
}

// platform is DuckDB's word for it.
func platform() string { return runtime.GOOS + "_" + runtime.GOARCH }

// digests are SHA-256 of extension binaries as their publisher signed them, of
// DuckDBVersion. DuckDB's own check of a signature hashes in software, 0.4 CPU
// seconds for both; the processor's instructions take 0.05. A file that is none
// of these, of another platform say, DuckDB checks as ever.
var digests = map[string]bool{
	"e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302": true, // ducklake, linux_amd64
	"693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e": true, // sqlite_scanner, linux_amd64
	"b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c": true, // postgres_scanner, linux_amd64
	"887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8": true, // httpfs, linux_amd64
}

// areKnown tells whether each file is byte for byte one that we know.
func areKnown(ctx context.Context, paths []string) bool {
	known := make([]bool, len(paths))
	err := workers.Each(ctx, len(paths), len(paths), func(i int) (err error) {
		known[i], err = isKnown(paths[i])
		return err
	})
	return err == nil && len(paths) > 0 && !slices.Contains(known, false)
}

func isKnown(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	stamp := stampOf(f)
	if isRemembered(stamp) {
		return true, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	known := digests[hex.EncodeToString(sum.Sum(nil))]
	if known && stampOf(f) == stamp { // nobody wrote it meanwhile
		remember(stamp)
	}
	return known, nil
}

func findExtensions(o Options, names []string) ([]string, error) {
	paths := make([]string, len(names))
	for i, name := range names {
		if paths[i], _ = FindExtension(o, name); paths[i] == "" {
			return nil, &contract.Error{
				Kind: contract.NotFound, Op: "load DuckDB extension", Target: name,
				Err: fmt.Errorf("no %s.duckdb_extension for DuckDB %s was found", name, DuckDBVersion),
				Hint: fmt.Sprintf("pip install duckdb-extension-%s==%s, or set DDCORE_EXTENSION_DIR to the folder that holds it; `ddcore doctor` lists what was searched",
					strings.ReplaceAll(name, "_", "-"), strings.TrimPrefix(DuckDBVersion, "v")),
			}
		}
	}
	return paths, nil
}

func (c *Conn) loadExtensions(ctx context.Context, names, paths []string) error {
	for i, path := range paths {
		if err := c.Exec(ctx, "LOAD "+Quote(path)); err != nil {
			var e *contract.Error
			if errors.As(err, &e) {
				e.Hint = "the extension must be built for DuckDB " + DuckDBVersion
			}
			return fmt.Errorf("load extension %s: %w", names[i], err)
		}
	}
	return nil
}
