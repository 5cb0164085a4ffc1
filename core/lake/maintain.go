package lake

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ddcore/core/contract"
)

// Compacted tells what became of a table's files.
type Compacted struct {
	Schema, Table string
	Before, After int64
}

// compactable are the tables whose files may be merged. Those behind raw's views may
// not: the name of a file and the place of a row in it say where the row comes from.
const compactable = `
	SELECT s.schema_name, t.table_name
	FROM %[1]s.ducklake_data_file AS f
	JOIN %[1]s.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
	JOIN %[1]s.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
	WHERE f.end_snapshot IS NULL AND NOT (s.schema_name = 'raw' AND starts_with(t.table_name, '_'))
	GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL`

// Compactable lists the tables that have more than one file.
func (w *Writer) Compactable(ctx context.Context) ([][2]string, error) {
	rows, err := w.Rows(ctx, fmt.Sprintf(compactable, metadata))
	if err != nil {
		return nil, fmt.Errorf("list the files of tables: %w", err)
	}
	out := make([][2]string, len(rows))
	for i, r := range rows {
		out[i] = [2]string{r[0].(string), r[1].(string)}
	}
	return out, nil
}

// Compact merges the small files of a table that lie next to each other, inside the
// caller's transaction. Older snapshots read as before.
func (w *Writer) Compact(ctx context.Context, schema, table string) (c Compacted, err error) {
	rows, err := w.Rows(ctx, "SELECT coalesce(sum(files_processed), 0)::BIGINT, coalesce(sum(files_created), 0)::BIGINT FROM ducklake_merge_adjacent_files('lake', ?, schema => ?)", table, schema)
	if err != nil {
		return c, fmt.Errorf("compact %s.%s: %w", schema, table, err)
	}
	return Compacted{schema, table, rows[0][0].(int64), rows[0][1].(int64)}, nil
}

// Expire forgets all snapshots but the newest ones and those made after a time, and
// then deletes the files that no snapshot knows any more. It gives the snapshots and
// the number of files.
func (w *Writer) Expire(ctx context.Context, keep int64, after *time.Time) (expired []int64, files int64, err error) {
	limit := "true"
	if after != nil {
		limit = "snapshot_time < TIMESTAMPTZ " + Quote(after.UTC().Format(time.RFC3339Nano))
	}
	rows, err := w.Rows(ctx, fmt.Sprintf("SELECT snapshot_id::BIGINT FROM (SELECT *, row_number() OVER (ORDER BY snapshot_id DESC) AS age FROM ducklake_snapshots('lake')) WHERE age > %d AND %s ORDER BY snapshot_id", max(keep, 1), limit))
	if err != nil {
		return nil, 0, fmt.Errorf("list the snapshots: %w", err)
	}
	for _, r := range rows {
		expired = append(expired, r[0].(int64))
	}
	if len(expired) > 0 {
		list := strings.Trim(strings.ReplaceAll(fmt.Sprint(expired), " ", ", "), "[]")
		if err := w.Exec(ctx, "CALL ducklake_expire_snapshots('lake', versions => ["+list+"])"); err != nil {
			return nil, 0, fmt.Errorf("expire snapshots: %w", err)
		}
	}
	files, err = w.deleteOld(ctx)
	return expired, files, err
}

// deleteOld deletes files that are scheduled for it. DuckLake schedules by the entry
// of a file, not by its name: the file of a part that was dropped and came again
// stands in two entries, of which the dead one must not take it away.
func (w *Writer) deleteOld(ctx context.Context) (int64, error) {
	living, err := w.Inventory(ctx)
	if err != nil {
		return 0, err
	}
	known := map[string]bool{}
	for _, f := range living {
		known[f.Path] = true
	}
	rows, err := w.Rows(ctx, "SELECT data_file_id::BIGINT, path FROM "+metadata+".ducklake_files_scheduled_for_deletion")
	if err != nil {
		return 0, fmt.Errorf("list old files: %w", err)
	}
	var spared []string
	for _, r := range rows {
		if known[strings.TrimPrefix(r[1].(string), w.place.dataRoot()+"/")] {
			spared = append(spared, fmt.Sprint(r[0]))
		}
	}
	if len(spared) > 0 {
		if err := w.Exec(ctx, "DELETE FROM "+metadata+".ducklake_files_scheduled_for_deletion WHERE data_file_id IN ("+strings.Join(spared, ", ")+")"); err != nil {
			return 0, fmt.Errorf("spare files that came again: %w", err)
		}
	}
	if err := w.lock.held(ctx); err != nil {
		return 0, err
	}
	if err := w.Exec(ctx, "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"); err != nil {
		return 0, fmt.Errorf("delete old files: %w", err)
	}
	return int64(len(rows) - len(spared)), nil
}

// stagedDir is where parts of a shared lake wait for a commit.
const stagedDir = "staged"

// Orphans lists files that no snapshot knows, and deletes them. In a shared lake only
// those that are older than a time, and not while parts wait for a commit, whose
// files nobody knows yet.
func (w *Writer) Orphans(ctx context.Context, before time.Time, isDry bool) ([]string, error) {
	options := "cleanup_all => true"
	if w.place.IsShared() {
		waiting, err := w.Rows(ctx, "SELECT count(*) FROM glob("+Quote(w.place.dataRoot()+"/"+stagedDir+"/*")+")")
		if err != nil {
			return nil, fmt.Errorf("look for staged parts: %w", err)
		}
		if waiting[0][0] != int64(0) {
			return nil, &contract.Error{Kind: contract.Busy, Op: "clean", Target: w.place.name, Err: fmt.Errorf("parts wait for a commit"), Hint: "`ddcore commit` first"}
		}
		options = "older_than => TIMESTAMPTZ " + Quote(before.UTC().Format(time.RFC3339Nano))
	}
	if isDry {
		options += ", dry_run => true"
	}
	rows, err := w.Rows(ctx, "FROM ducklake_delete_orphaned_files('lake', "+options+")")
	if err != nil {
		return nil, fmt.Errorf("delete orphans: %w", err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = filepath.ToSlash(strings.TrimPrefix(r[0].(string), w.place.dataRoot()+"/"))
	}
	return out, nil
}
