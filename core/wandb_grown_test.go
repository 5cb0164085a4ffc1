package core_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// legacyFiles writes made runs as the legacy pair, and gives its folder.
func legacyFiles(t *testing.T, runs ...madeRun) string {
	t.Helper()
	dir := t.TempDir()
	var lines, histories []string
	text := func(v any) string {
		out, err := json.Marshal(v)
		require.NoError(t, err)
		return string(out)
	}
	for _, r := range runs {
		lines = append(lines, text(object{
			"run_id": r.id, "run_name": r.id, "state": r.state, "project": "ft-scaling", "entity": "ml-moe", "created_at": "2025-09-13T00:30:23Z",
			"config": r.config, "summary": r.summary, "wandb_metadata": object{},
		}))
		entries := []object{}
		for _, e := range r.history {
			entries = append(entries, with(e, object{"run_id": r.id, "wandb_metadata": object{}}))
		}
		histories = append(histories, text(entries))
	}
	writeLines(t, filepath.Join(dir, "wandb_runs.jsonl"), lines...)
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"), histories...)
	return dir
}

// TestTwoLayoutsThatDiffer: a run that grew between a legacy export and one of
// 3.x. Raw keeps both; curate takes the export that says its age, whatever the
// order in which they come in, and says what the older one has otherwise.
func TestTwoLayoutsThatDiffer(t *testing.T) {
	young := madeRun{id: matchedID, state: "running", config: object{"seed": 1, "only_old": true}, summary: object{"_step": 200, "train_loss": 4.8}, history: points(100, 200, 100)}
	grown := madeRun{id: matchedID, state: "finished", config: object{"seed": 1}, summary: object{"_step": 400, "train_loss": 4.6}, history: points(100, 400, 100), lastStep: 400}
	grown.history[0] = point(100, 1.7e9+100, object{"train_loss": 7.0, "learning_rate": 1e-5, "total_tokens": 100000.0}) // exported with another value
	legacy, v3 := legacyFiles(t, young), export(t, "v3", "2026-01-01T00:00:00Z", grown)
	for _, order := range [][]string{{legacy, v3}, {v3, legacy}} {
		lake := filepath.Join(t.TempDir(), "w.lake")
		for _, folder := range order {
			must(t, "ingest", lake, object{"paths": []string{folder}})
		}
		must(t, "curate", lake, nil)

		require.Equal(t, rows{{"layout", "state", "n"}, {"legacy", "running", "2"}, {"v3", "finished", "4"}}, query(t, lake,
			"SELECT layout, state, n FROM raw.wandb_runs JOIN (SELECT layout, count(*) AS n FROM raw.wandb_history GROUP BY ALL) USING (layout) ORDER BY layout"), "raw keeps both")
		got := row(t, lake, "FROM runs")
		for name, want := range map[string]string{
			"state": "finished", "ft_seed": "1", "n_copies": "2", "exports": "legacy, v3", "is_conflicting": "true", "n_differences": "4",
			"differences": "config.only_old, run.state, summary._step, summary.train_loss",
		} {
			require.Equal(t, want, got[name], name)
		}
		require.Equal(t, "7", row(t, lake, "SELECT train_loss FROM run_history WHERE step = 100")["train_loss"], "of the newer export")
		gaps := row(t, lake, "FROM run_gaps")
		for name, want := range map[string]string{"n_rows": "4", "n_repeats": "1", "n_superseded": "1", "expected_last_step": "400", "is_complete": "true"} {
			require.Equal(t, want, gaps[name], name)
		}
		require.Contains(t, gaps["gaps"], "exported again with other values: 1")
		require.Contains(t, must(t, "doctor", lake, nil).csv(), "run copies|warning|1 W&B runs have other values")
	}
}

// TestALayoutOfTheSame: the same runs in both layouts are one run each, without
// a word.
func TestALayoutOfTheSame(t *testing.T) {
	run := madeRun{id: matchedID, state: "finished", config: object{"seed": 1, "x": object{"a": 1.0, "b": 2}}, summary: object{"_step": 200}, history: points(100, 200, 100), lastStep: 200}
	lake := curatedRuns(t, legacyFiles(t, run), export(t, "v3", "2026-01-01T00:00:00Z", run))
	got := row(t, lake, "SELECT n_copies, n_differences, is_conflicting, n_repeats, n_superseded, gaps FROM runs JOIN run_gaps USING (project, run_id)")
	require.Equal(t, map[string]string{"n_copies": "2", "n_differences": "0", "is_conflicting": "false", "n_repeats": "2", "n_superseded": "0", "gaps": "(null)"}, got)
	doctor := must(t, "doctor", lake, nil).csv()
	require.NotContains(t, doctor, "run copies")
	require.NotContains(t, doctor, "run histories")
	require.NotContains(t, doctor, "run checkpoints")
}

// TestTornThenGrown: the last line of an export that is being written is a
// reject; the file ingested again, whole and longer, replaces it.
func TestTornThenGrown(t *testing.T) {
	short := madeRun{id: sweepID, history: points(100, 300, 100)}
	long := madeRun{id: sweepID, history: points(100, 500, 100)}
	dir, whole := export(t, "e", "2026-01-01T00:00:00Z", short), export(t, "e", "2026-01-02T00:00:00Z", long)
	path := filepath.Join(dir, "history.jsonl")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text[:len(text)-40], 0o666))
	lake := runLake(t, dir)
	must(t, "curate", lake, nil)
	require.Contains(t, must(t, "rejects", lake, nil).csv(), "line 3, the last, is cut off")
	require.Equal(t, "2", row(t, lake, "SELECT count(*) AS n FROM run_history")["n"])

	for _, name := range []string{"history.jsonl", "manifest.json", "state.json", "runs.jsonl"} {
		require.NoError(t, os.Rename(filepath.Join(whole, name), filepath.Join(dir, name)))
	}
	require.Equal(t, []string{"replaced"}, unique(must(t, "ingest", lake, object{"paths": []string{dir}}).column(t, "state")))
	must(t, "curate", lake, nil)
	require.Len(t, must(t, "rejects", lake, nil), 1)
	got := row(t, lake, "SELECT n_copies, n_rows, n_repeats, gaps FROM runs JOIN run_gaps USING (project, run_id)")
	require.Equal(t, map[string]string{"n_copies": "1", "n_rows": "5", "n_repeats": "0", "gaps": "(null)"}, got)
}

// TestKilledRuns: an ingest of W&B files that is killed leaves the former
// snapshot; the next one removes what it left, also of the originals.
func TestKilledRuns(t *testing.T) {
	first := export(t, "a", "2026-01-01T00:00:00Z", madeRun{id: matchedID, history: points(100, 300, 100)})
	second := export(t, "b", "2026-02-01T00:00:00Z", madeRun{id: matchedID, history: points(100, 900, 100), config: object{"username": "canary7"}})
	lake := curatedRuns(t, first)
	before, contents := must(t, "snapshots", lake, nil), everything(t, lake)
	args := object{"paths": []string{first, second}, "keep_personal": true}
	for _, stop := range []string{"looking for names", "history.jsonl", "committing"} {
		killAt(t, stop, "ingest", lake, args)
		require.Equal(t, before, must(t, "snapshots", lake, nil), stop)
		require.Equal(t, contents, everything(t, lake), stop)
	}
	must(t, "ingest", lake, object{"paths": []string{second}})
	requireNoOrphans(t, lake)
	requireNoCanaryIn(t, lake, lake)
	must(t, "curate", lake, nil)
	require.Equal(t, "9", strings.Join(query(t, lake, "SELECT count(*) FROM run_history")[1], ""))
}
