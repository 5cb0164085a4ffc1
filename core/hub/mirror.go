package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"ddcore/core/contract"
	"ddcore/core/workers"
)

// ownFolder is what a mirror keeps for itself; ingest passes hidden folders over.
const ownFolder = ".ddcore"

// The states of a file of a mirror.
const (
	Absent     = "absent"
	Present    = "present"    // was here, with the right checksum
	Cached     = "cached"     // from huggingface_hub's cache
	Downloaded = "downloaded" // fetched now
)

// Mirror is a folder that holds files of data sets, as <repo>/<path>, and a
// manifest of them in .ddcore/manifest.json.
type Mirror struct {
	client *Client
	root   string
	lock   *os.File // nil: only to look

	mu      sync.Mutex
	entries []record
	unsaved bool
	saved   time.Time
}

// record is a line of the manifest. A file with the time that stands there is
// taken to be unchanged, without being read.
type record struct {
	File
	Modified int64 `json:"modified"` // nanoseconds since 1970
}

// OpenMirror opens a folder, and makes it if it is to be written.
func OpenMirror(c *Client, root string, write bool) (*Mirror, error) {
	m := &Mirror{client: c, root: root}
	if write {
		if err := m.acquire(); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(m.manifestPath())
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m.entries)
	}
	if err != nil {
		m.Close()
		return nil, ioError(root, fmt.Errorf("read the manifest of downloads: %w", cause(err)), "delete .ddcore/manifest.json there: the files are then read and checked anew")
	}
	return m, nil
}

func (m *Mirror) manifestPath() string { return filepath.Join(m.root, ownFolder, "manifest.json") }

// acquire keeps two processes from writing the same parts.
func (m *Mirror) acquire() error {
	dir := filepath.Join(m.root, ownFolder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return ioError(m.root, err, "may you write there?")
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return ioError(m.root, err, "may you write there?")
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return &contract.Error{Kind: contract.Busy, Op: "download", Target: m.root, Err: errors.New("another process downloads into this folder"), Hint: "wait for it, or name another folder"}
		}
		return ioError(m.root, err, "")
	}
	m.lock = lock
	return nil
}

// Close lets others write. A manifest that cannot be written now is no loss: files
// that it does not tell of are read by the next run.
func (m *Mirror) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unsaved {
		_ = m.save()
	}
	if m.lock != nil {
		m.lock.Close()
	}
}

// Place is where a file lies, or is to lie.
func (m *Mirror) Place(f File) string {
	return filepath.Join(m.root, filepath.FromSlash(f.Repo), filepath.FromSlash(f.Path))
}

// List gives the files of a data set: the hub's, or offline what the mirror and
// the cache hold of that revision.
func (m *Mirror) List(ctx context.Context, repo, revision string) ([]File, error) {
	if !m.client.Offline {
		return m.client.List(ctx, repo, revision)
	}
	var files []File
	for _, e := range m.entries {
		if e.Repo == repo && (e.Revision == revision || e.Commit == revision) {
			files = append(files, e.File)
		}
	}
	for _, f := range m.client.listCache(repo, revision) {
		if !slices.ContainsFunc(files, func(have File) bool { return have.Path == f.Path }) {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, &contract.Error{
			Kind: contract.NotFound, Op: "download", Target: repo + " at " + revision, Err: errors.New("nothing of it is here, and there is no network to be used"),
			Hint: "leave offline out (and unset HF_HUB_OFFLINE) to download it",
		}
	}
	return files, nil
}

// State tells what is here of a file, and how many bytes are still to be fetched.
// A file whose checksum the manifest does not tell is read.
func (m *Mirror) State(f File) (state string, lacks int64, err error) {
	place := m.Place(f)
	info, err := os.Stat(place)
	if err == nil && info.Size() == f.Size {
		known := m.find(f)
		if known != nil && known.Modified == info.ModTime().UnixNano() && f.is(known.File) {
			if known.Commit == f.Commit && known.Revision == f.Revision {
				return Present, 0, nil
			}
			return Present, 0, m.note(f, known.SHA256)
		}
		sum, err := f.sumOf(place)
		if err != nil {
			return "", 0, ioError(f.name(), err, "may you read it?")
		}
		if sum != "" {
			return Present, 0, m.note(f, sum)
		}
	}
	if m.client.inCache(f) != "" {
		return Cached, 0, nil
	}
	return Absent, max(f.Size-partSize(place), 0), nil
}

// is tells whether two files have the same bytes.
func (f File) is(g File) bool {
	return f.Size == g.Size && (f.SHA256 != "" && f.SHA256 == g.SHA256 || f.Blob != "" && f.Blob == g.Blob)
}

func (m *Mirror) find(f File) *record {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.entries {
		if e := m.entries[i]; e.Repo == f.Repo && e.Path == f.Path {
			return &e
		}
	}
	return nil
}

// SHA256 gives a file's checksum, as far as it is known.
func (m *Mirror) SHA256(f File) string {
	if f.SHA256 != "" {
		return f.SHA256
	}
	if known := m.find(f); known != nil && f.is(known.File) {
		return known.SHA256
	}
	return ""
}

// note writes a file that is here into the manifest.
func (m *Mirror) note(f File, sum string) error {
	if m.lock == nil {
		return nil
	}
	info, err := os.Stat(m.Place(f))
	if err != nil {
		return ioError(f.name(), err, "")
	}
	f.SHA256 = sum
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, func(e record) bool { return e.Repo == f.Repo && e.Path == f.Path })
	m.entries = append(m.entries, record{f, info.ModTime().UnixNano()})
	m.unsaved = true
	if time.Since(m.saved) < betweenSaves {
		return nil
	}
	return m.save()
}

// betweenSaves bounds what thousands of small files cost, each of which is a line.
const betweenSaves = time.Second

func (m *Mirror) save() error {
	text, err := json.MarshalIndent(m.entries, "", " ")
	if err == nil {
		err = replace(m.manifestPath(), append(text, '\n'))
	}
	m.unsaved, m.saved = err != nil, time.Now()
	return ioError(m.root, err, "may you write there?")
}

// Get brings a file here, and tells where it came from.
func (m *Mirror) Get(ctx context.Context, f File, tell func(int64)) (state string, err error) {
	state, _, err = m.State(f)
	if err != nil || state == Present {
		tell(f.Size)
		return state, err
	}
	place := m.Place(f)
	if state == Cached {
		sum, err := f.take(m.client.inCache(f), place)
		if err != nil {
			return "", ioError(f.name(), err, "is there room, and may you write there?")
		}
		if sum != "" {
			tell(f.Size)
			return Cached, m.note(f, sum)
		}
	}
	if m.client.Offline {
		return "", &contract.Error{
			Kind: contract.NotFound, Op: "download", Target: f.name(), Err: errors.New("it is not here whole, and there is no network to be used"),
			Hint: "leave offline out (and unset HF_HUB_OFFLINE) to download it",
		}
	}
	sum, err := m.client.fetch(ctx, f, place, tell)
	if err != nil {
		return "", err
	}
	return Downloaded, m.note(f, sum)
}

// GetAll brings several files here, n at a time, and gives the state of each.
// One that fails does not stop the others.
func (m *Mirror) GetAll(ctx context.Context, files []File, n int, tell func(done, total int64, what string)) ([]string, error) {
	states := make([]string, len(files))
	here := make([]int64, len(files))
	var total, sum int64
	for _, f := range files {
		total += f.Size
	}
	var mu sync.Mutex
	failed := 0
	err := workers.Each(ctx, n, len(files), func(i int) (err error) {
		states[i], err = m.Get(ctx, files[i], func(bytes int64) {
			mu.Lock()
			defer mu.Unlock()
			sum += bytes - here[i]
			here[i] = bytes
			tell(sum, total, "downloading "+files[i].Path)
		})
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed++
		}
		return err
	})
	if err == nil || ctx.Err() != nil {
		return states, err
	}
	return nil, several(err, failed, len(files))
}

// several gives the first of the errors, and says how many files failed.
func several(err error, failed, of int) error {
	var e *contract.Error
	if of == 1 || !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Err = fmt.Errorf("%w (%d of %d files failed)", e.Err, failed, of)
	return &out
}
