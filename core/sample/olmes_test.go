package sample

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDumpsAgreeWithThemselves: every line is JSON, and a task's metrics are the
// means of its questions'.
func TestDumpsAgreeWithThemselves(t *testing.T) {
	o := small
	o.Runs, o.Models = 3, 3
	dir, files := generate(t, o)
	predictions, folders := 0, map[string]bool{}
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "olmes/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Path))
		require.NoError(t, err)
		folders[filepath.Dir(f.Path)] = true
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		require.EqualValues(t, f.Rows, len(lines), f.Path)
		means := map[string]float64{}
		for _, line := range lines {
			var o struct{ Metrics map[string]float64 }
			require.True(t, json.Valid([]byte(line)), f.Path)
			if json.Unmarshal([]byte(line), &o) == nil {
				for name, v := range o.Metrics {
					means[name] += v / olmesDocs
				}
			}
		}
		if !strings.HasSuffix(f.Path, "-predictions.jsonl") {
			continue
		}
		predictions++
		text, err = os.ReadFile(filepath.Join(dir, strings.Replace(f.Path, "predictions.jsonl", "metrics.json", 1)))
		require.NoError(t, err)
		var record struct{ Metrics map[string]float64 }
		require.NoError(t, json.Unmarshal(text, &record))
		for name, v := range record.Metrics {
			if name != "primary_score" {
				require.InDelta(t, means[name], v, 1e-12, "%s %s", f.Path, name)
			}
		}
	}
	require.Equal(t, 9, predictions)
	require.Len(t, folders, 4, "one model is in both dumps")
}

func TestModelsAreCheckpointsAndRuns(t *testing.T) {
	p := mustPlan(t, Options{})
	require.Len(t, p.models, defaultModels)
	require.Contains(t, p.models[0].folder, "__main")
	require.Contains(t, p.models[1].folder, "__step")
	require.Equal(t, p.runs[2].id, p.models[2].folder)
}
