package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// A backup is a lake in a folder, with a list of its files: it can be read and
// verified as it is, also when the lake it was made of is shared.

// BackupArgs are the arguments of backup.
type BackupArgs struct {
	To string `json:"to" help:"the folder of the backup; what it holds already is not copied again"`
}

// RestoreArgs are the arguments of restore.
type RestoreArgs struct {
	From string `json:"from" help:"the folder of the backup"`
}

type backupRow struct {
	Snapshot int64 `col:"snapshot"`
	Files    int64 `col:"n_files"`
	NewFiles int64 `col:"n_new_files"`
	Bytes    int64 `col:"n_bytes"`
}

// The files of a backup beside those of a lake.
const (
	backupFile  = "backup.json"
	catalogName = "catalog.sqlite"
	keyName     = "redaction.key"
)

// backupList is backup.json.
type backupList struct {
	DDCore   string                `json:"ddcore"`
	At       time.Time             `json:"at"`
	Snapshot int64                 `json:"snapshot"`
	Catalog  string                `json:"catalog_sha256"`
	Files    map[string]backupItem `json:"files"` // by path below data
}

type backupItem struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (l *backupList) sums() map[string]string {
	if l == nil {
		return nil
	}
	out := map[string]string{}
	for path, item := range l.Files {
		out[path] = item.SHA256
	}
	return out
}

// readBackup reads the list of a lake that is a backup; nil where it is none.
func readBackup(s *lake.Session) (*backupList, error) {
	text, err := s.ReadFile(backupFile)
	if text == nil || err != nil {
		return nil, err
	}
	return parseBackup(s.Path, text)
}

func parseBackup(folder string, text []byte) (*backupList, error) {
	list := &backupList{}
	if err := json.Unmarshal(text, list); err != nil {
		return nil, &Error{Kind: contract.Invalid, Op: "read", Target: filepath.Join(folder, backupFile), Err: fmt.Errorf("the backup's list cannot be read: %w", err), Hint: "make the backup again"}
	}
	return list, nil
}

// backup copies the lake, under the lock of its writer.
func backup(ctx context.Context, env *Env, a BackupArgs) (*Result, error) {
	folder, err := backupFolder(env, a.To)
	if err != nil {
		return nil, err
	}
	w, err := existing(ctx, env, "backup")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	files, err := w.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	list, had, err := startBackup(ctx, folder, w)
	if err != nil {
		return nil, err
	}
	row := backupRow{Snapshot: list.Snapshot, Files: int64(len(files))}
	for i, f := range files {
		env.Tell(Progress{int64(i), int64(len(files)), "files", "copying " + filepath.Base(f.Path)})
		if filepath.IsAbs(f.Path) || strings.Contains(f.Path, "://") {
			return nil, &Error{Kind: contract.Invalid, Op: "backup", Target: f.Path, Err: errors.New("this file of the lake lies outside of its data"), Hint: "`ddcore compact` or a new curate may bring it in"}
		}
		row.Bytes += f.Bytes
		item, ok := had[f.Path]
		to := filepath.Join(folder, "data", f.Path)
		if info, err := os.Stat(to); !ok || err != nil || info.Size() != item.Bytes || item.Bytes != f.Bytes {
			row.NewFiles++
			if err := w.Fetch(ctx, f.Place, to); err != nil {
				return nil, err
			}
			if item.SHA256, item.Bytes, err = lake.Digest(to); err != nil {
				return nil, err
			}
		}
		list.Files[f.Path] = item
	}
	if err := finishBackup(ctx, env, w, folder, list, had); err != nil {
		return nil, err
	}
	return rowsResult([]backupRow{row})
}

// backupFolder looks at the place of a backup: nothing, or an earlier one.
func backupFolder(env *Env, to string) (string, error) {
	refuse := func(message, hint string) (string, error) {
		return "", &Error{Kind: contract.Invalid, Op: "backup", Target: to, Err: errors.New(message), Hint: hint}
	}
	if to == "" || strings.Contains(to, "://") {
		return refuse("a backup goes to a folder", "name a folder; copy it to elsewhere with the tools of that place")
	}
	folder, err := filepath.Abs(to)
	if err != nil {
		return refuse(err.Error(), "name a folder")
	}
	if env.Lake.IsPublished() {
		return refuse("a published lake is a copy already", "copy its folder")
	}
	if own := env.Lake.Folder(); own != "" && (folder == own || strings.HasPrefix(folder, own+string(filepath.Separator))) {
		return refuse("the folder is in the lake", "name a folder elsewhere, best on another disk")
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return folder, nil
	}
	if err != nil {
		return "", &Error{Kind: contract.IO, Op: "backup to", Target: folder, Err: errors.Unwrap(err)}
	}
	for _, e := range entries {
		if e.Name() == backupFile {
			return folder, nil
		}
		if e.Name() != "data" {
			return refuse("the folder holds other files than a backup", "name a new folder")
		}
	}
	return folder, nil
}

// startBackup gives a new list, and the items of the former one.
func startBackup(ctx context.Context, folder string, w *lake.Writer) (*backupList, map[string]backupItem, error) {
	snapshot, err := w.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	list := &backupList{DDCore: Version, At: time.Now().UTC(), Snapshot: snapshot, Files: map[string]backupItem{}}
	text, err := os.ReadFile(filepath.Join(folder, backupFile))
	if errors.Is(err, os.ErrNotExist) {
		return list, nil, nil
	}
	if err != nil {
		return nil, nil, &Error{Kind: contract.IO, Op: "backup to", Target: folder, Err: errors.Unwrap(err)}
	}
	former, err := parseBackup(folder, text)
	if err != nil {
		return nil, nil, err
	}
	return list, former.Files, nil
}

// finishBackup replaces the catalog, when all its files are there, and then deletes
// the files that only the former one knew. The list names the files of both until the
// catalog is in its place.
func finishBackup(ctx context.Context, env *Env, w *lake.Writer, folder string, list *backupList, had map[string]backupItem) error {
	draft := filepath.Join(folder, "."+catalogName)
	defer os.Remove(draft)
	_ = os.Remove(draft) // of a backup that was killed
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return backupError(folder, err)
	}
	if err := w.SaveCatalog(ctx, draft); err != nil {
		return err
	}
	var err error
	if list.Catalog, _, err = lake.Digest(draft); err != nil {
		return err
	}
	if err := saveKey(ctx, env, w, folder); err != nil {
		return err
	}
	both := *list
	both.Files = map[string]backupItem{}
	for _, files := range []map[string]backupItem{had, list.Files} {
		for path, item := range files {
			both.Files[path] = item
		}
	}
	if err := both.write(folder); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(folder, catalogName)); err != nil {
		return backupError(folder, err)
	}
	for path := range had {
		if _, ok := list.Files[path]; !ok {
			if err := os.Remove(filepath.Join(folder, "data", path)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return backupError(folder, err)
			}
		}
	}
	return list.write(folder)
}

// saveKey copies the key of pseudonyms, without which later ingests would make others.
// A lake whose key was deleted, so that its pseudonyms are final, has none.
func saveKey(ctx context.Context, env *Env, w *lake.Writer, folder string) error {
	if !env.Lake.IsShared() {
		if text, err := w.ReadFile(keyName); text == nil || err != nil {
			return err
		}
	}
	key, err := likelyKey(env.Lake)
	if err == nil {
		key, err = lakeKey(ctx, env.Lake, key)
	}
	if err != nil {
		return err
	}
	return key.Save(filepath.Join(folder, keyName))
}

func (l *backupList) write(folder string) error {
	text, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return fmt.Errorf("write the backup's list: %w", err)
	}
	temp := filepath.Join(folder, "."+backupFile)
	if err := os.WriteFile(temp, text, 0o666); err != nil {
		return backupError(folder, err)
	}
	if err := os.Rename(temp, filepath.Join(folder, backupFile)); err != nil {
		return backupError(folder, err)
	}
	return nil
}

func backupError(folder string, err error) error {
	return &Error{Kind: contract.IO, Op: "backup to", Target: folder, Err: errors.Unwrap(err), Hint: "is there room, and may you write there? The former backup is as it was"}
}

// restore makes a lake of a backup; every file must be what the backup's list says.
func restore(ctx context.Context, env *Env, a RestoreArgs) (*Result, error) {
	folder, err := filepath.Abs(a.From)
	if err != nil || a.From == "" {
		return nil, &Error{Kind: contract.Invalid, Op: "restore", Err: errors.New("no backup was named"), Hint: "name its folder with from"}
	}
	text, err := os.ReadFile(filepath.Join(folder, backupFile))
	if err != nil {
		return nil, &Error{Kind: contract.NotFound, Op: "restore", Target: folder, Err: errors.New("there is no backup here"), Hint: "name the folder that `ddcore backup --to` made: it holds " + backupFile}
	}
	list, err := parseBackup(folder, text)
	if err != nil {
		return nil, err
	}
	if err := checkItem(filepath.Join(folder, catalogName), list.Catalog); err != nil {
		return nil, err
	}
	r, err := lake.NewRestorer(ctx, env.Lake, env.Options)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	row := backupRow{Snapshot: list.Snapshot, Files: int64(len(list.Files)), NewFiles: int64(len(list.Files))}
	done := int64(0)
	for path, item := range list.Files {
		env.Tell(Progress{done, row.Files, "files", "copying " + filepath.Base(path)})
		done++
		row.Bytes += item.Bytes
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		file := filepath.Join(folder, "data", filepath.FromSlash(path))
		if !filepath.IsLocal(path) {
			return nil, &Error{Kind: contract.Invalid, Op: "restore", Target: path, Err: errors.New("the backup's list names a file outside of it"), Hint: "make the backup again"}
		}
		if err := checkItem(file, item.SHA256); err != nil {
			return nil, err
		}
		if err := r.Put(ctx, file, path); err != nil {
			return nil, err
		}
	}
	key, err := os.ReadFile(filepath.Join(folder, keyName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, backupError(folder, err)
	}
	if err := r.Finish(ctx, filepath.Join(folder, catalogName), key, env.Options); err != nil {
		return nil, err
	}
	return rowsResult([]backupRow{row})
}

// checkItem compares a file of a backup with its list.
func checkItem(file, want string) error {
	got, _, err := lake.Digest(file)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	if got != want {
		return &Error{Kind: contract.Invalid, Op: "restore", Target: file, Err: errors.New("the file is not what was backed up: its SHA-256 differs"), Hint: "`ddcore verify --lake BACKUP` lists all such files; nothing was restored"}
	}
	return nil
}
