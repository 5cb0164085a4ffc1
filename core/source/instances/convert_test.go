package instances

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"ddcore/core/lake"
	"ddcore/core/sample"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
)

// dataDir is where the published samples lie, "" where they are not at hand.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DDCORE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "eval-instances")); err != nil {
		t.Skip("no sample of the instance archives: set DDCORE_DATA")
	}
	return dir
}

func keep(text []byte) []byte { return text }

// converted is a part's tables, read back by DuckDB.
type converted struct {
	record             *Record
	instances, choices []Row
}

func convert(t *testing.T, p *Part) converted {
	t.Helper()
	c, err := NewConverter(keep)
	require.NoError(t, err)
	dir := t.TempDir()
	files := [2]string{filepath.Join(dir, "i.parquet"), filepath.Join(dir, "c.parquet")}
	record, err := c.Convert(context.Background(), p, files[0], files[1])
	require.NoError(t, err)
	out := converted{record: record}
	if len(record.Tasks) > 0 {
		out.instances, out.choices = readTable(t, files[0], InstancesTable), readTable(t, files[1], ChoicesTable)
		require.Len(t, out.instances, int(record.Instances))
		require.Len(t, out.choices, int(record.Choices))
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.partial"))
	require.NoError(t, err)
	require.Empty(t, left)
	return out
}

func readTable(t *testing.T, file, table string) []Row {
	t.Helper()
	ctx := context.Background()
	db, err := lake.OpenDB(ctx, lake.Options{})
	require.NoError(t, err)
	defer db.Close()
	c, err := db.Connect()
	require.NoError(t, err)
	defer c.Close()
	rows, err := c.Rows(ctx, "SELECT * FROM read_parquet("+lake.Quote(file)+")")
	require.NoError(t, err)
	fields := Fields(table)
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = Row{}
		for k, v := range r {
			if v != nil {
				out[i][fields[k].Name] = v
			}
		}
	}
	return out
}

// choicesOf gives the choices of each instance.
func (c converted) choicesOf(i int) []Row {
	var out []Row
	for _, row := range c.choices {
		if row["task"] == c.instances[i]["task"] && row["doc_id"] == c.instances[i]["doc_id"] {
			out = append(out, row)
		}
	}
	return out
}

func requireEqualJSON(t *testing.T, want, got string) {
	t.Helper()
	parse := func(text string) (v any) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		require.NoError(t, d.Decode(&v), text)
		return plain(v)
	}
	require.Equal(t, parse(want), parse(got))
}

// plain makes numbers comparable: whole ones by their digits, others as floats.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// packPart packs files into an inner archive.
func packPart(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range names {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := w.Write([]byte(files[name]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return out.Bytes()
}

const partName = "c4/150M/seed-14/step-1250.tar.gz"

// TestSampleLinesComeBack: each line of the published-shape archives can be
// written back as equal JSON, and each aggregate is what is expected.
func TestSampleLinesComeBack(t *testing.T) {
	dir := filepath.Join(dataDir(t), "eval-instances")
	archives, err := filepath.Glob(filepath.Join(dir, "models", "*.tar.gz"))
	require.NoError(t, err)
	parts := 0
	for _, archive := range archives {
		kind, err := Recognise(archive)
		require.NoError(t, err)
		require.Equal(t, Recipe, kind)
		_, err = Artifact{Path: filepath.Base(archive), File: archive, Kind: kind}.Walk(context.Background(), all, func(p *Part) error {
			parts++
			requireWhole(t, p)
			return nil
		}, noReject(t))
		require.NoError(t, err)
	}
	require.Equal(t, 8, parts)
}

func all(int) bool { return true }

func noReject(t *testing.T) func(name, reason string) error {
	return func(name, reason string) error {
		t.Helper()
		require.Fail(t, "reject", "%s: %s", name, reason)
		return nil
	}
}

func requireWhole(t *testing.T, p *Part) {
	t.Helper()
	lines := map[string]map[float64]string{}
	require.NoError(t, p.eachFile(func(name string, content pieces) error {
		task, ok := strings.CutSuffix(name, predictionsSuffix)
		if !ok {
			return nil
		}
		lines[task] = map[float64]string{}
		text, err := whole(content, maxPart)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			var id struct {
				Doc float64 `json:"doc_id"`
			}
			require.NoError(t, json.Unmarshal(line, &id))
			lines[task][id.Doc] = string(line)
		}
		return nil
	}))
	got := convert(t, p)
	require.Empty(t, got.record.Rejects)
	require.Empty(t, got.record.Checks)
	n := 0
	for i, row := range got.instances {
		want := lines[row["task"].(string)][float64(row["doc_id"].(int64))]
		requireEqualJSON(t, want, string(Rebuild(row, got.choicesOf(i))))
		n++
	}
	total := 0
	for _, task := range lines {
		total += len(task)
	}
	require.Equal(t, total, n)
	for _, task := range got.record.Tasks {
		require.NotEmpty(t, task.Record)
		for _, m := range task.Metrics {
			require.NotNil(t, m.Derived, "%s %s", task.Task, m.Metric)
			require.InEpsilon(t, *m.Value+1, *m.Derived+1, 1e-12)
		}
	}
}

const odd = `{"doc_id": %, "native_id": "a", "metrics": {"acc_raw": 1, "extra": {"a": [1, 2]}}, "model_output": [{"sum_logits": -1.5, "num_tokens": 2}], "label": 0}`

// TestOddLinesComeBack: what a column cannot hold exactly stays as text.
func TestOddLinesComeBack(t *testing.T) {
	var lines []string
	for _, line := range []string{
		`{"doc_id":0,"metrics":{},"model_output":[]}`,
		`{ "doc_id" : 1 , "metrics" : { } , "model_output" : [ ] , "label" : null }`,
		`{"doc_id": 2, "native_id": 12345678901234567890, "metrics": {"acc_raw": 1.0, "no_answer": null}, "model_output": [{}, {"sum_logits": 0, "num_tokens": 2.0, "is_greedy": "no"}], "label": "A"}`,
		`{"doc_id": 3, "native_id": {"a": [1]}, "metrics": {"acc_raw": true, "sum_logits_corr": -0.0}, "model_output": [{"sum_logits": -1e400, "logits_per_char": 5e-324, "logits_per_token": 0.12345678901234567890123}], "label": -1}`,
		`{"doc_id": 4, "native_id": -7, "metrics": {"acc_raw": -0, "correct_choice": 1e3, "predicted_index_raw": 9007199254740993}, "model_output": [{"num_chars": -3, "extra": [{"b": null}]}], "label": 1.5, "task_hash": "", "model_hash": 5, "more": "ä\n\"x\""}`,
		`{"doc_id": 5, "native_id": "q\u00e4\ud83d\ude00\"", "metrics": {"\u0061cc_raw": 1, "sum_logits_corr": 0.1000000000000000055511151231257827}, "model_output": [{"sum_logits": 123456789012345678.0}], "task_hash": "h", "model_hash": "m"}`,
		strings.Replace(odd, "%", "6", 1),
		`{"doc_id": 7, "native_id": null, "metrics": {"acc_raw": 1, "acc_raw": 0}, "model_output": [], "label": 0, "label": 2}`,
		`{"doc_id": 8, "native_id": "\ud800", "metrics": {"sum_logits_corr": 1E+2}, "model_output": [{"sum_logits": -2e-5}]}`,
	} {
		require.True(t, json.Valid([]byte(line)), line)
		lines = append(lines, line)
	}
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"step-1250/boolq-predictions.jsonl": strings.Join(lines, "\n")})))
	require.Empty(t, got.record.Rejects)
	require.Len(t, got.instances, len(lines))
	for i, row := range got.instances {
		requireEqualJSON(t, lines[i], string(Rebuild(row, got.choicesOf(i))))
	}
}

// TestBadLines: a line that is refused is told with its number and kept as text;
// nothing of it stays in the tables.
func TestBadLines(t *testing.T) {
	good := strings.Replace(odd, "%", "3", 1)
	bad := []struct{ line, reason string }{
		{`{"doc_id": 0, "metrics": {}, "model_output": [{"sum_logits": -1.0}`, "the text ends in the middle of a value"},
		{`{"doc_id": "0", "metrics": {}, "model_output": []}`, "doc_id is no whole number"},
		{`{"metrics": {}, "model_output": []}`, "the line has no doc_id"},
		{`{"doc_id": 1, "model_output": []}`, "the line has no metrics"},
		{`{"doc_id": 1, "metrics": []}`, "expected an object"},
		{`{"doc_id": 1, "metrics": {}}`, "the line has no model_output"},
		{`{"doc_id": 1, "metrics": {}, "model_output": {}}`, "model_output is no list"},
		{`{"doc_id": 1, "metrics": {}, "model_output": [5]}`, "expected an object"},
		{`{"doc_id": 1, "metrics": {"acc_raw": 01}, "model_output": []}`, "expected a number"},
		{`{"doc_id": 1, "metrics": {}, "model_output": []} x`, "expected nothing after"},
		{`[1]`, "expected an object"},
		{"{\"doc_id\": 1, \"native_id\": \"\xff\"}", "no UTF-8"},
		{good, "doc_id 3 stands twice"},
	}
	text := good + "\n\n"
	for _, b := range bad {
		text += b.line + "\n"
	}
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"step-1250/boolq-predictions.jsonl": text})))
	require.Len(t, got.instances, 1)
	require.Len(t, got.choices, 1)
	require.Len(t, got.record.Rejects, len(bad))
	for i, r := range got.record.Rejects {
		require.Contains(t, r.Reason, bad[i].reason)
		require.Contains(t, r.Reason, "boolq-predictions.jsonl")
		require.EqualValues(t, i+3, r.Row)
		require.Equal(t, strings.ToValidUTF8(bad[i].line, "\uFFFD"), r.Text)
	}
}

// TestOrder: files and lines in any order give the same rows, sorted by task
// and question.
func TestOrder(t *testing.T) {
	line := func(doc string) string { return strings.Replace(odd, "%", doc, 1) }
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{
		"x/b-predictions.jsonl": line("2") + "\n" + line("1") + "\n" + line("9") + "\n" + line("3"),
		"x/a-predictions.jsonl": line("7") + "\n" + line("5"),
	})))
	var order []string
	for _, row := range got.instances {
		order = append(order, row["task"].(string)+string(rune('0'+row["doc_id"].(int64))))
	}
	require.Equal(t, []string{"a5", "a7", "b1", "b2", "b3", "b9"}, order)
}

// TestDamagedPart: whatever byte is cut off or turned, the part is whole or left
// out, and said.
func TestDamagedPart(t *testing.T) {
	packed := packPart(t, map[string]string{"step-1250/boolq-predictions.jsonl": strings.Replace(odd, "%", "0", 1)})
	for cut := range len(packed) {
		got := convert(t, packedPart("c4", partName, packed[:cut]))
		require.Empty(t, got.instances)
		require.Len(t, got.record.Rejects, 1)
		require.EqualValues(t, WholePart, got.record.Rejects[0].Row)
	}
	for i := range packed {
		turned := bytes.Clone(packed)
		turned[i] ^= 0x10
		got := convert(t, packedPart("c4", partName, turned))
		require.True(t, len(got.instances) == 1 || len(got.record.Rejects) == 1, "byte %d", i)
	}
}

// TestOutside: links and paths that lead out are refused; nothing is written
// but the tables.
func TestOutside(t *testing.T) {
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"../../boolq-predictions.jsonl": "{}"})))
	require.Contains(t, got.record.Rejects[0].Reason, "leads out of the archive")
	got = convert(t, packedPart("c4", "c4/150M/seed-99/step-1.tar.gz", packPart(t, map[string]string{"a-predictions.jsonl": "{}"})))
	require.Contains(t, got.record.Rejects[0].Reason, `"99" is no seed`)
	got = convert(t, packedPart("c4", "mystery/150M/seed-2/step-1.tar.gz", packPart(t, map[string]string{"a-predictions.jsonl": "{}"})))
	require.Contains(t, got.record.Rejects[0].Reason, `"mystery" is no recipe`)
	got = convert(t, packedPart("c4", "elsewhere.tar.gz", packPart(t, map[string]string{"a-predictions.jsonl": "{}"})))
	require.Contains(t, got.record.Rejects[0].Reason, "of which checkpoint")
}

// TestBomb: a file that unpacks to far more than a checkpoint is stopped, and a
// line without end takes bounded memory.
func TestBomb(t *testing.T) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	w := tar.NewWriter(z)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "step-1/a-predictions.jsonl", Mode: 0o644, Size: 2 * maxPart}))
	zeros := bytes.Repeat([]byte("x"), 1<<20)
	for range 2 * maxPart >> 20 {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	got := convert(t, packedPart("c4", partName, out.Bytes()))
	require.Len(t, got.record.Rejects, 1)
	require.Contains(t, got.record.Rejects[0].Reason, "unpacks to more than")
}

// TestLongLine: it is passed over, and the lines around it stay.
func TestLongLine(t *testing.T) {
	line := func(doc string) string { return strings.Replace(odd, "%", doc, 1) }
	text := line("0") + "\n" + strings.Repeat("y", maxLine+10) + "\n" + line("1") + "\n" + strings.Repeat("z", maxLine+10)
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"a-predictions.jsonl": text})))
	require.Len(t, got.instances, 2)
	require.Len(t, got.record.Rejects, 2)
	require.Contains(t, got.record.Rejects[0].Reason, "line 2: the line is longer than")
}

// TestChecks: whatever of an instance or an aggregate is changed is found.
func TestChecks(t *testing.T) {
	metrics := `{"task_name": "arc_easy", "task_config": {"primary_metric": "acc_per_char"}, "num_instances": 1, "metrics": {"acc_raw": 1.0, "acc_per_char": 1.0, "primary_score": 1.0}}`
	line := `{"doc_id": 0, "metrics": {"predicted_index_raw": 1, "predicted_index_per_char": 1, "correct_choice": 1, "acc_raw": 1, "acc_per_char": 1, "sum_logits_corr": -1.0}, "model_output": [{"sum_logits": -2.0, "num_tokens": 1, "logits_per_token": -2.0, "logits_per_char": -1.0, "num_chars": 2}, {"sum_logits": -1.0, "num_tokens": 2, "logits_per_token": -0.5, "logits_per_char": -0.25, "num_chars": 4}], "label": 1}`
	checks := func(metrics, line string) (names []string) {
		got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"a/arc_easy-metrics.json": metrics, "a/arc_easy-predictions.jsonl": line})))
		require.Empty(t, got.record.Rejects)
		for _, c := range got.record.Checks {
			require.NotEmpty(t, c.Example)
			names = append(names, c.Name)
		}
		return names
	}
	require.Empty(t, checks(metrics, line))
	for _, change := range []struct {
		from, to string
		names    []string
	}{
		{`"label": 1`, `"label": 2`, []string{"label"}},
		{`"label": 1`, `"label": 0`, []string{"correct_choice"}},
		{`"predicted_index_raw": 1`, `"predicted_index_raw": 0`, []string{"predicted_index_raw", "acc_raw"}},
		{`"predicted_index_raw": 1`, `"predicted_index_raw": 7`, []string{"predicted_index_raw", "acc_raw"}},
		{`"acc_per_char": 1,`, `"acc_per_char": 0,`, []string{"acc_per_char", "aggregate acc_per_char", "aggregate primary_score"}},
		{`"sum_logits_corr": -1.0`, `"sum_logits_corr": -2.0`, []string{"sum_logits_corr"}},
		{`"logits_per_token": -0.5`, `"logits_per_token": -0.6`, []string{"logits_per_token"}},
		{`"num_chars": 4`, `"num_chars": 5`, []string{"logits_per_char"}},
		{`"num_instances": 1`, `"num_instances": 2`, []string{"num_instances"}},
		{`"acc_raw": 1.0`, `"acc_raw": 0.5`, []string{"aggregate acc_raw"}},
		{`"primary_score": 1.0`, `"primary_score": 0.9`, []string{"aggregate primary_score"}},
		{`"primary_metric": "acc_per_char"`, `"primary_metric": "acc_raw"`, []string{"primary_metric"}},
		{`"task_name": "arc_easy"`, `"task_name": "arc_hard"`, []string{"task_name"}},
	} {
		require.Contains(t, metrics+line, change.from)
		require.Equal(t, change.names, checks(strings.Replace(metrics, change.from, change.to, 1), strings.Replace(line, change.from, change.to, 1)), "%s", change.to)
	}
	got := convert(t, packedPart("c4", partName, packPart(t, map[string]string{"a/arc_easy-metrics.json": metrics, "a/boolq-predictions.jsonl": line})))
	require.Equal(t, "predictions_file", got.record.Checks[0].Name)
	require.Equal(t, "metrics_file", got.record.Checks[len(got.record.Checks)-1].Name)
}

// FuzzLine: no line crashes the reader, and whatever it takes comes back.
func FuzzLine(f *testing.F) {
	f.Add([]byte(strings.Replace(odd, "%", "1", 1)))
	f.Add([]byte(`{"doc_id": 3, "native_id": {"a": [1]}, "metrics": {"acc_raw": true, "sum_logits_corr": -0.0}, "model_output": [{"sum_logits": -1e400}], "label": -1}`))
	f.Add([]byte(`{"doc_id":10, "model_output":`))
	p := newParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		b := newBlock()
		err := p.read(line, b)
		if err != nil {
			require.Zero(t, b.rows())
			require.Zero(t, b.choiceRows())
			require.Empty(t, b.rest)
			return
		}
		require.Equal(t, 1, b.rows())
		require.Equal(t, b.ends[0], b.choiceRows())
		c := checker{}
		b.task.add("t")
		c.instance(b, 0)
		derive(b)
	})
}

// TestSampleIsSound: what `ddcore sample` makes has the published shape, no
// rejects, and aggregates that its instances imply.
func TestSampleIsSound(t *testing.T) {
	dir := t.TempDir()
	_, err := sample.Generate(context.Background(), dir, sample.Options{Sizes: []string{"150M"}, Recipes: []string{"C4", "Dolma1.7"}, Runs: -1, Checkpoints: 3}, nil)
	require.NoError(t, err)
	archives, err := filepath.Glob(filepath.Join(dir, "instances", "models", "*.tar.gz"))
	require.NoError(t, err)
	require.Len(t, archives, 2)
	for _, archive := range archives {
		_, err = Artifact{Path: filepath.Base(archive), File: archive, Kind: Recipe}.Walk(context.Background(), all, func(p *Part) error {
			requireWhole(t, p)
			return nil
		}, noReject(t))
		require.NoError(t, err)
	}
}
