package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ddcore/core/contract"
)

// Folder is the folder of the place, or "" where it is on S3.
func (f *Files) Folder() string { return f.place.Folder() }

// Root is the folder or the address of the place.
func (f *Files) Root() string { return f.place.data }

// All lists the files of the place, by their paths below it. What is being written
// is left out.
func (f *Files) All(ctx context.Context) (map[string]bool, error) {
	found := map[string]bool{}
	if f.conn != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		rows, err := f.conn.Rows(ctx, "SELECT file FROM glob("+Quote(f.place.data+"/**")+")")
		if err != nil {
			return nil, f.place.storeError("list", err)
		}
		for _, r := range rows {
			found[strings.TrimPrefix(r[0].(string), f.place.data+"/")] = true
		}
		return found, nil
	}
	err := filepath.WalkDir(f.place.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), ".partial") {
			return err
		}
		rel, err := filepath.Rel(f.place.data, path)
		found[filepath.ToSlash(rel)] = true
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, ioError("list", f.place.data, err)
	}
	return found, nil
}

// Remove deletes files of the place, by their paths below it.
func (f *Files) Remove(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	if f.conn == nil {
		for _, path := range paths {
			if err := os.Remove(f.Path(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return ioError("delete", f.Path(path), err)
			}
			_ = os.Remove(filepath.Dir(f.Path(path))) // fails where something is in it
		}
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return removeFromS3(ctx, f.conn, filepath.Join(f.temp, "removal.ducklake"), f.place.data, paths)
}

// removeFromS3 deletes objects by a DuckLake of no tables, which has them for old
// files: DuckDB has no other way to delete.
func removeFromS3(ctx context.Context, c *Conn, catalog, root string, paths []string) error {
	defer os.Remove(catalog)
	if err := c.Exec(ctx, "ATTACH "+Quote("ducklake:"+catalog)+" AS lake (DATA_PATH "+Quote(root+"/")+")"); err != nil {
		return fmt.Errorf("delete files: %w", err)
	}
	defer c.Exec(context.WithoutCancel(ctx), "DETACH lake") //nolint:errcheck // a catalog that is deleted
	full := make([]string, len(paths))
	for i, p := range paths {
		full[i] = root + "/" + p
	}
	return removeOld(ctx, c, full)
}

// storeError says what a place of files has refused.
func (p Place) storeError(op string, err error) error {
	e := contract.AsError(err)
	if e.Kind == contract.Cancelled {
		return err
	}
	return &contract.Error{
		Kind: contract.IO, Op: op, Target: p.name, Err: errors.New(firstLine(e.Err.Error())),
		Hint: "does the server run, and may you write there? keys come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, …",
	}
}

// firstLine cuts off what DuckDB adds to a server's answer: on S3 it is what is
// known of the keys.
func firstLine(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	return line
}

// fetch copies a data file, wherever it is, to a file of this machine.
func (c *Conn) fetch(ctx context.Context, path, to string) error {
	if !isAddress(path) {
		if err := copyFile(path, to); err != nil {
			return ioError("copy", path, err)
		}
		return nil
	}
	if err := c.Exec(ctx, fmt.Sprintf("COPY (SELECT content FROM read_blob(%s)) TO %s (FORMAT blob)", Quote(globless(path)), Quote(to))); err != nil {
		return fmt.Errorf("fetch %s: %w", path, err)
	}
	return nil
}

// Stage makes a data file readable at a path of this machine: by a link where the
// file is on this machine, else by a copy.
func (s *Session) Stage(ctx context.Context, path, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return ioError("write to", filepath.Dir(to), err)
	}
	if isAddress(path) {
		return s.fetch(ctx, path, to)
	}
	if _, err := os.Stat(path); err != nil {
		return ioError("read", path, err)
	}
	if err := os.Symlink(path, to); err != nil {
		return ioError("write to", filepath.Dir(to), err)
	}
	return nil
}

// copyFile copies a file whole or not at all.
func copyFile(from, to string) error {
	temp := to + ".partial"
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = os.Rename(temp, to)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// Digest gives the SHA-256 and the length of a file of this machine.
func Digest(path string) (sum string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, ioError("read", path, err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err = io.Copy(h, f); err != nil {
		return "", 0, ioError("read", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}
