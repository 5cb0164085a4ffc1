package core_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// object is a JSON object.
type object = map[string]any

// madeRun is a run of an export in the 3.x layout, made for a test.
type madeRun struct {
	id              string
	state           string // finished, if ""
	config, summary object
	metadata        object
	history         []object // step, timestamp, runtime, metrics
	lastStep        any      // of the export's state; -1, if nil
}

// points is a history of a loss that falls, at every given number of steps.
func points(from, to, every int) []object {
	var out []object
	for step := from; step <= to; step += every {
		out = append(out, point(step, 1.7e9+float64(step), object{"train_loss": 5 - float64(step)/1000, "learning_rate": 1e-5, "total_tokens": float64(step * 1000)}))
	}
	return out
}

func point(step any, at float64, metrics object) object {
	return object{"step": step, "timestamp": fmt.Sprint(at), "runtime": at / 1e6, "metrics": metrics}
}

// export writes an export of that name and age, and gives its folder.
func export(t *testing.T, name, at string, runs ...madeRun) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data", name)
	require.NoError(t, os.MkdirAll(dir, 0o777))
	var lines, history []object
	states := object{}
	for _, r := range runs {
		if r.state == "" {
			r.state = "finished"
		}
		if r.lastStep == nil {
			r.lastStep = -1
		}
		lines = append(lines, object{"exported_at": at, "run": object{
			"run_id": r.id, "name": r.id, "display_name": r.id, "state": r.state, "project": "ft-scaling", "entity": "ml-moe",
			"created_at": "2025-09-13T00:30:23Z", "updated_at": nil, "config": r.config, "summary_metrics": r.summary, "metadata": r.metadata,
		}})
		states[r.id] = object{"run_id": r.id, "run_state": r.state, "last_history_step": r.lastStep, "created_at": "2025-09-13T00:30:23Z", "updated_at": nil}
		for _, entry := range r.history {
			line := object{"run_id": r.id, "extra": object{}, "wandb_metadata": object{}}
			for key, value := range entry {
				line[key] = value
			}
			history = append(history, line)
		}
	}
	common := object{"schema_version": 1, "name": name, "entity": "ml-moe", "project": "ft-scaling"}
	writeObjects(t, filepath.Join(dir, "runs.jsonl"), lines)
	writeObjects(t, filepath.Join(dir, "history.jsonl"), history)
	writeObjects(t, filepath.Join(dir, "manifest.json"), []object{with(common, object{
		"created_at": at, "updated_at": at, "mode": "history", "run_count": len(runs), "history_count": len(history), "history_window": nil,
		"runs_path": "data/" + name + "/runs.jsonl", "history_path": "data/" + name + "/history.jsonl", "selected_history_keys": nil,
	})})
	writeObjects(t, filepath.Join(dir, "state.json"), []object{with(common, object{"last_exported_at": at, "max_created_at": "2025-09-13T00:30:23Z", "runs": states})})
	return dir
}

func with(o, more object) object {
	out := object{}
	for _, from := range []object{o, more} {
		for key, value := range from {
			out[key] = value
		}
	}
	return out
}

func writeObjects(t *testing.T, path string, lines []object) {
	t.Helper()
	var b strings.Builder
	for _, l := range lines {
		text, err := json.Marshal(l)
		require.NoError(t, err)
		b.Write(text)
		b.WriteByte('\n')
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o666))
}

// runLake is a lake with made pretraining results and the given exports.
func runLake(t *testing.T, folders ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runs.lake")
	must(t, "ingest", path, object{"paths": append([]string{filepath.Join(makeSample(t, small), "hf")}, folders...)})
	return path
}

// curatedRuns is runLake, curated.
func curatedRuns(t *testing.T, folders ...string) string {
	t.Helper()
	path := runLake(t, folders...)
	must(t, "curate", path, nil)
	return path
}

// row gives the one row of a query, by column.
func row(t *testing.T, lake, sql string, params ...any) map[string]string {
	t.Helper()
	got := query(t, lake, sql, params...)
	require.Len(t, got, 2, sql)
	out := map[string]string{}
	for i, name := range got[0] {
		out[name] = got[1][i]
	}
	return out
}

// requireSame compares cells: numbers by value, however they are spelt.
func requireSame(t *testing.T, want, got, what string) {
	t.Helper()
	a, errA := strconv.ParseFloat(want, 64)
	b, errB := strconv.ParseFloat(got, 64)
	if errA == nil && errB == nil {
		require.Equal(t, a, b, what)
		return
	}
	require.Equal(t, want, got, what)
}

// hfLake is a curated lake of pretraining results alone.
func hfLake(t *testing.T) string {
	t.Helper()
	return build(t, filepath.Join(makeSample(t, small), "hf"))
}
