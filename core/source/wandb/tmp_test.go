package wandb_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/redact"
	"ddcore/core/source/wandb"
	"github.com/stretchr/testify/require"
)

func BenchmarkMadeRuns(b *testing.B) {
	for _, k := range []*redact.Key{nil, {}} {
		b.Run("", func(b *testing.B) {
			path := "/tmp/w4d_s/wandb/legacy/wandb_runs.jsonl"
			info, _ := os.Stat(path)
			b.SetBytes(info.Size())
			for b.Loop() {
				_, err := wandb.Convert(context.Background(), wandb.Job{Path: path, Format: wandb.LegacyRuns, Table: wandb.RunsTable, Out: filepath.Join(b.TempDir(), "o"), Key: k, Workers: 2})
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkMadeHistory(b *testing.B) {
	path := "/tmp/w4d_s/wandb/legacy/wandb_history.jsonl"
	info, _ := os.Stat(path)
	b.SetBytes(info.Size())
	for b.Loop() {
		_, err := wandb.Convert(context.Background(), wandb.Job{Path: path, Format: wandb.LegacyHistory, Table: wandb.HistoryTable, Out: filepath.Join(b.TempDir(), "o"), Key: &redact.Key{}, Workers: 2})
		require.NoError(b, err)
	}
}
