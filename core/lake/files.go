package lake

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ddcore/core/contract"
)

// Files is the place of a shared lake's data files. Any number of processes may
// put files there at a time, without a lock: only a commit makes them a part of
// the lake.
type Files struct {
	place Place
	temp  string

	mu   sync.Mutex // DuckDB, which speaks to S3, runs one statement at a time
	db   *DB
	conn *Conn
}

// OpenFiles finds the place by the lake's catalog.
func OpenFiles(ctx context.Context, p Place, o Options) (*Files, error) {
	if err := p.MustBeShared(); err != nil {
		return nil, err
	}
	p, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	return openFiles(ctx, p, o)
}

// OpenStore gives a place of files that need not be a lake's: a folder, or
// s3://bucket/prefix.
func OpenStore(ctx context.Context, root string, o Options) (*Files, error) {
	root, err := parseData(root)
	if err != nil {
		return nil, err
	}
	return openFiles(ctx, Place{name: root, data: root}, o)
}

func openFiles(ctx context.Context, p Place, o Options) (f *Files, err error) {
	f = &Files{place: p}
	if f.temp, err = os.MkdirTemp("", "ddcore-"); err != nil {
		return nil, ioError("write to", os.TempDir(), err)
	}
	if p.onS3() {
		err = f.connect(ctx, o)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Files) connect(ctx context.Context, o Options) error {
	secret, err := s3Secret()
	if err != nil {
		return err
	}
	if f.db, err = (engine{options: o, extensions: []string{"ducklake", "httpfs"}, secret: secret}).start(ctx); err != nil {
		return err
	}
	f.conn, err = f.db.Connect()
	return err
}

// Close lets go of the place, and deletes what is left in Temp.
func (f *Files) Close() {
	if f.conn != nil {
		f.conn.Close()
	}
	if f.db != nil {
		f.db.Close()
	}
	_ = os.RemoveAll(f.temp)
}

// Temp is a folder of this machine in which files for Put may be written.
func (f *Files) Temp() string { return f.temp }

// Path gives the place of a file, by the names of its folders and its own.
func (f *Files) Path(names ...string) string {
	return f.place.data + "/" + strings.Join(names, "/")
}

// Put takes a file of Temp to a path. It is there whole or not at all; one that
// was there before is replaced.
func (f *Files) Put(ctx context.Context, file, to string) error {
	if f.conn == nil {
		if err := moveTo(file, to); err != nil {
			return ioError("write to", path.Dir(to), err)
		}
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return upload(ctx, f.conn, file, to)
}

// List gives the files of a folder whose names have an ending.
func (f *Files) List(ctx context.Context, folder, suffix string) ([]string, error) {
	pattern := f.Path(folder, "*"+suffix)
	if f.conn == nil {
		return filepath.Glob(pattern)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rows, err := f.conn.Rows(ctx, "SELECT file FROM glob("+Quote(pattern)+") ORDER BY file")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", f.Path(folder), err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[0].(string)
	}
	return out, nil
}

// Read gives the text of files, in their order.
func (f *Files) Read(ctx context.Context, paths []string) ([]string, error) {
	out := make([]string, len(paths))
	if f.conn == nil {
		for i, file := range paths {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, ioError("read", file, err)
			}
			out[i] = string(text)
		}
		return out, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, file := range paths {
		rows, err := f.conn.Rows(ctx, "SELECT content FROM read_text("+Quote(globless(file))+")")
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path.Base(file), err)
		}
		out[i] = rows[0][0].(string)
	}
	return out, nil
}

// upload puts a file on S3 as it is, through memory, and deletes it here.
func upload(ctx context.Context, c *Conn, file, to string) error {
	if err := c.Exec(ctx, fmt.Sprintf("COPY (SELECT content FROM read_blob(%s)) TO %s (FORMAT blob)", Quote(globless(file)), Quote(to))); err != nil {
		return fmt.Errorf("upload %s: %w", path.Base(to), err)
	}
	return os.Remove(file)
}

// globless writes a path for read_blob, which takes *, ? and [ for a pattern.
func globless(file string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(file)
}

// moveTo moves a file, to another disk if need be.
func moveTo(file, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	temp, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".partial")
	if err != nil {
		return err
	}
	_, err = io.Copy(temp, from)
	for _, step := range []func() error{temp.Sync, func() error { return temp.Chmod(0o644) }, temp.Close} {
		if err == nil {
			err = step()
		}
	}
	if err == nil {
		err = makeYounger(temp.Name(), to)
	}
	if err == nil {
		err = os.Rename(temp.Name(), to)
	}
	if err != nil {
		temp.Close()
		_ = os.Remove(temp.Name())
		return err
	}
	return os.Remove(file)
}

// makeYounger makes a file a second younger than the one that it will replace, if it
// is not: HTTP tells times in seconds, and who reads a published lake knows its
// versions by size and time.
func makeYounger(file, than string) error {
	old, err := os.Stat(than)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	if least := old.ModTime().Truncate(time.Second).Add(time.Second); time.Now().Before(least) {
		return os.Chtimes(file, least, least)
	}
	return nil
}

// Secret keeps a text in the catalog of a shared lake that all its writers use,
// out of sight of those who only read its tables. The first text stays.
func Secret(ctx context.Context, p Place, fresh string) (string, error) {
	c, err := p.connect(ctx, "ddcore")
	if err != nil {
		return "", err
	}
	defer c.close()
	text, err := c.secret(ctx, fresh)
	if err != nil {
		e := contract.AsError(p.serverError(ctx, err))
		e.Hint = "who ingests into a shared lake must be able to use the table ddcore.redaction_key: see the guide on shared lakes"
		return "", e
	}
	return text, nil
}
