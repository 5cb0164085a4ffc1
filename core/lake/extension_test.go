package lake

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whichever way the extensions were checked, the instance then loads nothing
// that is not signed.
func TestUnsignedExtensionsStayOut(t *testing.T) {
	ctx := context.Background()
	paths, err := findExtensions(Options{}, extensions)
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
	_, err = OpenDB(ctx, Options{ExtensionDirs: []string{dir}}, extensions...)
	require.ErrorContains(t, err, "sqlite_scanner")

	db, err := OpenDB(ctx, Options{}, extensions...)
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
	paths, err := findExtensions(Options{}, extensions)
	if err != nil {
		t.Skip(err)
	}
	require.True(t, areKnown(context.Background(), paths))
}
