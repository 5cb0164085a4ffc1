package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"ddcore/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"
)

func TestFloatsReadBack(t *testing.T) {
	tenth := 0.1
	for text, v := range map[string]float64{
		"3.0": 3, "0.1": 0.1, "-0.0": math.Copysign(0, -1), "0.0001": 0.0001, "1e-05": 1e-5, "1000000000000000.0": 1e15, "1e+16": 1e16,
		"5e-324": 5e-324, "1.7976931348623157e+308": math.MaxFloat64, "0.30000000000000004": tenth + 0.2,
	} {
		got := string(appendFloat(nil, v, 64))
		require.Equal(t, text, got)
		back, err := strconv.ParseFloat(got, 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(v), math.Float64bits(back))
		require.True(t, json.Valid([]byte(got)))
	}
	require.Equal(t, "nan", string(appendFloat(nil, math.NaN(), 64)))
	require.Equal(t, "inf", string(appendFloat(nil, math.Inf(1), 64)))
	require.Equal(t, "-inf", string(appendFloat(nil, math.Inf(-1), 64)))
	require.Equal(t, "0.1", string(appendFloat(nil, float64(float32(0.1)), 32)))
}

func TestFilters(t *testing.T) {
	got, err := filters([]string{
		"params=150M", "recipe=C4, Dolma1.7", "recipe=DCLM-Baseline (QC 7%, FW2)", "seed=0", "x=null,1.5,true", `y="1"`, "z=a=b", `w="a,b",c`, "v=",
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"params": "150M", "recipe": []any{"C4", "Dolma1.7", "DCLM-Baseline (QC 7%, FW2)"}, "seed": json.Number("0"),
		"x": []any{nil, json.Number("1.5"), true}, "y": "1", "z": "a=b", "w": []any{"a,b", "c"}, "v": "",
	}, got)
	for _, bad := range []string{"params", "=1", ""} {
		_, err := filters([]string{bad})
		require.ErrorContains(t, err, "is not COLUMN=VALUE")
	}
	require.Equal(t, []any{"[1]", "{}", "1 2", "nan", json.Number("9007199254740993")}, values([]string{"[1]", "{}", "1 2", "nan", "9007199254740993"}))
}

func TestCutAndPad(t *testing.T) {
	require.Equal(t, "日本", cut("日本", 4))
	require.Equal(t, "日…", cut("日本語", 4))
	require.Equal(t, "ab…", cut("abcd", 3))
	require.Equal(t, "e\u0301…", cut("e\u0301ab", 2), "an accent stays with its letter")
	require.Equal(t, "日 ", pad("日", 3, false))
	require.Equal(t, " 日", pad("日", 3, true))
	require.Equal(t, `a\x1b[31m\nb`, printable("a\x1b[31m\nb"))
	require.Equal(t, "1,234,567", thousands(1234567))
	require.Equal(t, "999", thousands(999))
}

// numbered is a batch of rows with a number and a text.
func numbered(from, n int) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "text", Type: arrow.BinaryTypes.String}, {Name: "last", Type: arrow.PrimitiveTypes.Float64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := from; i < from+n; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(strings.Repeat("x", i%60))
		b.Field(2).AppendNull()
	}
	return b.NewRecordBatch()
}

// showTable renders batches of 100 rows and gives the lines and the notes.
func showTable(t *testing.T, width int, most int64, rows int) (lines, notes []string) {
	t.Helper()
	var out strings.Builder
	w := &tableWriter{out: bufio.NewWriter(&out), width: width, most: most, note: func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf(format, args...))
	}}
	w.fields = numbered(0, 0).Schema().Fields()
	for from := 0; from < rows; from += 100 {
		if err := w.batch(numbered(from, min(100, rows-from))); err != nil {
			require.True(t, errors.Is(err, errEnough))
			break
		}
	}
	require.NoError(t, w.end())
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), notes
}

func TestTableOnATerminal(t *testing.T) {
	lines, notes := showTable(t, 40, 50, 120)
	require.Len(t, lines, 2+50)
	require.Equal(t, " n  text"+strings.Repeat(" ", 26)+"  last", lines[0])
	require.Equal(t, "49  "+strings.Repeat("x", 29)+"…  null", lines[51])
	require.Equal(t, []string{"… 70 more rows; --max-rows 0 shows all"}, notes)

	lines, notes = showTable(t, 13, 3, 3)
	require.Equal(t, []string{"n  text  last", "-  ----  ----", "0        null", "1  x     null", "2  xx    null"}, lines)
	require.Empty(t, notes)
}

func TestTableHidesColumns(t *testing.T) {
	lines, notes := showTable(t, 9, 3, 3)
	require.Equal(t, []string{"n  text", "-  ----", "0", "1  x", "2  xx"}, lines)
	require.Equal(t, []string{"… 1 more columns, for which the terminal is too narrow; -o csv and -o json give all"}, notes)
}

// TestTableOffATerminal: nothing is left out, and no more than the first rows
// are kept.
func TestTableOffATerminal(t *testing.T) {
	lines, notes := showTable(t, 0, math.MaxInt64, 2500)
	require.Len(t, lines, 2+2500)
	require.Empty(t, notes)
	require.Equal(t, "  59  "+strings.Repeat("x", 59)+"  null", strings.Replace(lines[2+59], " 59", "  59", 1))
	require.Equal(t, "2399  "+strings.Repeat("x", 59)+"  null", lines[2+2399], "beyond the rows that set the widths")
}

func TestTableStopsCounting(t *testing.T) {
	_, notes := showTable(t, 80, 10, 2*countedRows)
	require.Equal(t, []string{"… more than 1,000,000 more rows; --max-rows 0 shows all"}, notes)
}

func TestProgressInALog(t *testing.T) {
	var out collector
	p := (&app{stderr: &out}).newProgress("ingest")
	p.tell(core.Progress{Done: 1, Total: 10, Unit: "B", What: "reading a"})
	require.Empty(t, out.String(), "a short call leaves the log alone")
	p.tell(core.Progress{What: "waiting for process 1 (curate)"})
	p.tell(core.Progress{What: "waiting for process 1 (curate)"})
	require.Equal(t, "ddcore ingest: waiting for process 1 (curate)\n", out.String(), "at once, and once")
	p.next = p.next.Add(-betweenLines)
	p.tell(core.Progress{Done: 1 << 20, Total: 3 << 20, Unit: "B", What: "reading b"})
	p.tell(core.Progress{Done: 2 << 20, Total: 3 << 20, Unit: "B", What: "reading b"})
	require.Equal(t, "ddcore ingest: reading b, 1.0 of 3.0 MiB", strings.Split(out.String(), "\n")[1])
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
	p.close()

	out = collector{}
	q := (&app{stderr: &out, options: options{quiet: true}}).newProgress("ingest")
	q.tell(core.Progress{What: "waiting"})
	require.Empty(t, out.String())
}

// TestProgressOnATerminal goes through the phases of a call; the bar is gone
// in the end.
func TestProgressOnATerminal(t *testing.T) {
	var out collector
	p := &progress{verb: "ingest", out: &out, terminal: true, width: 80}
	for _, now := range []core.Progress{
		{What: "waiting for process 1 (curate)"},
		{Done: 0, Total: 100, Unit: "B", What: "reading " + strings.Repeat("a", 200)},
		{Done: 50, Total: 100, Unit: "B", What: "reading b"},
		{Done: 100, Total: 100, Unit: "B", What: "committing"},
		{Done: 0, Total: 3, Unit: "tables", What: "evals"},
		{Done: 3, Total: 3, Unit: "tables", What: "evals"},
	} {
		p.tell(now)
		p.next = time.Time{}
	}
	p.close()
	require.Contains(t, out.String(), "waiting for process 1")
	require.Contains(t, out.String(), "50%")
	require.Contains(t, out.String(), "committing")
	require.NotContains(t, out.String(), strings.Repeat("a", 80), "a long name is cut")
	require.True(t, strings.HasSuffix(out.String(), "\033[2K\r"), "%q", out.String())
}

func TestABugHasItsOwnExitCode(t *testing.T) {
	var out collector
	a := &app{stderr: &out, jsonErrors: true}
	require.Equal(t, 70, a.fail(errors.New("boom")))
	require.Contains(t, out.String(), "ddcore: internal error: boom\nhint: please report this")
	require.Contains(t, out.String(), `{"error":{"kind":"internal","exit":70`)
}
