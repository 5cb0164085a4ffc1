package core_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/stretchr/testify/require"
)

// runChild is the test program started again as another process: it makes one
// call. When the progress says `stop`, it tells so and waits to be killed.
func runChild(request string) {
	stop := os.Getenv("DDCORE_TEST_STOP")
	result, err := core.Call(context.Background(), []byte(request), func(p core.Progress) {
		if stop != "" && strings.Contains(fmt.Sprint(p.What, " ", p.Done), stop) {
			fmt.Println("reached")
			select {}
		}
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(contract.ExitCode(err))
	}
	result.Close()
}

func child(t *testing.T, stop, verb, lake string, args map[string]any) *exec.Cmd {
	t.Helper()
	options := map[string]any{"data": os.Getenv("DDCORE_TEST_DATA")}
	request, err := json.Marshal(map[string]any{"verb": verb, "lake": lake, "args": args, "options": options})
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DDCORE_TEST_CHILD="+string(request), "DDCORE_TEST_STOP="+stop)
	cmd.Stderr = os.Stderr
	return cmd
}

// killAt starts a child and kills it with SIGKILL when it reaches a place.
func killAt(t *testing.T, stop, verb, lake string, args map[string]any) {
	t.Helper()
	_, kill := stoppedAt(t, stop, verb, lake, args)
	kill()
}

// stoppedAt starts a child that waits when it reaches a place, and gives its
// process id and what kills it.
func stoppedAt(t *testing.T, stop, verb, lake string, args map[string]any) (pid string, kill func()) {
	t.Helper()
	cmd := child(t, stop, verb, lake, args)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the child ended before it reached %q", stop)
	require.Equal(t, "reached\n", line)
	return fmt.Sprint(cmd.Process.Pid), func() {
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
}

// TestKilled: a write that is killed leaves the former snapshot, and the next
// write removes what it left on disk.
func TestKilled(t *testing.T) {
	raw := makeSample(t, small)
	lake := filepath.Join(t.TempDir(), "test.lake")
	must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(raw, "hf", "ppl-results")}})
	must(t, "curate", lake, nil)
	before, contents := must(t, "snapshots", lake, nil), everything(t, lake)

	killAt(t, "committing", "ingest", lake, map[string]any{"paths": []string{raw}})
	killAt(t, "macro_avg", "curate", lake, map[string]any{"force": true})
	require.Equal(t, before, must(t, "snapshots", lake, nil))
	require.Equal(t, contents, everything(t, lake))

	must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
	must(t, "curate", lake, nil)
	requireNoOrphans(t, lake)
	require.NotEqual(t, "0", query(t, lake, "SELECT count(*) FROM evals")[1][0])
}

// TestKilledAtBirth: a lake whose first write was killed is a lake.
func TestKilledAtBirth(t *testing.T) {
	raw := makeSample(t, small)
	lake := filepath.Join(t.TempDir(), "test.lake")
	args := map[string]any{"paths": []string{raw}}
	killAt(t, "ingesting", "ingest", lake, args)
	must(t, "ingest", lake, args)
	require.Len(t, must(t, "files", lake, nil), 1+len(must(t, "ingest", lake, args))-1)
	requireNoOrphans(t, lake)
}

// TestManyProcesses: writers in several processes wait for each other; nothing
// is lost or doubled.
func TestManyProcesses(t *testing.T) {
	lake := filepath.Join(t.TempDir(), "test.lake")
	var folders []string
	for seed := range 3 {
		o := small
		o.Seed = uint64(seed)
		folders = append(folders, filepath.Join(makeSample(t, o), "hf", "ppl-results"))
	}
	var wg sync.WaitGroup
	for i := range 6 {
		cmd := child(t, "", "ingest", lake, map[string]any{"paths": []string{folders[i%3]}})
		wg.Go(func() {
			out, err := cmd.Output()
			require.NoError(t, err, string(out))
		})
	}
	wg.Wait()
	require.Len(t, must(t, "files", lake, nil), 1+3)
	require.Equal(t, query(t, lake, "SELECT sum(n_rows)::BIGINT FROM raw.files")[1], query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1])
	require.Equal(t, []string{"1", "2", "3"}, query(t, lake, "SELECT file_id FROM raw.files ORDER BY file_id").column(t, "file_id"))
	requireNoOrphans(t, lake)
}

// TestReadersDoNotWait: readers in other processes see a whole snapshot at any
// moment of a writer's work.
func TestReadersDoNotWait(t *testing.T) {
	lake := build(t, makeSample(t, small))
	writer := child(t, "", "curate", lake, map[string]any{"force": true})
	require.NoError(t, writer.Start())
	done := make(chan error, 1)
	go func() { done <- writer.Wait() }()
	want := query(t, lake, "SELECT count(*), sum(step) FROM evals")
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Positive(t, reads)
			return
		default:
			require.Equal(t, want, query(t, lake, "SELECT count(*), sum(step) FROM evals"))
		}
	}
}

// TestLinks: a folder and files that are links, as in the Hugging Face cache.
func TestLinks(t *testing.T) {
	raw := makeSample(t, small)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "snapshot"), 0o777))
	require.NoError(t, os.Symlink(filepath.Join(raw, "hf", "ppl-results", "data", "train-00000-of-00001.parquet"), filepath.Join(dir, "snapshot", "ppl.parquet")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "snapshot"), filepath.Join(dir, "link")))
	lake := filepath.Join(dir, "test.lake")
	require.Equal(t, []string{"ppl.parquet"}, must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(dir, "link")}}).column(t, "path"))
}

func TestBusy(t *testing.T) {
	lake, dir := smallLake(t)
	f, err := os.OpenFile(filepath.Join(lake, ".writer.lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	_, err = f.WriteAt([]byte("process 4242 (ingest)"), 0)
	require.NoError(t, err)
	t.Setenv("DDCORE_LOCK_TIMEOUT", "100ms")
	_, err = call(t, "curate", lake, nil)
	fails(t, contract.Busy, err, "process 4242 (ingest) is writing to this lake", "try again")
	require.NotEmpty(t, query(t, lake, "SELECT 1"), "readers do not wait")
	t.Setenv("DDCORE_LOCK_TIMEOUT", "soon")
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	require.Error(t, err)
}

func TestMovedLake(t *testing.T) {
	lake := build(t, makeSample(t, small))
	want := everything(t, lake)
	moved := filepath.Join(t.TempDir(), "elsewhere", "other.lake")
	require.NoError(t, os.MkdirAll(filepath.Dir(moved), 0o777))
	require.NoError(t, os.Rename(lake, moved))
	require.Equal(t, want, everything(t, moved))
	must(t, "curate", moved, map[string]any{"force": true})
	require.Equal(t, want, everything(t, moved))
	_, err := call(t, "tables", lake, nil)
	fails(t, contract.NotFound, err, "there is no lake here")
	requireNoOrphans(t, moved)
}

// TestReplacedLake: a new lake in the place of an old one is not answered from
// the old one's open instance.
func TestReplacedLake(t *testing.T) {
	lake, _ := smallLake(t)
	require.NotEqual(t, "0", query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1][0])
	require.NoError(t, os.RemoveAll(lake))
	raw := makeSample(t, small)
	must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(raw, "hf", "eval-results")}})
	require.Equal(t, "0", query(t, lake, "SELECT count(*) FROM raw.hf_ppl_results")[1][0])
}

func TestSnapshots(t *testing.T) {
	lake, dir := smallLake(t)
	must(t, "curate", lake, nil)
	list := must(t, "snapshots", lake, nil)
	ids, messages := list.column(t, "snapshot"), list.column(t, "message")
	require.Equal(t, []string{"0", "1", "2"}, ids)
	require.Equal(t, []string{"", "ingest: 1 added"}, messages[:2])
	old := query(t, lake, "SELECT count(*) FROM perplexity")

	path := filepath.Join(dir, "more.parquet")
	scratch(t, lake, `COPY (SELECT * EXCLUDE (_file, _row) REPLACE (step + 1 AS step) FROM raw.hf_ppl_results) TO '%s'`, path)
	must(t, "ingest", lake, map[string]any{"paths": []string{path}})
	must(t, "curate", lake, nil)
	require.NotEqual(t, old, query(t, lake, "SELECT count(*) FROM perplexity"))
	past := func(sql string, snapshot int) (rows, error) {
		return callWith(t, "sql", lake, map[string]any{"sql": sql}, map[string]any{"snapshot": snapshot})
	}
	got, err := past("SELECT count(*) FROM perplexity", 2)
	require.NoError(t, err)
	require.Equal(t, old, got)
	_, err = past("SELECT count(*) FROM perplexity", 1)
	fails(t, contract.NotFound, err, "perplexity")
	_, err = past("SELECT 1", 99)
	fails(t, contract.NotFound, err, "99", "`ddcore snapshots` lists them")
	require.Equal(t, []string{"1", "3"}, must(t, "files", lake, nil).column(t, "snapshot"), "the manifest tells the snapshot of each file")
}

// TestReadingChangesNothing: no byte of the lake changes by reading, and no
// statement of the sql verb can write.
func TestReadingChangesNothing(t *testing.T) {
	lake := build(t, makeSample(t, small))
	before := fingerprint(t, lake)
	query(t, lake, "SELECT count(*) FROM full_eval")
	must(t, "tables", lake, nil)
	must(t, "describe", lake, map[string]any{"name": "evals"})
	for _, sql := range []string{"CREATE TABLE x AS SELECT 1", "DROP TABLE evals", "DELETE FROM evals", "INSERT INTO raw.rejects VALUES (1, 1, '', '')", "UPDATE recipes SET recipe = 'x'"} {
		_, err := call(t, "sql", lake, map[string]any{"sql": sql})
		require.ErrorContains(t, err, "read-only", sql)
	}
	require.Equal(t, before, fingerprint(t, lake))
}

func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			sums[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		}
		return err
	}))
	return sums
}

// mountTmpfs mounts a small file system, or skips where that is not allowed.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a file system cannot be mounted here (%v): run as root", err)
	}
	t.Cleanup(func() {
		core.CloseIdle()
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := mountTmpfs(t, "3m")
	lake := filepath.Join(dir, "test.lake")
	raw := makeSample(t, small)
	must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(raw, "hf", "ppl-results")}})
	must(t, "ingest", lake, map[string]any{"paths": []string{filepath.Join(raw, "hf", "eval-results", "data", "train-*")}})
	before := must(t, "snapshots", lake, nil)
	free := filepath.Join(dir, "filler")

	// The curated tables do not fit.
	_, err := call(t, "curate", lake, nil)
	fails(t, contract.IO, err)
	require.Equal(t, before, must(t, "snapshots", lake, nil))
	requireNoOrphans(t, lake)

	// Nor does another raw file, once the disk is nearly full.
	require.NoError(t, os.WriteFile(free, make([]byte, 1<<20), 0o666))
	o := small
	o.Seed, o.Steps = 7, 8
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{makeSample(t, o)}})
	fails(t, contract.IO, err, "the lake is as it was")
	require.Equal(t, before, must(t, "snapshots", lake, nil))
	requireNoOrphans(t, lake)
}

func TestReadOnlyDisk(t *testing.T) {
	dir := mountTmpfs(t, "64m")
	lake := filepath.Join(dir, "test.lake")
	raw := makeSample(t, small)
	must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
	must(t, "curate", lake, nil)
	want := everything(t, lake)
	core.CloseIdle()
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	require.Equal(t, want, everything(t, lake))
	_, err := call(t, "curate", lake, map[string]any{"force": true})
	fails(t, contract.IO, err, "cannot be written")
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	raw := makeSample(t, small)
	lake := filepath.Join(t.TempDir(), "test.lake")
	request, err := json.Marshal(map[string]any{"verb": "ingest", "lake": lake, "args": map[string]any{"paths": []string{raw}}})
	require.NoError(t, err)
	_, err = core.Call(ctx, request, func(p core.Progress) {
		if strings.Contains(p.What, "committing") {
			cancel()
		}
	})
	fails(t, contract.Cancelled, err)
	require.Equal(t, []string{"0"}, must(t, "snapshots", lake, nil).column(t, "snapshot"))
	requireNoOrphans(t, lake)
	must(t, "ingest", lake, map[string]any{"paths": []string{raw}})
}

// TestNoPersonalPaths: where files lie on the machine is in no table and no
// error.
func TestNoPersonalPaths(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home", "jane.doe")
	_, err := sample.Generate(context.Background(), filepath.Join(home, "downloads"), small, nil)
	require.NoError(t, err)
	lake := filepath.Join(t.TempDir(), "test.lake")
	for _, paths := range [][]string{{filepath.Join(home, "downloads")}, {filepath.Join(home, "downloads", "hf", "*", "data", "*.parquet")}} {
		r := must(t, "ingest", lake, map[string]any{"paths": paths})
		require.NotContains(t, r.csv(), "jane.doe")
	}
	must(t, "curate", lake, nil)
	for _, verb := range []string{"files", "rejects", "snapshots", "tables", "doctor"} {
		require.NotContains(t, must(t, verb, lake, nil).csv(), "jane.doe", verb)
	}
	require.NotContains(t, query(t, lake, "SELECT * FROM raw.files").csv(), "jane")
}
