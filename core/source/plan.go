package source

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source/instances"
	"ddcore/core/source/lines"
	"ddcore/core/workers"
)

// The states of a file after an ingest.
const (
	Added     = "added"
	Replaced  = "replaced"  // same place, other content: its former rows are gone
	Unchanged = "unchanged" // this content is in the lake already
	Skipped   = "skipped"   // of no known source
	Missing   = "missing"   // was ingested from this folder, is no longer there: its rows are kept
	Removed   = "removed"   // the same, with prune: its rows are gone
)

// Status is what became of one file.
type Status struct {
	Path    string
	Table   string // raw table, "" when skipped
	State   string
	Rows    int64
	Rejects int64
	Bytes   int64
}

// Plan is what an ingest will do. Making it reads the files that may be known.
type Plan struct {
	Statuses []Status
	actions  []action
	Bytes    int64 // of the files to read
	options  Options
	files    []*File
	names    redact.Names

	artifacts []artifact
	manifest  []manifestRow
}

type action struct {
	file    *File
	table   *RawTable
	columns columns
	replace int64       // file_id to drop, or -1
	gone    manifestRow // of the file to drop, where it is an archive of instances
	index   int         // in Statuses
	format  converter
	key     *redact.Key // nil keeps personal data
	names   redact.Names

	id     int64  // file_id
	stored string // path in the lake

	partial string         // of text: the path before that
	outcome *lines.Outcome // of text: what became of it
}

// Options are what an ingest may be asked for.
type Options struct {
	Made         Made // of the lake's raw tables; Run makes the others
	Prune        bool // drop the rows of files that were ingested from a named folder and are gone
	KeepPersonal bool // also keep text as it came, in tables of its own
	Key          redact.Key
	Threads      int
}

// manifestRow is a row of raw.files.
type manifestRow struct {
	id, bytes, rows, rejects                 int64
	table, path, location, folders, checksum string
}

// known lists the sources, for who names a file of another.
const known = "known are the Parquet files of allenai/DataDecide-eval-results and -ppl-results, archives of DataDecide-eval-instances, runs of Weights & Biases, OLMES result dumps, and the CSV files of the OLMo ladder"

// MakePlan compares the files under paths with the manifest. The lake is locked:
// the files are looked for again.
func MakePlan(ctx context.Context, c *lake.Conn, paths []string, learning *Learning, o Options, progress Progress) (*Plan, error) {
	files, err := Find(paths)
	if err != nil {
		return nil, err
	}
	var manifest []manifestRow
	if o.Made != None {
		if manifest, err = readManifest(ctx, c); err != nil {
			return nil, err
		}
	}
	plan := &Plan{options: o, files: files, manifest: manifest}
	for _, f := range files {
		if err := plan.add(ctx, c, f); err != nil {
			return nil, err
		}
	}
	if len(plan.actions) == 0 && len(plan.artifacts) == 0 {
		return nil, &contract.Error{
			Kind: contract.NotFound, Op: "ingest", Target: strings.Join(paths, " "), Err: fmt.Errorf("%d files, none of a known source", len(files)),
			Hint: known + "; `ddcore sample DIR` makes files to try",
		}
	}
	progress.tell(0, plan.Bytes, "looking for names")
	names, err := learning.of(ctx, files, o.Threads)
	if err != nil {
		return nil, err
	}
	plan.know(names)
	if err := plan.digest(ctx, manifest, progress); err != nil {
		return nil, err
	}
	seen := plan.compare(manifest)
	plan.forget(manifest)
	return plan, plan.missing(paths, files, seen, manifest)
}

func readManifest(ctx context.Context, c *lake.Conn) ([]manifestRow, error) {
	rows, err := c.Rows(ctx, "SELECT file_id, n_bytes, n_rows, n_rejects, raw_table, path, location, folders, sha256 FROM lake.raw.files ORDER BY file_id")
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	out := make([]manifestRow, len(rows))
	for i, r := range rows {
		out[i] = manifestRow{
			id: r[0].(int64), bytes: r[1].(int64), rows: r[2].(int64), rejects: r[3].(int64),
			table: r[4].(string), path: r[5].(string), location: r[6].(string), folders: r[7].(string), checksum: r[8].(string),
		}
	}
	return out, nil
}

func (p *Plan) add(ctx context.Context, c *lake.Conn, f *File) error {
	status := Status{Path: f.Path, State: Skipped, Bytes: f.Bytes}
	if strings.HasSuffix(f.abs, ".parquet") {
		table, cs, err := recognise(ctx, c, f)
		if err != nil {
			return err
		}
		if table != nil {
			status.Table = table.Name
			p.actions = append(p.actions, action{file: f, table: table, columns: cs, replace: -1, index: len(p.Statuses)})
			p.Bytes += f.Bytes
		}
	}
	if found, err := p.addText(f); found || err != nil {
		return err
	}
	if found, err := p.addArtifact(f); found || err != nil {
		return err
	}
	if found, err := p.addLadder(f); found || err != nil {
		return err
	}
	if status.Table == "" && f.named {
		return invalid(f.Path, known, "the file is of no known source")
	}
	p.Statuses = append(p.Statuses, status)
	return nil
}

// digest hashes the files that may be in the lake already, or stand twice in
// this plan: those that share their size with another. All others are new, and
// are hashed when they are stored.
func (p *Plan) digest(ctx context.Context, manifest []manifestRow, progress Progress) error {
	sizes := map[int64]int{}
	for _, m := range manifest {
		sizes[m.bytes]++
	}
	files := map[*File]*action{} // one file may be of several tables
	for i := range p.actions {
		if a := &p.actions[i]; files[a.file] == nil {
			files[a.file] = a
			sizes[a.file.Bytes]++
		}
	}
	var todo []*action
	for f, a := range files {
		if sizes[f.Bytes] > 1 {
			todo = append(todo, a)
		}
	}
	return eachFile(ctx, 2, todo, p.Bytes, progress, "reading ", func(a *action) error { return a.file.digest() })
}

// eachFile works on the files of actions, several at a time, and tells how many
// bytes are done.
func eachFile(ctx context.Context, n int, actions []*action, total int64, progress Progress, what string, f func(*action) error) error {
	var mu sync.Mutex
	var done int64
	return workers.Each(ctx, n, len(actions), func(i int) error {
		if err := f(actions[i]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done += actions[i].file.Bytes
		progress.tell(done, total, what+actions[i].file.Path)
		return nil
	})
}

func (p Progress) tell(done, total int64, what string) {
	if p != nil {
		p(done, total, what)
	}
}

// compare decides by content first, then by place. It gives the contents that
// are on disk now.
func (p *Plan) compare(manifest []manifestRow) (seen map[string]bool) {
	seen = map[string]bool{}
	inLake := map[string]bool{}
	at := map[[2]string]manifestRow{}
	for _, m := range manifest {
		inLake[contentKey(m.table, m.checksum, m.location)] = true
		at[[2]string{m.location, m.table}] = m
	}
	var todo []action
	for _, a := range p.actions {
		s := &p.Statuses[a.index]
		content := contentKey(a.table.Name, a.file.sha256, place(a.file.abs))
		seen[content] = true // without a checksum: in nobody's way
		old, wasHere := at[[2]string{place(a.file.abs), a.table.Name}]
		switch {
		case inLake[content]:
			s.State = Unchanged
			continue
		case wasHere:
			s.State, a.replace = Replaced, old.id
		default:
			s.State = Added
		}
		inLake[content] = a.file.sha256 != ""
		todo = append(todo, a)
	}
	p.actions = todo
	return seen
}

// contentKey is equal for files of which the lake keeps one: those of equal
// content, and of some tables only those that also lie in the same place.
func contentKey(table, checksum, location string) string {
	if t := tableNamed(table); t != nil && t.Placed {
		return table + checksum + location
	}
	return table + checksum
}

// missing finds files of the manifest that came from a named folder and are
// gone. A file whose content is elsewhere now has only moved.
func (p *Plan) missing(paths []string, files []*File, seen map[string]bool, manifest []manifestRow) error {
	roots := map[string]bool{}
	for _, path := range paths {
		root, isDir, err := folderPlace(path)
		if err != nil {
			return err
		}
		if isDir {
			roots[root] = true
		}
	}
	here := map[string]bool{}
	for _, f := range files {
		here[place(f.abs)] = true
	}
	for _, a := range p.artifacts {
		here[place(a.root())] = true
	}
	for _, m := range manifest {
		if m.table == instances.InstancesTable { // its archive has a row of its own
			continue
		}
		if m.table == archivesTable && p.holds(m) {
			continue // it has only moved
		}
		if here[m.location] || seen[contentKey(m.table, m.checksum, m.location)] || !under(m.folders, roots) {
			continue
		}
		status := Status{Path: m.path, Table: m.table, State: Missing}
		if p.options.Prune {
			status.State = Removed
			p.actions = append(p.actions, action{table: tableNamed(m.table), replace: m.id, gone: m, index: len(p.Statuses)})
		}
		p.Statuses = append(p.Statuses, status)
	}
	return nil
}

func under(folders string, roots map[string]bool) bool {
	for f := range strings.FieldsSeq(folders) {
		if roots[f] {
			return true
		}
	}
	return false
}

// Empty tells whether the plan changes nothing.
func (p *Plan) Empty() bool { return len(p.actions) == 0 }

// MustSetUp tells whether the lake lacks raw tables.
func (p *Plan) MustSetUp() bool { return p.options.Made != All }

// lastID is the highest file_id so far. Archives and their parts have numbers of
// their own.
func (p *Plan) lastID() (last int64) {
	for _, m := range p.manifest {
		if m.table != archivesTable && m.table != instances.InstancesTable {
			last = max(last, m.id)
		}
	}
	return last
}

// Message describes the plan for the snapshot.
func (p *Plan) Message() string {
	counts := map[string]int{}
	for _, s := range p.Statuses {
		counts[s.State]++
	}
	var parts []string
	for _, state := range []string{Added, Replaced, Removed} {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return "ingest: " + strings.Join(parts, ", ")
}
