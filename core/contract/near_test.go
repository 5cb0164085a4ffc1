package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNearNames: the fewest edits of any part come first, then the shortest name;
// never more than three, and case does not matter.
func TestNearNames(t *testing.T) {
	known := []string{"arc_challenge", "arc_easy_primary_metric", "arc_easy", "boolq", "primary_metric"}
	for name, want := range map[string]string{
		"ARC":           "near names: arc_easy, arc_challenge, arc_easy_primary_metric",
		"arc_esy":       "near names: arc_easy, arc_easy_primary_metric, arc_challenge",
		"primry_metric": "near names: primary_metric, arc_easy_primary_metric, arc_easy",
	} {
		require.Equal(t, want, NearNames(name, known), name)
	}
	require.Equal(t, "near names: boolq", NearNames("x", []string{"boolq"}))
	require.Empty(t, NearNames("x", nil))
}
