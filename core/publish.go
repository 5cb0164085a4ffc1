package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// PublishArgs are the arguments of publish.
type PublishArgs struct {
	To     string   `json:"to" help:"where the published lake goes: a folder, or s3://bucket/prefix"`
	Tables []string `json:"tables" help:"the tables: names in main, or schema.name; a view that is named becomes a table; default: all tables of main, features and predictions"`
	URL    string   `json:"url" help:"the address at which others will find it, for DuckDB without ddcore, e.g. https://host/lake"`
	Forbid []string `json:"forbid" help:"texts that must stand in no table, such as names of people"`
	Allow  []string `json:"allow" help:"rules of redaction (as in redactions) whose shapes may stand in the tables, e.g. email"`
	Clean  bool     `json:"clean" help:"delete the files of former publications there; readers who have one open lose it"`
}

// publishRow tells of one table.
type publishRow struct {
	Schema   string `col:"schema_name"`
	Table    string `col:"table_name"`
	Rows     int64  `col:"n_rows"`
	Files    int64  `col:"n_files"`
	NewFiles int64  `col:"n_new_files"`
	Bytes    int64  `col:"n_bytes"`
}

// publishedSchemas may leave a lake; raw never does.
var publishedSchemas = []string{"main", "features", "predictions"}

// relation is a table or a view to publish.
type relation struct {
	schema, name string
	isView       bool
	columns      []string // as SQL: name and type
	texts        []string // the columns that hold text
	files        []lake.PublishedFile
	rows         int64
}

func (r relation) sql() string { return "lake." + lake.Ident(r.schema) + "." + lake.Ident(r.name) }

func publish(ctx context.Context, env *Env, a PublishArgs) (*Result, error) {
	target, err := lake.OpenTarget(ctx, a.To, env.Lake, env.Options)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p := &publication{env: env, args: a, source: s, target: target}
	if err := p.choose(ctx); err != nil {
		return nil, err
	}
	if err := p.check(ctx); err != nil {
		return nil, damaged(err)
	}
	if p.draft, err = lake.NewFrozen(ctx, env.Options); err != nil {
		return nil, err
	}
	defer p.draft.Close()
	if err := p.stage(ctx); err != nil {
		return nil, damaged(err)
	}
	if err := p.put(ctx); err != nil {
		return nil, err
	}
	return p.result()
}

// damaged says that a file of the lake cannot be read. To DuckDB that is an
// invalid input; here it is no fault of the request, which holds no SQL.
func damaged(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Op == "sql" && e.Kind == contract.Invalid {
		e.Kind, e.Hint = contract.Violation, "nothing was published; a file of the lake is damaged: `verify` lists such files, restore them from a backup"
	}
	return err
}

// publication is one call of publish.
type publication struct {
	env    *Env
	args   PublishArgs
	source *lake.Session
	target *lake.Target
	draft  *lake.Frozen
	tables []relation
	had    map[string]bool // the files that were there before
}

func (p *publication) tell(done, total int64, unit, what string) {
	p.env.Tell(Progress{done, total, unit, what})
}

// choose finds the tables.
func (p *publication) choose(ctx context.Context) error {
	rows, err := p.source.Rows(ctx, `
		SELECT c.schema_name, c.table_name, any_value(v.view_name) IS NOT NULL,
			string_agg(c.column_name || chr(31) || c.data_type, chr(30) ORDER BY c.column_index)
		FROM `+columnsAndViews+`
		WHERE c.database_name = 'lake' GROUP BY ALL ORDER BY ALL`)
	if err != nil {
		return err
	}
	wanted, names := map[string]bool{}, []string{}
	for _, name := range p.args.Tables {
		if !strings.Contains(name, ".") {
			name = "main." + name
		}
		wanted[name] = true
	}
	for _, r := range rows {
		found := relation{schema: r[0].(string), name: r[1].(string), isView: r[2].(bool)}
		if !slices.Contains(publishedSchemas, found.schema) {
			continue
		}
		full := found.schema + "." + found.name
		names = append(names, full)
		if len(p.args.Tables) > 0 && !wanted[full] || len(p.args.Tables) == 0 && found.isView {
			continue
		}
		delete(wanted, full)
		for column := range strings.SplitSeq(r[3].(string), "\x1e") {
			name, kind, _ := strings.Cut(column, "\x1f")
			found.columns = append(found.columns, lake.Ident(name)+" "+kind)
			if strings.Contains(kind, "VARCHAR") || strings.Contains(kind, "JSON") {
				found.texts = append(found.texts, name)
			}
		}
		p.tables = append(p.tables, found)
	}
	for name := range wanted {
		return publishedMissing(name, names)
	}
	if len(p.tables) == 0 {
		return &Error{Kind: contract.NotFound, Op: "publish", Target: p.env.Lake.String(), Err: errors.New("the lake has no curated table"), Hint: "`ddcore curate` builds them"}
	}
	return nil
}

func publishedMissing(name string, names []string) error {
	schema, _, _ := strings.Cut(name, ".")
	if !slices.Contains(publishedSchemas, schema) {
		return &Error{Kind: contract.Invalid, Op: "publish", Target: name, Err: errors.New("only tables of main, features and predictions can be published"), Hint: "raw data stay in the lake"}
	}
	return &Error{Kind: contract.NotFound, Op: "publish", Target: name, Err: errors.New("there is no such table"), Hint: contract.NearNames(name, names)}
}

// stage makes the lake on this machine; data files that are on this machine are
// only linked.
func (p *publication) stage(ctx context.Context) error {
	for i := range p.tables {
		t := &p.tables[i]
		p.tell(int64(i), int64(len(p.tables)), "tables", "reading "+t.name)
		files, isWhole, err := []string(nil), false, error(nil)
		if !t.isView {
			if files, isWhole, err = p.source.Whole(ctx, t.schema, t.name); err != nil {
				return err
			}
		}
		if isWhole {
			err = p.stageFiles(ctx, t, files)
		} else {
			err = p.stageQuery(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("publish %s: %w", t.name, err)
		}
		if err := p.register(ctx, t); err != nil {
			return err
		}
	}
	return p.describe(ctx)
}

// stageFiles takes the table's files as they are, under names of their content.
func (p *publication) stageFiles(ctx context.Context, t *relation, files []string) error {
	for k, file := range files {
		temp := p.draft.Dir("data", t.schema, t.name, fmt.Sprintf("%d.tmp", k))
		if err := p.source.Stage(ctx, file, temp); err != nil {
			return err
		}
		if err := p.keep(t, temp); err != nil {
			return err
		}
	}
	return nil
}

// stageQuery writes the rows of a view, or of a table that is more than its files.
func (p *publication) stageQuery(ctx context.Context, t *relation) error {
	folder := p.draft.Dir("data", t.schema, t.name)
	if err := os.MkdirAll(filepath.Dir(folder), 0o777); err != nil {
		return err
	}
	sql := fmt.Sprintf("COPY (SELECT * FROM %s) TO %s (%s, FILE_SIZE_BYTES '512MB')", t.sql(), lake.Quote(folder), copyOptions["parquet"])
	if err := p.source.Exec(ctx, sql); err != nil {
		return err
	}
	written, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
	for _, file := range written {
		if err := p.keep(t, file); err != nil {
			return err
		}
	}
	return err
}

// keep gives a staged file the name of its content, and notes it.
func (p *publication) keep(t *relation, file string) error {
	sum, n, err := lake.Digest(file)
	if err != nil {
		return err
	}
	named := filepath.Join(filepath.Dir(file), sum[:32]+".parquet")
	if slices.ContainsFunc(t.files, func(f lake.PublishedFile) bool { return f.SHA256 == sum }) {
		return fmt.Errorf("two files of %s are the same", t.name) // DuckLake would count their rows twice
	}
	t.files = append(t.files, lake.PublishedFile{Schema: t.schema, Table: t.name, Path: filepath.ToSlash(filepath.Join("data", t.schema, t.name, sum[:32]+".parquet")), Bytes: n, SHA256: sum})
	return os.Rename(file, named)
}

// register makes the table in the draft, and compares its rows with the source's.
func (p *publication) register(ctx context.Context, t *relation) (err error) {
	var paths []string
	for _, f := range t.files {
		paths = append(paths, p.draft.Dir(f.Path))
	}
	if t.rows, err = p.draft.Table(ctx, t.schema, t.name, strings.Join(t.columns, ", "), paths); err != nil {
		return err
	}
	rows, err := p.source.Rows(ctx, "SELECT count(*) FROM "+t.sql())
	if err != nil {
		return err
	}
	if rows[0][0] != t.rows {
		return &Error{Kind: contract.Internal, Op: "publish", Target: t.name, Err: fmt.Errorf("%d rows were copied, the lake has %d", t.rows, rows[0][0])}
	}
	return nil
}

// describe adds what the lake says of itself: published.snapshot and published.files.
func (p *publication) describe(ctx context.Context) error {
	snapshot, err := p.source.Snapshot(ctx)
	if err != nil {
		return err
	}
	err = p.draft.Describe(ctx, lake.PublishedSnapshot{Snapshot: snapshot, DDCore: Version, At: time.Now().UTC()}, slices.Concat(filesOf(p.tables)...))
	if err != nil {
		return fmt.Errorf("describe the published lake: %w", err)
	}
	_, err = p.draft.Finish(ctx, p.target.DataPath(p.args.URL), fmt.Sprintf("publish: snapshot %d", snapshot))
	return err
}

func filesOf(tables []relation) [][]lake.PublishedFile {
	out := make([][]lake.PublishedFile, len(tables))
	for i, t := range tables {
		out[i] = t.files
	}
	return out
}

// put takes the draft to its place: data files first, the catalog last.
func (p *publication) put(ctx context.Context) (err error) {
	if p.had, err = p.target.All(ctx); err != nil {
		return err
	}
	staged, err := p.staged()
	if err != nil {
		return err
	}
	for i, path := range staged {
		p.tell(int64(i), int64(len(staged)), "files", "copying "+filepath.Base(path))
		if !p.had[path] {
			if err := p.target.Put(ctx, p.draft.Dir(path), p.target.Path(path)); err != nil {
				return p.target.Failed(err)
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.target.Put(ctx, p.draft.Dir(lake.PublishedCatalog), p.target.Path(lake.PublishedCatalog)); err != nil {
		return p.target.Failed(err)
	}
	if !p.args.Clean {
		return nil
	}
	var old []string
	for path := range p.had {
		if strings.HasPrefix(path, "data/") && !slices.Contains(staged, path) {
			old = append(old, path)
		}
	}
	slices.Sort(old)
	return p.target.Remove(ctx, old)
}

// staged lists the data files of the draft.
func (p *publication) staged() (paths []string, err error) {
	err = filepath.WalkDir(p.draft.Dir("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(p.draft.Dir(), path)
		paths = append(paths, filepath.ToSlash(rel))
		return err
	})
	return paths, err
}

func (p *publication) result() (*Result, error) {
	rows := make([]publishRow, len(p.tables))
	for i, t := range p.tables {
		rows[i] = publishRow{Schema: t.schema, Table: t.name, Rows: t.rows, Files: int64(len(t.files))}
		for _, f := range t.files {
			rows[i].Bytes += f.Bytes
			if !p.had[f.Path] {
				rows[i].NewFiles++
			}
		}
	}
	return rowsResult(rows)
}
