package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Drop deletes a file from the mirror; the manifest still tells of it.
func (m *Mirror) Drop(f File) error { return ioError(f.name(), removeAll(m.Place(f)), "") }

// Outdated gives the files of a data set that lie here, fit a choice, and are not
// in the list: a newer revision has them no more.
func (m *Mirror) Outdated(repo string, chosen func(name string) bool, list []File) (old []File) {
	for _, e := range m.entries {
		isListed := slices.ContainsFunc(list, func(f File) bool { return f.Repo == e.Repo && f.Path == e.Path })
		if _, err := os.Stat(m.Place(e.File)); err == nil && e.Repo == repo && chosen(e.Path) && !isListed {
			old = append(old, e.File)
		}
	}
	return old
}

// Keep deletes all files of the folder but the listed ones and their parts. It is
// for a folder of the program's own.
func (m *Mirror) Keep(list []File) error {
	keep := map[string]bool{}
	for _, f := range list {
		part := partPath(m.Place(f))
		keep[m.Place(f)], keep[part], keep[part+sideSuffix] = true, true, true
	}
	own := filepath.Join(m.root, ownFolder)
	err := filepath.WalkDir(m.root, func(name string, d os.DirEntry, err error) error {
		if name == own {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || keep[name] {
			return err
		}
		return os.Remove(name)
	})
	return ioError(m.root, err, "may you write there?")
}

// Begun tells how many bytes of a file lie here, whole or in part.
func (m *Mirror) Begun(f File) int64 {
	if info, err := os.Stat(m.Place(f)); err == nil {
		return info.Size()
	}
	return partSize(m.Place(f))
}

// Room checks that the disk has room for as many more bytes.
func (m *Mirror) Room(bytes int64) error {
	at := m.root
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(at, &s); err != nil {
		return ioError(m.root, err, "")
	}
	if free := int64(s.Bavail) * int64(s.Bsize); bytes > free { //nolint:unconvert // Bsize has other types elsewhere
		return ioError(m.root, fmt.Errorf("it needs %s more, and the disk has %s", Bytes(bytes), Bytes(free)), "free some space, choose less, or take instances into a lake one archive at a time: --ingest with a --budget")
	}
	return nil
}

// Bytes writes a number of bytes for people.
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
