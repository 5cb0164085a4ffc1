package core_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeysThatStandTwice: the last value is taken everywhere, as Python's json
// does, and nothing stops the build.
func TestKeysThatStandTwice(t *testing.T) {
	dir := t.TempDir()
	writeLines(t, filepath.Join(dir, "wandb_runs.jsonl"),
		`{"run_id":"`+sweepID+`","project":"p","config":{"seed":1,"x":{"y":1,"y":2},"seed":2},"summary":{"_step":1,"oe_eval_metrics/piqa":{"acc_raw":0.1,"acc_raw":0.2},"_step":20},"state":"running","state":"finished"}`)
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"),
		`[{"run_id":"`+sweepID+`","step":1,"step":10,"timestamp":5,"metrics":{"train_loss":1.0,"train_loss":2.0,"m":1,"m":{"k":1,"k":3}}},`+
			`{"run_id":"`+sweepID+`","step":20,"timestamp":6,"metrics":{"m":4,"m":5}}]`)
	lake := curatedRuns(t, dir)
	got := row(t, lake, "FROM runs")
	require.Equal(t, []string{"finished", "2"}, []string{got["state"], got["ft_seed"]})
	require.Equal(t, "0.2", row(t, lake, "FROM run_evals")["value"])
	require.Equal(t, "20", row(t, lake, "FROM run_gaps")["expected_last_step"])
	require.Equal(t, rows{{"step", "train_loss"}, {"10", "2"}, {"20", "(null)"}}, query(t, lake, "SELECT step, train_loss FROM run_history ORDER BY step"))
	require.Equal(t, rows{{"step", "value", "text"}, {"10", "(null)", `{"k":3}`}, {"20", "5", "(null)"}}, query(t, lake, "SELECT step, value, text FROM run_metrics ORDER BY step"))
}

// TestOddJSON: what Python's json writes and reads, though DuckDB's reader may
// not, stops no build and hides nothing beside it; raw keeps it.
func TestOddJSON(t *testing.T) {
	odd := []string{
		`"\ud83d"`, `"\uD83D \ud83d\ude00"`, `{"\ud83d":1}`, `1e400`, `NaN`, `Infinity`, `-Infinity`, `"\u0000"`, `168631869269606400000`, `-0.0`,
		`{"":1}`, `null`, strings.Repeat("[", 400) + strings.Repeat("]", 400),
	}
	var runs, history []string
	for i, value := range odd {
		runs = append(runs, fmt.Sprintf(`{"run_id":"run-%d","project":"p","config":{"odd":%[2]s,"seed":%[1]d},"summary":{"odd":%[2]s,"_step":%[1]d},"wandb_metadata":{"odd":%[2]s},"more":%[2]s}`, i, value))
		history = append(history, fmt.Sprintf(`[{"run_id":"run-%d","step":%[1]d,"timestamp":5,"metrics":{"train_loss":2.0,"odd":%[2]s,"m":%[1]d}}]`, i, value))
	}
	dir := t.TempDir()
	writeLines(t, filepath.Join(dir, "wandb_runs.jsonl"), runs...)
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"), history...)
	lake := curatedRuns(t, dir)
	require.Len(t, must(t, "rejects", lake, nil), 1)
	for i, value := range odd {
		got := row(t, lake, "SELECT ft_seed, value, expected_last_step FROM runs JOIN run_metrics USING (run_id) JOIN run_gaps USING (run_id) WHERE metric = 'm' AND run_id = ?", fmt.Sprintf("run-%d", i))
		for name, cell := range got {
			require.Equal(t, fmt.Sprint(i), cell, "%s: %s", value, name)
		}
		raw := row(t, lake, "SELECT config FROM raw.wandb_runs WHERE run_id = ?", fmt.Sprintf("run-%d", i))
		require.Contains(t, raw["config"], value)
	}
}
