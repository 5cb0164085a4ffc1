package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ddcore/core/contract"
	"ddcore/core/hub"
	"ddcore/core/hub/hubtest"

	"github.com/stretchr/testify/require"
)

const (
	repo  = "owner/set"
	large = "data/large #1?.parquet"
	size  = 3<<20 + 17
	token = "hf_canarytoken"
)

// world is a hub with three files, and a client that only notes its pauses.
type world struct {
	*testing.T
	server *hubtest.Server
	source string
	root   string
	set    hub.Settings
	mu     sync.Mutex
	pauses []time.Duration
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, source: t.TempDir(), root: filepath.Join(t.TempDir(), "mirror")}
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(content)
	w.put(large, content)
	w.put("data/small.parquet", []byte("a few bytes"))
	w.put("README.md", []byte("# read me\n"))
	w.server = hubtest.Start(w.source)
	t.Cleanup(w.server.Close)
	w.set = hub.Settings{Endpoint: w.server.URL, Token: token, UserAgent: "ddcore/test", Wait: func(ctx context.Context, d time.Duration) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pauses = append(w.pauses, d)
		return ctx.Err()
	}}
	return w
}

func (w *world) put(name string, content []byte) {
	full := filepath.Join(w.source, repo, name)
	require.NoError(w, os.MkdirAll(filepath.Dir(full), 0o777))
	require.NoError(w, os.WriteFile(full, content, 0o666))
}

// run does what one process does: it lists and gets all files.
func (w *world) run() (states map[string]string, err error) {
	c, err := hub.New(w.set)
	require.NoError(w, err)
	m, err := hub.OpenMirror(c, w.root, true)
	require.NoError(w, err)
	defer m.Close()
	files, err := m.List(w.Context(), repo, "main")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var last, all int64
	got, err := m.GetAll(w.Context(), files, 3, func(done, total int64, _ string) {
		mu.Lock()
		defer mu.Unlock()
		last, all = done, total
	})
	if err != nil {
		return nil, err
	}
	require.Equal(w, all, last, "progress ends at its total")
	states = map[string]string{}
	for i, f := range files {
		states[f.Path] = got[i]
	}
	return states, nil
}

func (w *world) place(name string) string { return filepath.Join(w.root, repo, name) }

// requireSame compares the mirror with the hub's folder, byte for byte.
func (w *world) requireSame() {
	w.Helper()
	require.NoError(w, filepath.WalkDir(filepath.Join(w.source, repo), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(filepath.Join(w.source, repo), name)
		require.NoError(w, err)
		want, err := os.ReadFile(name)
		require.NoError(w, err)
		got, err := os.ReadFile(w.place(rel))
		require.NoError(w, err)
		require.True(w, bytes.Equal(want, got), rel)
		return nil
	}))
	w.requireNoParts()
}

func (w *world) requireNoParts() {
	w.Helper()
	_ = filepath.WalkDir(w.root, func(name string, _ os.DirEntry, _ error) error {
		require.NotContains(w, name, "ddcore-part")
		return nil
	})
}

// fetched lists the log's requests for bytes of the large file.
func (w *world) fetched() (out []hubtest.Request) {
	for _, r := range w.server.Log() {
		if strings.HasSuffix(r.Path, large) {
			out = append(out, r)
		}
	}
	return out
}

func requireKind(t *testing.T, err error, kind contract.Kind, words ...string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, contract.AsError(err).Kind, err.Error())
	for _, word := range words {
		require.ErrorContains(t, err, word)
	}
	require.NotContains(t, err.Error(), token)
	require.NotContains(t, err.Error(), "canary-signature")
}

func TestDownloadAndAgain(t *testing.T) {
	w := start(t)
	states, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "downloaded", "data/small.parquet": "downloaded", "README.md": "downloaded"}, states)
	w.requireSame()

	var manifest []struct {
		Repo, Revision, SHA, Path, SHA256 string
		Size                              int64
	}
	text, err := os.ReadFile(filepath.Join(w.root, ".ddcore", "manifest.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &manifest))
	require.Len(t, manifest, 3)
	for _, line := range manifest {
		require.Equal(t, repo, line.Repo)
		require.Equal(t, "main", line.Revision)
		require.Regexp(t, "^[0-9a-f]{40}$", line.SHA)
		require.Regexp(t, "^[0-9a-f]{64}$", line.SHA256)
	}

	before, err := os.Stat(w.place(large))
	require.NoError(t, err)
	w.server.Log()
	states, err = w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "present", "data/small.parquet": "present", "README.md": "present"}, states)
	require.Len(t, w.server.Log(), 2, "the revision and the tree")
	after, err := os.Stat(w.place(large))
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())

	// At a later commit a file that has not changed is present, and noted there.
	w.put("README.md", []byte("# another text\n"))
	states, err = w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "present", "data/small.parquet": "present", "README.md": "downloaded"}, states)
	earlier := manifest[0].SHA
	text, err = os.ReadFile(filepath.Join(w.root, ".ddcore", "manifest.json"))
	require.NoError(t, err)
	require.NotContains(t, string(text), earlier)
}

func TestWithoutManifestFilesAreRead(t *testing.T) {
	w := start(t)
	_, err := w.run()
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(w.root, ".ddcore")))
	require.NoError(t, os.WriteFile(w.place("data/small.parquet"), []byte("A FEW BYTES"), 0o666)) // of the same size
	states, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "present", "data/small.parquet": "downloaded", "README.md": "present"}, states)
	w.requireSame()
}

func TestPages(t *testing.T) {
	for _, otherLinks := range []bool{false, true} {
		w := start(t)
		w.server.Set(hubtest.Faults{PageSize: 1, OtherLinks: otherLinks})
		states, err := w.run()
		require.NoError(t, err)
		require.Len(t, states, 3)
		w.requireSame()
	}
}

// TestResume: a process that dies leaves a part, with which the next goes on.
func TestResume(t *testing.T) {
	for name, fault := range map[string]hubtest.Faults{
		"by a range":         {},
		"of another entity":  {NewETag: true},
		"without ranges":     {NoRange: true},
		"from the other one": {Redirect: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			w.server.Set(hubtest.Faults{Cut: 99, Redirect: fault.Redirect})
			_, err := w.run()
			requireKind(t, err, contract.IO, "it goes on where it stopped")
			w.server.Set(hubtest.Faults{Hang: 1, CutAfter: 1 << 20, Redirect: fault.Redirect})
			ctx, kill := context.WithCancel(t.Context())
			c, err := hub.New(w.set)
			require.NoError(t, err)
			m, err := hub.OpenMirror(c, w.root, true)
			require.NoError(t, err)
			files, err := m.List(ctx, repo, "main")
			require.NoError(t, err)
			_, err = m.Get(ctx, files[1], func(done int64) {
				if done == 1<<20 {
					kill()
				}
			})
			require.ErrorIs(t, err, context.Canceled)
			m.Close()
			w.server.Log()

			w.server.Set(fault)
			_, err = w.run()
			require.NoError(t, err)
			w.requireSame()
			for _, r := range w.fetched() {
				require.Equal(t, "bytes=1048576-", r.Range)
				require.NotEmpty(t, r.IfRange)
			}
		})
	}
}

// TestCuts: however often a connection breaks, the bytes are the same.
func TestCuts(t *testing.T) {
	for seed := range uint64(8) {
		w := start(t)
		random := rand.New(rand.NewPCG(seed, 1))
		w.server.Set(hubtest.Faults{Cut: random.IntN(9), CutAfter: 1 + random.Int64N(size/3), Redirect: seed%2 == 0})
		_, err := w.run()
		require.NoError(t, err, seed)
		w.requireSame()
	}
}

func TestCorrupt(t *testing.T) {
	w := start(t)
	w.server.Set(hubtest.Faults{Corrupt: 2}) // two files once, or one twice
	_, err := w.run()
	require.NoError(t, err)
	w.requireSame()

	w = start(t)
	w.server.Set(hubtest.Faults{Corrupt: 99})
	_, err = w.run()
	requireKind(t, err, contract.IO, "its checksum is", "thrown away 3 times", "3 of 3 files failed")
	require.NoFileExists(t, w.place(large))
	w.requireNoParts()
}

func TestRetryAfter(t *testing.T) {
	w := start(t)
	w.server.Set(hubtest.Faults{Busy: 1, RetryAfter: "7"})
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []time.Duration{7 * time.Second}, w.pauses)

	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		w = start(t)
		w.server.Set(hubtest.Faults{Busy: 3, BusyStatus: status})
		_, err = w.run()
		require.NoError(t, err, status)
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, w.pauses)
	}
	w.server.Set(hubtest.Faults{Busy: 99})
	_, err = w.run()
	requireKind(t, err, contract.IO, "429 Too Many Requests, 6 times in a row")
	w.server.Set(hubtest.Faults{Busy: 1, RetryAfter: "7200"})
	_, err = w.run()
	requireKind(t, err, contract.IO, "asks to wait for 2h")
}

func TestNoServer(t *testing.T) {
	w := start(t)
	w.server.Close()
	_, err := w.run()
	requireKind(t, err, contract.IO, "connection refused, 6 times in a row", "is there a network?")
}

func TestSilence(t *testing.T) {
	w := start(t)
	w.set.Stall = time.Second // also for answers, on a busy machine
	w.server.Set(hubtest.Faults{Hang: 1, CutAfter: 2})
	_, err := w.run()
	require.NoError(t, err)
	w.requireSame()
}

func TestTokenStaysWithTheHub(t *testing.T) {
	w := start(t)
	w.server.Set(hubtest.Faults{Redirect: true})
	_, err := w.run()
	require.NoError(t, err)
	w.requireSame()
	others := 0
	for _, r := range w.server.Log() {
		require.Equal(t, r.Host == "hub", r.Authorized, r)
		if r.Host == "other" {
			others++
		}
	}
	require.Equal(t, 2, others)
	w.server.Set(hubtest.Faults{Redirect: true, Cut: 99})
	require.NoError(t, os.RemoveAll(w.root))
	_, err = w.run()
	requireKind(t, err, contract.IO)
}

func TestLiesAboutSize(t *testing.T) {
	for _, lie := range []int64{-1, 1, 1000} {
		w := start(t)
		w.server.Set(hubtest.Faults{Lie: lie})
		_, err := w.run()
		requireKind(t, err, contract.IO, "the server sends another file than it lists", fmt.Sprintf("it has 10 bytes, not %d", 10+lie))
		require.NoFileExists(t, w.place(large))
		w.requireNoParts()
	}
}

func TestPathsThatLeadOut(t *testing.T) {
	for _, stray := range []string{"../out", "/etc/out", "data/../../out", `..\out`, "a/./b", "", ".", ".ddcore/manifest.json", "x.ddcore-part", "nul\x00"} {
		w := start(t)
		if stray == "" {
			continue // the server then adds none
		}
		w.server.Set(hubtest.Faults{Stray: stray})
		_, err := w.run()
		requireKind(t, err, contract.IO, "no path inside a folder")
		require.NoDirExists(t, filepath.Join(w.root, "owner"))
	}
}

func TestRefusals(t *testing.T) {
	w := start(t)
	c, err := hub.New(w.set)
	require.NoError(t, err)
	_, err = c.List(t.Context(), "owner/none", "main")
	requireKind(t, err, contract.NotFound, "owner/none", "no such data set")
	_, err = c.List(t.Context(), repo, "v9")
	requireKind(t, err, contract.NotFound, "no such revision")
	_, err = c.List(t.Context(), repo, strings.Repeat("0", 40))
	requireKind(t, err, contract.NotFound, "no such revision")
	files, err := c.List(t.Context(), repo, "refs/pr/1")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, name := range []string{"", "a/b/c", "../up", "a b", "a/.."} {
		_, err = c.List(t.Context(), name, "main")
		requireKind(t, err, contract.Invalid, "no name of a data set")
	}
	w.server.Set(hubtest.Faults{Gated: true})
	_, err = w.run()
	requireKind(t, err, contract.IO, "gated", "HF_TOKEN")
	w.server.Set(hubtest.Faults{XetOnly: true})
	_, err = w.run()
	requireKind(t, err, contract.IO, "Xet", "pip install 'ddcore[hf]'")
	w.set.Endpoint = "ftp://x"
	_, err = hub.New(w.set)
	requireKind(t, err, contract.Invalid, "HF_ENDPOINT")
}

func TestOneProcessAtATime(t *testing.T) {
	w := start(t)
	c, err := hub.New(w.set)
	require.NoError(t, err)
	first, err := hub.OpenMirror(c, w.root, true)
	require.NoError(t, err)
	_, err = hub.OpenMirror(c, w.root, true)
	requireKind(t, err, contract.Busy, "another process downloads")
	first.Close()
	_, err = w.run()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(w.root, ".ddcore", "manifest.json"), []byte("{"), 0o666))
	_, err = hub.OpenMirror(c, w.root, true)
	requireKind(t, err, contract.IO, "manifest.json")
}

func TestFileInTheWay(t *testing.T) {
	w := start(t)
	require.NoError(t, os.MkdirAll(w.root, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "owner"), nil, 0o666))
	_, err := w.run()
	requireKind(t, err, contract.IO, repo, "not a directory", "may you write to the folder?")
}

func TestRoom(t *testing.T) {
	w := start(t)
	c, err := hub.New(w.set)
	require.NoError(t, err)
	m, err := hub.OpenMirror(c, w.root, false)
	require.NoError(t, err)
	require.NoError(t, m.Room(1))
	requireKind(t, m.Room(1<<60), contract.IO, "it needs 1152921504.6 GB more")
}
