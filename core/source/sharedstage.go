package source

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"

	"ddcore/core/lake"
	"ddcore/core/source/instances"
)

// SharedStage is the stage of a shared lake: any number of workers fill it, and
// whoever holds the writer's lock commits. Tables go to their last places at
// once, under names that their content gives, and records into the folder
// "staged" beside them: a part that is done twice is the same files twice.
type SharedStage struct {
	files *lake.Files
	there map[string]bool // parts that waited when the stage was opened
}

const (
	stagedFolder = "staged"
	visitFile    = ".archive"
)

// NewSharedStage gives the stage of a lake by the place of its files.
func NewSharedStage(files *lake.Files) *SharedStage { return &SharedStage{files: files} }

func (s *SharedStage) open(ctx context.Context) error {
	names, err := s.names(ctx)
	s.there = map[string]bool{}
	for _, name := range names {
		s.there[name] = true
	}
	return err
}

func (s *SharedStage) tidy() {}

func (s *SharedStage) has(name string) bool { return s.there[name] }

func (s *SharedStage) recordPath(name string) string {
	return s.files.Path(stagedFolder, name+recordFile)
}

func (s *SharedStage) tablePath(t RawTable, name string) string {
	return s.files.Path("raw", t.stored(), name+".parquet")
}

func (s *SharedStage) record(ctx context.Context, name string) (*instances.Record, error) {
	texts, err := s.files.Read(ctx, []string{s.recordPath(name)})
	if err != nil {
		return nil, err
	}
	record := &instances.Record{}
	return record, json.Unmarshal([]byte(texts[0]), record)
}

func (s *SharedStage) room(name, suffix string) string {
	return filepath.Join(s.files.Temp(), name+suffix)
}

// put puts the tables, then the record: a record says that the tables are there.
func (s *SharedStage) put(ctx context.Context, name string, part stagedPart) error {
	for i, t := range instanceTables {
		file := s.room(name, suffixOf(t))
		if [2]int64{part.Instances, part.Choices}[i] == 0 {
			_ = os.Remove(file) // nobody will ask for it
			continue
		}
		if err := s.files.Put(ctx, file, s.tablePath(t, name)); err != nil {
			return err
		}
	}
	return s.putJSON(ctx, name+recordFile, part)
}

func (s *SharedStage) putVisit(ctx context.Context, v stagedVisit) error {
	return s.putJSON(ctx, v.name()+visitFile, v)
}

func (s *SharedStage) putJSON(ctx context.Context, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	file := s.room(name, "")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		return err
	}
	return s.files.Put(ctx, file, s.files.Path(stagedFolder, name))
}

func (s *SharedStage) names(ctx context.Context) ([]string, error) {
	records, err := s.files.List(ctx, stagedFolder, recordFile)
	return namesOf(records), err
}

func (s *SharedStage) records(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = s.recordPath(name)
	}
	return out
}

func (s *SharedStage) tables(_ *lake.Writer, t RawTable, names []string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = s.tablePath(t, name)
	}
	return out, nil
}

func (s *SharedStage) clear(ctx context.Context, w *lake.Writer, names []string) error {
	return w.Remove(ctx, s.records(names))
}

// Committed is what a commit of all that waits has done.
type Committed struct {
	Parts    int64 // new ones
	Known    int64 // that were in the lake already
	Archives int64 // of which all parts are in now
	Waiting  int64 // archives of which a worker has not yet read its share
}

// CommitAll makes all that waits rows of the lake, and closes the archives of
// which every share was read.
func (s *SharedStage) CommitAll(ctx context.Context, w *lake.Writer, progress Progress) (out Committed, err error) {
	paths, visits, err := s.visits(ctx) // first: the parts of a share that is listed are listed, too
	if err != nil {
		return out, err
	}
	names, err := s.names(ctx)
	if err != nil || len(names)+len(visits) == 0 {
		return out, err
	}
	done := whole(visits)
	closeAll := func(c *lake.Conn) error {
		for _, v := range done {
			if err := v.close(ctx, c); err != nil {
				return err
			}
		}
		progress.tell(1, 1, "committing")
		return nil
	}
	if out.Parts, err = Commit(ctx, w, s, closeAll); err != nil {
		return out, err
	}
	out.Known, out.Archives = int64(len(names))-out.Parts, int64(len(done))
	closed, waiting := map[string]bool{}, map[string]bool{}
	for _, v := range done {
		closed[v.Location] = true
	}
	paths = slices.DeleteFunc(paths, func(file string) bool {
		location := path.Base(file)[:placeDigits]
		if !closed[location] {
			waiting[location] = true
		}
		return !closed[location]
	})
	out.Waiting = int64(len(waiting))
	return out, w.Remove(ctx, paths)
}

func (s *SharedStage) visits(ctx context.Context) (paths []string, visits []stagedVisit, err error) {
	if paths, err = s.files.List(ctx, stagedFolder, visitFile); err != nil || len(paths) == 0 {
		return nil, nil, err
	}
	texts, err := s.files.Read(ctx, paths)
	if err != nil {
		return nil, nil, err
	}
	for i, text := range texts {
		v, err := parseVisit(text)
		if err != nil {
			return nil, nil, invalid(path.Base(paths[i]), "delete it, and convert its part again", "the staged record cannot be read: %v", err)
		}
		visits = append(visits, v)
	}
	return paths, visits, nil
}
