package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ddcore/core/contract"
)

// PublishedFile is a data file of a published lake, as its table published.files
// tells of it.
type PublishedFile struct {
	Schema, Table string
	Path          string // below the lake
	Bytes         int64
	SHA256        string
}

// PublishedSnapshot is what the table published.snapshot tells.
type PublishedSnapshot struct {
	Snapshot int64 // of the lake that it was published from
	DDCore   string
	At       time.Time
}

// Describe writes what a published lake says of itself.
func (f *Frozen) Describe(ctx context.Context, s PublishedSnapshot, files []PublishedFile) error {
	err := f.Exec(ctx, `
		CREATE SCHEMA lake.published;
		CREATE TABLE lake.published.snapshot (source_snapshot BIGINT, ddcore_version VARCHAR, published_at TIMESTAMPTZ);
		CREATE TABLE lake.published.files (table_schema VARCHAR, table_name VARCHAR, path VARCHAR, n_bytes BIGINT, sha256 VARCHAR);
		INSERT INTO lake.published.snapshot VALUES (?, ?, ?::TIMESTAMPTZ)`, s.Snapshot, s.DDCore, s.At.Format(time.RFC3339))
	if err != nil || len(files) == 0 {
		return err
	}
	values := make([]string, len(files))
	for i, file := range files {
		values[i] = fmt.Sprintf("(%s, %s, %s, %d, %s)", Quote(file.Schema), Quote(file.Table), Quote(file.Path), file.Bytes, Quote(file.SHA256))
	}
	return f.Exec(ctx, "INSERT INTO lake.published.files VALUES "+strings.Join(values, ", "))
}

// Target is the place of a published lake, which one process at a time writes
// where it is a folder.
type Target struct {
	*Files
	lock  writerLock
	isNew bool
	done  bool
}

// OpenTarget opens the place of a published lake for writing. It must be empty, or
// hold a published lake already. from is the lake that is published.
func OpenTarget(ctx context.Context, to string, from Place, o Options) (*Target, error) {
	switch {
	case to == "":
		return nil, targetError("…", "name a folder or s3://bucket/prefix", "no place was named")
	case strings.HasPrefix(to, motherDuckPrefix):
		return nil, motherDuck()
	case strings.HasPrefix(to, sharedPrefix):
		return nil, targetError(sharedPrefix+"…", "publish to a folder or s3://bucket/prefix; `ddcore restore` makes a shared lake of a backup", "a published lake has its catalog beside its files, not on a server")
	case isAddress(to) && !strings.HasPrefix(to, s3Prefix):
		return nil, targetError(to, "publish to a folder or s3://bucket/prefix that the web server gives", "nothing can be written to a web server")
	}
	files, err := OpenStore(ctx, strings.TrimRight(to, "/"), o)
	if err != nil {
		return nil, err
	}
	t := &Target{Files: files}
	if err := t.prepare(ctx, from); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func targetError(target, hint, message string) error {
	return &contract.Error{Kind: contract.Invalid, Op: "publish to", Target: target, Err: errors.New(message), Hint: hint}
}

// prepare looks at the place, and makes and locks a folder.
func (t *Target) prepare(ctx context.Context, from Place) error {
	folder := t.Folder()
	if folder == "" {
		return nil
	}
	if folder == from.folder || strings.HasPrefix(folder, from.dataRoot()+"/") || folder == from.dataRoot() {
		return targetError(folder, "name another folder", "this is the lake that is to be published")
	}
	entries, err := os.ReadDir(folder)
	t.isNew = errors.Is(err, os.ErrNotExist)
	if err != nil && !t.isNew {
		return ioError("publish to", folder, err)
	}
	for _, e := range entries {
		if name := e.Name(); name != publishedCatalog && name != dataDir && name != lockFile {
			return targetError(folder, "name a new folder", "the folder holds other files than a published lake")
		}
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return ioError("publish to", folder, err)
	}
	t.lock, err = lockFolder(ctx, folder, "publish", nil)
	return err
}

// Put takes a file to the place; the catalog makes all that was put before visible.
func (t *Target) Put(ctx context.Context, file, to string) error {
	err := t.Files.Put(ctx, file, to)
	t.done = t.done || err == nil && filepath.Base(to) == publishedCatalog
	return err
}

// Failed says what the place has refused.
func (t *Target) Failed(err error) error {
	if t.conn != nil {
		return t.place.storeError("publish to", err)
	}
	e := *contract.AsError(err)
	e.Op, e.Hint = "publish to", "is there room, and may you write there? What was published before is as it was"
	return &e
}

// DataPath is where DuckDB looks for the data when nobody tells it: at the address
// that others use.
func (t *Target) DataPath(url string) string {
	switch {
	case url != "":
		return strings.TrimRight(url, "/") + "/" + dataDir + "/"
	case t.conn != nil:
		return t.place.data + "/" + dataDir + "/"
	default:
		return dataDir + "/"
	}
}

// Close lets go of the place. A folder that was made for a publication that failed
// is deleted.
func (t *Target) Close() {
	if t.lock != nil {
		t.lock.release()
		_ = os.Remove(filepath.Join(t.Folder(), lockFile))
	}
	if t.isNew && !t.done && t.lock != nil {
		_ = os.RemoveAll(t.Folder())
	}
	t.Files.Close()
}
