package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/hub/hubtest"

	"github.com/stretchr/testify/require"
)

const (
	instancesRepo = "allenai/DataDecide-eval-instances"
	firstArchive  = "models/c4.tar.gz"
	secondArchive = "models/dolma1.7.tar.gz"
)

// publish serves made-up archives of instances as the hub does; sizes are theirs.
func publish(t *testing.T) (server *hubtest.Server, raw string, sizes []int64) {
	t.Helper()
	raw, files := archives(t)
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "allenai"), 0o777))
	require.NoError(t, os.CopyFS(filepath.Join(root, instancesRepo), os.DirFS(raw)))
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		sizes = append(sizes, info.Size())
	}
	server = hubtest.Start(root)
	t.Cleanup(server.Close)
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_CACHE", "")
	t.Setenv("HF_TOKEN", "hf_canarytoken")
	return server, raw, sizes
}

// occupied is how many bytes the files below a folder have.
func occupied(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

func requested(server *hubtest.Server, name string) (out []hubtest.Request) {
	for _, r := range server.Log() {
		if strings.HasSuffix(r.Path, name) {
			out = append(out, r)
		}
	}
	return out
}

// TestStream: archives go through a disk with room for one of them.
func TestStream(t *testing.T) {
	server, raw, sizes := publish(t)
	dir, lake := filepath.Join(t.TempDir(), "downloads"), filepath.Join(t.TempDir(), "test.lake")
	budget := max(sizes[0], sizes[1])
	// One recipe by its name, one by a slug.
	args := map[string]any{"dir": dir, "olmes_details": []string{"C4", "dolma1_7"}, "ingest": true, "budget": fmt.Sprint(budget)}
	request, err := json.Marshal(map[string]any{"verb": "download_hf", "lake": lake, "args": args})
	require.NoError(t, err)
	var most atomic.Int64
	result, err := core.Call(t.Context(), request, func(core.Progress) {
		now := occupied(filepath.Join(dir, ".ddcore", "stream", "allenai"))
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
	})
	require.NoError(t, err)
	got, err := collect(result)
	result.Close()
	require.NoError(t, err)
	require.Equal(t, []string{"ingested", "ingested"}, got.column(t, "state"))
	const sidecar = 300
	require.Positive(t, most.Load())
	require.LessOrEqual(t, most.Load(), budget+sidecar)
	require.Zero(t, occupied(filepath.Join(dir, ".ddcore", "stream", "allenai")))

	must(t, "curate", lake, nil)
	sameTables(t, instanceTables(t, build(t, raw)), instanceTables(t, lake))
	require.Equal(t, []string{instancesRepo + "/" + firstArchive, instancesRepo + "/" + secondArchive},
		query(t, lake, "SELECT path FROM raw.files WHERE raw_table = 'instance_archives' ORDER BY ALL").column(t, "path"))

	// What is in the lake is not downloaded again, and the files' absence drops nothing.
	server.Log()
	require.Equal(t, []string{"in the lake", "in the lake"}, must(t, "download_hf", lake, args).column(t, "state"))
	require.Len(t, server.Log(), 2, "the revision and the tree")
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	fails(t, contract.NotFound, err, "none of a known source")
	require.Equal(t, "2", query(t, lake, "SELECT count(*) FROM raw.files WHERE raw_table = 'instance_archives'")[1][0])
}

// TestStreamKilled: what is in the lake stays there, and what is half downloaded
// is gone on with.
func TestStreamKilled(t *testing.T) {
	server, raw, sizes := publish(t)
	dir, lake := filepath.Join(t.TempDir(), "downloads"), filepath.Join(t.TempDir(), "test.lake")
	args := map[string]any{"dir": dir, "olmes_details": []string{"C4", "Dolma1.7"}, "ingest": true, "budget": fmt.Sprint(max(sizes[0], sizes[1]))}
	const begun = 4096
	server.Set(hubtest.Faults{Hang: 1, CutAfter: begun, Only: secondArchive})
	killAt(t, fmt.Sprint(secondArchive, " ", sizes[0]+begun), "download_hf", lake, args)
	server.Log()

	got := must(t, "download_hf", lake, args)
	require.Equal(t, []string{"in the lake", "ingested"}, got.column(t, "state"))
	log := server.Log()
	last := log[len(log)-1]
	require.True(t, strings.HasSuffix(last.Path, secondArchive))
	require.Equal(t, "bytes=4096-", last.Range)
	require.NotEmpty(t, last.IfRange)
	for _, r := range log {
		require.NotContains(t, r.Path, firstArchive)
	}
	must(t, "curate", lake, nil)
	sameTables(t, instanceTables(t, build(t, raw)), instanceTables(t, lake))
}

// TestStreamFails: what is here is still ingested, then the failure is told.
func TestStreamFails(t *testing.T) {
	server, _, _ := publish(t)
	dir, lake := filepath.Join(t.TempDir(), "downloads"), filepath.Join(t.TempDir(), "test.lake")
	args := map[string]any{"dir": dir, "olmes_details": []string{"C4", "Dolma1.7"}, "ingest": true}
	server.Set(hubtest.Faults{Corrupt: 99, Only: secondArchive})
	_, err := call(t, "download_hf", lake, args)
	fails(t, contract.IO, err, secondArchive, "its checksum is")
	require.Equal(t, []string{instancesRepo + "/" + firstArchive}, query(t, lake, "SELECT path FROM raw.files WHERE raw_table = 'instance_archives'").column(t, "path"))
}

// TestDownloadCancelled: a cancelled download goes on where it stopped.
func TestDownloadCancelled(t *testing.T) {
	server, _, _ := publish(t)
	dir := filepath.Join(t.TempDir(), "downloads")
	args := map[string]any{"dir": dir, "olmes_details": []string{"C4"}}
	server.Set(hubtest.Faults{Hang: 1, CutAfter: 4096})
	request, err := json.Marshal(map[string]any{"verb": "download_hf", "args": args})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = core.Call(ctx, request, func(p core.Progress) {
		if p.Done == 4096 {
			cancel()
		}
	})
	fails(t, contract.Cancelled, err)
	require.NoFileExists(t, filepath.Join(dir, instancesRepo, firstArchive))
	require.Equal(t, []string{"downloaded"}, must(t, "download_hf", "", args).column(t, "state"))
	requests := requested(server, firstArchive)
	require.Equal(t, "bytes=4096-", requests[len(requests)-1].Range)
}

// TestDownloadOutdated: a file that a newer revision lacks is told.
func TestDownloadOutdated(t *testing.T) {
	_, raw, _ := publish(t)
	root := t.TempDir()
	repo := filepath.Join(root, "owner", "set")
	require.NoError(t, os.MkdirAll(filepath.Dir(repo), 0o777))
	require.NoError(t, os.CopyFS(repo, os.DirFS(raw)))
	server := hubtest.Start(root)
	t.Cleanup(server.Close)
	t.Setenv("HF_ENDPOINT", server.URL)
	args := map[string]any{"dir": t.TempDir(), "repo": "owner/set"}
	require.Equal(t, []string{"downloaded", "downloaded"}, must(t, "download_hf", "", args).column(t, "state"))
	require.NoError(t, os.Rename(filepath.Join(repo, firstArchive), filepath.Join(repo, "renamed.tar.gz")))
	got := must(t, "download_hf", "", args)
	require.Equal(t, []string{secondArchive, "renamed.tar.gz", firstArchive}, got.column(t, "path"))
	require.Equal(t, []string{"present", "downloaded", "outdated"}, got.column(t, "state"))
}

func TestBudget(t *testing.T) {
	_, _, sizes := publish(t)
	lake := filepath.Join(t.TempDir(), "test.lake")
	try := func(budget string) error {
		_, err := call(t, "download_hf", lake, map[string]any{"dir": t.TempDir(), "olmes_details": []string{"C4"}, "ingest": true, "dry_run": true, "budget": budget})
		return err
	}
	for _, good := range []string{"20GB", "1.5 GiB", "10mb", "1 TB", "9000000B", fmt.Sprint(sizes[0])} {
		require.NoError(t, try(good), good)
	}
	for _, bad := range []string{"lots", "-1GB", "0", "1PB", "GB", "1e30GB", "NaN"} {
		fails(t, contract.Invalid, try(bad), "is no size", "e.g. 20GB")
	}
	fails(t, contract.Invalid, try(fmt.Sprint(sizes[0]-1)), firstArchive, "allow at least as much")
	require.NoDirExists(t, lake)
	_, err := callWith(t, "download_hf", lake, map[string]any{"dir": t.TempDir(), "ppl": true, "ingest": true}, map[string]any{"snapshot": 1})
	fails(t, contract.Invalid, err, "snapshot 1 is the past")
}
