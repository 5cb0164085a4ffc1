package core_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"ddcore/core/lake"

	"github.com/stretchr/testify/require"
)

func sha256Of(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// write runs SQL in a lake, in a transaction of its own, as its writer.
func write(t testing.TB, name, sql string) {
	t.Helper()
	ctx := context.Background()
	place, err := lake.ParsePlace(name, "")
	require.NoError(t, err)
	w, err := lake.Write(ctx, place, "test", lake.Options{}, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Transaction(ctx, "test", "test", func() error { return w.Exec(ctx, sql) }))
}
