package decide

import (
	"slices"
	"strings"

	"ddcore/core/contract"
)

const perplexity = "-valppl"

// Metrics are all that can be compared: the 28 of evals, and the perplexities.
var Metrics = func() []string {
	out := slices.Clone(contract.Metrics)
	for _, set := range contract.PerplexitySets {
		out = append(out, set+perplexity)
	}
	return out
}()

// IsWhole tells whether a metric is one of the checkpoint, not of a task.
func IsWhole(metric string) bool { return strings.HasSuffix(metric, perplexity) }

// isLowerBetter tells the metrics of which less is better.
func isLowerBetter(metric string) bool {
	return IsWhole(metric) || metric == "bits_per_byte_corr" || metric == "no_answer"
}
