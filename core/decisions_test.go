package core_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/stretchr/testify/require"
)

// handMade is a lake of three recipes at two sizes: 4M ties C4 and Dolma1.7 at
// its first step, and orders all as 1B does at its second.
func handMade(t testing.TB) string {
	t.Helper()
	lake, dir := smallLake(t)
	path := filepath.Join(dir, "hand.parquet")
	acc := func(v string) string { return "{'primary_metric': " + v + ", 'bits_per_byte_corr': " + v + "}" }
	var lines []string
	for _, r := range []struct {
		params, recipe string
		step           int
		value          string
	}{
		{"4M", "C4", 1250, "0.25"},
		{"4M", "Dolma1.7", 1250, "0.25"},
		{"4M", "Falcon", 1250, "0.5"},
		{"4M", "C4", 2500, "0.1"},
		{"4M", "Dolma1.7", 2500, "0.2"},
		{"4M", "Falcon", 2500, "0.3"},
		{"4M", "C4", 3750, "0.9"}, // the others ended before
		{"1B", "C4", 69369, "0.5"},
		{"1B", "Dolma1.7", 69369, "0.6"},
		{"1B", "Falcon", 69369, "0.7"},
		{"1B", "FineWeb-Pro", 69369, "0.8"},
	} {
		lines = append(lines, evalRow(r.params, r.recipe, "boolq", "default", r.step, acc(r.value)))
	}
	writeEvals(t, lake, path, lines...)
	must(t, "ingest", lake, map[string]any{"paths": []string{path}})
	must(t, "curate", lake, nil)
	return lake
}

func TestDecisionsByHand(t *testing.T) {
	lake := handMade(t)
	const others = "not at 1B: DCLM-Baseline (QC 7%, FW2); " // which has perplexities only
	got := must(t, "decision_accuracy", lake, map[string]any{"task": []string{"boolq"}, "step": "all", "bootstrap": 10})
	for name, want := range map[string][]string{
		"small": {"4M", "4M"}, "step": {"1250", "2500"}, "target_step": {"69369", "69369"}, "n_recipes": {"3", "3"}, "n_pairs": {"3", "3"},
		"n_correct": {"2", "3"}, "n_ties": {"1", "0"}, "decision_accuracy": {fmt.Sprint(2.0 / 3), "1"}, "n_bootstrap": {"10", "10"},
		"missing": {others + "not at 4M: FineWeb-Pro", others + "not at 4M: FineWeb-Pro"}, "refusal": {"(null)", "(null)"},
		"compute_fraction": {fmt.Sprint(1250.0 / 69369), fmt.Sprint(2500.0 / 69369)},
	} {
		require.Equal(t, want, got.column(t, name), name)
	}
	last := must(t, "decision_accuracy", lake, map[string]any{"task": []string{"boolq"}, "metric": []string{"bits_per_byte_corr"}, "target_metric": "primary_metric", "small": []string{"4M"}, "bootstrap": 0})
	require.Equal(t, []string{"0"}, last.column(t, "n_correct"), "fewer bits are better, and a higher accuracy")
	require.Equal(t, []string{others + "not at 4M: FineWeb-Pro; not at step 3750, the last of 4M: Dolma1.7, Falcon"}, last.column(t, "missing"))
	require.Equal(t, []string{"(null)"}, last.column(t, "low"))
	require.Equal(t, []string{"1250", "2500"}, must(t, "compute_frontier", lake, map[string]any{"task": []string{"boolq"}}).column(t, "step"))

	_, err := call(t, "recipe_noise", lake, map[string]any{"task": []string{"boolq"}})
	fails(t, contract.Invalid, err, "recipe_noise: no row has an answer", "no recipe of 4M has primary_metric of boolq for two seeds")
	_, err = call(t, "recipe_noise", lake, map[string]any{"metric": []string{"pile-valppl"}, "task": []string{"boolq"}})
	fails(t, contract.Invalid, err, "recipe_noise task: pile-valppl is measured once per checkpoint")
	_, err = call(t, "decision_accuracy", lake, map[string]any{"task": []string{"piqa"}})
	fails(t, contract.Invalid, err, "1B has no primary_metric of piqa")
	for args, want := range map[*map[string]any]string{
		{"small": []string{"4X"}}:       `size: there is no size "4X"`,
		{"small": []string{"90M"}}:      "90M: the lake has no results of this size",
		{"target": "750M"}:              "750M: the lake has no results",
		{"metric": []string{"acc"}}:     `there is no metric "acc" (near names: acc_raw`,
		{"task": []string{"arc"}}:       `there is no task "arc"`,
		{"target_metric": "pile-valpp"}: "near names: pile-valppl",
	} {
		_, err := call(t, "decision_accuracy", lake, *args)
		fails(t, contract.NotFound, err, want)
	}
	for args, want := range map[*map[string]any]string{
		{"small": []string{"1B"}}: "it is not smaller than the target 1B",
		{"seeds": "median"}:       `"median" is no way to take seeds (mean or single)`,
		{"step": "first"}:         `"first" is no step`,
		{"bootstrap": -1}:         "-1 resamples",
		{"metric": []string{"pile-valppl"}, "task": []string{"boolq"}}: "task: pile-valppl is measured once per checkpoint and has no tasks (leave task out",
	} {
		_, err := call(t, "decision_accuracy", lake, *args)
		fails(t, contract.Invalid, err, want)
	}
}

// TestDecisionsAgainstSQL: the same from evals by a self-join, for all tasks and
// metrics of a sample, at every size's last step.
func TestDecisionsAgainstSQL(t *testing.T) {
	lake := build(t, filepath.Join(makeSample(t, sample.Options{Sizes: []string{"4M", "20M", "1B"}, Recipes: []string{"C4", "Falcon", "Dolma1.7", "FineWeb-Pro", "DCLM-Baseline"}, Steps: 2, Runs: -1, Checkpoints: -1}), "hf"))
	args := map[string]any{"metric": []string{"all"}, "bootstrap": 5, "random_seed": 3}
	got := must(t, "decision_accuracy", lake, args)
	require.Equal(t, got, must(t, "decision_accuracy", lake, args), "the same call, the same answer")
	want := map[string][]string{}
	for _, r := range query(t, lake, `
		WITH long AS (UNPIVOT evals ON COLUMNS(* EXCLUDE (params, recipe, seed, step, tokens, compute, task)) INTO NAME metric VALUE value),
		mean AS (SELECT params, task, metric, recipe, step, avg(value) AS m, 10 ** floor(log10(nullif(abs(m), 0))) AS unit FROM long GROUP BY params, task, metric, recipe, step),
		score AS (SELECT * EXCLUDE (m, unit), coalesce(round(m / unit, 11) * unit, 0) * if(metric IN ('bits_per_byte_corr', 'no_answer'), -1, 1) AS x FROM mean), -- to 12 digits
		final AS (FROM score QUALIFY step = max(step) OVER (PARTITION BY params, task, metric))
		SELECT a.task, a.metric, a.params, count(*), count(*) FILTER ((a.x < b.x AND c.x < d.x) OR (a.x > b.x AND c.x > d.x)), count(*) FILTER (a.x = b.x OR c.x = d.x)
		FROM final AS a JOIN final AS b ON (a.params, a.task, a.metric) = (b.params, b.task, b.metric) AND a.recipe < b.recipe
		JOIN final AS c ON c.params = '1B' AND (c.task, c.metric, c.recipe) = (a.task, a.metric, a.recipe)
		JOIN final AS d ON d.params = '1B' AND (d.task, d.metric, d.recipe) = (b.task, b.metric, b.recipe)
		WHERE a.params <> '1B' GROUP BY ALL`)[1:] {
		want[fmt.Sprint(r[:3])] = r[3:]
	}
	found := 0
	tasks, metrics, sizes := got.column(t, "task"), got.column(t, "metric"), got.column(t, "small")
	pairs, correct, ties, refusal := got.column(t, "n_pairs"), got.column(t, "n_correct"), got.column(t, "n_ties"), got.column(t, "refusal")
	for i := range tasks {
		key := fmt.Sprint([]string{tasks[i], metrics[i], sizes[i]})
		if refusal[i] != "(null)" {
			require.Empty(t, want[key], key)
			continue
		}
		found++
		require.Equal(t, want[key], []string{pairs[i], correct[i], ties[i]}, key)
	}
	require.Equal(t, len(want), found)
	require.Greater(t, found, 3000)

	noise := must(t, "recipe_noise", lake, map[string]any{"task": []string{"arc_easy"}, "small": []string{"1B"}})
	sd := query(t, lake, `SELECT sqrt(avg(v)), min(sqrt(v)), max(sqrt(v)) FROM (SELECT var_samp(primary_metric) AS v FROM evals WHERE task = 'arc_easy' AND params = '1B' AND step = 69369 GROUP BY recipe)`)[1]
	for i, name := range []string{"recipe_noise", "least_noise", "most_noise"} {
		a, errA := strconv.ParseFloat(noise.column(t, name)[0], 64)
		b, errB := strconv.ParseFloat(sd[i], 64)
		require.NoError(t, errA)
		require.NoError(t, errB)
		require.InDelta(t, b, a, 1e-14)
	}
	mixed := must(t, "recipe_noise", lake, map[string]any{"metric": []string{"pile-valppl", "primary_metric"}, "task": []string{"arc_easy", "boolq"}, "small": []string{"1B"}})
	require.Equal(t, []string{"(null)", "arc_easy", "boolq"}, mixed.column(t, "task"), "a perplexity has no task, the metric beside it has")
	require.Equal(t, noise.column(t, "recipe_noise")[0], mixed.column(t, "recipe_noise")[1])
}
