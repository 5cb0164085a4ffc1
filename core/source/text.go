package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/source/olmes"
	"ddcore/core/source/wandb"
	"ddcore/core/tablefile"
)

// Text files hold personal data: ddcore writes Parquet with pseudonyms. Who asks
// for it keeps the original besides, in tables of its own, so that nothing that
// reads the first ones (curate, an export) can give it away.

// textFormat is how a source reads a text file.
type textFormat interface {
	// Tables names the raw tables that the file has rows for.
	Tables() []string
	// HasNames says that the file tells names that other files may hold, too.
	HasNames() bool
	// Learn reads the file for names, and gives them with those that are given.
	Learn(ctx context.Context, path string, given redact.Names, threads int) (redact.Names, error)
	converter
}

// converter writes the rows that a text file has for the job's table.
type converter interface {
	Convert(ctx context.Context, job lines.Job) (*lines.Outcome, error)
}

const personalSuffix = "_personal"

// withOriginals adds to each table the one that keeps personal data, and the
// columns to both.
func withOriginals(tables []RawTable, fields func(table string) []tablefile.Field) []RawTable {
	var out []RawTable
	for _, t := range tables {
		t.Text = true
		t.Columns = rawColumns(fields(t.Name))
		original := t
		original.Name, original.Original = t.Name+personalSuffix, t.Name
		original.Meaning = "raw." + t.Name + " with personal data, as it came; only of files ingested with keep_personal"
		out = append(out, t, original)
	}
	return out
}

// rawColumns are the columns of a table whose Parquet files ddcore writes.
func rawColumns(fields []tablefile.Field) []RawColumn {
	out := make([]RawColumn, len(fields))
	for i, f := range fields {
		out[i] = RawColumn{Name: f.Name, Type: f.Type.SQL()}
	}
	return out
}

// addText adds a text file to the plan: an action for each of its tables.
func (p *Plan) addText(f *File) (found bool, err error) {
	format, err := recogniseText(f)
	if format == nil || err != nil {
		return false, err
	}
	for _, name := range format.Tables() {
		p.addTable(f, format, tableNamed(name))
		if p.options.KeepPersonal {
			p.addTable(f, format, tableNamed(name+personalSuffix))
		}
	}
	return true, nil
}

// recogniseText asks each source of text files; nil says that none knows it.
func recogniseText(f *File) (textFormat, error) {
	run, err := wandb.Recognise(f.abs)
	if err != nil {
		return nil, &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: cause(err), Hint: "may you read it?"}
	}
	if run != wandb.Unknown {
		return run, nil
	}
	dump, err := olmes.Recognise(f.abs)
	if err != nil {
		return nil, &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: cause(err), Hint: "may you read it?"}
	}
	if dump != nil {
		return dump, nil
	}
	return nil, nil
}

func (p *Plan) addTable(f *File, format textFormat, t *RawTable) {
	a := action{file: f, table: t, replace: -1, index: len(p.Statuses), format: format}
	if t.Original == "" {
		a.key = &p.options.Key
	}
	for _, c := range t.Columns {
		a.columns = append(a.columns, column{c.Name, c.Type})
	}
	p.actions = append(p.actions, a)
	p.Statuses = append(p.Statuses, Status{Path: f.Path, Table: t.Name, State: Skipped, Bytes: f.Bytes})
	p.Bytes += f.Bytes
}

// know takes the names that were learnt, for all that is redacted: paths of
// files, too, which raw.files keeps.
func (p *Plan) know(names redact.Names) {
	p.names = names
	for i := range p.actions {
		p.actions[i].names = names
	}
	r := redact.New(p.options.Key, names)
	for _, f := range p.files {
		f.Path = r.Path(f.Path)
	}
	for i := range p.Statuses {
		p.Statuses[i].Path = r.Path(p.Statuses[i].Path)
	}
}

// cause drops the path from an error of the file system: the target has it.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// forget drops personal data of the files at hand that an earlier ingest was
// asked to keep, and this one is not.
func (p *Plan) forget(manifest []manifestRow) {
	if p.options.KeepPersonal {
		return
	}
	for _, m := range manifest {
		t := tableNamed(m.table)
		if t == nil || t.Original == "" {
			continue
		}
		if slices.ContainsFunc(p.files, func(f *File) bool { return place(f.abs) == m.location || f.sha256 == m.checksum }) {
			p.actions = append(p.actions, action{table: t, replace: m.id, index: len(p.Statuses)})
			p.Statuses = append(p.Statuses, Status{Path: m.path, Table: m.table, State: Removed})
		}
	}
}

// keep takes a converted file into the lake, with its rejects and counts of
// redactions.
func (a *action) keep(ctx context.Context, w *lake.Writer) (rejects int64, err error) {
	out := a.outcome
	if a.file.sha256 != "" && a.file.sha256 != out.SHA256 {
		return 0, invalid(a.file.Path, "is it still being written? wait for its end, then try again", "the file changed while it was read")
	}
	a.file.sha256 = out.SHA256
	a.stored = filepath.Join(filepath.Dir(a.partial), a.file.storedName(padded(a.id)))
	if err := os.Rename(a.partial, a.stored); err != nil {
		return 0, storeError(a.file, err)
	}
	found := make([]reject, len(out.Rejects))
	for i, r := range out.Rejects {
		found[i] = reject{r.Row, r.Reason, r.Text}
		if a.table.Original != "" {
			found[i].text = "" // rejects are shown and exported; the redacted text is the other table's reject
		}
	}
	if err := writeRejects(ctx, w.Conn, a.id, found); err != nil {
		return 0, err
	}
	return int64(len(found)), writeRedactions(ctx, w.Conn, a.id, out.Redactions)
}

func writeRedactions(ctx context.Context, c *lake.Conn, file int64, counts map[string]int64) error {
	var rows []string
	var args []any
	for _, rule := range slices.Sorted(maps.Keys(counts)) {
		rows, args = append(rows, "(?, ?, ?)"), append(args, file, rule, counts[rule])
	}
	if len(rows) == 0 {
		return nil
	}
	if err := c.Exec(ctx, "INSERT INTO lake.raw.redactions VALUES "+strings.Join(rows, ", "), args...); err != nil {
		return fmt.Errorf("write counts of redactions: %w", err)
	}
	return nil
}
