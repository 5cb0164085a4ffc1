package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"ddcore/core/contract"
	"ddcore/core/curate"
	"ddcore/core/curate/runtypes"
	"ddcore/core/lake"
	"ddcore/core/source"
)

// CurateArgs are the arguments of curate.
type CurateArgs struct {
	Force    bool   `json:"force" help:"build the tables even if raw has not changed"`
	Patterns string `json:"patterns" help:"a CSV file with shapes of W&B run ids, tried before ddcore's own"`
}

type curateRow struct {
	Table   string  `col:"table_name"`
	State   string  `col:"state"`
	Rows    *int64  `col:"n_rows"`
	Seconds float64 `col:"elapsed_seconds"`
}

func curateLake(ctx context.Context, env *Env, a CurateArgs) (*Result, error) {
	if err := lake.Find(ctx, env.Lake); err != nil { // makes nothing
		return nil, err
	}
	rules, err := a.rules()
	if err != nil {
		return nil, err
	}
	w, err := writer(ctx, env, "curate")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	fingerprint, err := curate.Fingerprint(ctx, w.Conn, rules, Version)
	if err != nil {
		return nil, err
	}
	built, err := upToDate(ctx, w, fingerprint)
	if err != nil {
		return nil, err
	}
	if built == nil || a.Force {
		err := w.Transaction(ctx, "curate", message(fingerprint), func() (err error) {
			if err := setUp(ctx, w); err != nil {
				return err
			}
			built, err = curate.Run(ctx, w, env.Options.Workers(), rules, env.tables)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("curate: %w", err)
		}
		source.DropParsed(w.Path)
	}
	rows := make([]curateRow, len(built))
	for i, b := range built {
		rows[i] = curateRow(b)
	}
	return rowsResult(rows)
}

// setUp adds the raw tables that a lake of an earlier version lacks.
func setUp(ctx context.Context, w *lake.Writer) error {
	if made, err := source.HasMade(ctx, w.Conn); made == source.All || err != nil {
		return err
	}
	return source.Setup(ctx, w.Conn)
}

// rules reads the user's patterns, if any, in front of ddcore's own.
func (a CurateArgs) rules() (*runtypes.Rules, error) {
	if a.Patterns == "" {
		return runtypes.Load("", "")
	}
	text, err := os.ReadFile(a.Patterns)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Kind: contract.NotFound, Op: "curate", Target: a.Patterns, Err: errors.New("there is no such patterns file"), Hint: "name a CSV file; the guide's section on W&B runs shows one"}
	case err != nil:
		return nil, &Error{Kind: contract.IO, Op: "read the patterns of", Target: a.Patterns, Err: errors.Unwrap(err)}
	}
	return runtypes.Load(a.Patterns, string(text))
}

func (e *Env) tables(done, total int64, what string) { e.Tell(Progress{done, total, "tables", what}) }

// message carries the fingerprint of a build, so that the next one can tell
// whether anything has changed.
func message(fingerprint string) string { return "curate: inputs " + fingerprint }

// upToDate gives the tables as they are when the last build had the same
// inputs, else nil.
func upToDate(ctx context.Context, w *lake.Writer, fingerprint string) ([]curate.Built, error) {
	last, err := w.Rows(ctx, `SELECT commit_message FROM ducklake_snapshots('lake')
		WHERE commit_message LIKE 'curate: %' ORDER BY snapshot_id DESC LIMIT 1`)
	if err != nil {
		return nil, fmt.Errorf("read the snapshots: %w", err)
	}
	if len(last) == 0 || last[0][0] != message(fingerprint) {
		return nil, nil
	}
	var built []curate.Built
	for _, t := range contract.AllTables() {
		rows, err := curate.CountRows(ctx, w.Conn, t)
		if err != nil {
			return nil, nil //nolint:nilerr // a table was dropped by hand: build it again
		}
		built = append(built, curate.Built{Table: t.Name, State: "up to date", Rows: rows})
	}
	return built, nil
}
