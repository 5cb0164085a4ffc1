package wandb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/source/wandb"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/stretchr/testify/require"
)

// write makes a file and gives its path.
func write(t testing.TB, name string, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	return path
}

// convert reads a file into rows: a map per row, without nulls.
func convert(t testing.TB, path, table string, key *redact.Key) ([]map[string]any, *lines.Outcome) {
	t.Helper()
	format, err := wandb.Recognise(path)
	require.NoError(t, err)
	require.Contains(t, format.Tables(), table)
	out := filepath.Join(t.TempDir(), "out.parquet")
	outcome, err := format.Convert(context.Background(), lines.Job{Path: path, Table: table, Out: out, Key: key, Workers: 2})
	require.NoError(t, err)
	return readRows(t, out), outcome
}

func readRows(t testing.TB, path string) []map[string]any {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer r.Close()
	rows := make([]map[string]any, r.NumRows())
	first := 0
	for g := range r.NumRowGroups() {
		n := int(r.RowGroup(g).NumRows())
		for k := range r.RowGroup(g).NumColumns() {
			column, err := r.RowGroup(g).Column(k)
			require.NoError(t, err)
			for i, v := range cells(t, column, n) {
				if rows[first+i] == nil {
					rows[first+i] = map[string]any{}
				}
				if v != nil {
					rows[first+i][column.Descriptor().Name()] = v
				}
			}
		}
		first += n
	}
	return rows
}

func cells(t testing.TB, column file.ColumnChunkReader, n int) []any {
	t.Helper()
	var values []any
	var err error
	levels := make([]int16, n)
	switch c := column.(type) {
	case *file.Float64ColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v float64) any { return v })
	case *file.Int64ColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v int64) any { return v })
	case *file.ByteArrayColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v parquet.ByteArray) any { return string(v) })
	}
	require.NoError(t, err)
	return values
}

// batch reads a whole column and puts its nulls back.
func batch[T any](read func(int64, []T, []int16, []int16) (int64, int, error), levels []int16, show func(T) any) ([]any, error) {
	buffer := make([]T, len(levels))
	_, n, err := read(int64(len(levels)), buffer, levels, nil)
	if err != nil {
		return nil, err
	}
	values, out := buffer[:n], make([]any, len(levels))
	for i, level := range levels {
		if level == 1 {
			out[i], values = show(values[0]), values[1:]
		}
	}
	return out, nil
}

func rebuildRun(row map[string]any) string {
	run := wandb.RunRow{}
	for k, v := range row {
		run[k] = v.(string)
	}
	return string(run.Rebuild())
}

func rebuildEntry(row map[string]any) string {
	e := wandb.EntryRow{Layout: row["layout"].(string), RunID: row["run_id"].(string), Step: pointer[int64](row["step"]), Metrics: pointer[string](row["metrics"]), Rest: pointer[string](row["rest"])}
	for i, name := range []string{"timestamp", "runtime", "train_loss", "total_tokens", "learning_rate"} {
		e.Floats[i] = pointer[float64](row[name])
	}
	return string(e.Rebuild())
}

func pointer[T any](v any) *T {
	if v == nil {
		return nil
	}
	value := v.(T)
	return &value
}

// requireEqualJSON compares values exactly: a number by the text of its value
// in Go's shortest form, and whether it has a point.
func requireEqualJSON(t testing.TB, want, got string) {
	t.Helper()
	require.Equal(t, canonical(t, want), canonical(t, got))
}

func canonical(t testing.TB, text string) any {
	t.Helper()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "-Infinity", `"<-inf>"`), "Infinity", `"<inf>"`)
	d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(text, "NaN", `"<nan>"`)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), text)
	return normal(v)
}

func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			f, _ := v.Float64()
			return f
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	}
	return v
}

// entries are history entries with everything odd that files hold.
var entries = []string{
	`{"run_id":"r","step":100,"timestamp":1755581965.2730658,"runtime":386.353550792,"wandb_metadata":{},"metrics":{"train_loss":4293.64,"total_tokens":9062103.0,"learning_rate":2.28311e-05}}`,
	`{"run_id":"r","step":200,"timestamp":1755581966.5,"runtime":386.5,"wandb_metadata":{},"metrics":{"train_loss":1e-09,"total_tokens":18238579.0,"learning_rate":0.0}}`,
	`{"run_id":"r","step":200,"timestamp":1755581966.5,"runtime":386.5,"wandb_metadata":{},"metrics":{"train_loss":1e-09,"total_tokens":18238579.0,"learning_rate":0.0}}`,
	`{"run_id":"s","step":1,"timestamp":1755581966,"runtime":3,"wandb_metadata":{},"metrics":{"train_loss":NaN,"total_tokens":9062103,"learning_rate":-Infinity}}`,
	`{"run_id":"s","step":2,"timestamp":1755581967,"runtime":4,"wandb_metadata":{},"metrics":{"train_loss":Infinity,"total_tokens":9062103,"learning_rate":-0.0}}`,
	`{"run_id":"s","step":null,"timestamp":null,"runtime":null,"wandb_metadata":null,"metrics":{"train_loss":null,"total_tokens":168631869269606400000,"learning_rate":"x"}}`,
	`{"run_id":"s","step":3,"timestamp":"1755581965.2730658","runtime":1.0,"wandb_metadata":{"a":{"b":[1]}},"metrics":{}}`,
	`{"run_id":"s","step":-3,"timestamp":"2025-08-19T05:36:01Z","metrics":{"eval/x:y.z":1.5,"n":12345678901234567890123,"deep":{"k":[1,2.0]},"train_loss":0.1,"flag":true,"last":2}}`,
	`{"run_id":"s","step":-4,"timestamp":"2025-08-19T05:36:01Z","metrics":{"eval/x:y.z":2.5,"n":1,"deep":{"k":[1,2.0]},"train_loss":0.2,"flag":true,"last":3e5}}`,
	`{"run_id":"s","step":0.5,"timestamp":1,"extra":{"user":1},"metrics":{"train_loss":0.1000000000000000055511151231257827}}`,
	`{"run_id":"é\n\"","step":9223372036854775807,"timestamp":1e300,"runtime":5e-324,"metrics":{"train_loss":9007199254740993,"total_tokens":9007199254740992.0}}`,
	`{"run_id":"s","step":9223372036854775808,"metrics":[1],"train_loss":3}`,
	`{"run_id":"s","step":5}`,
	`{"run_id":"s","step":6,"timestamp":1,"metrics":{"a":-Infinity,"b":NaN,"c":Infinity,"d":-1}}`,
	`{"run_id":"s","step":7,"timestamp":1,"metrics":{"a":-Infinity,"b":NaN,"c":Infinity,"d":-2}}`,
	`{"run_id":"s","step":7,"step":8,"timestamp":1,"metrics":{"train_loss":1,"train_loss":0.5,"a":1,"a":{"b":[{"c":1,"c":2}]}}}`,
	` { "run_id" : "s" , "step" : 5 , "metrics" : { "train_loss" : 0.25 } } `,
	` { "run_id" : "s" , "step" : 6 , "metrics" : { "train_loss" : 0.5 } } `,
}

func TestHistoryIsLossless(t *testing.T) {
	for layout, lines := range map[string][]string{
		"legacy": {`[]`, `[` + strings.Join(entries[:5], ",") + `]`, ` [ ` + strings.Join(entries[5:], " , ") + " ] ", ``, `[]`},
		"v3":     entries,
	} {
		rows, outcome := convert(t, write(t, "history.jsonl", lines...), wandb.HistoryTable, nil)
		require.Empty(t, outcome.Rejects)
		require.Len(t, rows, len(entries))
		for i, row := range rows {
			require.Equal(t, layout, row["layout"])
			requireEqualJSON(t, entries[i], rebuildEntry(row))
		}
		require.Equal(t, 4293.64, rows[0]["train_loss"])
		require.Equal(t, 1755581965.2730658, rows[0]["timestamp"])
		require.Nil(t, rows[0]["metrics"])
		require.EqualValues(t, 100, rows[0]["step"])
	}
}

// TestUsualEntriesNeedNoRest: the two layouts' own spelling is the default.
func TestUsualEntriesNeedNoRest(t *testing.T) {
	legacy, _ := convert(t, write(t, "a.jsonl", "["+entries[0]+","+entries[1]+"]"), wandb.HistoryTable, nil)
	v3 := `{"extra":{},"metrics":{"train_loss":0.5},"run_id":"r","runtime":1.5,"step":1,"timestamp":"1755581965.2730658","wandb_metadata":{}}`
	export, _ := convert(t, write(t, "a.jsonl", v3, v3), wandb.HistoryTable, nil)
	for _, row := range append(legacy, export...) {
		require.Nil(t, row["rest"])
	}
	requireEqualJSON(t, v3, rebuildEntry(export[1]))
}

// TestRandomNumbersComeBack: whatever a number's spelling, its value is kept.
func TestRandomNumbersComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for i := range 5000 {
		mantissa := fmt.Sprint(r.Uint64() >> r.IntN(64))
		number := func() string {
			switch r.IntN(5) {
			case 0:
				return mantissa
			case 1:
				return "0." + mantissa
			case 2:
				return mantissa[:1] + "." + mantissa + fmt.Sprintf("e%d", r.IntN(640)-330)
			case 3:
				return fmt.Sprint(r.NormFloat64())
			default:
				return fmt.Sprintf("-%d.%06d", r.IntN(1000), r.IntN(1e6))
			}
		}
		lines = append(lines, fmt.Sprintf(`{"run_id":"r%d","step":%d,"timestamp":%s,"runtime":%s,"metrics":{"train_loss":%s,"learning_rate":%s,"x":%s}}`, i/100, i, number(), number(), number(), number(), number()))
	}
	rows, outcome := convert(t, write(t, "h.jsonl", lines...), wandb.HistoryTable, nil)
	require.Empty(t, outcome.Rejects)
	for i, row := range rows {
		requireEqualJSON(t, lines[i], rebuildEntry(row))
	}
}

func TestBrokenLines(t *testing.T) {
	good := func(step int) string {
		return fmt.Sprintf(`{"run_id":"r","step":%d,"timestamp":"1.5","runtime":1.0,"extra":{},"wandb_metadata":{},"metrics":{"train_loss":0.5}}`, step)
	}
	torn := good(9)
	path := write(t, "history.jsonl", good(1), `{"run_id":"r","step":2,,}`, good(3), "\"\xff\"", `{"step":5,"metrics":{}}`, `7`, torn[:len(torn)/2])
	rows, outcome := convert(t, path, wandb.HistoryTable, &redact.Key{})
	require.Len(t, rows, 7)
	require.Equal(t, []int64{1, 3, 4, 5, 6}, rejectRows(outcome))
	require.Equal(t, `{"run_id":"r","step":2,,}`, outcome.Rejects[0].Text)
	require.Contains(t, outcome.Rejects[0].Reason, "line 2: at byte 23")
	require.Contains(t, outcome.Rejects[1].Reason, "UTF-8")
	require.Contains(t, outcome.Rejects[2].Reason, "run_id")
	require.Contains(t, outcome.Rejects[4].Reason, "line 7, the last, is cut off")
	require.Equal(t, torn[:len(torn)/2], outcome.Rejects[4].Text)
	require.EqualValues(t, 3, rows[2]["step"])
	require.Equal(t, map[string]any{"layout": "v3"}, rows[1], "the row that stands for a reject")
}

// TestAListIsWholeOrRejected: a legacy line that breaks in the middle gives no
// rows, the others do.
func TestAListIsWholeOrRejected(t *testing.T) {
	path := write(t, "wandb_history.jsonl", "["+entries[0]+"]", "["+entries[0]+`,{"run_id":"r","step":}]`, "["+entries[1]+"]")
	rows, outcome := convert(t, path, wandb.HistoryTable, nil)
	require.Len(t, rows, 3)
	require.Equal(t, []int64{1}, rejectRows(outcome))
	require.EqualValues(t, 200, rows[2]["step"])
}

func rejectRows(o *lines.Outcome) (rows []int64) {
	for _, r := range o.Rejects {
		rows = append(rows, r.Row)
	}
	return rows
}

var runs = []string{
	`{"run_id":"r1","run_name":"n/a","state":"finished","project":"p","entity":"e","created_at":"2025-08-19T05:36:01Z","config":{"a/b:c.d":168631869269606400000,"x":1.0,"y":1},"summary":{"m":{"n":[NaN,1e5]}},"wandb_metadata":{},"sweep_info":{"sweep_id":null},"other":"x"}`,
	`{"run_id":"r2","state":null,"config":null,"summary":"{}","wandb_metadata":{"a":1}}`,
	`{"run_id":"r3","run_name":"\ud83d","config":{},"updated_at":5}`,
}

func TestRunsAreLossless(t *testing.T) {
	rows, outcome := convert(t, write(t, "wandb_runs.jsonl", runs...), wandb.RunsTable, nil)
	require.Empty(t, outcome.Rejects)
	for i, row := range rows {
		requireEqualJSON(t, runs[i], rebuildRun(row))
	}
	require.Equal(t, `{"a/b:c.d":168631869269606400000,"x":1.0,"y":1}`, rows[0]["config"])
	require.Equal(t, "finished", rows[0]["state"])

	v3 := `{"exported_at":"2026-04-20T00:00:00+00:00","run":{"run_id":"r1","name":"n","display_name":"d","config":{"a":1},"summary_metrics":{"b":2.0},"metadata":{"c":3},"updated_at":null,"tags":["x"]}}`
	rows, _ = convert(t, write(t, "runs.jsonl", v3), wandb.RunsTable, nil)
	requireEqualJSON(t, v3, rebuildRun(rows[0]))
	require.Equal(t, `{"b":2.0}`, rows[0]["summary"])
	require.Contains(t, rows[0]["rest"], `"_line":{"exported_at":`)
}

func TestPersonalDataIsRedacted(t *testing.T) {
	run := `{"run_id":"r1","run_name":"by canary7","state":"canary@x.example.org","created_at":"/home/canary7/x","config":{"canary@x.example.org":{"deep":["--user","canary7"]}},"summary":{"a":"canary7"},"wandb_metadata":{"username":"canary7","host":"canary-node"},"sweep_info":"on canary-node"}`
	rows, outcome := convert(t, write(t, "wandb_runs.jsonl", run, run[:len(run)-20]), wandb.RunsTable, &redact.Key{})
	require.NotContains(t, fmt.Sprint(rows, outcome.Rejects), "canary")
	require.NotZero(t, outcome.Redactions["user"])
	require.Equal(t, "r1", rows[0]["run_id"])

	entry := `{"run_id":"r","step":%d,"timestamp":"1.5","runtime":1.0,"extra":{"host":"canary-node"},"wandb_metadata":{},"metrics":{"train_loss":0.5,"x":%d,"note":"/home/canary/x","canary@x.example.org":1}}`
	rows, outcome = convert(t, write(t, "history.jsonl", fmt.Sprintf(entry, 1, 7), fmt.Sprintf(entry, 2, 8), fmt.Sprintf(entry, 3, 9)[:150]), wandb.HistoryTable, &redact.Key{})
	require.NotContains(t, fmt.Sprint(rows, outcome.Rejects), "canary")
	require.EqualValues(t, 2, rows[1]["step"])
	require.Contains(t, rows[1]["metrics"], `"x":8,`)
	require.GreaterOrEqual(t, outcome.Redactions["host"], int64(2))
}

// TestBlocks: a file of several blocks is the same rows in order, and its
// checksum that of the file.
func TestBlocks(t *testing.T) {
	var lines []string
	for i := range 100_000 {
		lines = append(lines, fmt.Sprintf(`{"run_id":"run-%d","step":%d,"timestamp":"%d.5","runtime":1.0,"extra":{},"wandb_metadata":{},"metrics":{"train_loss":0.5,"total_tokens":%d.0,"learning_rate":1e-05}}`, i/1000, i%1000, i, i))
	}
	rows, outcome := convert(t, write(t, "history.jsonl", lines...), wandb.HistoryTable, nil)
	require.EqualValues(t, len(lines), outcome.Rows)
	for i, row := range rows {
		if float64(i) != row["total_tokens"] {
			t.Fatalf("row %d: %v", i, row)
		}
	}
}

func TestRecognise(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want wandb.Format
	}{
		"a.jsonl":       {`{"doc_id":1}`, wandb.Unknown},
		"b.jsonl":       {``, wandb.Unknown},
		"history.jsonl": {"[]\n[]", wandb.LegacyHistory},
		"c.jsonl":       {"[]\n[]", wandb.Unknown},
		"d.jsonl":       {"broken\n" + runs[0], wandb.LegacyRuns},
		"e.json":        {`{"a":1}`, wandb.Unknown},
		"m.json":        {`{"runs_path":"x","history_path":"y"}`, wandb.ExportManifest},
		"x.wandb":       {`something else`, wandb.Unknown},
		"y.txt":         {runs[0], wandb.Unknown},
	} {
		got, err := wandb.Recognise(write(t, name, c.text))
		require.NoError(t, err)
		require.Equal(t, c.want, got, name)
	}
}

// realFiles gives the folder of the real sample, or skips.
func realFiles(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DDCORE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "wandb")); err != nil {
		t.Skip("no real data: set DDCORE_DATA to its folder")
	}
	return filepath.Join(dir, "wandb")
}

func TestRealFilesComeBack(t *testing.T) {
	dir := realFiles(t)
	for _, path := range []string{"legacy/wandb_runs.jsonl", "v3/data/ft_scaling_sample/runs.jsonl"} {
		lines := linesOf(t, filepath.Join(dir, path))
		rows, _ := convert(t, filepath.Join(dir, path), wandb.RunsTable, nil)
		require.Len(t, rows, 6)
		for i, row := range rows {
			requireEqualJSON(t, lines[i], rebuildRun(row))
		}
	}
	legacy, _ := convert(t, filepath.Join(dir, "legacy/wandb_history.jsonl"), wandb.HistoryTable, nil)
	var want []json.RawMessage
	for _, line := range linesOf(t, filepath.Join(dir, "legacy/wandb_history.jsonl")) {
		var list []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &list))
		want = append(want, list...)
	}
	v3, _ := convert(t, filepath.Join(dir, "v3/data/ft_scaling_sample/history.jsonl"), wandb.HistoryTable, nil)
	require.Len(t, legacy, 2549)
	require.Len(t, v3, 2549)
	for i, line := range linesOf(t, filepath.Join(dir, "v3/data/ft_scaling_sample/history.jsonl")) {
		requireEqualJSON(t, line, rebuildEntry(v3[i]))
		requireEqualJSON(t, string(want[i]), rebuildEntry(legacy[i]))
		require.Nil(t, v3[i]["rest"])
		require.Equal(t, "ft-scaling", v3[i]["project"], "from the manifest")
	}
}

func linesOf(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// FuzzEntry: whatever a line holds, it comes back as equal JSON or is refused,
// also behind entries that it resembles.
func FuzzEntry(f *testing.F) {
	for _, e := range entries {
		f.Add(e, entries[0])
	}
	isOne := func(line string) bool { // not blank, which is passed over, and no list, which is several rows
		line = strings.TrimSpace(line)
		return line != "" && line[0] != '['
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if !isOne(first) || !isOne(second) {
			return
		}
		for _, layout := range []string{"legacy", "v3", "offline"} {
			lines := []string{entries[0], first, second, first}
			for i, row := range wandb.ReadEntries(layout, nil, lines...) {
				if row != nil && utf8.ValidString(lines[i]) && json.Valid([]byte(lines[i])) {
					requireEqualJSON(t, lines[i], string(row.Rebuild()))
				}
			}
			for _, row := range wandb.ReadEntries(layout, &redact.Key{}, lines...) {
				if row != nil {
					require.NoError(t, jsontext.Whole(row.Rebuild()))
				}
			}
		}
	})
}

// FuzzRun: the same for runs.
func FuzzRun(f *testing.F) {
	for _, r := range runs {
		f.Add(r)
		f.Add(`{"exported_at":"x","run":` + r + `}`)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, layout := range []string{"legacy", "v3"} {
			if row := wandb.ReadRun(layout, nil, line); row != nil && utf8.ValidString(line) && json.Valid([]byte(line)) {
				requireEqualJSON(t, line, string(row.Rebuild()))
			}
			if row := wandb.ReadRun(layout, &redact.Key{}, line); row != nil {
				require.NoError(t, jsontext.Whole(row.Rebuild()))
			}
		}
	})
}
