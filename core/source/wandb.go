package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source/wandb"
	"ddcore/core/tablefile"
)

// Fine-tuning runs of Weights & Biases. Their files are text and hold personal
// data: ddcore writes Parquet with pseudonyms. Who asks for it keeps the
// original besides, in tables of its own, so that nothing that reads the first
// ones (curate, an export) can give it away.
var wandbTables = withOriginals([]RawTable{
	{
		Name: wandb.RunsTable, Source: "wandb", Text: true,
		Meaning: "W&B runs, one row per run and file; config, summary and metadata are JSON text, rest is what else the run held",
	},
	{
		Name: wandb.HistoryTable, Source: "wandb", Text: true,
		Meaning: "W&B history, one row per entry; metrics and rest are JSON text of what has no column",
	},
	{
		Name: wandb.ExportsTable, Source: "wandb", Text: true,
		Meaning: "manifests and states of dr-wandb exports, as JSON text",
	},
})

const personalSuffix = "_personal"

// withOriginals adds to each table the one that keeps personal data, and the
// columns to both.
func withOriginals(tables []RawTable) []RawTable {
	types := map[tablefile.Type]string{tablefile.Text: "VARCHAR", tablefile.Int64: "BIGINT", tablefile.Float64: "DOUBLE"}
	var out []RawTable
	for _, t := range tables {
		for _, f := range wandb.Fields(t.Name) {
			t.Columns = append(t.Columns, RawColumn{Name: f.Name, Type: types[f.Type]})
		}
		original := t
		original.Name, original.Original = t.Name+personalSuffix, t.Name
		original.Meaning = "raw." + t.Name + " with personal data, as it came; only of files ingested with keep_personal"
		out = append(out, t, original)
	}
	return out
}

// addText adds a file of W&B to the plan: an action for each of its tables.
func (p *Plan) addText(f *File) (found bool, err error) {
	format, err := wandb.Recognise(f.abs)
	if err != nil {
		return false, &contract.Error{Kind: contract.IO, Op: "ingest", Target: f.Path, Err: cause(err), Hint: "may you read it?"}
	}
	if format.HasRuns() {
		p.runs = append(p.runs, runFile{f, format})
	}
	for _, name := range format.Tables() {
		p.addTable(f, format, tableNamed(name))
		if p.options.KeepPersonal {
			p.addTable(f, format, tableNamed(name+personalSuffix))
		}
	}
	return format != wandb.Unknown, nil
}

func (p *Plan) addTable(f *File, format wandb.Format, t *RawTable) {
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

// runFile is a file at hand with W&B runs, whether it is in the lake already or not.
type runFile struct {
	*File
	format wandb.Format
}

// learn collects the names in the runs at hand, for all that is redacted: paths
// of files, too, which raw.files keeps.
func (p *Plan) learn(ctx context.Context, progress Progress) error {
	var names redact.Names
	for _, f := range p.runs {
		progress.tell(0, p.Bytes, "looking for names")
		learnt, err := wandb.Learn(ctx, f.abs, f.format, names, p.options.Key, p.options.Threads)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return storeError(f.File, cause(err))
		}
		names = learnt
	}
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
	return nil
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

// convertWandb writes the Parquet file of a file of W&B.
func (a *action) convertWandb(ctx context.Context, to string, threads int) (*converted, error) {
	name := a.table.Name
	if a.table.Original != "" {
		name = a.table.Original
	}
	out, err := wandb.Convert(ctx, wandb.Job{Path: a.file.abs, Format: a.format, Table: name, Out: to, Key: a.key, Names: a.names, Workers: threads})
	if err != nil {
		return nil, err
	}
	c := &converted{sha256: out.SHA256, redactions: out.Redactions}
	for _, r := range out.Rejects {
		if a.table.Original != "" {
			r.Text = "" // rejects are shown and exported; the redacted text is the other table's reject
		}
		c.rejects = append(c.rejects, reject{r.Row, r.Reason, r.Text})
	}
	return c, nil
}

// wholeFile is the row of a reject that is about a file, not about one row.
const wholeFile = -1

// checkExports rejects, as a whole, manifests whose counts are not those of the
// files beside them. It looks at all exports again: any of their files may have
// changed.
func (p *Plan) checkExports(ctx context.Context, c *lake.Conn) error {
	if !slices.ContainsFunc(p.actions, func(a action) bool { return a.table.Source == "wandb" }) {
		return nil
	}
	exports, err := c.Rows(ctx, "SELECT 1 FROM lake.raw.files WHERE raw_table = 'wandb_exports' LIMIT 1")
	if err != nil {
		return fmt.Errorf("look for manifests: %w", err)
	}
	if len(exports) == 0 {
		return nil
	}
	err = c.Exec(ctx, fmt.Sprintf(`
		CREATE OR REPLACE TEMP TABLE export_gaps AS
		WITH held AS (SELECT split_part(folders, ' ', 1) AS folder, raw_table, sum(n_rows)::BIGINT AS n FROM lake.raw.files GROUP BY ALL),
		said AS (
			SELECT e._file, split_part(f.folders, ' ', 1) AS folder,
				unnest(['wandb_runs', 'wandb_history']) AS raw_table, unnest(['run_count', 'history_count']) AS name,
				unnest([TRY_CAST(e.record->>'$.run_count' AS BIGINT), TRY_CAST(e.record->>'$.history_count' AS BIGINT)]) AS n
			FROM lake.raw.wandb_exports AS e JOIN lake.raw.files AS f ON f.file_id = e._file WHERE e.kind = 'manifest')
		SELECT _file, string_agg(name || ' is ' || said.n || ', the file beside the manifest has ' || coalesce(held.n, 0) || ' rows', '; ' ORDER BY name DESC) AS reason
		FROM said LEFT JOIN held USING (folder, raw_table) WHERE said.n <> coalesce(held.n, 0) GROUP BY _file;
		UPDATE lake.raw.files SET n_rejects = n_rejects - 1 WHERE file_id IN (SELECT _file FROM lake.raw.rejects WHERE _row = %[1]d);
		DELETE FROM lake.raw.rejects WHERE _row = %[1]d;
		UPDATE lake.raw.files SET n_rejects = n_rejects + 1 WHERE file_id IN (SELECT _file FROM export_gaps);
		INSERT INTO lake.raw.rejects SELECT _file, %[1]d, reason, '' FROM export_gaps;
		DROP TABLE export_gaps`, wholeFile))
	if err != nil {
		return fmt.Errorf("compare manifests with their files: %w", err)
	}
	rows, err := c.Rows(ctx, "SELECT f.path, f.n_rejects FROM lake.raw.files AS f WHERE raw_table = 'wandb_exports'")
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	for _, r := range rows {
		for i := range p.Statuses {
			if s := &p.Statuses[i]; s.Table == wandb.ExportsTable && s.Path == r[0] && (s.State == Added || s.State == Replaced) {
				s.Rejects = r[1].(int64)
			}
		}
	}
	return nil
}
