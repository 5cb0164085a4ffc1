package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/source/pydict"
)

// Run carries the plan out, inside the caller's transaction.
func (p *Plan) Run(ctx context.Context, w *lake.Writer, threads int, progress Progress) error {
	if p.isText() { // DuckDB has no file to read
		return w.OneThread(ctx, func() error { return p.run(ctx, w, threads, progress) })
	}
	return p.run(ctx, w, threads, progress)
}

func (p *Plan) run(ctx context.Context, w *lake.Writer, threads int, progress Progress) error {
	snapshot, err := w.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := p.place(ctx, w, p.lastID()); err != nil {
		return err
	}
	ahead := p.workAhead(ctx, w, threads)
	defer ahead.stop()
	if p.MustSetUp() {
		if err := Setup(ctx, w.Conn); err != nil {
			return err
		}
	}
	var done int64
	var keep keeper
	defer keep.wait()
	for i := range p.actions {
		a := &p.actions[i]
		if a.replace >= 0 {
			if err := a.drop(ctx, w.Conn); err != nil {
				return err
			}
		}
		if a.file == nil {
			continue
		}
		progress.tell(done, p.Bytes, "ingesting "+a.file.Path)
		if err := ahead.file(a); err != nil {
			return err
		}
		if err := a.ingest(ctx, w, snapshot+1, threads, &keep, &p.Statuses[a.index]); err != nil {
			return err
		}
		done += a.file.Bytes
	}
	if err := p.checkExports(ctx, w.Conn); err != nil {
		return err
	}
	progress.tell(p.Bytes, p.Bytes, "committing")
	return nil
}

func (p *Plan) isText() bool {
	return !slices.ContainsFunc(p.actions, func(a action) bool { return a.file != nil && !a.table.Text })
}

// place numbers the files and makes room for them. A file in which a column has
// another type than its table is rewritten with that column cast without loss.
func (p *Plan) place(ctx context.Context, w *lake.Writer, last int64) error {
	for i := range p.actions {
		a := &p.actions[i]
		if a.file == nil {
			continue
		}
		last++
		a.id = last
		dir := w.DataDir("raw", a.table.stored())
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return storeError(a.file, err)
		}
		if !a.table.Text && !a.sameTypes() {
			if err := a.rewrite(ctx, w.Conn, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a action) drop(ctx context.Context, c *lake.Conn) error {
	if a.gone.table == archivesTable {
		return dropArchive(ctx, c, a.gone)
	}
	for _, from := range []string{
		a.table.sqlName() + " WHERE filename LIKE '%/' || ? || '-%'",
		"lake.raw.rejects WHERE _file = ?::BIGINT", "lake.raw.redactions WHERE _file = ?::BIGINT", "lake.raw.files WHERE file_id = ?::BIGINT",
	} {
		if err := c.Exec(ctx, "DELETE FROM "+from, padded(a.replace)); err != nil {
			return fmt.Errorf("drop the rows of file %d: %w", a.replace, err)
		}
	}
	return nil
}

// padded writes a file_id as the names of stored files start.
func padded(id int64) string { return fmt.Sprintf("%09d", id) }

func (a *action) ingest(ctx context.Context, w *lake.Writer, snapshot int64, threads int, keep *keeper, status *Status) (err error) {
	c := w.Conn
	if err := a.table.widen(ctx, c, a.columns); err != nil {
		return err
	}
	if a.table.Text {
		status.Rejects, err = a.keep(ctx, w)
	} else {
		status.Rejects, err = a.check(ctx, w, threads, keep)
	}
	if err != nil {
		return err
	}
	if status.Rows, err = a.rows(ctx, c); err != nil {
		return err
	}
	if err := a.register(ctx, w, status.Rows); err != nil {
		return err
	}
	schema, err := json.Marshal(a.columns)
	if err != nil {
		return fmt.Errorf("columns of %s: %w", a.file.Path, err)
	}
	return c.Exec(ctx, "INSERT INTO lake.raw.files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now(), ?)",
		a.id, a.table.Source, a.table.Name, a.file.Path, place(a.file.abs), a.file.folders(), a.file.Bytes, a.file.sha256,
		status.Rows, status.Rejects, string(schema), snapshot)
}

// rows is how many rows the stored file has.
func (a *action) rows(ctx context.Context, c *lake.Conn) (int64, error) {
	rows, err := c.Rows(ctx, "SELECT num_rows::BIGINT FROM parquet_file_metadata("+lake.Quote(a.stored)+")")
	if err != nil {
		return 0, unreadable(a.file, err)
	}
	return rows[0][0].(int64), nil
}

// register makes the stored file part of its table. A file without rows has no
// row group, and DuckLake takes none such.
func (a *action) register(ctx context.Context, w *lake.Writer, rows int64) error {
	if rows == 0 && a.table.Text {
		return nil
	}
	stored, err := w.Put(ctx, "raw", a.table.stored(), a.stored)
	if err != nil {
		return storeError(a.file, err)
	}
	if err := w.Exec(ctx, "CALL ducklake_add_data_files('lake', ?, ?, schema => 'raw', allow_missing => true)", a.table.stored(), stored); err != nil {
		return fmt.Errorf("register %s: %w", a.file.Path, err)
	}
	return nil
}

// check reads a stored Parquet file whole, and finds its rejects.
func (a *action) check(ctx context.Context, w *lake.Writer, threads int, keep *keeper) (rejects int64, err error) {
	if err := a.readWhole(ctx, w.Conn); err != nil {
		return 0, unreadable(a.file, err)
	}
	var parsed *Parsed
	if a.table.Dict != "" {
		n, err := a.rows(ctx, w.Conn)
		if err != nil {
			return 0, err
		}
		parsed = keep.room(n)
	}
	if rejects, err = a.rejects(ctx, w.Conn, threads, parsed); err != nil {
		return 0, unreadable(a.file, err)
	}
	if parsed != nil {
		keep.save(parsed, w.Path, a.file.sha256)
	}
	return rejects, nil
}

// rewrite stores a file with its columns cast to the table's types.
func (a *action) rewrite(ctx context.Context, c *lake.Conn, dir string) error {
	if err := a.checkTypes(ctx, c); err != nil {
		return err
	}
	if err := a.file.digest(); err != nil {
		return err
	}
	a.stored = filepath.Join(dir, a.file.storedName(padded(a.id)))
	values := make([]string, len(a.columns))
	for i, col := range a.columns {
		values[i] = carry(col, a.table.typeOf(col)) + " AS " + lake.Ident(col.Name)
	}
	err := c.Exec(ctx, fmt.Sprintf("COPY (SELECT %s FROM read_parquet(%s)) TO %s (FORMAT parquet, COMPRESSION zstd)",
		strings.Join(values, ", "), lake.Quote(a.file.abs), lake.Quote(a.stored)))
	if err != nil {
		return unreadable(a.file, err)
	}
	return nil
}

func (a action) sameTypes() bool {
	for _, col := range a.columns {
		if a.table.typeOf(col) != col.Type {
			return false
		}
	}
	return true
}

func storeError(f *File, err error) error {
	if err == nil {
		return nil
	}
	var e *contract.Error
	if errors.As(err, &e) {
		return err
	}
	hint := ""
	if errors.Is(err, syscall.ENOSPC) {
		hint = "the disk is full: free some space and try again; the lake is as it was"
	}
	return &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: fmt.Errorf("store the file: %w", err), Hint: hint}
}

// readWhole decodes every column but the dictionary, which rejects reads: a
// damaged page is found now, not by a later query.
func (a *action) readWhole(ctx context.Context, c *lake.Conn) error {
	exclude := ""
	if a.table.Dict != "" {
		exclude = " EXCLUDE (" + lake.Ident(a.table.Dict) + ")"
	}
	return c.Exec(ctx, "SELECT bit_xor(hash(t)) FROM (SELECT *"+exclude+" FROM read_parquet("+lake.Quote(a.stored)+")) AS t")
}

// typeOf is the type in which raw keeps a column of a file.
func (t RawTable) typeOf(col column) string {
	for _, c := range t.Columns {
		if strings.EqualFold(c.Name, col.Name) {
			return c.Type
		}
	}
	return col.Type
}

// carry writes the SQL that brings a column into the raw table's type.
func carry(col column, want string) string {
	name := lake.Ident(col.Name)
	switch {
	case col.Type == want:
		return name
	case want == "VARCHAR" && strings.HasPrefix(col.Type, "STRUCT"):
		return "to_json(" + name + ")::VARCHAR"
	default:
		return fmt.Sprintf("TRY_CAST(%s AS %s)", name, want)
	}
}

// checkTypes refuses a file whose values raw's types cannot carry exactly: a
// cast must give the same value back.
func (a action) checkTypes(ctx context.Context, c *lake.Conn) error {
	for _, col := range a.columns {
		want := a.table.typeOf(col)
		if col.Type == want || strings.HasPrefix(col.Type, "STRUCT") {
			continue
		}
		name := lake.Ident(col.Name)
		rows, err := c.Rows(ctx, fmt.Sprintf(
			"SELECT file_row_number, %[1]s::VARCHAR FROM read_parquet(%[2]s, file_row_number = true) WHERE TRY_CAST(%[3]s AS %[4]s) IS DISTINCT FROM %[1]s LIMIT 1",
			name, lake.Quote(a.file.abs), carry(col, want), col.Type))
		if err != nil {
			return unreadable(a.file, err)
		}
		if len(rows) > 0 {
			return invalid(a.file.Path, "convert the column, or ingest the file as it was published",
				"row %d, column %s: %v (%s) cannot be kept exactly as %s", rows[0][0], col.Name, rows[0][1], col.Type, want)
		}
	}
	return nil
}

// rejects finds the rows that no curated table can use, and says why; the
// metrics of all others it puts into parsed.
func (a *action) rejects(ctx context.Context, c *lake.Conn, threads int, parsed *Parsed) (int64, error) {
	var found []reject
	var mu sync.Mutex
	add := func(row int64, reason, text string) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, reject{row, strings.Clone(reason), strings.Clone(text)})
	}
	problems := map[int64]string{}
	columns := a.problemSQL() + ", NULL::VARCHAR"
	if a.table.Dict == "" {
		columns = a.problemSQL() + ", " + a.textSQL()
	}
	err := c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		rows, reasons, texts := chunk.Column(0).Int64s(), chunk.Column(1), chunk.Column(2)
		for i := range chunk.N {
			if a.table.Dict != "" {
				problems[rows[i]] = strings.Clone(reasons.String(i))
			} else {
				add(rows[i], reasons.String(i), texts.String(i))
			}
		}
		return nil
	}, fmt.Sprintf("SELECT file_row_number, %s FROM read_parquet(%s, file_row_number = true) WHERE %s IS NOT NULL", columns, lake.Quote(a.stored), a.problemSQL()))
	if err == nil && a.table.Dict != "" {
		err = a.eachText(ctx, c, threads, func(parser *pydict.Parser, row int64, text string, isNull bool) {
			if reason, ok := problems[row]; ok {
				add(row, reason, text)
			} else if isNull {
				add(row, a.table.Dict+" is null", "")
			} else if err := parser.Metrics(text, parsed.Empty(row)); err != nil {
				add(row, a.table.Dict+" "+err.Error(), text)
			}
		}, func() { found = nil })
	}
	if err != nil {
		return 0, err
	}
	return int64(len(found)), writeRejects(ctx, c, a.id, found)
}

// problemSQL gives the first problem of a row that SQL can see, or null. The
// dictionary is not looked at: eachText shows it, and it is most of the file.
func (a action) problemSQL() string {
	cases := ""
	for _, t := range a.table.Columns {
		if t.Key && t.Name != a.table.Dict {
			cases += fmt.Sprintf(" WHEN %s IS NULL THEN '%s is null'", lake.Ident(t.Name), t.Name)
		}
	}
	if a.table.Whole != "" {
		w := lake.Ident(a.table.Whole)
		cases += fmt.Sprintf(" WHEN NOT (%s = floor(%s) AND %s BETWEEN 0 AND 1e15) THEN '%s is ' || %s || ', not a whole number'", w, w, w, a.table.Whole, w)
	}
	if cases == "" {
		return "NULL::VARCHAR"
	}
	return "CASE" + cases + " END"
}

// textSQL gives what a reject keeps of its row where no dictionary stands in it.
func (a action) textSQL() string {
	var names []string
	for _, col := range a.columns {
		names = append(names, lake.Ident(col.Name))
	}
	return "to_json({" + keyed(names) + "})::VARCHAR"
}

func keyed(names []string) string {
	pairs := make([]string, len(names))
	for i, n := range names {
		pairs[i] = n + ": " + n
	}
	return strings.Join(pairs, ", ")
}
