package core_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/lake"

	"github.com/stretchr/testify/require"
)

// TestWritersWaitForReaders: a commit waits for those who have not read their
// results to the end, says for whom, and gives up where it must; then nothing is
// written, and the lake can be.
func TestWritersWaitForReaders(t *testing.T) {
	ctx := context.Background()
	name := filepath.Join(t.TempDir(), "test.lake")
	write(t, name, "CREATE TABLE lake.main.recipes AS SELECT 'C4' AS recipe")
	write(t, name, "INSERT INTO lake.main.recipes VALUES ('Falcon')")
	place, err := lake.ParsePlace(name, "")
	require.NoError(t, err)
	insert := func(waiting func(holder string)) error {
		w, err := lake.Write(ctx, place, "test", lake.Options{}, waiting)
		require.NoError(t, err)
		defer w.Close()
		return w.Transaction(ctx, "test", "test", func() error { return w.Exec(ctx, "INSERT INTO lake.main.recipes VALUES ('FineWeb')") })
	}
	read := func() *lake.Session {
		s, err := lake.Read(ctx, place, lake.Newest, lake.Options{})
		require.NoError(t, err)
		_, err = s.Rows(ctx, "SELECT * FROM recipes")
		require.NoError(t, err)
		return s
	}

	s := read()
	var told []string
	require.NoError(t, insert(func(holder string) { told = append(told, holder); s.Close() }))
	require.Equal(t, []string{"a result of this process that is not read to its end"}, told)

	t.Setenv("DDCORE_LOCK_TIMEOUT", "200ms")
	s = read()
	fails(t, contract.Busy, insert(nil), "a result of this process", "read the result to its end")
	s.Close()
	if runtime.GOOS == "linux" {
		_, kill := stoppedAt(t, "comparing", "drift", name, nil)
		fails(t, contract.Busy, insert(nil), "process ", "which reads this lake")
		kill()
	}
	require.Len(t, query(t, name, "FROM recipes"), 1+3)
	require.NoError(t, insert(nil))
	require.Len(t, query(t, name, "FROM recipes"), 1+4)
}
