package sample

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunsHaveEveryShapeAndStartAtCheckpointsOfTheSample(t *testing.T) {
	p := mustPlan(t, Options{})
	require.Len(t, p.runs, defaultRuns)
	ids, empty, repeated := map[string]bool{}, 0, 0
	for _, r := range p.runs {
		assert.False(t, ids[r.id], r.id)
		ids[r.id] = true
		assert.NotContains(t, r.id, "{")
		assert.Contains(t, r.start.size.evalSteps, r.start.step, r.id)
		assert.Contains(t, r.start.size.seeds, r.start.seed, r.id)
		if len(r.history) == 0 {
			empty++
		} else if len(r.history) > 1 && r.history[len(r.history)-1] == r.history[len(r.history)-2] {
			repeated++
		}
	}
	assert.Positive(t, empty)
	assert.Positive(t, repeated)
	require.Greater(t, defaultRuns, len(shapes))
}

func TestWandbFilesAreJSON(t *testing.T) {
	o := small
	o.Runs, o.FTRows = 30, 5
	dir, files := generate(t, o)
	seen := 0
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "wandb/") {
			continue
		}
		seen++
		text, err := os.ReadFile(filepath.Join(dir, f.Path))
		require.NoError(t, err)
		lines := []string{string(text)}
		if strings.HasSuffix(f.Path, "l") {
			lines = strings.Split(strings.TrimSpace(string(text)), "\n")
		}
		for _, line := range lines {
			require.True(t, json.Valid([]byte(line)), "%s: %.200s", f.Path, line)
		}
	}
	require.Equal(t, 6, seen)
}

func TestNoRunsNoFiles(t *testing.T) {
	o := small
	o.Runs, o.Models, o.Checkpoints = -1, -1, -1
	_, files := generate(t, o)
	require.Len(t, files, 5+len(ladderRuns))
}
