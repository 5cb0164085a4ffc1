package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

// allAtOnce runs children side by side.
func allAtOnce(t *testing.T, verb, lake string, several ...map[string]any) {
	t.Helper()
	var all sync.WaitGroup
	for _, args := range several {
		cmd := child(t, "", verb, lake, args)
		all.Go(func() {
			out, err := cmd.Output()
			require.NoError(t, err, string(out))
		})
	}
	all.Wait()
}

func part(dir string, k, n int) map[string]any {
	return map[string]any{"paths": []string{dir}, "part": fmt.Sprintf("%d/%d", k, n)}
}

// manifest is what raw.files says, without times.
func manifest(t *testing.T, lake string) string {
	return query(t, lake, "SELECT * EXCLUDE (ingested_at, snapshot) FROM raw.files ORDER BY ALL").csv()
}

func (p sharedPlace) requireSame(t *testing.T, local string) {
	t.Helper()
	must(t, "curate", p.name, nil)
	sameTables(t, instanceTables(t, local), instanceTables(t, p.name))
	require.Equal(t, manifest(t, local), manifest(t, p.name))
	left, err := filepath.Glob(filepath.Join(p.files, "staged", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestParts: parts that many processes convert at a time, one of them killed,
// some done twice, committed by two drivers at once, are the same lake as one
// process makes.
func TestParts(t *testing.T) {
	dir, _ := archives(t)
	local := build(t, dir)
	p := onS3(t)
	t.Setenv("DDCORE_TEST_DATA", p.data)
	p.useKeyOf(t, local)
	killAt(t, "ingesting", "ingest", p.name, part(dir, 0, 5)) // more parts than archives; the lake is new
	allAtOnce(t, "ingest", p.name, part(dir, 0, 5), part(dir, 1, 5), part(dir, 1, 5), part(dir, 2, 5))
	done := must(t, "commit", p.name, nil)
	require.Equal(t, []string{"2"}, done.column(t, "n_waiting"))
	require.Equal(t, []string{"0"}, done.column(t, "n_archives"))
	allAtOnce(t, "ingest", p.name, part(dir, 3, 5), part(dir, 4, 5), part(dir, 0, 5))
	allAtOnce(t, "commit", p.name, nil, nil)
	p.requireSame(t, local)
	requireNoOrphansIn(t, p.name, p.files)

	snapshots := must(t, "snapshots", p.name, nil)
	require.Equal(t, []string{"0"}, must(t, "commit", p.name, nil).column(t, "n_parts"))
	require.Equal(t, snapshots, must(t, "snapshots", p.name, nil))
	allAtOnce(t, "ingest", p.name, part(dir, 0, 2), part(dir, 1, 2))
	require.Equal(t, []string{"0"}, must(t, "commit", p.name, nil).column(t, "n_parts"))
	p.requireSame(t, local)
}

// TestPartsInOneGo: a shared lake takes archives as a local one does.
func TestPartsInOneGo(t *testing.T) {
	dir, _ := archives(t)
	local := build(t, dir)
	p := inFolder(t)
	p.useKeyOf(t, local)
	p.make(t, dir)
	p.requireSame(t, local)
	require.NotContains(t, must(t, "ingest", p.name, map[string]any{"paths": []string{dir}}).column(t, "state"), "added")
}

// TestPartsKilledCommit: a driver that is killed in the middle of a commit. What
// DuckLake was writing of the ledger stays behind as an orphan: in a shared lake
// these are deleted by hand.
func TestPartsKilledCommit(t *testing.T) {
	dir, _ := archives(t)
	local := build(t, dir)
	p := inFolder(t)
	t.Setenv("DDCORE_TEST_DATA", p.data)
	p.useKeyOf(t, local)
	allAtOnce(t, "ingest", p.name, part(dir, 0, 1))
	killAt(t, "committing", "commit", p.name, nil)
	require.Equal(t, "0", query(t, p.name, "SELECT count(*) FROM raw.instances")[1][0])
	must(t, "commit", p.name, nil)
	p.requireSame(t, local)
}

// TestPartsDamaged: a damaged archive gives what stands before the damage, and
// one reject, however many workers met it.
func TestPartsDamaged(t *testing.T) {
	_, files := archives(t)
	dir := t.TempDir()
	whole := readFile(t, files[0])
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(files[0])), whole[:len(whole)*2/3], 0o666))
	local := build(t, dir)
	p := inFolder(t)
	t.Setenv("DDCORE_TEST_DATA", p.data)
	p.useKeyOf(t, local)
	allAtOnce(t, "ingest", p.name, part(dir, 0, 3), part(dir, 1, 3), part(dir, 2, 3))
	must(t, "commit", p.name, nil)
	p.requireSame(t, local)
	require.Equal(t, must(t, "rejects", local, nil), must(t, "rejects", p.name, nil))
}

func TestPartsAsked(t *testing.T) {
	dir, _ := archives(t)
	p := inFolder(t)
	for _, text := range []string{"1", "1/0", "-1/3", "3/3", "a/b", "1/2/3"} {
		_, err := call(t, "ingest", p.name, map[string]any{"paths": []string{dir}, "part": text})
		fails(t, contract.Invalid, err, "this is no part of the work", "0/64")
	}
	local := filepath.Join(t.TempDir(), "test.lake")
	_, err := call(t, "ingest", local, part(dir, 0, 2))
	fails(t, contract.Invalid, err, "written by one process at a time")
	require.NoDirExists(t, local)
	_, err = call(t, "commit", local, nil)
	fails(t, contract.Invalid, err, "written by one process at a time")
	_, err = call(t, "commit", p.name, nil)
	fails(t, contract.NotFound, err, "there is no lake here")
	_, err = call(t, "ingest", p.name, map[string]any{"paths": []string{dir}, "part": "0/2", "prune": true})
	fails(t, contract.Invalid, err, "neither prune nor keep_personal")
	_, err = callWith(t, "ingest", p.name, part(makeSample(t, small)+"/hf", 0, 2), map[string]any{"data": p.data})
	fails(t, contract.NotFound, err, "no archives of instances")
	require.NotContains(t, strings.Join(must(t, "snapshots", p.name, nil).column(t, "message"), " "), "ingest")
}
