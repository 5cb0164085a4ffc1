package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bad gives the checks of a lake that are not ok, as check|metric|reason.
func bad(t *testing.T, lake string) []string {
	t.Helper()
	return query(t, lake, "SELECT concat_ws('|', check_name, metric, coalesce(is_ok::VARCHAR, 'unknown'), reason) AS c FROM posttrain_checks WHERE is_ok IS DISTINCT FROM true ORDER BY ALL").column(t, "c")
}

// TestTheNewestDumpWins: by the date in the dump's name, whatever the order in
// which the dumps come in; what differs is said, equal records are one.
func TestTheNewestDumpWins(t *testing.T) {
	old, renewed := taskOf("piqa", nil), taskOf("piqa", object{"current_date": "2024-12-31 00:00:00 UTC"})
	old.metric, old.acc = object{"acc_raw": 0.0, "primary_score": 0.0, "dropped": 1}, []int{0, 0}
	same := taskOf("boolq", nil)
	for _, order := range [][]string{{"2025-10-08_x", "2025-11-03_x"}, {"2025-11-03_x", "2025-10-08_x"}} {
		dir, lake := t.TempDir(), filepath.Join(t.TempDir(), "o.lake")
		madeDump(t, filepath.Join(dir, "2025-10-08_x", "m"), old, same)
		madeDump(t, filepath.Join(dir, "2025-11-03_x", "m"), renewed, same)
		for _, dump := range order {
			must(t, "ingest", lake, object{"paths": []string{filepath.Join(dir, dump)}})
		}
		must(t, "curate", lake, nil)
		require.Equal(t, rows{
			{"metric", "value", "n_copies", "n_differences", "differences"},
			{"acc_raw", "0.5", "2", "4", "current_date, metrics.acc_raw, metrics.dropped, metrics.primary_score"},
			{"primary_score", "0.5", "2", "4", "current_date, metrics.acc_raw, metrics.dropped, metrics.primary_score"},
		},
			query(t, lake, "SELECT metric, value, n_copies, n_differences, differences FROM posttrain_results WHERE task = 'piqa' ORDER BY ALL"))
		require.Equal(t, rows{{"doc_id", "acc_raw", "n_differences", "differences"}, {"0", "1", "1", "metrics.acc_raw"}, {"1", "0", "0", "(null)"}},
			query(t, lake, "SELECT doc_id, acc_raw, n_differences, differences FROM posttrain_instances WHERE task = 'piqa' ORDER BY ALL"))
		require.Equal(t, []string{
			"copies of questions||false|1 questions differ in older copies",
			"copies||false|older copies differ in current_date, metrics.acc_raw, metrics.dropped, metrics.primary_score",
		}, bad(t, lake))
		require.Equal(t, []string{"0"}, query(t, lake, "SELECT n_differences::VARCHAR FROM posttrain_results WHERE task = 'boolq' LIMIT 1")[1])
		require.Contains(t, must(t, "doctor", lake, nil).csv(), "post-training copies|warning|2 records of OLMES dumps differ in older dumps")
		require.Equal(t, "2", query(t, lake, "SELECT count(*) FROM raw.olmes_metrics WHERE task_name = 'piqa:rc'")[1][0], "nothing is lost")
	}
}

// TestOrderOfKeysIsNoDifference: nor are spaces.
func TestOrderOfKeysIsNoDifference(t *testing.T) {
	dir := t.TempDir()
	madeDump(t, filepath.Join(dir, "a", "m"), taskOf("piqa", nil))
	madeDump(t, filepath.Join(dir, "b", "m"), taskOf("piqa", nil))
	text, err := os.ReadFile(filepath.Join(dir, "b", "m", "metrics-all.jsonl"))
	require.NoError(t, err)
	changed := strings.Replace(string(text), `{"acc_raw":0.5,"primary_score":0.5}`, `{ "primary_score":0.5, "acc_raw":0.5 }`, 1)
	require.NotEqual(t, string(text), changed)
	writeLines(t, filepath.Join(dir, "b", "m", "metrics-all.jsonl"), changed)
	require.Empty(t, bad(t, build(t, dir)))
}

// TestDisagreementsAreSaid: of a record and its questions, of an aggregate and
// its tasks, of answers, and what is missing on either side.
func TestDisagreementsAreSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	wrong := taskOf("piqa", object{"num_instances": 3})
	wrong.metric = object{"acc_raw": 0.75, "primary_score": 0.5, "f1": 0.1}
	aggregate := madeTask{name: "all:rc", metric: object{"primary_score": 0.9}, more: object{"task_idx": nil, "task_config": object{"primary_metric": "macro", "metadata": object{"num_tasks": 2}}}}
	open := madeTask{name: "some:rc", metric: object{"primary_score": 0.9}, more: object{"task_idx": nil, "task_config": object{"primary_metric": "macro", "metadata": object{"num_tasks": 1}}}}
	madeDump(t, dir, wrong, taskOf("boolq", nil))
	writeLines(t, filepath.Join(dir, "metrics-all.jsonl"), encode(t, wrong.record()), encode(t, taskOf("boolq", nil).record()), encode(t, aggregate.record()), encode(t, open.record()))
	require.NoError(t, os.Remove(filepath.Join(dir, "task-001-boolq:rc-predictions.jsonl")))
	require.NoError(t, os.Remove(filepath.Join(dir, "task-001-boolq:rc-requests.jsonl")))
	predictions := strings.ReplaceAll(wrong.predictions()[1], `{"sum_logits": -1.5}`, `{"sum_logits": -1.25}`)
	writeLines(t, filepath.Join(dir, "task-000-piqa:rc-predictions.jsonl"), wrong.predictions()[0], predictions)
	writeLines(t, filepath.Join(dir, "task-007-lost:rc-predictions.jsonl"), wrong.predictions()...)
	lake := build(t, dir)
	require.Equal(t, []string{
		"answers||false|1 questions have another sum_logits_corr than their correct choice",
		"files||false|no dump holds a line of metrics, recorded inputs, requests of this task",
		"files||false|no dump holds predictions, requests of this task",
		"macro average|primary_score|false|the tasks give 0.5, the record says 0.9",
		"macro average|primary_score|unknown|the model has more or fewer tasks than the aggregate: which ones are its is not said",
		"mean|acc_raw|false|the questions give 0.5, the record says 0.75",
		"mean|f1|unknown|no question has this metric as a number",
		"questions||false|the dump holds 2 questions, the record says 3",
	}, bad(t, lake))
	require.Equal(t, "2", query(t, lake, "SELECT count(*) FROM posttrain_instances WHERE task_name = 'lost:rc'")[1][0])
	require.Contains(t, must(t, "doctor", lake, nil).csv(), "4 results of OLMES dumps disagree")
}

// TestOddDumps: tasks that are generated and not chosen, names that a file system
// refused, and values that are no plain numbers.
func TestOddDumps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	task := madeTask{name: `gsm8k::"tulu"`, acc: []int{1, 0}, metric: object{"exact_match": 0.5, "note": "x", "per_kind": object{"a": 1}, "extra_metrics": object{"f1": 0.25, "exact_match": 9}, "odd\"'$.name": 1}, more: object{
		"task_config": object{"task_core": "gsm8k", "primary_metric": `odd"'$.name`, "limit": 0.5, "use_chat_format": true}, "current_date": "yesterday", "num_instances": nil,
	}}
	record := strings.Replace(encode(t, task.record()), `"extra_metrics"`, `"nan":NaN,"inf":-Infinity,"extra_metrics"`, 1)
	writeLines(t, filepath.Join(dir, "metrics-all.jsonl"), record)
	stem := filepath.Join(dir, "task-000-gsm8k___tulu_-")
	writeLines(t, stem+"predictions.jsonl",
		`{"doc_id": 0, "native_id": [1, 2.50], "label": "72", "metrics": {"exact_match": true, "acc_raw": null, "more": [1]}, "model_output": [{"continuation": "so \ud83d 72", "num_tokens": 12}, 7], "model_hash": "h"}`,
		`{"doc_id": 1, "native_id": 10000000000000000000, "label": ["a"], "metrics": {"exact_match": false}, "model_output": null}`)
	writeLines(t, stem+"requests.jsonl", `{"request_type": "generate_until", "doc": {"q": "\u0000"}, "request": {"context": [{"role": "user", "content": "hi"}], "stop_sequences": ["\n"]}, "idx": 0, "doc_id": 0}`)
	lake := build(t, dir)
	require.Len(t, must(t, "rejects", lake, nil), 1)
	require.Equal(t, rows{
		{"metric", "value", "text", "primary_score"},
		{"exact_match", "0.5", "(null)", "1"},
		{"f1", "0.25", "(null)", "1"},
		{"inf", "-Inf", "(null)", "1"},
		{"nan", "NaN", "(null)", "1"},
		{"note", "(null)", "x", "1"},
		{`odd"'$.name`, "1", "(null)", "1"},
		{"per_kind", "(null)", `{"a":1}`, "1"},
	}, query(t, lake, "SELECT metric, value, text, primary_score FROM posttrain_results ORDER BY ALL"))
	got := row(t, lake, "SELECT DISTINCT instance_limit, use_chat_format, evaluated_at, num_instances FROM posttrain_results")
	require.Equal(t, map[string]string{"instance_limit": "0.5", "use_chat_format": "true", "evaluated_at": "(null)", "num_instances": "(null)"}, got)
	require.Equal(t, rows{
		{"task_name", "native_id", "native_id_type", "label", "label_text", "acc_raw", "other_metrics"},
		{task.name, "[1, 2.50]", "json", "(null)", "72", "(null)", `{"exact_match":true,"more":[1]}`},
		{task.name, "10000000000000000000", "int", "(null)", `["a"]`, "(null)", `{"exact_match":false}`},
	}, query(t, lake, "SELECT task_name, native_id, native_id_type, label, label_text, acc_raw, other_metrics FROM posttrain_instances ORDER BY doc_id"))
	require.Equal(t, rows{{"choice", "continuation", "num_tokens"}, {"0", "so \uFFFD 72", "12"}, {"1", "(null)", "(null)"}}, query(t, lake, "SELECT choice, continuation, num_tokens FROM posttrain_choices ORDER BY ALL"))
	require.Equal(t, rows{{"context", "continuation", "request_options", "native_id_type"}, {`[{"role":"user","content":"hi"}]`, "(null)", `{"stop_sequences":["\n"]}`, "null"}},
		query(t, lake, "SELECT context, continuation, request_options, native_id_type FROM posttrain_requests"))
	require.Equal(t, rows{{"model"}, {"some/model"}}, query(t, lake, "SELECT model FROM posttrain_models"))
	require.NotContains(t, strings.Join(bad(t, lake), "\n"), "mean|exact_match|false")
}

// TestJoinsSayWhy: a model that is no checkpoint and no run that the lake knows.
func TestJoinsSayWhy(t *testing.T) {
	dir := t.TempDir()
	for folder, config := range map[string]object{
		"nobody": {"model": "meta/some-8B"},
		"recipe": {"model": "allenai/DataDecide-c5-4M", "revision": "main"},
		"size":   {"model": "allenai/DataDecide-c4-5M", "revision": "main"},
		"branch": {"model": "allenai/DataDecide-c4-4M", "revision": "try-2"},
		"seed":   {"model": "allenai/DataDecide-c4-4M", "revision": "step5725-seed-tiny"},
		"step":   {"model": "allenai/DataDecide-c4-4M", "revision": "step77-seed-default"},
		"exact":  {"model_path": "/home/x/models/of/DataDecide-c4-4M", "revision": "step5725-seed-default"},
		"allenai_DataDecide-c4-4M__step5725-seed-default": {"model": "local"},
	} {
		madeDump(t, filepath.Join(dir, folder), taskOf("piqa", object{"model_config": config}))
	}
	lake := build(t, filepath.Join(makeSample(t, small), "hf"), dir)
	require.Equal(t, rows{
		{"model_run", "recipe", "step", "pt_match"},
		{"allenai_DataDecide-c4-4M__step5725-seed-default", "C4", "5725", "exact"},
		{"branch", "C4", "(null)", "the revision try-2 names no step"},
		{"exact", "C4", "5725", "exact"},
		{"nobody", "(null)", "(null)", "its name is that of no checkpoint and no run"},
		{"recipe", "(null)", "(null)", "the recipe c5 is unknown"},
		{"seed", "C4", "5725", "the seed of the checkpoint is unknown"},
		{"size", "C4", "(null)", "the size 5M is unknown"},
		{"step", "C4", "77", "no such step in evals"},
	}, query(t, lake, "SELECT model_run, recipe, step, pt_match FROM posttrain_models ORDER BY ALL"))
}
