package core_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plantedDump is a dump with personal data in every member of every file, broken
// lines, and folders and a task that are named after somebody.
func plantedDump(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "2025-11-03_canary7", "model of canary7")
	task := taskOf("piqa", with(planted, object{
		"model_config": with(nested(1), object{"model": "canary7/m", "model_path": "/home/canary/models/x/m"}), "compute_config": nested(1), "note": bare,
		"beaker_info":  object{"BEAKER_AUTHOR": "canary7", "BEAKER_USER_ID": "01CANARY", "BEAKER_NODE_HOSTNAME": "canary-node", "workspace": "canary-lab/evals", "deep": object{"list": []any{"canary-job"}}},
		"current_date": bare,
	}))
	task.metric = with(task.metric, object{"said": bare, bare: 1, "in": nested(0)})
	task.name = "piqa of canary7:rc"
	madeDump(t, dir, task)
	record := encode(t, task.record())
	writeLines(t, filepath.Join(dir, "metrics-all.jsonl"), record, record[:len(record)/2], `{"metrics": {"by": "canary7"}}`)
	stem := filepath.Join(dir, "task-000-piqa of canary7:rc-")
	writeLines(t, stem+"metrics.json", record)
	writeLines(t, stem+"config.json", encode(t, with(planted, object{"task_name": bare})))
	writeLines(t, filepath.Join(dir, "metrics.jsonl"), encode(t, bare), `"ada.canary@x.example.org`)
	for _, kind := range []string{"predictions", "requests", "recorded-inputs"} {
		asked := with(planted, object{
			"doc_id": 9, "idx": 0, "native_id": "/home/canary/x", "label": bare, "doc": nested(1), "request": nested(0), "requests": []any{nested(0)}, "request_type": bare, "task_name": bare,
			"metrics": object{"said": bare, bare: 1}, "model_output": []any{object{"continuation": bare}}, "task_hash": bare, "note": nested(1), bare: bare,
		})
		line := encode(t, asked)
		writeLines(t, stem+kind+".jsonl", line, line[:len(line)-9], `{"doc_id": "`+bare+`"}`)
	}
	return root
}

// TestDumpsNameNobody: personal data of a dump is in no byte of the lake, no
// result and no export; its originals are kept apart, and only when asked for.
func TestDumpsNameNobody(t *testing.T) {
	dir, lake := plantedDump(t), filepath.Join(t.TempDir(), "o.lake")
	args := object{"paths": []string{dir}}
	var told strings.Builder
	for _, verb := range []string{"ingest", "curate", "files", "rejects", "redactions", "doctor", "tables"} {
		told.WriteString(must(t, verb, lake, map[string]object{"ingest": args}[verb]).csv())
	}
	out := t.TempDir()
	names := []string{"raw.olmes_metrics", "raw.olmes_predictions", "raw.olmes_inputs", "raw.olmes_requests", "raw.rejects", "raw.files"}
	for _, table := range []string{"models", "results", "instances", "choices", "requests", "checks"} {
		names = append(names, "posttrain_"+table)
	}
	for _, name := range names {
		must(t, "export", lake, object{"name": name, "to": filepath.Join(out, name+".parquet")})
		require.NotEqual(t, "0", query(t, lake, "SELECT count(*) FROM "+name)[1][0], name)
	}
	_, err := call(t, "sql", lake, object{"sql": "SELECT error(beaker_info) FROM raw.olmes_metrics"})
	require.Error(t, err)
	requireNoCanary(t, "what is told", []byte(told.String()+err.Error()))
	for _, folder := range []string{lake, out} {
		requireNoCanaryIn(t, lake, folder)
	}
	require.Equal(t, rows{{"n"}, {"1"}}, query(t, lake, "SELECT count(DISTINCT beaker_info ->> 'BEAKER_AUTHOR') AS n FROM raw.olmes_metrics WHERE starts_with(beaker_info ->> 'BEAKER_AUTHOR', 'user-') AND starts_with(beaker_info ->> 'BEAKER_NODE_HOSTNAME', 'host-')"))

	args["keep_personal"] = true
	must(t, "ingest", lake, args)
	require.Contains(t, query(t, lake, "SELECT * FROM raw.olmes_metrics_personal").csv(), "canary7")
	require.Contains(t, query(t, lake, "SELECT * FROM raw.olmes_requests_personal").csv(), "canary7")
	requireNoCanary(t, "rejects", []byte(must(t, "rejects", lake, nil).csv()))
	args["keep_personal"] = false
	must(t, "ingest", lake, args)
	require.Equal(t, "0", query(t, lake, "SELECT count(*) FROM raw.olmes_metrics_personal")[1][0])
}
