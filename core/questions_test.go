package core_test

import (
	"regexp"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// questionFilters are, for each view over instances, filters that only some
// checkpoints' files can meet.
var questionFilters = map[string][]string{
	"question_results":   {"recipe = 'C4'", "recipe IN ('C4', 'none') AND seed = 2 AND step < 20000", "params = '4M'", "task = 'none'"},
	"question_curves":    {"recipe = 'C4'", "recipe IN ('C4', 'none') AND step < 20000", "params = '4M'"},
	"questions":          {"recipe = 'C4'", "recipe IN ('C4', 'none') AND seed = 2", "params = '4M'"},
	"question_agreement": {"recipe = 'C4'", "recipe IN ('C4', 'none') AND step < 20000", "params = '4M'"},
	"question_orders":    {"step < 20000", "params = '4M'", "params IN ('1B', '150M') AND step > 30000"},
}

// TestQuestionViewsReadFewFiles: a filter on a view reaches the list of files.
func TestQuestionViewsReadFewFiles(t *testing.T) {
	lake := shared()
	all := query(t, lake, "SELECT count(*) FROM instance_checkpoints")[1][0]
	for view, filters := range questionFilters {
		require.True(t, contract.FindTable(view).Uncounted, view)
		require.Equal(t, all, instanceFiles(t, lake, "SELECT * FROM "+view), view)
		for _, filter := range filters {
			columns := strings.NewReplacer("task = 'none'", "true").Replace(filter) // a file holds all tasks
			want := query(t, lake, "SELECT count(*) FROM instance_checkpoints WHERE "+columns)[1][0]
			require.Equal(t, want, instanceFiles(t, lake, "SELECT * FROM "+view+" WHERE "+filter), "%s where %s", view, filter)
		}
	}
}

var filesRead = regexp.MustCompile(`(?s)Table: _instances.*?Total Files Read: (\d+)`)

// instanceFiles gives how many files of instances a query opens.
func instanceFiles(t *testing.T, lake, sql string) string {
	t.Helper()
	plan := query(t, lake, "EXPLAIN ANALYZE "+sql)[1][1]
	found := filesRead.FindAllStringSubmatch(plan, -1)
	if len(found) == 0 {
		return "0" // no file can hold such rows, so there is no scan
	}
	require.Len(t, found, 1, "one pass over the instances: %s", plan)
	return found[0][1]
}
