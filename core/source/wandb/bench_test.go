package wandb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/source/wandb"

	"github.com/stretchr/testify/require"
)

// BenchmarkHistory reads 500 runs of 1,000 rows, as an export has them.
func BenchmarkHistory(b *testing.B) {
	var text strings.Builder
	for run := range 500 {
		for i := range 1000 {
			loss := 1.2 + 3/float64(i+1) + float64((i*7919+run*104729)%1000003)/1e7
			fmt.Fprintf(&text, `{"extra":{},"metrics":{"learning_rate":%.10g,"total_tokens":%d.0,"train_loss":%.10f},"run_id":"2025_08_27-07_52_26_test_finetune_DD-dolma1_7-4M_main_%dMtx1_--learning_rate=5e-06","runtime":%.9f,"step":%d,"timestamp":"%s","wandb_metadata":{}}`+"\n",
				5e-6*float64(1000-i)/1000, i*90623+run, loss, run, 4453.79+float64(i)*1.973, i*10, strconv.FormatFloat(1757725934.796119+float64(run*3600)+float64(i)*1.9731, 'f', -1, 64))
		}
	}
	benchmark(b, "history.jsonl", wandb.HistoryTable, text.String())
}

// BenchmarkRuns reads the real runs many times over.
func BenchmarkRuns(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(realFiles(b), "legacy", "wandb_runs.jsonl"))
	require.NoError(b, err)
	benchmark(b, "wandb_runs.jsonl", wandb.RunsTable, strings.Repeat(string(text)+"\n", 80))
}

func benchmark(b *testing.B, name, table, text string) {
	path := filepath.Join(b.TempDir(), name)
	require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
	format, err := wandb.Recognise(path)
	require.NoError(b, err)
	b.SetBytes(int64(len(text)))
	out := filepath.Join(b.TempDir(), "out.parquet")
	for b.Loop() {
		_, err := format.Convert(context.Background(), lines.Job{Path: path, Table: table, Out: out, Key: &redact.Key{}, Workers: 2})
		require.NoError(b, err)
	}
	info, err := os.Stat(out)
	require.NoError(b, err)
	b.ReportMetric(float64(len(text))/float64(info.Size()), "ratio")
}

// BenchmarkLearn reads the same runs for names.
func BenchmarkLearn(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(realFiles(b), "legacy", "wandb_runs.jsonl"))
	require.NoError(b, err)
	all := strings.Repeat(string(text)+"\n", 80)
	path := write(b, "wandb_runs.jsonl", all)
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		_, err := wandb.LegacyRuns.Learn(context.Background(), path, redact.Names{}, 2)
		require.NoError(b, err)
	}
}
