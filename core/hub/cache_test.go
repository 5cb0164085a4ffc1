package hub_test

import (
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/hub"
	"ddcore/core/hub/hubtest"

	"github.com/stretchr/testify/require"
)

// cached gives a world with a cache as huggingface_hub leaves one.
func cached(t *testing.T) (w *world, blobs string) {
	t.Helper()
	w = start(t)
	c, err := hub.New(w.set)
	require.NoError(t, err)
	files, err := c.List(t.Context(), repo, "main")
	require.NoError(t, err)
	w.set.Cache = t.TempDir()
	folder := filepath.Join(w.set.Cache, "datasets--owner--set")
	blobs = filepath.Join(folder, "blobs")
	require.NoError(t, os.MkdirAll(blobs, 0o777))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "refs"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "refs", "main"), []byte(files[0].Commit), 0o666))
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(w.source, repo, f.Path))
		require.NoError(t, err)
		blob := filepath.Join(blobs, f.SHA256+f.Blob) // one of them is empty
		require.NoError(t, os.WriteFile(blob, content, 0o666))
		link := filepath.Join(folder, "snapshots", f.Commit, f.Path)
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o777))
		require.NoError(t, os.Symlink(blob, link))
	}
	w.server.Log()
	return w, blobs
}

func TestCache(t *testing.T) {
	w, _ := cached(t)
	states, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "cached", "data/small.parquet": "cached", "README.md": "cached"}, states)
	require.Empty(t, w.fetched())
	w.requireSame()
}

func TestDamagedCacheIsNotTaken(t *testing.T) {
	w, blobs := cached(t)
	all, err := os.ReadDir(blobs)
	require.NoError(t, err)
	for _, blob := range all {
		f, err := os.OpenFile(filepath.Join(blobs, blob.Name()), os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("!!"), 3)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	states, err := w.run()
	require.NoError(t, err)
	require.Equal(t, "downloaded", states[large])
	w.requireSame()

	require.NoError(t, os.RemoveAll(w.root))
	w.set.Offline = true
	_, err = w.run()
	requireKind(t, err, contract.NotFound, "it is not here whole")
}

func TestOffline(t *testing.T) {
	w, _ := cached(t)
	w.set.Offline = true
	states, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]string{large: "cached", "data/small.parquet": "cached", "README.md": "cached"}, states)
	w.set.Cache = ""
	states, err = w.run()
	require.NoError(t, err)
	require.Equal(t, "present", states[large])
	require.Empty(t, w.server.Log(), "not one request")

	require.NoError(t, os.Remove(w.place(large)))
	_, err = w.run()
	requireKind(t, err, contract.NotFound, large, "no network to be used")
	w.root = t.TempDir()
	_, err = w.run()
	requireKind(t, err, contract.NotFound, "nothing of it is here")
}

func TestEnvironment(t *testing.T) {
	home := t.TempDir()
	for _, name := range hub.Variables {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	folder := filepath.Join(home, ".cache", "huggingface")
	s, err := hub.FromEnvironment()
	require.NoError(t, err)
	require.Equal(t, hub.Settings{Cache: filepath.Join(folder, "hub")}, s)

	require.NoError(t, os.MkdirAll(folder, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "token"), []byte("of-the-cache\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "elsewhere"), []byte("of-the-path"), 0o600))
	for _, test := range []struct{ name, value, want string }{
		{"", "", "of-the-cache"},
		{"HF_TOKEN_PATH", filepath.Join(home, "elsewhere"), "of-the-path"},
		{"HF_TOKEN", "of-the-variable", "of-the-variable"},
	} {
		if test.name != "" {
			t.Setenv(test.name, test.value)
		}
		s, err = hub.FromEnvironment()
		require.NoError(t, err)
		require.Equal(t, test.want, s.Token)
	}
	t.Setenv("HF_HUB_OFFLINE", "yes")
	t.Setenv("HF_HOME", filepath.Join(home, "hf"))
	s, err = hub.FromEnvironment()
	require.NoError(t, err)
	require.True(t, s.Offline)
	require.Equal(t, filepath.Join(home, "hf", "hub"), s.Cache)
}

// TestPartBesideCache: a part of an earlier process does not get into the way.
func TestPartBesideCache(t *testing.T) {
	w, _ := cached(t)
	cache := w.set.Cache
	w.set.Cache = ""
	w.server.Set(hubtest.Faults{Cut: 99})
	_, err := w.run()
	require.Error(t, err)
	w.set.Cache = cache
	_, err = w.run()
	require.NoError(t, err)
	w.requireSame()
}
