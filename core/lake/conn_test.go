package lake

import (
	"fmt"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// TestLockedCatalog: that somebody holds the catalog is no sign of a missing
// snapshot, nor of a folder that is no lake.
func TestLockedCatalog(t *testing.T) {
	locked := SQLError(`Invalid Error: Failed to probe DuckLake metadata: Failed to prepare query "SELECT 1": database is locked`)
	for _, snapshot := range []int64{Newest, 2} {
		e := contract.AsError(openError(Place{name: "my.lake"}, snapshot, fmt.Errorf("attach: %w", locked)))
		require.Equal(t, []string{string(contract.Busy), "open", "my.lake"}, []string{string(e.Kind), e.Op, e.Target})
		require.Contains(t, e.Hint, "another process writes")
	}
	missing := contract.AsError(openError(Place{name: "my.lake"}, 99, SQLError("Invalid Input Error: No snapshot found at version 99")))
	require.Equal(t, contract.NotFound, missing.Kind)
}
