package contract

import (
	"cmp"
	"slices"
	"strings"
)

// NearNames is the hint for a name that does not exist: the three known names
// most like it, ignoring case. It is empty where nothing is known.
func NearNames(name string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	distances := make(map[string]int, len(known))
	for _, k := range known {
		distances[k] = distance(strings.ToLower(name), strings.ToLower(k))
	}
	sorted := slices.Clone(known)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return cmp.Or(cmp.Compare(distances[a], distances[b]), cmp.Compare(len(a), len(b)))
	})
	return "near names: " + strings.Join(sorted[:min(3, len(sorted))], ", ")
}

// distance is the least edit distance (Levenshtein's, in bytes) between the name
// and any part of the known one: who writes arc_esy may mean
// arc_easy_primary_metric. See Sellers 1980.
func distance(name, known string) int {
	row := make([]int, len(known)+1) // a part may begin, and end, anywhere
	for i := range len(name) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(known) {
			substituted := diagonal
			if name[i] != known[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return slices.Min(row)
}
