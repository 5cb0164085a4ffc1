package hub

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The layout of huggingface_hub's cache: datasets--org--name holds
// snapshots/<commit>/<path>, links to blobs/<checksum>, and refs/<revision>.

func (c *Client) cachedRepo(repo string) string {
	return filepath.Join(c.Cache, "datasets--"+strings.ReplaceAll(repo, "/", "--"))
}

// inCache gives the path of a file that the cache seems to hold, or "".
func (c *Client) inCache(f File) string {
	if c.Cache == "" {
		return ""
	}
	name := filepath.Join(c.cachedRepo(f.Repo), "snapshots", f.Commit, filepath.FromSlash(f.Path))
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return ""
	}
	return name
}

// take puts a file of the cache into its place: another name for the same bytes
// where the file system can do that, else a copy. It gives the SHA-256, or ""
// if the cache's file is damaged.
func (f File) take(from, place string) (sum string, err error) {
	if from, err = filepath.EvalSymlinks(from); err != nil {
		return "", err
	}
	if sum, err = f.sumOf(from); err != nil || sum == "" {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		return "", err
	}
	part := partPath(place)
	// Not the part's name: the bytes of what is linked must never be written to.
	temp := part + linkSuffix
	if err := removeAll(temp, part, part+sideSuffix); err != nil {
		return "", err
	}
	if os.Link(from, temp) != nil {
		if err := copyFile(from, temp); err != nil {
			return "", err
		}
	}
	return sum, os.Rename(temp, place)
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Sync(), w.Close())
}

// listCache gives what the cache holds of a data set at a revision. A file whose
// blob is not named by its checksum cannot be checked, and is left out.
func (c *Client) listCache(repo, revision string) []File {
	commit := revision
	if !commitID.MatchString(revision) {
		text, err := os.ReadFile(filepath.Join(c.cachedRepo(repo), "refs", filepath.FromSlash(revision)))
		if commit = strings.TrimSpace(string(text)); err != nil || !commitID.MatchString(commit) {
			return nil
		}
	}
	root := filepath.Join(c.cachedRepo(repo), "snapshots", commit)
	var files []File
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error { // what cannot be read is not held
		if err != nil || d.IsDir() {
			return nil
		}
		if f, ok := cacheEntry(root, name); ok {
			f.Repo, f.Revision, f.Commit = repo, revision, commit
			files = append(files, f)
		}
		return nil
	})
	return files
}

func cacheEntry(root, name string) (f File, ok bool) {
	blob, err := filepath.EvalSymlinks(name)
	if err != nil {
		return f, false
	}
	info, err := os.Stat(blob)
	rel, relErr := filepath.Rel(root, name)
	if err != nil || relErr != nil {
		return f, false
	}
	f = File{Path: filepath.ToSlash(rel), Size: info.Size()}
	switch id := filepath.Base(blob); {
	case sha256ID.MatchString(id):
		f.SHA256 = id
	case commitID.MatchString(id):
		f.Blob = id
	}
	return f, f.check() == nil
}
