package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ddcore/core/contract"
)

// SaveCatalog writes the catalog of the lake to a file, as that of a lake in a folder.
// The session's lock keeps writers away.
func (w *Writer) SaveCatalog(ctx context.Context, file string) error {
	if !w.place.IsShared() {
		if err := copyFile(w.place.catalogPath(), file); err != nil {
			return ioError("back up to", file, err)
		}
		return nil
	}
	paths, err := findExtensions(w.options, []string{"sqlite_scanner"})
	if err != nil {
		return err
	}
	if err := w.loadExtensions(ctx, []string{"sqlite_scanner"}, paths); err != nil {
		return err
	}
	// DuckLake makes the tables, which are then filled behind its back.
	err = w.Exec(ctx, fmt.Sprintf(`
		ATTACH %s AS saved (DATA_PATH %s); DETACH saved;
		ATTACH %s AS saved (TYPE sqlite); ATTACH %s AS catalog (TYPE postgres, READ_ONLY)`,
		Quote("ducklake:sqlite:"+file), Quote(filepath.Join(filepath.Dir(file), dataDir)+"/"), Quote(file), Quote(w.place.postgres)))
	if err == nil {
		err = copyCatalog(ctx, w.Conn, "catalog", "saved")
	}
	if err != nil {
		return fmt.Errorf("copy the catalog: %w", err)
	}
	return w.Exec(ctx, "DETACH saved; DETACH catalog")
}

// copyCatalog replaces the rows of one catalog by those of another, table by table, in
// one transaction. Catalogs of different kinds have other types for the same: SQLite
// keeps times as text and truths as numbers.
func copyCatalog(ctx context.Context, c *Conn, from, to string) error {
	inlined, err := c.Rows(ctx, "SELECT count(*) FROM "+from+".ducklake_inlined_data_tables")
	if err != nil {
		return fmt.Errorf("look for inlined rows: %w", err)
	}
	if inlined[0][0] != int64(0) {
		return &contract.Error{Kind: contract.Invalid, Op: "copy the catalog", Err: errors.New("another program has put rows into the catalog itself"), Hint: "CALL ducklake_flush_inlined_data('lake') in DuckDB writes them to files"}
	}
	rows, err := c.Rows(ctx, `
		SELECT a.table_name, a.column_name, b.data_type, a.schema_name, b.schema_name
		FROM duckdb_columns() AS a JOIN duckdb_columns() AS b ON b.database_name = ? AND b.table_name = a.table_name AND b.column_name = a.column_name
		WHERE a.database_name = ? AND starts_with(a.table_name, 'ducklake_') ORDER BY a.table_name, a.column_index`, to, from)
	if err != nil {
		return fmt.Errorf("list the catalog's tables: %w", err)
	}
	if len(rows) == 0 {
		return errors.New("the catalog has no tables to copy")
	}
	type copied struct{ from, to, names, values string }
	var tables []copied
	last := ""
	for _, r := range rows {
		name, column, kind := r[0].(string), Ident(r[1].(string)), r[2].(string)
		if name != last {
			tables = append(tables, copied{from: from + "." + Ident(r[3].(string)) + "." + Ident(name), to: to + "." + Ident(r[4].(string)) + "." + Ident(name)})
			last = name
		}
		t := &tables[len(tables)-1]
		if t.names != "" {
			t.names, t.values = t.names+", ", t.values+", "
		}
		t.names, t.values = t.names+column, t.values+"CAST("+column+" AS "+kind+")"
	}
	// A transaction writes to one database only: the rows are read into memory first.
	for i, t := range tables {
		where := ""
		if strings.HasSuffix(t.from, `"ducklake_metadata"`) {
			where = " WHERE key NOT IN ('data_path', 'created_by')"
		}
		if err := c.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE catalog_%d AS SELECT %s FROM %s%s", i, t.values, t.from, where)); err != nil {
			return fmt.Errorf("read the catalog: %w", err)
		}
	}
	sql := "BEGIN TRANSACTION;"
	for i, t := range tables {
		where := ""
		if strings.HasSuffix(t.to, `"ducklake_metadata"`) {
			where = " WHERE key NOT IN ('data_path', 'created_by')"
		}
		sql += fmt.Sprintf("DELETE FROM %s%s; INSERT INTO %[1]s (%[3]s) FROM catalog_%[4]d;", t.to, where, t.names, i)
	}
	if err := c.Exec(ctx, sql+"COMMIT"); err != nil {
		_ = c.Exec(context.WithoutCancel(ctx), "ROLLBACK") // fails where the commit did
		return fmt.Errorf("write the catalog: %w", err)
	}
	for i := range tables {
		if err := c.Exec(ctx, fmt.Sprintf("DROP TABLE catalog_%d", i)); err != nil {
			return fmt.Errorf("drop the copy of the catalog: %w", err)
		}
	}
	return nil
}

// Fetch copies a data file of the lake to this machine.
func (s *Session) Fetch(ctx context.Context, path, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return ioError("back up to", filepath.Dir(to), err)
	}
	return s.fetch(ctx, path, to)
}

// Restorer makes a lake, where there is none, from the files of a backup.
type Restorer struct {
	place Place
	lock  writerLock
	files *Files
	temp  string // the new folder, until it is whole
}

// NewRestorer looks at the place of the new lake.
func NewRestorer(ctx context.Context, p Place, o Options) (*Restorer, error) {
	if p.IsPublished() {
		return nil, p.readOnly()
	}
	taken := &contract.Error{Kind: contract.Invalid, Op: "restore", Target: p.name, Err: errors.New("there is a lake already"), Hint: "name a place where there is none"}
	if !p.IsShared() {
		if entries, err := os.ReadDir(p.folder); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			taken.Err = errors.New("there is a lake or another file or folder already")
			return nil, taken
		}
		temp, err := os.MkdirTemp(filepath.Dir(p.folder), "."+filepath.Base(p.folder)+".partial")
		if err != nil {
			return nil, ioError("restore to", filepath.Dir(p.folder), err)
		}
		if err := os.Chmod(temp, 0o755); err != nil {
			return nil, ioError("restore to", temp, err)
		}
		return &Restorer{place: p, temp: temp}, nil
	}
	located, isNew, lock, err := lockLake(ctx, p, "restore", nil)
	if err != nil {
		return nil, err
	}
	r := &Restorer{place: located, lock: lock}
	if !isNew {
		r.Close()
		return nil, taken
	}
	if r.files, err = openFiles(ctx, located, o); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Put brings in a data file of the backup.
func (r *Restorer) Put(ctx context.Context, file, path string) error {
	if r.files == nil {
		to := filepath.Join(r.temp, dataDir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return ioError("restore to", to, err)
		}
		if err := copyFile(file, to); err != nil {
			return ioError("restore to", to, err)
		}
		return nil
	}
	link := filepath.Join(r.files.Temp(), filepath.Base(path)) // Put takes what it is given away
	if err := os.Symlink(file, link); err != nil {
		return ioError("write to", r.files.Temp(), err)
	}
	if err := r.files.Put(ctx, link, r.files.Path(path)); err != nil {
		return r.place.storeError("restore to", err)
	}
	return nil
}

// Finish brings in the catalog: with it the lake is there.
func (r *Restorer) Finish(ctx context.Context, catalog string, key []byte, o Options) error {
	if r.files == nil {
		if err := copyFile(catalog, filepath.Join(r.temp, catalogFile)); err != nil {
			return ioError("restore to", r.temp, err)
		}
		if key != nil {
			if err := os.WriteFile(filepath.Join(r.temp, "redaction.key"), key, 0o600); err != nil {
				return ioError("restore to", r.temp, err)
			}
		}
		_ = os.Remove(r.place.folder) // an empty folder may be there
		if err := os.Rename(r.temp, r.place.folder); err != nil {
			return ioError("restore to", r.place.folder, err)
		}
		return nil
	}
	if key != nil {
		if _, err := Secret(ctx, r.place, strings.TrimSpace(string(key))); err != nil {
			return err
		}
	}
	engine, err := r.place.engine(o)
	if err != nil {
		return err
	}
	engine.extensions = append(engine.extensions, "sqlite_scanner")
	db, err := engine.start(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Exec(ctx, "ATTACH "+Quote(catalog)+" AS saved (TYPE sqlite, READ_ONLY)"); err != nil {
		return fmt.Errorf("open the backup's catalog: %w", err)
	}
	if err := attach(ctx, c, r.place, false, Newest); err != nil {
		return openError(r.place, Newest, err)
	}
	if err := c.Exec(ctx, "USE memory; DETACH lake; ATTACH "+Quote(r.place.postgres)+" AS catalog (TYPE postgres)"); err != nil {
		return openError(r.place, Newest, err)
	}
	return copyCatalog(ctx, c, "saved", "catalog")
}

// Close lets go of the place, and deletes what is half made.
func (r *Restorer) Close() {
	if r.temp != "" {
		_ = os.RemoveAll(r.temp)
	}
	if r.files != nil {
		r.files.Close()
	}
	if r.lock != nil {
		r.lock.release()
	}
}
