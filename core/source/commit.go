package source

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/lake"
	"ddcore/core/source/instances"
)

// Commit makes all staged parts rows of the lake. A transaction takes as many as
// DuckLake can write well: its work for a commit grows faster than the number of
// files (measured with PostgreSQL: 12 ms a part for 74, 27 ms for 888). last, if
// not nil, runs in the last one. It gives the number of parts that were new.
func Commit(ctx context.Context, w *lake.Writer, stage Stage, last func(c *lake.Conn) error) (added int64, err error) {
	names, err := stage.names(ctx)
	if err != nil || len(names) == 0 && last == nil {
		return 0, err
	}
	for {
		n := min(len(names), partsPerCommit)
		batch, isLast := names[:n], n == len(names)
		f := last
		if !isLast {
			f = nil
		}
		fresh, err := commitBatch(ctx, w, stage, batch, f)
		added += fresh
		if err != nil || isLast {
			return added, err
		}
		names = names[n:]
	}
}

// commitBatch is one transaction: the ledger is read and written in it, so that
// no part comes in twice, whoever staged it.
func commitBatch(ctx context.Context, w *lake.Writer, stage Stage, names []string, last func(c *lake.Conn) error) (added int64, err error) {
	err = w.Transaction(ctx, "ingest", fmt.Sprintf("ingest: %d parts of instances", len(names)), func() error {
		if len(names) > 0 {
			if added, err = add(ctx, w, stage, names); err != nil {
				return err
			}
		}
		if last != nil {
			return last(w.Conn)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("commit instances: %w", err)
	}
	return added, stage.clear(ctx, w, names)
}

// stagedColumns are the columns of a record, as JSON text is read.
const stagedColumns = `{file_id: 'BIGINT', path: 'VARCHAR', sha256: 'VARCHAR', n_bytes: 'BIGINT', location: 'VARCHAR', folders: 'VARCHAR',
	recipe: 'VARCHAR', params: 'VARCHAR', seed: 'BIGINT', step: 'BIGINT', n_instances: 'BIGINT', n_choices: 'BIGINT', content: 'VARCHAR',
	tasks: 'STRUCT(task VARCHAR, n_instances BIGINT, n_choices BIGINT, record VARCHAR, metrics STRUCT(metric VARCHAR, "value" DOUBLE, derived DOUBLE, is_primary BOOLEAN)[])[]',
	checks: 'STRUCT(task VARCHAR, "name" VARCHAR, n BIGINT, example VARCHAR)[]',
	rejects: 'STRUCT("row" BIGINT, reason VARCHAR, "text" VARCHAR)[]', redactions: 'MAP(VARCHAR, BIGINT)'}`

// maxStagedRecord bounds a record's JSON text, for DuckDB's buffers.
const maxStagedRecord = 256 << 20

// add brings the parts into the lake, inside the caller's transaction.
func add(ctx context.Context, w *lake.Writer, s Stage, names []string) (int64, error) {
	err := w.Exec(ctx, fmt.Sprintf(`
		CREATE OR REPLACE TEMP TABLE staged AS
		SELECT * FROM read_json([%s], columns = %s, format = 'unstructured', maximum_object_size = %d)
		WHERE file_id NOT IN (SELECT file_id FROM lake.raw.files WHERE raw_table = '%s' AND n_rows > 0)
		QUALIFY row_number() OVER (PARTITION BY file_id ORDER BY path) = 1;
		CREATE OR REPLACE TEMP TABLE superseded AS
		SELECT file_id FROM lake.raw.files
		WHERE raw_table = '%[4]s' AND (location IN (SELECT location FROM staged) OR file_id IN (SELECT file_id FROM staged))`,
		quoted(s.records(names)), stagedColumns, maxStagedRecord, instances.InstancesTable))
	if err != nil {
		return 0, fmt.Errorf("read the staged records: %w", err)
	}
	// What lay in the same place before is gone: the archive has changed.
	if err := dropParts(ctx, w.Conn, "SELECT file_id FROM superseded"); err != nil {
		return 0, err
	}
	if err := register(ctx, w, s); err != nil {
		return 0, err
	}
	if err := w.Exec(ctx, fmt.Sprintf(insertStaged, instances.InstancesTable)); err != nil {
		return 0, fmt.Errorf("write the ledger of parts: %w", err)
	}
	rows, err := w.Rows(ctx, "SELECT count(*) FROM staged")
	if err != nil {
		return 0, err
	}
	return rows[0][0].(int64), w.Exec(ctx, "DROP TABLE staged; DROP TABLE superseded")
}

// insertStaged writes what the records say.
const insertStaged = `
	INSERT INTO lake.raw.files
		SELECT file_id, 'instances', '%s', path, location, folders, n_bytes, sha256, n_instances, coalesce(len(rejects), 0), '[]', now(),
			(SELECT id FROM ducklake_current_snapshot('lake') AS t(id)) + 1
		FROM staged;
	INSERT INTO lake.raw.rejects SELECT file_id, r."row", r.reason, r."text" FROM staged, unnest(rejects) AS t(r);
	INSERT INTO lake.raw.redactions SELECT file_id, r.key, r.value FROM staged, unnest(map_entries(redactions)) AS t(r);
	INSERT INTO lake.raw.instance_parts
		SELECT file_id, recipe, params, seed, step, n_instances, n_choices, len(tasks), content FROM staged WHERE len(tasks) > 0;
	INSERT INTO lake.raw.instance_tasks SELECT file_id, t.task, t.n_instances, t.n_choices, t.record FROM staged, unnest(tasks) AS u(t);
	INSERT INTO lake.raw.instance_metrics
		SELECT file_id, task, m.metric, m."value", m.derived, m.is_primary
		FROM (SELECT file_id, t.task, unnest(t.metrics) AS m FROM staged, unnest(tasks) AS u(t));
	INSERT INTO lake.raw.instance_problems SELECT file_id, c.task, c."name", c.n, c.example FROM staged, unnest(checks) AS u(c)`

// register makes the tables of the staged parts a part of the lake.
func register(ctx context.Context, w *lake.Writer, s Stage) error {
	rows, err := w.Rows(ctx, "SELECT file_id::VARCHAR || '-' || sha256[:12], n_instances, n_choices FROM staged")
	if err != nil {
		return err
	}
	for i, t := range instanceTables {
		var names []string
		for _, r := range rows {
			if r[i+1] != int64(0) { // DuckLake takes no file without rows
				names = append(names, r[0].(string))
			}
		}
		paths, err := s.tables(w, t, names)
		if err != nil {
			return fmt.Errorf("store instances: %w", cause(err))
		}
		if len(paths) == 0 {
			continue
		}
		call := fmt.Sprintf("CALL ducklake_add_data_files('lake', ?, [%s], schema => 'raw')", quoted(paths))
		if err := w.Exec(ctx, call, t.stored()); err != nil {
			return fmt.Errorf("register instances: %w", err)
		}
	}
	return nil
}

func quoted(paths []string) string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = lake.Quote(p)
	}
	return strings.Join(out, ", ")
}

// dropParts deletes the rows of the parts that a query of file_ids gives.
func dropParts(ctx context.Context, c *lake.Conn, query string) error {
	rows, err := c.Rows(ctx, query)
	if err != nil || len(rows) == 0 {
		return err
	}
	ids := make([]string, len(rows))
	names := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = fmt.Sprint(r[0])
		names[i] = "filename LIKE '%/" + ids[i] + "-%'"
	}
	list := strings.Join(ids, ", ")
	for _, t := range instanceTables {
		for batch := range slices.Chunk(names, 100) {
			if err := c.Exec(ctx, "DELETE FROM "+t.sqlName()+" WHERE "+strings.Join(batch, " OR ")); err != nil {
				return fmt.Errorf("drop instances: %w", err)
			}
		}
	}
	for _, from := range []string{"instance_parts WHERE _file", "instance_tasks WHERE _file", "instance_metrics WHERE _file", "instance_problems WHERE _file", "rejects WHERE _file", "redactions WHERE _file", "files WHERE file_id"} {
		if err := c.Exec(ctx, "DELETE FROM lake.raw."+from+" IN ("+list+")"); err != nil {
			return fmt.Errorf("drop instances: %w", err)
		}
	}
	// An archive that held one of them, too, must be looked through again.
	return forgetArchives(ctx, c, "true")
}

// dropPartsOf deletes the rows of the parts of one archive, but for those with
// the given numbers.
func dropPartsOf(ctx context.Context, c *lake.Conn, location string, except []int64) error {
	kept := "-1" // no part has it
	for _, id := range except {
		kept += fmt.Sprintf(", %d", id)
	}
	return dropParts(ctx, c, fmt.Sprintf("SELECT file_id FROM lake.raw.files WHERE raw_table = '%s' AND split_part(folders, ' ', 1) = %s AND file_id NOT IN (%s)",
		instances.InstancesTable, lake.Quote(location), kept))
}

// forgetArchives deletes the rows of archives, and what was said of them: the
// next look at one says it again.
func forgetArchives(ctx context.Context, c *lake.Conn, which string, args ...any) error {
	condition := "raw_table = '" + archivesTable + "' AND (" + which + ")"
	for _, from := range []string{
		"rejects WHERE _file IN (SELECT file_id FROM lake.raw.files WHERE " + condition + ")",
		"files WHERE " + condition,
	} {
		if err := c.Exec(ctx, "DELETE FROM lake.raw."+from, args...); err != nil {
			return fmt.Errorf("forget archives: %w", err)
		}
	}
	return nil
}

// close writes the row of an artifact that was read to its end, and drops parts
// that are no longer in it.
func (v stagedVisit) close(ctx context.Context, c *lake.Conn) error {
	id := instances.Number(v.SHA256)
	if !v.Damaged {
		if err := dropPartsOf(ctx, c, v.Location, v.Seen); err != nil {
			return err
		}
	}
	if err := forgetArchives(ctx, c, "location = ? OR file_id = ?", v.Location, id); err != nil {
		return err
	}
	for _, p := range v.Problems {
		if err := c.Exec(ctx, "INSERT INTO lake.raw.rejects VALUES (?, ?, ?, ?)", id, p.Row, p.Reason, p.Text); err != nil {
			return fmt.Errorf("write rejects: %w", err)
		}
	}
	return c.Exec(ctx, `INSERT INTO lake.raw.files SELECT ?, 'instances', ?, ?, ?, ?, ?, ?, ?, ?, '[]', now(),
		(SELECT id FROM ducklake_current_snapshot('lake') AS t(id)) + 1`,
		id, archivesTable, v.Path, v.Location, v.Folders, v.Bytes, v.SHA256, v.Parts, int64(len(v.Problems)))
}

// dropArchive deletes all parts of an archive that is gone, and its own rows.
func dropArchive(ctx context.Context, c *lake.Conn, m manifestRow) error {
	if err := dropPartsOf(ctx, c, m.location, nil); err != nil {
		return err
	}
	return forgetArchives(ctx, c, "file_id = ?", m.id)
}
