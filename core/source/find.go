package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ddcore/core/contract"
)

// File is one artifact on disk.
type File struct {
	Path  string // as shown: relative to what the user named, so that no home path is stored
	Bytes int64

	abs      string
	modified time.Time
	named    bool // the user named this very file
	sha256   string
}

// Find lists the files under the given paths: folders (searched through),
// files, and globs. Hidden files and folders are passed over.
func Find(paths []string) ([]*File, error) {
	var files []*File
	for _, p := range paths {
		found, err := findOne(p)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.SortFunc(files, func(a, b *File) int { return strings.Compare(a.abs, b.abs) })
	return slices.CompactFunc(files, func(a, b *File) bool { return a.abs == b.abs }), nil
}

func findOne(path string) ([]*File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return walk(path)
	case err == nil:
		f, err := newFile(path, shownPath(path), info)
		return []*File{f}, err
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return glob(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, &contract.Error{Kind: contract.NotFound, Op: "ingest", Target: path, Err: errors.New("there is no such file or folder"), Hint: "check the spelling; a glob needs quotes in the shell"}
	default:
		return nil, &contract.Error{Kind: contract.IO, Op: "ingest", Target: path, Err: err}
	}
}

// shownPath is how a file that was named is shown: by its name, or by what stands
// after a /./ (as in rsync), which tells where it comes from.
func shownPath(path string) string {
	const mark = "/./"
	if i := strings.LastIndex(filepath.ToSlash(path), mark); i >= 0 {
		return path[i+len(mark):]
	}
	return filepath.Base(path)
}

func newFile(path, shown string, info fs.FileInfo) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &contract.Error{Kind: contract.IO, Op: "ingest", Target: shown, Err: err}
	}
	return &File{Path: filepath.ToSlash(shown), Bytes: info.Size(), abs: abs, modified: info.ModTime(), named: true}, nil
}

func glob(pattern string) ([]*File, error) {
	matches, err := filepath.Glob(pattern)
	if err != nil || len(matches) == 0 {
		return nil, &contract.Error{Kind: contract.NotFound, Op: "ingest", Target: pattern, Err: errors.New("the glob matches nothing"), Hint: "* does not cross folders; name the folder to search through it"}
	}
	root := filepath.Dir(pattern[:strings.IndexAny(pattern, "*?[")] + "x")
	var files []*File
	for _, m := range matches {
		found, err := findOne(m)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if rel, err := filepath.Rel(root, m); err == nil && f.named {
				f.Path = filepath.ToSlash(rel)
			}
		}
		files = append(files, found...)
	}
	return files, nil
}

func walk(root string) ([]*File, error) {
	var files []*File
	// WalkDir does not enter a root that is a link.
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, &contract.Error{Kind: contract.IO, Op: "ingest", Target: root, Err: err}
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return &contract.Error{Kind: contract.IO, Op: "ingest", Target: path, Err: err}
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := os.Stat(path) // follows links: the Hugging Face cache is made of them
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := newFile(path, rel, info)
		if err != nil {
			return err
		}
		f.named = false
		files = append(files, f)
		return nil
	})
	return files, err
}

// digest reads the whole file and sets its SHA-256.
func (f *File) digest() error {
	r, err := os.Open(f.abs)
	if err != nil {
		return &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: errors.Unwrap(err), Hint: "may you read it?"}
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, r, make([]byte, 1<<20)); err != nil {
		return &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: err}
	}
	f.sha256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// checksum gives the file's SHA-256, and reads it for that once.
func (f *File) checksum() (string, error) {
	if f.sha256 == "" {
		if err := f.digest(); err != nil {
			return "", err
		}
	}
	return f.sha256, nil
}

// copyTo copies the file into a folder, under a name that starts with id and
// ends with its checksum, which is taken on the way. A file that was hashed
// before must still be the same.
func (f *File) copyTo(dir, id string) (path string, err error) {
	r, err := os.Open(f.abs)
	if err != nil {
		return "", err
	}
	defer r.Close()
	temp := filepath.Join(dir, id+"-partial.parquet")
	w, err := os.Create(temp)
	if err != nil {
		return "", err
	}
	defer w.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(w, h), r, make([]byte, 1<<20))
	if err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if n != f.Bytes || f.sha256 != "" && f.sha256 != sum {
		return "", invalid(f.Path, "is it still being downloaded? wait for its end, then try again", "the file changed while it was read")
	}
	f.sha256 = sum
	path = filepath.Join(dir, f.storedName(id))
	if err := w.Close(); err != nil {
		return "", err
	}
	return path, os.Rename(temp, path)
}

// storedName is what the file is called in the lake.
func (f *File) storedName(id string) string { return id + "-" + f.sha256[:12] + ".parquet" }

const placeDigits = 12

// place identifies a path without telling it: absolute paths name people.
func place(abs string) string {
	sum := sha256.Sum256([]byte("ddcore location\x00" + abs))
	return hex.EncodeToString(sum[:])[:placeDigits]
}

// folders gives the places of all folders above the file, so that `prune` can
// tell which files came from a folder.
func (f *File) folders() string {
	var out []string
	for dir := filepath.Dir(f.abs); ; dir = filepath.Dir(dir) {
		out = append(out, place(dir))
		if dir == filepath.Dir(dir) {
			return strings.Join(out, " ")
		}
	}
}

// folderPlace is the place of a folder that the user named.
func folderPlace(path string) (string, bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return "", false, nil //nolint:nilerr // Find has already told what is missing
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", false, fmt.Errorf("ingest %s: %w", path, err)
	}
	return place(abs), true, nil
}
