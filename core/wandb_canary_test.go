package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core"

	"github.com/stretchr/testify/require"
)

// planted is personal data of every kind, under the keys that it has in real
// files; every value holds the word canary.
var planted = object{
	"username": "canary7", "user": object{"username": "canary7", "name": "Ada Canary"}, "email": "ada.canary@x.example.org",
	"host": "canary-node", "cluster_name": "canary-cluster", "job_account": "canary-lab", "api_key": "canary-key",
	"git": object{"remote": "https://github.com/canary7/x.git"}, "root": "/gscratch/canary-lab/canary7/x", "executable": "/home/canary/bin/python",
	"args": []any{"--user", "canary7", "--out=/home/canary/out", "--note", "run of canary7 on canary-node"}, "text": "mail ada.canary@x.example.org or git@github.com:canary/x.git",
	"windows": `C:\Users\canary\x`, "python": "{'hostname': 'canary-node', 'path': '/home/canary/x'}", "json": `{"login": "canary7", "a": "\/home\/canary"}`,
	"token": "hf_CANARYcanaryCANARYcanary12", "url": "https://canary7:canary-pass@x.example.org/y", "name of it": "Ada Canary",
}

// nested is what is planted, at several depths, in values and in keys.
func nested(depth int) object {
	o := with(planted, object{"canary7": 1, "ada.canary@x.example.org": 2, "/home/canary/x": 3, "by canary7 on canary-node": []any{"canary7"}})
	if depth > 0 {
		o["in"], o["list"] = nested(depth-1), []any{[]any{nested(depth - 1)}}
	}
	return o
}

// bare is what only the names that another run gives away can tell.
const bare = "as canary7 (Ada Canary, canary-lab) said on canary-node"

// plantedFiles writes both layouts with canaries in every field, broken lines,
// and folders that are named after somebody.
func plantedFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	object := func(o object) string {
		text, err := json.Marshal(o)
		require.NoError(t, err)
		return string(text)
	}
	common := func(id string) map[string]any {
		return with(planted, map[string]any{
			"run_id": id, "state": bare, "entity": "canary7", "project": bare, "created_at": "/home/canary/x", "updated_at": bare,
			"config": nested(3), "tags": []any{bare}, "notes": bare, "sweep_info": nested(1), "system_attrs": nested(1), bare: bare,
		})
	}
	entry := func(id string, step int) string {
		return object(map[string]any{
			"run_id": id, "step": step, "timestamp": 1.5, "runtime": 1.5, "wandb_metadata": nested(1), "extra": nested(0), "note": bare,
			"metrics": with(nested(1), map[string]any{"train_loss": 0.5, "n": step, "said": bare, bare: step, "learning_rate": bare}),
		})
	}
	late := func(id string, step int) string { // of a run that gives no name away
		return object(map[string]any{"run_id": id, "step": step, "timestamp": 1.5, "metrics": map[string]any{"said": bare, bare: step}})
	}
	quiet := map[string]any{"run_id": sweepID, "run_name": bare, "config": map[string]any{"a": bare, bare: 1}, "summary": map[string]any{bare: bare}}

	// The legacy pair: the run that names nobody comes first.
	run := object(with(common(matchedID), map[string]any{"run_name": bare, "summary": nested(2), "wandb_metadata": planted}))
	writeLines(t, filepath.Join(dir, "canary7", "wandb_runs.jsonl"), object(quiet), run, run[:len(run)/2], `{"config":`+object(nested(1))+`}`, run[:len(run)-1])
	writeLines(t, filepath.Join(dir, "canary7", "wandb_history.jsonl"), "["+late(sweepID, 1)+","+late(sweepID, 2)+"]", "["+entry(matchedID, 1)+","+entry(matchedID, 2)+"]",
		"["+late(sweepID, 3)+`,{"run_id":1}]`, "["+entry(matchedID, 3))

	// An export, which is named after somebody, as its folder is.
	export := filepath.Join(dir, "data", "export of canary7")
	v3 := with(common(matchedID), map[string]any{"name": bare, "display_name": bare, "summary_metrics": nested(2), "metadata": planted})
	writeLines(t, filepath.Join(export, "runs.jsonl"), object(map[string]any{"exported_at": "2026-01-01", "by": bare, "run": quiet}),
		object(map[string]any{"exported_at": "2026-01-01", "run": v3}), `{"exported_at":"`+bare+`","run":{`)
	writeLines(t, filepath.Join(export, "history.jsonl"), late(sweepID, 1), entry(matchedID, 1), entry(matchedID, 2), entry(matchedID, 3)[:200], `{"run_id":"`+sweepID+`","note":"`+bare+`"`)
	record := with(planted, map[string]any{"name": "export of canary7", "entity": "canary7", "project": bare, "note": bare})
	writeLines(t, filepath.Join(export, "manifest.json"), object(with(record, map[string]any{"runs_path": "/home/canary/runs.jsonl", "history_path": "data/canary7/history.jsonl", "run_count": 99, "history_count": 99})))
	writeLines(t, filepath.Join(export, "state.json"), object(with(record, map[string]any{"last_exported_at": bare, "runs": map[string]any{
		matchedID: map[string]any{"last_history_step": 40, "note": bare, "by": "/home/canary/x"}, sweepID: map[string]any{"last_history_step": 50},
	}})))
	return dir
}

// TestPlantedCanaries: personal data in any field, at any depth, in values and
// keys, is in no byte of the lake, no value of its Parquet files, no result, no
// progress and no export.
func TestPlantedCanaries(t *testing.T) {
	dir, lake := plantedFiles(t), filepath.Join(t.TempDir(), "w.lake")
	var told strings.Builder
	tell := func(verb string, args object) {
		request, err := json.Marshal(object{"verb": verb, "lake": lake, "args": args})
		require.NoError(t, err)
		result, err := core.Call(context.Background(), request, func(p core.Progress) { fmt.Fprintln(&told, p.What) })
		require.NoError(t, err)
		defer result.Close()
		got, err := collect(result)
		require.NoError(t, err)
		told.WriteString(got.csv())
	}
	tell("ingest", object{"paths": []string{dir}})
	tell("ingest", object{"paths": []string{dir}})
	tell("curate", nil)
	for _, verb := range []string{"files", "rejects", "redactions", "snapshots", "doctor", "tables"} {
		tell(verb, nil)
	}
	out := t.TempDir()
	for i, name := range []string{"runs", "run_history", "run_metrics", "run_evals", "run_curves", "run_gaps", "matched_runs", "raw.wandb_runs", "raw.wandb_history", "raw.wandb_exports", "raw.rejects", "raw.files", "raw.redactions"} {
		tell("describe", object{"name": name})
		for _, ending := range []string{"csv", "parquet", "ndjson", "arrow"} {
			tell("export", object{"name": name, "to": filepath.Join(out, fmt.Sprintf("%d.%s", i, ending))})
		}
	}
	for _, sql := range []string{"SELECT config::INTEGER FROM raw.wandb_runs", "SELECT error(summary) FROM raw.wandb_runs", "SELECT error(text) FROM raw.rejects WHERE text <> ''"} {
		_, err := call(t, "sql", lake, object{"sql": sql})
		require.Error(t, err)
		told.WriteString(err.Error())
	}
	requireNoCanary(t, "what is told", []byte(told.String()))
	for _, folder := range []string{lake, out} {
		requireNoCanaryIn(t, lake, folder)
	}

	// All of it is there, under pseudonyms, and the analysis has what it needs.
	require.Equal(t, "9", query(t, lake, "SELECT sum(n_rejects)::BIGINT FROM raw.files")[1][0])
	require.Equal(t, rows{{"run_id", "expected_last_step"}, {matchedID, "40"}, {sweepID, "50"}}, query(t, lake, "SELECT run_id, max(expected_last_step) AS expected_last_step FROM run_gaps GROUP BY ALL ORDER BY ALL"))
	require.Equal(t, "1", query(t, lake, "SELECT count(DISTINCT entity) FROM (SELECT entity FROM raw.wandb_runs UNION ALL SELECT entity FROM raw.wandb_history UNION ALL SELECT entity FROM raw.wandb_exports)")[1][0])
}

// TestLateHistory: a history that comes in alone knows the names of the runs
// that lie beside it, though they are in the lake already.
func TestLateHistory(t *testing.T) {
	dir, lake := t.TempDir(), filepath.Join(t.TempDir(), "w.lake")
	args := object{"paths": []string{dir}}
	writeLines(t, filepath.Join(dir, "wandb_runs.jsonl"), wandbRun("r1"))
	must(t, "ingest", lake, args)
	writeLines(t, filepath.Join(dir, "wandb_history.jsonl"), `[{"run_id":"r1","step":1,"metrics":{"note":"by canary7"}}]`)
	require.Equal(t, []string{"added", "unchanged"}, must(t, "ingest", lake, args).column(t, "state"))
	requireNoCanaryIn(t, lake, lake)
	require.Contains(t, query(t, lake, "SELECT metrics FROM raw.wandb_history")[1][0], "by user-")
}

// requireNoCanaryIn looks at the bytes of every file in a folder, at their names,
// and at every value of the Parquet files.
func requireNoCanaryIn(t *testing.T, lake, folder string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		requireNoCanary(t, path, content)
		requireNoCanary(t, "the name", []byte(d.Name()))
		if filepath.Ext(path) == ".parquet" {
			requireNoCanary(t, path, []byte(query(t, lake, "FROM read_parquet('"+path+"')").csv()))
		}
		return nil
	}))
}

func requireNoCanary(t *testing.T, where string, text []byte) {
	t.Helper()
	if k := bytes.Index(bytes.ToLower(text), []byte("canary")); k >= 0 {
		t.Fatalf("%s: …%s…", where, text[max(0, k-80):min(len(text), k+40)])
	}
}
