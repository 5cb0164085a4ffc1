package olmes_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/olmes"

	"github.com/stretchr/testify/require"
)

// names are file names of every kind, with their tables.
var names = map[string]string{
	"metrics-all.jsonl":                               olmes.MetricsTable,
	"task-000-arc_easy:rc::olmes-metrics.json":        olmes.MetricsTable,
	"task-000-arc_easy:rc::olmes-config.json":         olmes.MetricsTable,
	"task-012-a-predictions-predictions.jsonl":        olmes.PredictionsTable,
	"task-1234-gsm8k::tulu-recorded-inputs.jsonl":     olmes.InputsTable,
	"task-000-arc_easy:rc::olmes-requests.jsonl":      olmes.RequestsTable,
	"task-99999999999999999999-x-predictions.jsonl":   olmes.PredictionsTable,
	"task-000-mmlu_pro:mc::none-predictions.jsonl":    olmes.PredictionsTable,
	"task-001-with space and ü-recorded-inputs.jsonl": olmes.InputsTable,
}

// samples are lines of every kind, with what makes trouble.
var samples = []string{
	`{"task_name": "a", "task_hash": "h", "model_hash": "m", "model_config": {"model": "x"}, "task_config": {"limit": 10000000000000000000}, "compute_config": {}, "processing_time": 3.250, "current_date": "2025-10-08", "num_instances": 12, "beaker_info": {}, "metrics": {"acc": 1e-05}, "task_idx": null, "more": [1.0]}`,
	`{"task_name": 5, "metrics": {}}`,
	`{"doc_id": 1, "native_id": "a\"b", "label": "A", "metrics": {"acc_raw": 1}, "model_output": [{"sum_logits": -1.50}], "task_hash": null, "model_hash": "\ud83d"}`,
	`{"doc_id": 2, "native_id": 7, "label": [1, 2], "metrics": null, "model_output": []}`,
	`{"doc_id": 12345678901234567890, "native_id": null}`,
	`{"doc_id": 1, "doc_id": 2, "native_id": 1.0, "label": -0}`,
	`{"doc": {"q": "x"}, "task_name": "a", "doc_id": 0, "native_id": null, "label": 1, "requests": [{"idx": 0}]}`,
	`{"request_type": "loglikelihood", "doc": {}, "request": {"context": [{"role": "user"}], "continuation": " a"}, "idx": 0, "task_name": "a", "doc_id": 0, "native_id": "x", "label": 1}`,
	`"all_primary_scores"`, `7`, `[]`, `{}`, `{"a": NaN}`,
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFilesAreKnownByTheirNames(t *testing.T) {
	for name, table := range names {
		f, err := olmes.Recognise(name)
		require.NoError(t, err)
		require.NotNil(t, f, name)
		require.Equal(t, []string{table}, f.Tables(), name)
	}
	for _, name := range []string{"task-00-a-predictions.jsonl", "task-000--predictions.json", "arc_easy-predictions.json", "task-000-a-metrics.txt", "README.md"} {
		f, err := olmes.Recognise(write(t, name, ""))
		require.NoError(t, err)
		require.Nil(t, f, name)
	}
}

func TestFilesAreKnownByTheirContent(t *testing.T) {
	for _, c := range []struct{ name, text, table string }{
		{"results.jsonl", "\n{broken\n" + samples[0] + "\n", olmes.MetricsTable},
		{"x.jsonl", samples[6], olmes.InputsTable},
		{"x.jsonl", samples[7], olmes.RequestsTable},
		{"metrics.jsonl", "\"tasks\"\n", olmes.MetricsTable},
		{"other.jsonl", "\"tasks\"\n", ""},
		{"arc_easy-predictions.jsonl", samples[2], ""}, // of the pretraining evaluations
		{"x.jsonl", "", ""},
		{"x.jsonl", "{\"doc_id\": 1}\n", ""},
	} {
		f, err := olmes.Recognise(write(t, c.name, c.text))
		require.NoError(t, err)
		if c.table == "" {
			require.Nil(t, f, c.text)
		} else {
			require.NotNil(t, f, c.text)
			require.Equal(t, []string{c.table}, f.Tables())
		}
	}
	_, err := olmes.Recognise(filepath.Join(t.TempDir(), "gone.jsonl"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestThePlaceIsKept(t *testing.T) {
	row := olmes.ReadLine("/x/2024-01-02/2025-11-03_posttrain/_eval_results/model__main/task-007-a:b-predictions.jsonl", nil, `{"doc_id": 3}`)
	require.Equal(t, olmes.Row{"folder": "model__main", "dump_date": "2025-11-03", "file_task_idx": "7", "file_task": "a:b", "doc_id": "3"}, row)
	row = olmes.ReadLine("/x/20251301/y/2025-01-01/metrics-all.jsonl", nil, `{"task_name": "a", "metrics": {}}`)
	require.Equal(t, olmes.Row{"folder": "2025-01-01", "kind": "metrics-all", "task_name": "a", "metrics": "{}"}, row, "the model's own folder dates no dump")
}

func TestValuesKeepTypeAndSpelling(t *testing.T) {
	row := olmes.ReadLine("metrics-all.jsonl", nil, samples[0])
	require.Equal(t, "3.250", row["processing_time"])
	require.Equal(t, "12", row["num_instances"])
	require.Equal(t, `{"task_idx":null,"more":[1.0]}`, row["rest"])
	require.Contains(t, row["task_config"], "10000000000000000000")
	for line, want := range map[string]string{samples[2]: `"a\"b"`, samples[3]: "7", samples[5]: "1.0"} {
		require.Equal(t, want, olmes.ReadLine("task-000-a-predictions.jsonl", nil, line)["native_id"])
	}
}

func TestUnusableLinesAreRefused(t *testing.T) {
	for line, name := range map[string]string{
		samples[1]:                          "metrics-all.jsonl",
		`{"task_name": "a"}`:                "metrics-all.jsonl",
		`{"task_name": "a", "metrics": []}`: "metrics-all.jsonl",
		`{"task_name":"a","metrics":{},"task_config":1}`: "metrics-all.jsonl",
		`[]`:                                 "task-000-a-config.json",
		samples[4]:                           "task-000-a-predictions.jsonl",
		`{"doc_id": "1"}`:                    "task-000-a-predictions.jsonl",
		`{"doc_id": 1, "model_output": {}}`:  "task-000-a-predictions.jsonl",
		`{"doc_id": 1, "idx": 0.0}`:          "task-000-a-requests.jsonl",
		`{"doc_id": 1, "requests": "none"}`:  "task-000-a-recorded-inputs.jsonl",
		`{"doc_id": 1, "metrics": {}} extra`: "task-000-a-predictions.jsonl",
	} {
		require.Nil(t, olmes.ReadLine(name, nil, line), line)
	}
}

// FuzzLine: a line that is read can be written again as equal JSON, whatever the
// file; redacted, it is JSON still.
func FuzzLine(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for name, table := range names {
			if row := olmes.ReadLine(name, nil, line); row != nil && utf8.ValidString(line) && json.Valid([]byte(line)) {
				requireEqualJSON(t, line, string(row.Rebuild(table)))
			}
			if row := olmes.ReadLine(name, &redact.Key{}, line); row != nil {
				require.NoError(t, jsontext.Whole(row.Rebuild(table)))
			}
		}
	})
}

// requireEqualJSON compares values, and numbers by their spelling.
func requireEqualJSON(t testing.TB, want, got string) {
	t.Helper()
	decode := func(text string) (v any) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		require.NoError(t, d.Decode(&v), text)
		return v
	}
	require.Equal(t, decode(want), decode(got))
}
