package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"ddcore/core/lake"
	"ddcore/core/source/ladder"
)

// converted is what became of a text file.
type converted struct {
	rejects    []reject
	redactions map[string]int64 // values replaced, by rule
	sha256     string           // of the file, as it was read
}

// convert writes the Parquet file of a text file, and its rejects and counts of
// redactions.
func (a *action) convert(ctx context.Context, w *lake.Writer, threads int) (rejects int64, err error) {
	dir := w.DataDir("raw", a.table.stored())
	temp := filepath.Join(dir, padded(a.id)+"-partial.parquet")
	out, err := a.read(ctx, temp, threads)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, storeError(a.file, cause(err))
	}
	if a.file.sha256 != "" && a.file.sha256 != out.sha256 {
		return 0, invalid(a.file.Path, "is it still being written? wait for its end, then try again", "the file changed while it was read")
	}
	a.file.sha256 = out.sha256
	a.stored = filepath.Join(dir, a.file.storedName(padded(a.id)))
	if err := os.Rename(temp, a.stored); err != nil {
		return 0, storeError(a.file, cause(err))
	}
	if err := writeRejects(ctx, w.Conn, a.id, out.rejects); err != nil {
		return 0, err
	}
	for rule, n := range out.redactions {
		if err := w.Exec(ctx, "INSERT INTO lake.raw.redactions VALUES (?, ?, ?)", a.id, rule, n); err != nil {
			return 0, fmt.Errorf("write counts of redactions: %w", err)
		}
	}
	return int64(len(out.rejects)), nil
}

func (a *action) read(ctx context.Context, to string, threads int) (*converted, error) {
	if a.table.Name == ladder.Table {
		return a.convertLadder(ctx, to)
	}
	return a.convertWandb(ctx, to, threads)
}
