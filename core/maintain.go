package core

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

type compactRow struct {
	Schema string `col:"schema_name"`
	Table  string `col:"table_name"`
	Before int64  `col:"n_files_before"`
	After  int64  `col:"n_files_after"`
}

// existing opens a lake that is there for writing.
func existing(ctx context.Context, env *Env, verb string) (*lake.Writer, error) {
	if err := lake.Find(ctx, env.Lake); err != nil { // makes nothing
		return nil, err
	}
	return writer(ctx, env, verb)
}

// compact merges small files, all tables in one transaction.
func compact(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	w, err := existing(ctx, env, "compact")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	tables, err := w.Compactable(ctx)
	if err != nil || len(tables) == 0 {
		return rowsOr([]compactRow{}, err)
	}
	var rows []compactRow
	err = w.Transaction(ctx, "compact", fmt.Sprintf("compact: %d tables", len(tables)), func() error {
		for i, t := range tables {
			env.tables(int64(i), int64(len(tables)), "compacting "+t[1])
			c, err := w.Compact(ctx, t[0], t[1])
			if err != nil {
				return err
			}
			if c.Before > 0 {
				rows = append(rows, compactRow(c))
			}
		}
		return nil
	})
	return rowsOr(rows, err)
}

func rowsOr[T any](rows []T, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	return rowsResult(rows)
}

// ExpireArgs are the arguments of expire.
type ExpireArgs struct {
	Keep      int64  `json:"keep" help:"how many of the newest snapshots stay; default: 1"`
	OlderThan string `json:"older_than" help:"only snapshots made longer ago than this: a number of days or hours, e.g. 30d or 12h"`
}

type expireRow struct {
	Snapshots int64 `col:"n_snapshots"`
	Kept      int64 `col:"n_kept"`
	Files     int64 `col:"n_files"`
}

// expire forgets snapshots, and deletes what only they knew.
func expire(ctx context.Context, env *Env, a ExpireArgs) (*Result, error) {
	if a.Keep == 0 && a.OlderThan == "" {
		return nil, &Error{Kind: contract.Invalid, Op: "expire", Err: fmt.Errorf("which snapshots is not said"), Hint: "say how many to keep, or older_than, e.g. 30d"}
	}
	if a.Keep < 0 {
		return nil, &Error{Kind: contract.Invalid, Op: "expire", Err: fmt.Errorf("keep is %d", a.Keep), Hint: "the newest snapshot always stays"}
	}
	var after *time.Time
	if a.OlderThan != "" {
		age, err := parseAge("expire", a.OlderThan)
		if err != nil {
			return nil, err
		}
		after = new(time.Now().Add(-age))
	}
	w, err := existing(ctx, env, "expire")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	expired, files, err := w.Expire(ctx, a.Keep, after)
	if err != nil {
		return nil, err
	}
	kept, err := w.Rows(ctx, "SELECT count(*) FROM ducklake_snapshots('lake')")
	if err != nil {
		return nil, err
	}
	return rowsResult([]expireRow{{int64(len(expired)), kept[0][0].(int64), files}})
}

// parseAge reads "30d" or "12h".
func parseAge(verb, text string) (time.Duration, error) {
	days, isDays := strings.CutSuffix(text, "d")
	var age time.Duration
	var err error
	if isDays {
		age, err = time.ParseDuration(days + "h")
		age *= 24
	} else {
		age, err = time.ParseDuration(text)
	}
	if err != nil || age < 0 {
		return 0, &Error{Kind: contract.Invalid, Op: verb, Err: fmt.Errorf("%q is no age", text), Hint: "for example 30d or 12h"}
	}
	return age, nil
}

// CleanArgs are the arguments of clean.
type CleanArgs struct {
	OlderThan string `json:"older_than" help:"in a shared lake, only files older than this, for others may be writing; default: 7d"`
	DryRun    bool   `json:"dry_run" help:"only list the files"`
}

type cleanRow struct {
	Path string `col:"path"`
}

// clean deletes files that no snapshot knows.
func clean(ctx context.Context, env *Env, a CleanArgs) (*Result, error) {
	if a.OlderThan == "" {
		a.OlderThan = "7d"
	}
	age, err := parseAge("clean", a.OlderThan)
	if err != nil {
		return nil, err
	}
	w, err := existing(ctx, env, "clean")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	paths, err := w.Orphans(ctx, time.Now().Add(-age), a.DryRun)
	if err != nil {
		return nil, err
	}
	rows := make([]cleanRow, len(paths))
	for i, p := range paths {
		rows[i] = cleanRow{p}
	}
	return rowsResult(rows)
}
