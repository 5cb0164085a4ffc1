package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// wandbRun is a run with a canary in every field and at several depths.
func wandbRun(id string) string {
	return fmt.Sprintf(`{"run_id":%q,"run_name":"by canary7","state":"canary@x.example.org","project":"p","entity":"e","created_at":"2025-08-19T05:36:01Z","config":{"canary@x.example.org":{"deep":[{"a":["--user-name","canary7"]}]},"b":"/home/canary7/x"},"summary":{"a":"said canary7"},"wandb_metadata":{"username":"canary7","host":"canary-node"},"sweep_info":{"x":"on canary-node"}}`, id)
}

func wandbEntry(run string, step int) string {
	return fmt.Sprintf(`{"run_id":%q,"step":%d,"timestamp":%d.5,"runtime":1.5,"wandb_metadata":{"host":"canary-node"},"metrics":{"train_loss":0.5,"note":"/home/canary/x"}}`, run, step, step)
}

func writeLines(t testing.TB, path string, lines ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
}

// wandbFiles is a legacy pair: two runs, one without history, a broken line.
func wandbFiles(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	writeLines(t, filepath.Join(dir, "wandb_runs.jsonl"), wandbRun("r1"), wandbRun("r2"))
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"), "["+wandbEntry("r1", 1)+","+wandbEntry("r1", 2)+"]", "[]", `[{"username":"canary7","host": "canary-node"`)
	return dir
}

func TestWandbIsIngestedByContent(t *testing.T) {
	dir, lake := wandbFiles(t), filepath.Join(t.TempDir(), "w.lake")
	args := map[string]any{"paths": []string{dir}}
	first := must(t, "ingest", lake, args)
	require.Equal(t, []string{"wandb_history", "wandb_runs"}, first.column(t, "raw_table"))
	require.Equal(t, []string{"3", "2"}, first.column(t, "n_rows"))
	require.Equal(t, []string{"1", "0"}, first.column(t, "n_rejects"))
	require.Contains(t, must(t, "rejects", lake, nil).csv(), "line 3, the last, is cut off")
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", lake, args).column(t, "state")))

	// The export grows: its rows are replaced, the reject is gone.
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"), "["+wandbEntry("r1", 1)+","+wandbEntry("r1", 2)+"]", "[]", "["+wandbEntry("r2", 7)+"]")
	require.Equal(t, []string{"replaced", "unchanged"}, must(t, "ingest", lake, args).column(t, "state"))
	require.Equal(t, rows{{"run_id", "step", "_row"}, {"r1", "1", "0"}, {"r1", "2", "1"}, {"r2", "7", "2"}}, query(t, lake, "SELECT run_id, step, _row FROM raw.wandb_history ORDER BY _row"))
	require.Len(t, must(t, "rejects", lake, nil), 1)

	require.NoError(t, os.Remove(filepath.Join(dir, "wandb_history.jsonl")))
	args["prune"] = true
	require.Contains(t, must(t, "ingest", lake, args).column(t, "state"), "removed")
	require.Equal(t, "0", query(t, lake, "SELECT count(*) FROM raw.wandb_history")[1][0])
	require.NotContains(t, must(t, "redactions", lake, nil).column(t, "raw_table"), "wandb_history")
}

// TestCanariesAreNowhere looks at every value of raw, and at what is shown.
func TestCanariesAreNowhere(t *testing.T) {
	dir, lake := wandbFiles(t), filepath.Join(t.TempDir(), "w.lake")
	must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	for _, view := range []string{"wandb_runs", "wandb_history", "rejects", "files", "redactions"} {
		require.NotContains(t, query(t, lake, "SELECT * FROM raw."+view).csv(), "canary", view)
	}
	counts := must(t, "redactions", lake, nil)
	require.Contains(t, counts.column(t, "rule"), "user")
	require.Contains(t, counts.column(t, "rule"), "host")
	require.Equal(t, "2", query(t, lake, "SELECT count(*) FROM raw.wandb_runs WHERE metadata->>'$.username' = (SELECT any_value(metadata->>'$.username') FROM raw.wandb_runs)")[1][0])
}

// TestKeepPersonal keeps the originals apart, and forgets them when asked.
func TestKeepPersonal(t *testing.T) {
	dir, lake := wandbFiles(t), filepath.Join(t.TempDir(), "w.lake")
	args := map[string]any{"paths": []string{dir}, "keep_personal": true}
	must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	require.Equal(t, []string{"added", "unchanged"}, unique(must(t, "ingest", lake, args).column(t, "state")))
	require.Contains(t, query(t, lake, "SELECT * FROM raw.wandb_runs_personal").csv(), "canary7")
	require.Contains(t, query(t, lake, "SELECT * FROM raw.wandb_history_personal").csv(), "canary")
	for _, view := range []string{"wandb_runs", "wandb_history", "rejects"} {
		require.NotContains(t, query(t, lake, "SELECT * FROM raw."+view).csv(), "canary", view)
	}
	args["keep_personal"] = false
	require.Contains(t, must(t, "ingest", lake, args).column(t, "state"), "removed")
	require.Equal(t, "0", query(t, lake, "SELECT count(*) FROM raw.wandb_runs_personal")[1][0])
	require.Equal(t, "2", query(t, lake, "SELECT count(*) FROM raw.wandb_runs")[1][0])
}

func TestManifestsAreComparedWithTheirFiles(t *testing.T) {
	dir, lake := t.TempDir(), filepath.Join(t.TempDir(), "w.lake")
	writeLines(t, filepath.Join(dir, "manifest.json"), `{"name":"x","entity":"e","project":"p","run_count":1,"history_count":3,"runs_path":"runs.jsonl","history_path":"history.jsonl"}`)
	writeLines(t, filepath.Join(dir, "runs.jsonl"), `{"exported_at":"t","run":{"run_id":"r1","config":{}}}`)
	writeLines(t, filepath.Join(dir, "history.jsonl"), wandbEntry("r1", 1), wandbEntry("r1", 2))
	args := map[string]any{"paths": []string{dir}}
	require.Contains(t, must(t, "ingest", lake, args).column(t, "n_rejects"), "1")
	require.Contains(t, must(t, "rejects", lake, nil).csv(), "history_count is 3, the file beside the manifest has 2 rows")
	require.Equal(t, "x|e|p", strings.Join(query(t, lake, "SELECT export, entity, project FROM raw.wandb_runs JOIN (FROM raw.wandb_history SELECT DISTINCT project AS p) ON true")[1][:1], "")+"|"+strings.Join(query(t, lake, "SELECT DISTINCT entity, project FROM raw.wandb_history")[1], "|"))

	writeLines(t, filepath.Join(dir, "history.jsonl"), wandbEntry("r1", 1), wandbEntry("r1", 2), wandbEntry("r1", 3))
	must(t, "ingest", lake, args)
	require.Len(t, must(t, "rejects", lake, nil), 1, "the file has grown to what the manifest says")
	require.Equal(t, "0", query(t, lake, "SELECT sum(n_rejects) FROM raw.files")[1][0])
}

func TestRealWandbFiles(t *testing.T) {
	dir, lake := realData(t), filepath.Join(t.TempDir(), "w.lake")
	got := must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(dir, "wandb")}})
	require.Equal(t, []string{"2549", "6", "2549", "1", "6", "1"}, got.column(t, "n_rows"))
	require.Equal(t, []string{"0"}, unique(got.column(t, "n_rejects")))
	require.Equal(t, rows{{"layout", "runs"}, {"legacy", "6"}, {"v3", "6"}}, query(t, lake, "SELECT layout, count(DISTINCT run_id) AS runs FROM raw.wandb_runs GROUP BY ALL ORDER BY ALL"))
	require.Equal(t, "3.141592653589793", query(t, lake, "SELECT '{\"a\": NaN, \"b\": 3.141592653589793}'->>'$.b'")[1][0], "NaN in JSON text does not hide the rest")
	require.Equal(t, "(null)", query(t, lake, "SELECT max(rest) FROM raw.wandb_history")[1][0])
}

func TestUnknownTextIsSkippedOrNamed(t *testing.T) {
	dir := wandbFiles(t)
	writeLines(t, filepath.Join(dir, "other.jsonl"), `{"doc_id":1}`)
	lake := filepath.Join(t.TempDir(), "w.lake")
	require.Contains(t, must(t, "ingest", lake, map[string]any{"paths": []string{dir}}).column(t, "state"), "skipped")
	_, err := call(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(dir, "other.jsonl")}})
	fails(t, contract.Invalid, err, "other.jsonl", "Weights & Biases")
}
