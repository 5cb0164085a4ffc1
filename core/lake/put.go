package lake

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files that Go writes come into a lake by one way: they are written whole into
// DataDir, Put puts them where the lake's files are, and DuckLake is told of what
// Put gives.

// DataDir is the folder of this machine in which the files of a table are
// written: the table's own, or, for a shared lake, a temporary one that ends with
// the Writer.
func (w *Writer) DataDir(schema, table string) string {
	root := w.temp
	if root == "" {
		root = w.place.dataRoot()
	}
	return filepath.Join(root, schema, table)
}

// Put takes a finished file of a table from DataDir to its place in the lake,
// under its own name, and gives that place. In a shared lake it is there whole or
// not at all, and no longer on this machine then; when the transaction fails it
// is deleted.
func (w *Writer) Put(ctx context.Context, schema, table, file string) (stored string, err error) {
	if !w.place.IsShared() {
		return file, nil
	}
	stored = strings.Join([]string{w.place.data, schema, table, filepath.Base(file)}, "/")
	w.placed = append(w.placed, stored)
	if w.place.onS3() {
		return stored, upload(ctx, w.Conn, file, stored)
	}
	if err := moveTo(file, stored); err != nil {
		return "", ioError("write to", path.Dir(stored), err)
	}
	return stored, nil
}

// firstRemoval numbers files that are to be deleted, far from DuckLake's numbers.
const firstRemoval = 1 << 60

// takeBack deletes what Put has put into a shared lake, unless a snapshot knows
// it: the server may have committed and its answer got lost.
func (w *Writer) takeBack(ctx context.Context) error {
	placed := w.placed
	w.placed = nil
	if len(placed) == 0 {
		return nil
	}
	known, err := w.Rows(ctx, "SELECT parse_filename(path) FROM __ducklake_metadata_lake.ducklake_data_file")
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, row := range known {
		kept[row[0].(string)] = true
	}
	return w.Remove(ctx, slices.DeleteFunc(placed, func(file string) bool { return kept[path.Base(file)] }))
}

// Remove deletes files of a shared lake that its tables do not know, on S3 as in
// a folder; one that is not there is no error.
func (w *Writer) Remove(ctx context.Context, files []string) error {
	return removeOld(ctx, w.Conn, files)
}

// removeOld has DuckLake delete files as it does those of expired snapshots: they
// are entered as such, long ago.
func removeOld(ctx context.Context, c *Conn, files []string) error {
	for batch := range slices.Chunk(files, 500) {
		values := make([]string, len(batch))
		for i, file := range batch {
			values[i] = fmt.Sprintf("(%d, %s, false, '1970-01-01 00:00:00+00')", firstRemoval+i, Quote(file))
		}
		err := c.Exec(ctx, "INSERT INTO __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion VALUES "+strings.Join(values, ", ")+
			"; CALL ducklake_cleanup_old_files('lake', older_than => TIMESTAMPTZ '1971-01-01 00:00:00+00')")
		if err != nil {
			return fmt.Errorf("delete files: %w", err)
		}
	}
	return nil
}
