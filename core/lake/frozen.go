package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Frozen is a published lake in the making, in a temporary folder of this machine.
type Frozen struct {
	*Conn
	dir string
	db  *DB
}

// NewFrozen starts a published lake without tables.
func NewFrozen(ctx context.Context, o Options) (*Frozen, error) {
	f := &Frozen{}
	var err error
	if f.dir, err = os.MkdirTemp("", "ddcore-"); err != nil {
		return nil, ioError("write to", os.TempDir(), err)
	}
	if f.db, err = (engine{options: o, extensions: []string{"ducklake"}}).start(ctx); err == nil {
		f.Conn, err = f.db.Connect()
	}
	if err == nil {
		err = f.Exec(ctx, fmt.Sprintf("ATTACH %s AS lake (DATA_PATH %s, DATA_INLINING_ROW_LIMIT 0); USE lake.main; "+lakeOptions+"; BEGIN TRANSACTION",
			Quote("ducklake:"+filepath.Join(f.dir, "draft.ducklake")), Quote(f.Dir("data")+"/")))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Dir is a path in the lake's folder.
func (f *Frozen) Dir(names ...string) string {
	return filepath.Join(append([]string{f.dir}, names...)...)
}

// Close deletes the folder; it may be called twice.
func (f *Frozen) Close() {
	if f.Conn != nil {
		f.Conn.Close()
	}
	if f.db != nil {
		f.db.Close()
		f.db = nil
	}
	_ = os.RemoveAll(f.dir)
}

// Table makes a table of finished files, which lie in Dir("data", schema, table),
// and gives its rows. columns are names with their types, as SQL.
func (f *Frozen) Table(ctx context.Context, schema, table, columns string, files []string) (int64, error) {
	name := "lake." + Ident(schema) + "." + Ident(table)
	if err := f.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS lake."+Ident(schema)+"; CREATE TABLE "+name+" ("+columns+")"); err != nil {
		return 0, fmt.Errorf("make %s.%s: %w", schema, table, err)
	}
	if len(files) > 0 {
		quoted := make([]string, len(files))
		for i, file := range files {
			quoted[i] = Quote(file)
		}
		if err := f.Exec(ctx, "CALL ducklake_add_data_files('lake', ?, ["+strings.Join(quoted, ", ")+"], schema => ?)", table, schema); err != nil {
			return 0, fmt.Errorf("register the files of %s.%s: %w", schema, table, err)
		}
	}
	rows, err := f.Rows(ctx, "SELECT count(*) FROM "+name)
	if err != nil {
		return 0, err
	}
	return rows[0][0].(int64), nil
}

// Finish commits, and gives the path of the catalog. dataPath is where plain DuckDB
// looks for the data when nobody tells it. The catalog is copied: pages that were
// written over still hold this machine's paths.
func (f *Frozen) Finish(ctx context.Context, dataPath, message string) (string, error) {
	info, _ := json.Marshal(map[string]string{"verb": "publish", "at": time.Now().UTC().Format(time.RFC3339)})
	err := f.Exec(ctx, "CALL lake.set_commit_message('ddcore', ?, extra_info => ?)", message, string(info))
	if err == nil {
		err = f.Exec(ctx, "COMMIT")
	}
	if err == nil {
		err = f.Exec(ctx, "UPDATE "+metadata+".ducklake_metadata SET value = ? WHERE key = 'data_path'", dataPath)
	}
	catalog := f.Dir(publishedCatalog)
	if err == nil {
		err = f.Exec(ctx, "ATTACH "+Quote(catalog)+" AS final; COPY FROM DATABASE "+metadata+" TO final; DETACH final")
	}
	if err != nil {
		return "", fmt.Errorf("write the catalog: %w", err)
	}
	if _, err := os.Stat(catalog + ".wal"); err == nil {
		return "", errors.New("the catalog was not written to its end")
	}
	return catalog, nil
}

// PublishedCatalog is the name of a published lake's catalog, the last file of it to
// be put.
const PublishedCatalog = publishedCatalog
