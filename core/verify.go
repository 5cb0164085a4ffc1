package core

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/lake"
)

// VerifyArgs are the arguments of verify.
type VerifyArgs struct {
	Quick bool `json:"quick" help:"look at names, sizes and footers only, and read no file whole"`
}

type verifyRow struct {
	State  string `col:"state"`
	Path   string `col:"path"`
	Detail string `col:"detail"`
}

// exitDamaged is the exit code of verify where a file is missing or damaged.
const exitDamaged = 4

// verify compares the files of all snapshots with what is there.
func verify(ctx context.Context, env *Env, a VerifyArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sums, err := sums(ctx, env, s)
	if err != nil {
		return nil, err
	}
	problems, files, summed, err := s.Verify(ctx, sums, a.Quick, env.bytes)
	if err != nil {
		return nil, err
	}
	var total, wrong int64
	for _, f := range files {
		total += f.Bytes
	}
	rows := make([]verifyRow, 0, len(problems)+1)
	for _, p := range problems {
		rows = append(rows, verifyRow{p.State, p.Path, p.Detail})
		if p.State != lake.Orphan {
			wrong++
		}
	}
	slices.SortFunc(rows, func(x, y verifyRow) int { return strings.Compare(x.State+x.Path, y.State+y.Path) })
	rows = append(rows, verifyRow{"checked", "", fmt.Sprintf("%d files, %d bytes; %d by their SHA-256; %d missing or damaged, %d orphans", len(files), total, summed, wrong, int64(len(problems))-wrong)})
	r, err := rowsResult(rows)
	if err == nil && wrong > 0 {
		r.exit = exitDamaged
	}
	return r, err
}

// sums gives what is known of the files' SHA-256: by a backup's list, a published
// lake's, or the manifest of raw files, for those that are in the lake byte for byte.
func sums(ctx context.Context, env *Env, s *lake.Session) (map[string]string, error) {
	if list, err := readBackup(s); list != nil || err != nil {
		return list.sums(), err
	}
	query := "SELECT regexp_replace(path, '^data/', ''), sha256 FROM lake.published.files"
	if !env.Lake.IsPublished() {
		query = `SELECT 'raw/_' || raw_table || '/' || format('{:09d}', file_id) || '-' || sha256[:12] || '.parquet', sha256
			FROM lake.raw.files AS f
			JOIN __ducklake_metadata_lake.ducklake_data_file AS d ON d.path = format('{:09d}', file_id) || '-' || sha256[:12] || '.parquet' AND d.file_size_bytes = f.n_bytes
			WHERE source = 'hf'`
	}
	rows, err := s.Rows(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r[0].(string)] = r[1].(string)
	}
	return out, nil
}
