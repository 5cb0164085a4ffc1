package contract

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest gives the three known names with the least edit distance, ignoring
// case.
func Nearest(name string, known []string) []string {
	name = strings.ToLower(name)
	byDistance := slices.Clone(known)
	slices.SortStableFunc(byDistance, func(a, b string) int {
		return cmp.Compare(editDistance(name, strings.ToLower(a)), editDistance(name, strings.ToLower(b)))
	})
	return byDistance[:min(3, len(byDistance))]
}

// editDistance is Levenshtein's, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
