package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ddcore/core/contract"
)

// Problem is what is wrong with a file of a lake.
type Problem struct{ Path, State, Detail string }

// The states of a file.
const (
	Missing = "missing" // a snapshot knows it, and it is not there
	Damaged = "damaged" // it is not what was written
	Orphan  = "orphan"  // no snapshot knows it: it only takes up room
)

// present lists what lies in the lake's data, with sizes. ok is false where that
// cannot be listed: on a web server.
func (s *Session) present(ctx context.Context) (sizes map[string]int64, ok bool, err error) {
	root := s.place.dataRoot()
	sizes = map[string]int64{}
	if isAddress(root) && !strings.HasPrefix(root, s3Prefix) {
		return sizes, false, nil
	}
	if isAddress(root) {
		rows, err := s.Rows(ctx, "SELECT filename, size::BIGINT FROM read_blob("+Quote(root+"/**")+")")
		if err != nil {
			return nil, false, s.place.storeError("verify", err)
		}
		for _, r := range rows {
			sizes[strings.TrimPrefix(r[0].(string), root+"/")] = r[1].(int64)
		}
		return sizes, true, nil
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody has just deleted it
		}
		if err == nil {
			rel, _ := filepath.Rel(root, path)
			sizes[filepath.ToSlash(rel)] = info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, ioError("verify", root, err)
	}
	return sizes, true, nil
}

// Verify compares the files of all snapshots with what is there. sums are the SHA-256
// that some of them must have, by path below the data; a file without one is read
// whole, so that a damaged page is found. With isQuick only names, sizes and footers
// are looked at. It also gives the number of files whose sum was compared.
func (s *Session) Verify(ctx context.Context, sums map[string]string, isQuick bool, progress func(done, total int64, what string)) (problems []Problem, files []DataFile, summed int64, err error) {
	if files, err = s.Inventory(ctx); err != nil {
		return nil, nil, 0, err
	}
	sizes, isListed, err := s.present(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	var total, done int64
	for _, f := range files {
		total += f.Bytes
	}
	for _, f := range files {
		progress(done, total, "verifying "+filepath.Base(f.Path))
		done += f.Bytes
		size, isThere := sizes[f.Path]
		if isListed && !isThere && f.Place == s.place.dataRoot()+"/"+f.Path {
			problems = append(problems, Problem{f.Path, Missing, f.Schema + "." + f.Table})
			continue
		}
		if isListed && isThere && size != f.Bytes {
			problems = append(problems, Problem{f.Path, Damaged, fmt.Sprintf("%d bytes, not %d", size, f.Bytes)})
			continue
		}
		detail, err := s.look(ctx, f, sums[f.Path], isQuick)
		if err != nil {
			return nil, nil, 0, err
		}
		if detail != "" {
			problems = append(problems, Problem{f.Path, Damaged, detail})
		}
		if sums[f.Path] != "" && !isQuick {
			summed++
		}
	}
	orphans, err := s.orphans(ctx, files, sizes)
	return append(problems, orphans...), files, summed, err
}

// look reads a file, and tells what is wrong with it.
func (s *Session) look(ctx context.Context, f DataFile, sum string, isQuick bool) (string, error) {
	rows, err := s.Rows(ctx, "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata("+Quote(globless(f.Place))+")")
	if err == nil && rows[0][0] != f.Rows {
		return fmt.Sprintf("%v rows, the catalog says %d", rows[0][0], f.Rows), nil
	}
	if err == nil && !isQuick {
		if sum != "" {
			return s.compareSum(ctx, f.Place, sum)
		}
		err = s.Exec(ctx, "SELECT bit_xor(hash(t)) FROM read_parquet("+Quote(globless(f.Place))+") AS t")
	}
	if err == nil {
		return "", nil
	}
	if e := contract.AsError(err); e.Kind == contract.Cancelled {
		return "", err
	}
	// A failed read ends the session's transaction, and more files are to be read.
	if err := s.Exec(ctx, "ROLLBACK; BEGIN TRANSACTION"); err != nil {
		return "", err
	}
	return firstLine(contract.AsError(err).Err.Error()), nil
}

func (s *Session) compareSum(ctx context.Context, path, want string) (string, error) {
	got := ""
	if isAddress(path) {
		rows, err := s.Rows(ctx, "SELECT sha256(content) FROM read_blob("+Quote(globless(path))+")")
		if err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		got = rows[0][0].(string)
	} else {
		var err error
		if got, _, err = Digest(path); err != nil {
			return "", err
		}
	}
	if got != want {
		return "SHA-256 " + got[:12] + "…, not " + want[:12] + "…", nil
	}
	return "", nil
}

// orphans lists what is there and no snapshot knows. What waits for its deletion or a
// commit is none.
func (s *Session) orphans(ctx context.Context, files []DataFile, sizes map[string]int64) (out []Problem, err error) {
	for _, f := range files {
		delete(sizes, f.Path)
	}
	rows, err := s.Rows(ctx, "SELECT path FROM "+metadata+".ducklake_files_scheduled_for_deletion")
	if err != nil {
		return nil, fmt.Errorf("list old files: %w", err)
	}
	for _, r := range rows {
		delete(sizes, strings.TrimPrefix(r[0].(string), s.place.dataRoot()+"/"))
	}
	for path, size := range sizes {
		if !strings.HasPrefix(path, stagedDir+"/") {
			out = append(out, Problem{path, Orphan, fmt.Sprintf("%d bytes", size)})
		}
	}
	return out, nil
}

// ReadFile reads a small file of a lake in a folder; nil where there is none.
func (s *Session) ReadFile(name string) ([]byte, error) {
	if s.Path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(s.Path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ioError("read", filepath.Join(s.Path, name), err)
	}
	return text, nil
}
