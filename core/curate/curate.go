// Package curate builds the tables of main from raw: each table is one .sql
// file; what SQL cannot do fast or exactly (parsing dictionaries, widening to
// 1,939 columns, NumPy's summation) is Go beside it.
package curate

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"ddcore/core/contract"
	"ddcore/core/curate/runtypes"
	"ddcore/core/lake"
)

//go:embed tables/*.sql
var tableFiles embed.FS

// macrosSQL defines what the queries over JSON text share.
//
//go:embed macros.sql
var macrosSQL string

func init() {
	entries, err := tableFiles.ReadDir("tables")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		text, err := tableFiles.ReadFile("tables/" + e.Name())
		if err != nil {
			panic(err)
		}
		t, err := contract.ParseTable(string(text))
		if err != nil {
			panic(fmt.Sprintf("curate: tables/%s: %v", e.Name(), err))
		}
		contract.Register(t)
	}
}

// Progress tells how many tables are done.
type Progress func(done, total int64, what string)

// Built says what was done for one table.
type Built struct {
	Table   string
	State   string // "built" or "up to date"
	Rows    *int64 // nil where the table is Uncounted
	Seconds float64
}

// Fingerprint identifies what the tables are made from: the raw files' content,
// the rules for run types and the program. Equal fingerprints give equal tables.
func Fingerprint(ctx context.Context, c *lake.Conn, rules *runtypes.Rules, program string) (string, error) {
	rows, err := c.Rows(ctx, "SELECT raw_table, sha256 FROM lake.raw.files ORDER BY ALL")
	if err != nil {
		return "", fmt.Errorf("read the manifest: %w", err)
	}
	if len(rows) == 0 {
		return "", &contract.Error{Kind: contract.NotFound, Op: "curate", Err: errors.New("the lake holds no raw files"), Hint: "run `ingest` first"}
	}
	h := sha256.New()
	fmt.Fprintln(h, program)
	fmt.Fprintln(h, rules.Text())
	fmt.Fprintln(h, macrosSQL, wandbSQL, olmesSQL, instancesSQL, ladderSQL)
	for _, r := range rows {
		fmt.Fprintln(h, r...)
	}
	for _, t := range contract.AllTables() {
		fmt.Fprintln(h, t.SQL)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// builder is one run, inside the caller's transaction. Tables that Go makes are
// encoded and written in the background, while DuckDB builds the others.
type builder struct {
	w       *lake.Writer
	workers int
	rules   *runtypes.Rules
	built   []Built
	pending *pending
	// prepared tells for which sources the temporary tables are there that their
	// tables read.
	prepared map[string]bool
}

// Run builds all tables, inside the caller's transaction.
func Run(ctx context.Context, w *lake.Writer, workers int, rules *runtypes.Rules, progress Progress) ([]Built, error) {
	b := &builder{w: w, workers: workers, rules: rules, prepared: map[string]bool{}}
	defer b.finish(ctx) //nolint:errcheck // after an error nothing may still write
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	tables := contract.AllTables()
	for i, t := range tables {
		if progress != nil {
			progress(int64(i), int64(len(tables)), t.Name)
		}
		start := time.Now()
		rows, err := b.build(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", t.Name, err)
		}
		b.built = append(b.built, Built{t.Name, "built", rows, time.Since(start).Seconds()})
	}
	return b.built, b.finish(ctx)
}

// build gives the number of rows; nil where it is not known or not yet.
func (b *builder) build(ctx context.Context, t *contract.Table) (*int64, error) {
	if source := header(t, "source"); source != "" && !b.prepared[source] {
		b.prepared[source] = true
		if err := b.prepareSource(ctx, source); err != nil {
			return nil, err
		}
	}
	if header(t, "reads") != "" { // a table that Go makes, in the background
		if err := b.finish(ctx); err != nil {
			return nil, err
		}
	}
	switch t.Maker {
	case "":
		return b.fromSQL(ctx, t)
	case "matrix":
		return nil, b.fromMatrix(ctx, t)
	case "macro":
		return b.macroAverage(ctx, t)
	case "view":
		return b.fromView(ctx, t)
	default:
		return nil, fmt.Errorf("the table's header names an unknown maker %q", t.Maker)
	}
}

// prepareSource makes what the tables of a source read.
func (b *builder) prepareSource(ctx context.Context, source string) error {
	switch source {
	case "wandb":
		return b.prepareWandb(ctx)
	case "olmes":
		return b.prepareOlmes(ctx)
	case "instances":
		return b.prepareInstances(ctx)
	case "ladder":
		return b.prepareLadder(ctx)
	default:
		return fmt.Errorf("the table's header names an unknown source %q", source)
	}
}

// header gives a free header line of a table file.
func header(t *contract.Table, key string) string {
	for line := range strings.Lines(t.SQL) {
		if value, ok := strings.CutPrefix(line, "-- "+key+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fromSQL replaces a table by the result of its query, and checks its contract.
func (b *builder) fromSQL(ctx context.Context, t *contract.Table) (*int64, error) {
	name := "lake.main." + lake.Ident(t.Name)
	if err := b.w.Exec(ctx, "CREATE OR REPLACE TABLE "+name+" AS\n"+t.SQL); err != nil {
		return nil, err
	}
	if err := checkTable(ctx, b.w.Conn, t, name); err != nil {
		return nil, err
	}
	return CountRows(ctx, b.w.Conn, t)
}

// CountRows counts the rows of a table that was built; nil where it is Uncounted.
func CountRows(ctx context.Context, c *lake.Conn, t *contract.Table) (*int64, error) {
	name := "lake.main." + lake.Ident(t.Name)
	if t.Uncounted {
		_, err := c.Rows(ctx, "DESCRIBE "+name) // it must be there
		return nil, err
	}
	rows, err := c.Rows(ctx, "SELECT count(*) FROM "+name)
	if err != nil {
		return nil, err
	}
	return new(rows[0][0].(int64)), nil
}

// prepare makes the temporary tables that the .sql files read: the facts under
// facts_*, the checkpoints, and raw rows without rejects.
func (b *builder) prepare(ctx context.Context) error {
	for _, name := range contract.FactNames {
		if err := b.loadFacts(ctx, contract.LoadFacts(name)); err != nil {
			return err
		}
	}
	if err := b.w.Exec(ctx, macrosSQL); err != nil {
		return fmt.Errorf("define macros: %w", err)
	}
	number := "CREATE OR REPLACE TEMP MACRO params_number(p) AS " + contract.ParamsNumber("p")
	if err := b.w.Exec(ctx, number); err != nil {
		return err
	}
	if err := makeRawViews(ctx, b.w.Conn, hubViews); err != nil {
		return err
	}
	if err := b.w.Exec(ctx, keysSQL); err != nil {
		return fmt.Errorf("read the raw keys: %w", err)
	}
	if err := checkNames(ctx, b.w.Conn, hubNames); err != nil {
		return err
	}
	if err := b.w.Exec(ctx, checkpointSQL); err != nil {
		return fmt.Errorf("list the checkpoints: %w", err)
	}
	return checkRepeats(ctx, b.w.Conn)
}

func (b *builder) loadFacts(ctx context.Context, f contract.Facts) error {
	rows := make([]string, len(f.Rows))
	for i, r := range f.Rows {
		cells := make([]string, len(r))
		for k, cell := range r {
			cells[k] = lake.Quote(cell)
		}
		rows[i] = "(" + strings.Join(cells, ", ") + ")"
	}
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = lake.Ident(c)
	}
	err := b.w.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE facts_%s AS SELECT * FROM (VALUES %s) AS t(%s)",
		f.Name, strings.Join(rows, ", "), strings.Join(names, ", ")))
	if err != nil {
		return fmt.Errorf("load the facts %s: %w", f.Name, err)
	}
	return nil
}
