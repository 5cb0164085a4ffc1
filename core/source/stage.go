package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ddcore/core/lake"
	"ddcore/core/source/instances"
)

// Stage is where converted parts wait for a commit.
type Stage interface {
	open(ctx context.Context) error
	tidy()

	// A worker asks whether a part waits already, writes its tables into room, and
	// puts them with its record.
	has(name string) bool
	record(ctx context.Context, name string) (*instances.Record, error)
	room(name, suffix string) string
	put(ctx context.Context, name string, part stagedPart) error
	// putVisit tells that a share of an artifact was read to its end.
	putVisit(ctx context.Context, v stagedVisit) error

	// A commit lists the parts, reads their records, brings their tables to their
	// places, and clears what is then in the lake.
	names(ctx context.Context) ([]string, error)
	records(names []string) []string
	tables(w *lake.Writer, t RawTable, names []string) ([]string, error)
	clear(ctx context.Context, w *lake.Writer, names []string) error
}

// The files of a staged part.
const (
	instancesFile = ".instances.parquet"
	choicesFile   = ".choices.parquet"
	recordFile    = ".json"
)

// suffixOf is the ending of a table's staged files.
func suffixOf(t RawTable) string {
	if t.Name == instances.ChoicesTable {
		return choicesFile
	}
	return instancesFile
}

// folderStage is the stage of a local lake.
type folderStage struct{ dir string }

// StageOf gives the stage of a local lake.
func StageOf(lakePath string) Stage { return folderStage{filepath.Join(lakePath, "staged")} }

func (s folderStage) open(context.Context) error { return os.MkdirAll(s.dir, 0o777) }

// tidy deletes what a killed process left unfinished, and the folder if nothing
// waits in it. Whoever else converts now has touched its files today.
func (s folderStage) tidy() {
	left, _ := filepath.Glob(s.room("*", ".partial"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
	_ = os.Remove(s.dir) // fails where something waits
}

func (s folderStage) room(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

func (s folderStage) has(name string) bool {
	_, err := os.Stat(s.room(name, recordFile))
	return err == nil
}

func (s folderStage) record(_ context.Context, name string) (*instances.Record, error) {
	text, err := os.ReadFile(s.room(name, recordFile))
	if err != nil {
		return nil, err
	}
	record := &instances.Record{}
	return record, json.Unmarshal(text, record)
}

func (s folderStage) put(_ context.Context, name string, part stagedPart) error {
	text, err := json.Marshal(part)
	if err != nil {
		return err
	}
	temp := s.room(name, fmt.Sprintf(".%d.partial", time.Now().UnixNano()))
	if err := os.WriteFile(temp, text, 0o666); err != nil {
		return err
	}
	return os.Rename(temp, s.room(name, recordFile))
}

func (s folderStage) putVisit(context.Context, stagedVisit) error {
	return errors.New("a local lake's artifacts are closed by who reads them")
}

func (s folderStage) names(context.Context) ([]string, error) {
	records, err := filepath.Glob(s.room("*", recordFile))
	return namesOf(records), err
}

// namesOf gives the names of parts by the paths of their records.
func namesOf(records []string) []string {
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = strings.TrimSuffix(filepath.Base(r), recordFile)
	}
	return names
}

func (s folderStage) records(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = s.room(name, recordFile)
	}
	return out
}

// tables links the tables to their places. The staged files stay until the
// transaction has ended.
func (s folderStage) tables(w *lake.Writer, t RawTable, names []string) ([]string, error) {
	dir := w.DataDir("raw", t.stored())
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = filepath.Join(dir, name+".parquet")
		if err := link(s.room(name, suffixOf(t)), out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// link gives a file a second name; one that an interrupted commit left there is
// replaced.
func link(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Link(from, to)
}

func (s folderStage) clear(_ context.Context, _ *lake.Writer, names []string) error {
	for _, name := range names {
		for _, suffix := range []string{recordFile, instancesFile, choicesFile} {
			if err := os.Remove(s.room(name, suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("clear the stage: %w", cause(err))
			}
		}
	}
	return nil
}
