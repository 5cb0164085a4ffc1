package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whichever way the extensions were checked, the instance then loads nothing
// that is not signed.
func TestUnsignedExtensionsStayOut(t *testing.T) {
	ctx := context.Background()
	paths, err := findExtensions(Options{}, Place{}.Extensions())
	if err != nil {
		t.Skip(err)
	}
	text, err := os.ReadFile(paths[1])
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	dir := t.TempDir()
	changed := filepath.Join(dir, filepath.Base(paths[1]))
	require.NoError(t, os.WriteFile(changed, text, 0o600))

	require.False(t, areKnown(ctx, []string{paths[0], changed}))
	require.False(t, areKnown(ctx, []string{filepath.Join(dir, "absent")}))
	require.False(t, areKnown(ctx, nil))
	_, err = OpenDB(ctx, Options{ExtensionDirs: []string{dir}}, Place{}.Extensions()...)
	require.ErrorContains(t, err, "sqlite_scanner")

	db, err := OpenDB(ctx, Options{}, Place{}.Extensions()...)
	require.NoError(t, err)
	defer db.Close()
	c, err := db.Connect()
	require.NoError(t, err)
	defer c.Close()
	rows, err := c.Rows(ctx, "SELECT current_setting('allow_unsigned_extensions')")
	require.NoError(t, err)
	require.Equal(t, false, rows[0][0])
	other := filepath.Join(dir, "other.duckdb_extension") // under its own name it is loaded already
	require.NoError(t, os.WriteFile(other, text, 0o600))
	require.ErrorContains(t, c.Exec(ctx, "LOAD "+Quote(other)), "signature")
	require.Error(t, c.Exec(ctx, "SET GLOBAL allow_unsigned_extensions = true"))
}

// A new DuckDB needs new digests: without them all works, only slower.
func TestTheDigestsAreThoseOfTheExtensions(t *testing.T) {
	if platform() != "linux_amd64" {
		t.Skip("no digests of this platform are known")
	}
	paths, err := findExtensions(Options{}, []string{"ducklake", "sqlite_scanner", "postgres_scanner", "httpfs"})
	if err != nil {
		t.Skip(err)
	}
	require.True(t, areKnown(context.Background(), paths))
}

// A file that was found to be ours is not read again, until it is another one.
func TestKnownExtensionsAreRemembered(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is remembered here")
	}
	cache, file := t.TempDir(), filepath.Join(t.TempDir(), "x.duckdb_extension")
	t.Setenv("XDG_CACHE_HOME", cache)
	sum := sha256.Sum256([]byte("an extension"))
	digest := hex.EncodeToString(sum[:])
	digests[digest] = true
	defer delete(digests, digest)
	writeFile := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	known := func() bool {
		ok, err := isKnown(file)
		require.NoError(t, err)
		return ok
	}
	writeFile("an extension")
	require.True(t, known())
	require.NoDirExists(t, filepath.Join(cache, "ddcore"), "it has changed a moment ago: the next write may have the same time")

	defer func(before time.Duration) { settled = before }(settled)
	settled = 0
	require.True(t, known())
	delete(digests, digest)
	require.True(t, known(), "remembered")
	folder := filepath.Join(cache, "ddcore", "extensions-"+DuckDBVersion)
	require.NoError(t, os.Chmod(folder, 0o777))
	require.False(t, known(), "others can write into the folder")
	require.NoError(t, os.Chmod(folder, 0o700))
	require.True(t, known())
	writeFile("another extension")
	require.False(t, known())
}
