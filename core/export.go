package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// ExportArgs are the arguments of export: a table as in table, or a query.
type ExportArgs struct {
	SelectArgs
	SQL    string `json:"sql" help:"export this query instead of a table"`
	Params []any  `json:"params" help:"values for the ? in the query"`
	To     string `json:"to" help:"the file to write: .parquet, .csv, .json, .ndjson or .arrow"`
	Format string `json:"format" help:"parquet, csv, json, ndjson or arrow; default: by the file's ending"`
}

type exportRow struct {
	Path   string `col:"path"`
	Format string `col:"format"`
	Rows   int64  `col:"n_rows"`
	Bytes  int64  `col:"n_bytes"`
}

// copyOptions are DuckDB's options for each format that COPY writes.
var copyOptions = map[string]string{
	"parquet": "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2",
	"csv":     "FORMAT csv, HEADER",
	"json":    "FORMAT json, ARRAY true",
	"ndjson":  "FORMAT json, ARRAY false",
}

func export(ctx context.Context, env *Env, a ExportArgs) (*Result, error) {
	format, err := a.format()
	if err != nil {
		return nil, err
	}
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sql, params, t, err := a.query(ctx, s.Conn)
	if err != nil {
		return nil, err
	}
	// A file that is half written must not look like a whole one.
	partial := filepath.Join(filepath.Dir(a.To), "."+filepath.Base(a.To)+".partial")
	defer os.Remove(partial)
	var rows int64
	tell := func(percent int64) { env.Tell(Progress{percent, 100, "%", "exporting"}) }
	err = s.Watch(ctx, tell, func() (err error) {
		if format == "arrow" {
			rows, err = writeArrow(ctx, s, t, partial, sql, params)
		} else {
			rows, err = copyTo(ctx, s, t, partial, format, sql, params)
		}
		return err
	})
	if err != nil {
		return nil, exportError(a.To, partial, err)
	}
	if err := os.Rename(partial, a.To); err != nil {
		return nil, exportError(a.To, partial, err)
	}
	info, err := os.Stat(a.To)
	if err != nil {
		return nil, exportError(a.To, partial, err)
	}
	return rowsResult([]exportRow{{a.To, format, rows, info.Size()}})
}

func (a ExportArgs) format() (string, error) {
	format := strings.ToLower(a.Format)
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(a.To)), ".")
	}
	switch format {
	case "feather", "ipc":
		format = "arrow"
	case "jsonl":
		format = "ndjson"
	}
	if a.To == "" || (copyOptions[format] == "" && format != "arrow") {
		return "", &Error{Kind: contract.Invalid, Op: "export", Target: a.To, Err: fmt.Errorf("no format %q", format), Hint: "name a file that ends in .parquet, .csv, .json, .ndjson or .arrow, or give the format"}
	}
	return format, nil
}

func (a ExportArgs) query(ctx context.Context, c *lake.Conn) (sql string, params []any, t *contract.Table, err error) {
	if a.SQL == "" {
		sql, params, err = a.sql(ctx, c)
		return sql, params, contract.FindTable(a.Name), err
	}
	if a.Name != "" {
		return "", nil, nil, &Error{Kind: contract.Invalid, Op: "export", Err: errors.New("both a table and a query were given"), Hint: "give one of them"}
	}
	params, err = plain(a.Params)
	return strings.TrimRight(strings.TrimSpace(a.SQL), ";"), params, nil, err
}

func copyTo(ctx context.Context, s *lake.Session, t *contract.Table, path, format, sql string, params []any) (int64, error) {
	options := copyOptions[format]
	if format == "parquet" && t != nil {
		options += ", KV_METADATA {" + keyValues(t, describeFields(ctx, s, t, sql, params)) + "}"
	}
	rows, err := s.Rows(ctx, fmt.Sprintf("COPY (%s) TO %s (%s)", sql, lake.Quote(path), options), params...)
	if err != nil {
		return 0, err
	}
	return rows[0][0].(int64), nil
}

// describeFields gives each exported column's facts, for the file's metadata.
func describeFields(ctx context.Context, s *lake.Session, t *contract.Table, sql string, params []any) map[string]string {
	out := t.Metadata()
	stmt, schema, err := s.PrepareTyped(ctx, sql, params...)
	if err != nil {
		return out // COPY will say what is wrong
	}
	defer stmt.Close()
	for _, f := range schema.Fields() {
		if known, ok := t.Field(f.Name); ok {
			for key, value := range known.Metadata() {
				out["ddcore.field."+f.Name+"."+key] = value
			}
		}
	}
	return out
}

func keyValues(_ *contract.Table, facts map[string]string) string {
	keys := make([]string, 0, len(facts))
	for k := range facts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return joined(keys, func(k string) string { return lake.Quote(k) + ": " + lake.Quote(facts[k]) })
}

func writeArrow(ctx context.Context, s *lake.Session, t *contract.Table, path, sql string, params []any) (rows int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	stmt, schema, err := s.PrepareTyped(ctx, sql, params...)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	if err := stmt.OneResult(); err != nil {
		return 0, err
	}
	annotated := contract.Annotate(schema, t)
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(annotated))
	if err != nil {
		return 0, fmt.Errorf("write Arrow: %w", err)
	}
	err = stmt.Batches(ctx, s.Conn, annotated, func(b arrow.RecordBatch) error {
		rows += b.NumRows()
		return w.Write(b)
	})
	return rows, errors.Join(err, w.Close())
}

func exportError(to, partial string, err error) error {
	var e *contract.Error
	if errors.As(err, &e) {
		out := *e
		out.Op, out.Target = "export", to
		out.Err = errors.New(strings.ReplaceAll(e.Err.Error(), partial, to))
		return &out
	}
	return &Error{Kind: contract.IO, Op: "export", Target: to, Err: errors.Unwrap(err), Hint: "does the folder exist, may you write to it, is there room?"}
}
