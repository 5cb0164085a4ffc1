package core_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/source/olmes"

	"github.com/stretchr/testify/require"
)

// realDump gives the folder of the dumps in the documented format, or skips.
func realDump(t testing.TB) string {
	t.Helper()
	return filepath.Join(realData(t), "olmes-dump")
}

func TestDumpsInTheDocumentedFormat(t *testing.T) {
	lake := build(t, realDump(t))
	require.Len(t, must(t, "rejects", lake, nil), 1)
	require.Equal(t, rows{{"model_run", "model", "revision", "stage", "recipe", "params", "seed", "ckpt_steps", "step", "pt_match"}, {
		"allenai_DataDecide-c4-150M__main", "allenai/DataDecide-c4-150M", "main", "pt", "C4", "150M", "0", "main", "(null)", "no such run in evals",
	}, {
		"allenai_DataDecide-dolma1_7-150M__step1250-seed-default", "allenai/DataDecide-dolma1_7-150M", "step1250-seed-default", "pt", "Dolma1.7", "150M", "0", "1250", "1250", "no such run in evals",
	}}, query(t, lake, "SELECT model_run, model, revision, stage, recipe, params, seed, ckpt_steps, step, pt_match FROM posttrain_models ORDER BY ALL"))

	got := row(t, lake, "SELECT * FROM posttrain_results WHERE recipe = 'C4' AND task = 'arc_challenge' AND metric = 'acc_raw'")
	for name, want := range map[string]string{
		"value": "0.3333333333333333", "primary_metric_name": "acc_uncond", "primary_score": "0.25", "num_instances": "12", "num_shots": "5", "is_aggregate": "false",
		"all_result_dirs": `["2025-10-08_posttrain/_eval_results/allenai_DataDecide-c4-150M__main","2025-11-03_posttrain/_eval_results/allenai_DataDecide-c4-150M__main"]`,
		"n_copies":        "4", "n_differences": "0", "evaluated_at": "2025-10-08T12:00:00Z", "processing_seconds": "3.25",
	} {
		require.Equal(t, want, got[name], name)
	}
	require.Equal(t, rows{{"t", "n"}, {"false", "64"}, {"true", "4"}}, query(t, lake, "SELECT is_aggregate AS t, count(*) AS n FROM posttrain_results GROUP BY ALL ORDER BY ALL"))
	require.Equal(t, rows{{"instances", "choices", "requests", "recorded"}, {"72", "266", "266", "66"}}, query(t, lake, `SELECT (SELECT count(*) FROM posttrain_instances) AS instances,
		(SELECT count(*) FROM posttrain_choices) AS choices, count(*) AS requests, count(*) FILTER (is_recorded) AS recorded FROM posttrain_requests`))
	require.Equal(t, rows{{"native_id", "native_id_type"}, {"2", "int"}, {"8", "int"}, {"11", "int"}, {"(null)", "null"}, {"allenai/sample-0", "string"}},
		query(t, lake, "SELECT native_id, native_id_type FROM posttrain_instances WHERE recipe = 'C4' AND task = 'csqa' AND (doc_id % 3 = 2 OR doc_id IN (0, 5)) ORDER BY native_id_type, doc_id"))
	require.Equal(t, rows{{"n"}, {"0"}}, query(t, lake, "SELECT count(*) AS n FROM posttrain_checks WHERE is_ok IS DISTINCT FROM true"))
	require.Equal(t, rows{{"check_name", "n"}, {"answers", "6"}, {"copies", "7"}, {"files", "8"}, {"macro average", "4"}, {"mean", "64"}, {"questions", "6"}},
		query(t, lake, "SELECT check_name, count(*) AS n FROM posttrain_checks GROUP BY ALL ORDER BY ALL"))
}

// TestDumpsComeBack: every line of every file is in raw as equal JSON, numbers by
// their spelling.
func TestDumpsComeBack(t *testing.T) {
	for name, dir := range map[string]func() string{
		"documented": func() string { return realDump(t) },
		"made":       func() string { return filepath.Join(makeSample(t, whole), "olmes") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, lake := dir(), filepath.Join(t.TempDir(), "o.lake")
			must(t, "ingest", lake, object{"paths": []string{dir}, "keep_personal": true})
			n := 0
			for _, table := range []string{olmes.MetricsTable, olmes.PredictionsTable, olmes.InputsTable, olmes.RequestsTable} {
				var file string
				var lines []string
				all := query(t, lake, "SELECT f.path AS _path, r.* EXCLUDE (_file) FROM raw."+table+"_personal AS r JOIN raw.files AS f ON f.file_id = r._file ORDER BY f.path, r._row")
				for _, cells := range all[1:] {
					record := olmes.Row{}
					for i, header := range all[0] {
						if cells[i] != "(null)" {
							record[header] = cells[i]
						}
					}
					if record["_path"] != file {
						require.Empty(t, lines, file)
						file = record["_path"]
						text, err := os.ReadFile(filepath.Join(dir, file))
						require.NoError(t, err)
						lines = strings.Split(strings.TrimSpace(string(text)), "\n")
					}
					require.Equal(t, exactly(t, lines[0]), exactly(t, string(record.Rebuild(table))), file)
					lines = lines[1:]
					n++
				}
				require.Empty(t, lines)
			}
			require.Greater(t, n, 200)
		})
	}
}

// exactly decodes JSON with numbers as they are spelt.
func exactly(t testing.TB, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	require.NoError(t, d.Decode(&v), text)
	return v
}

// TestAPlaceIsPartOfARecord: equal files in two places are both kept, each once;
// the copy goes when its place does.
func TestAPlaceIsPartOfARecord(t *testing.T) {
	dir, lake := t.TempDir(), filepath.Join(t.TempDir(), "o.lake")
	for _, dump := range []string{"a", "b"} {
		madeDump(t, filepath.Join(dir, dump, "m"), taskOf("piqa", nil))
	}
	args := object{"paths": []string{dir}}
	require.Equal(t, []string{"added"}, unique(must(t, "ingest", lake, args).column(t, "state")))
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", lake, args).column(t, "state")))
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", lake, object{"paths": []string{filepath.Join(dir, "b", "m")}}).column(t, "state")))
	dirs := func() string {
		must(t, "curate", lake, nil)
		return row(t, lake, "SELECT DISTINCT all_result_dirs AS d, n_copies AS n FROM posttrain_results")["d"]
	}
	require.Equal(t, `["a/m","b/m"]`, dirs())
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "b")))
	must(t, "ingest", lake, args)
	require.Equal(t, `["a/m","b/m"]`, dirs(), "a missing file's rows are kept")
	args["prune"] = true
	must(t, "ingest", lake, args)
	require.Equal(t, `["a/m"]`, dirs())
}

// TestBadLinesOfDumps: each is a reject with its row and reason, and all others
// are curated.
func TestBadLinesOfDumps(t *testing.T) {
	dir, lake := filepath.Join(t.TempDir(), "m"), filepath.Join(t.TempDir(), "o.lake")
	task := taskOf("piqa", nil)
	madeDump(t, dir, task)
	good := task.predictions()
	writeLines(t, filepath.Join(dir, "task-000-piqa:rc-predictions.jsonl"), good[0], `{"doc_id": 1,,}`, "\"\xff\"", `{"doc_id": "3"}`, `{"doc_id": 4, "metrics": 7}`, "", good[1], good[0], good[1][:30])
	writeLines(t, filepath.Join(dir, "task-000-piqa:rc-requests.jsonl"), "")
	writeLines(t, filepath.Join(dir, "task-000-piqa:rc-config.json"), "{")
	writeLines(t, filepath.Join(dir, "metrics-all.jsonl"), encode(t, task.record()), `{"metrics": {}}`)
	must(t, "ingest", lake, object{"paths": []string{dir}})
	require.Equal(t, rows{
		{"path", "row", "reason", "text"},
		{"metrics-all.jsonl", "1", "line 2: task_name is missing or no text", `{"metrics": {}}`},
		{"task-000-piqa:rc-config.json", "0", "line 1, the last, is cut off: the export was still being written; ingest it again when it is complete", "{"},
		{"task-000-piqa:rc-predictions.jsonl", "1", "line 2: at byte 13: expected a key", `{"doc_id": 1,,}`},
		{"task-000-piqa:rc-predictions.jsonl", "2", "line 3: the line is no UTF-8 text", "\"\uFFFD\""},
		{"task-000-piqa:rc-predictions.jsonl", "3", "line 4: doc_id is missing or no whole number", `{"doc_id": "3"}`},
		{"task-000-piqa:rc-predictions.jsonl", "4", "line 5: metrics is no object", `{"doc_id": 4, "metrics": 7}`},
		{"task-000-piqa:rc-predictions.jsonl", "7", "line 9, the last, is cut off: the export was still being written; ingest it again when it is complete", good[1][:30]},
	}, must(t, "rejects", lake, nil))
	must(t, "curate", lake, nil)
	require.Equal(t, rows{{"doc_id", "n_copies"}, {"0", "2"}, {"1", "1"}}, query(t, lake, "SELECT doc_id, n_copies FROM posttrain_instances ORDER BY ALL"))
	require.Equal(t, rows{{"n"}, {"2"}}, query(t, lake, "SELECT count(DISTINCT metric) AS n FROM posttrain_results"))
}

// TestDumpsAreNamedAmongTheKnownSources: who names a file of another learns that.
func TestDumpsAreNamedAmongTheKnownSources(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	writeLines(t, path, `{"doc_id": 1}`)
	_, err := call(t, "ingest", filepath.Join(t.TempDir(), "o.lake"), object{"paths": []string{path}})
	fails(t, contract.Invalid, err, "x.jsonl", "OLMES")
}

// madeTask is a task of a made dump, with two questions of two choices.
type madeTask struct {
	name   string
	metric object // of the record
	more   object // members of the record
	acc    []int  // of the questions
}

func taskOf(core string, more object) madeTask {
	return madeTask{core + ":rc", object{"acc_raw": 0.5, "primary_score": 0.5}, more, []int{1, 0}}
}

func (m madeTask) record() object {
	core, _, _ := strings.Cut(m.name, ":")
	o := object{
		"task_name": m.name, "task_hash": "t", "model_hash": "h", "model_config": object{"model": "some/model", "revision": nil},
		"task_config": object{"task_name": m.name, "task_core": core, "primary_metric": "acc_raw", "metadata": object{}}, "compute_config": object{},
		"processing_time": 1.5, "current_date": "2025-01-01 00:00:00 UTC", "num_instances": len(m.acc), "beaker_info": object{}, "metrics": m.metric, "task_idx": 0,
	}
	maps.Copy(o, m.more)
	return o
}

func (m madeTask) predictions() []string {
	var lines []string
	for i, acc := range m.acc {
		lines = append(lines, fmt.Sprintf(`{"doc_id": %d, "native_id": %[1]d, "label": 0, "metrics": {"acc_raw": %d, "correct_choice": 0, "sum_logits_corr": -1.5}, "model_output": [{"sum_logits": -1.5}, {"sum_logits": -2.5}], "model_hash": "h"}`, i, acc))
	}
	return lines
}

// madeDump writes a model's folder.
func madeDump(t testing.TB, dir string, tasks ...madeTask) {
	t.Helper()
	var records []string
	for i, task := range tasks {
		records = append(records, encode(t, task.record()))
		stem := filepath.Join(dir, fmt.Sprintf("task-%03d-%s-", i, task.name))
		writeLines(t, stem+"predictions.jsonl", task.predictions()...)
		var requests, inputs []string
		for doc := range task.acc {
			requests = append(requests, fmt.Sprintf(`{"request_type": "loglikelihood", "doc": {"q": %d}, "request": {"context": "c", "continuation": " a"}, "idx": 0, "task_name": %q, "doc_id": %[1]d, "native_id": %[1]d, "label": 0}`, doc, task.name))
			inputs = append(inputs, fmt.Sprintf(`{"doc": {"q": %d}, "task_name": %q, "doc_id": %[1]d, "native_id": %[1]d, "label": 0, "requests": [{"request_type": "loglikelihood", "request": {"context": "c", "continuation": " a"}, "idx": 0}]}`, doc, task.name))
		}
		writeLines(t, stem+"requests.jsonl", requests...)
		writeLines(t, stem+"recorded-inputs.jsonl", inputs...)
	}
	writeLines(t, filepath.Join(dir, "metrics-all.jsonl"), records...)
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
