package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// DriftArgs are the arguments of drift.
type DriftArgs struct {
	Since       *int64   `json:"since" help:"the snapshot to compare with; default: the one before the newest"`
	Tables      []string `json:"tables" help:"tables of main; default: all but views, which hold no rows of their own"`
	MaxRowsLost *float64 `json:"max_rows_lost" help:"the share of its rows that a table may lose; default: 0"`
	MaxNulls    *float64 `json:"max_nulls" help:"by how much the share of nulls in a column may grow; default: 0.05"`
	MaxShift    *float64 `json:"max_shift" help:"by how many of its standard deviations a column's mean may move; default: 1"`
}

// driftRow is a difference between two snapshots of a table or column.
type driftRow struct {
	Table    string   `col:"table_name"`
	Column   *string  `col:"column_name"`
	Check    string   `col:"check"`
	Before   *string  `col:"before"`
	After    *string  `col:"after"`
	Change   *float64 `col:"change"`
	Limit    *float64 `col:"limit"`
	IsBreach bool     `col:"is_breach"`
}

// drift compares the curated tables of two snapshots: schema, rows, nulls,
// means. It gives what differs, and whether that is more than the limits allow.
func drift(ctx context.Context, env *Env, a DriftArgs) (*Result, error) {
	limits, err := a.limits()
	if err != nil {
		return nil, err
	}
	after, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	since, err := a.since(ctx, after)
	if err != nil {
		return nil, err
	}
	before, err := lake.Read(ctx, env.Lake, since, env.Options)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	was, err := inventoryOf(ctx, before.Conn)
	if err != nil {
		return nil, err
	}
	is, err := inventoryOf(ctx, after.Conn)
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx, after, since, was.columns, is.columns)
	if err != nil {
		return nil, err
	}
	var found []driftRow
	for i, name := range names {
		env.Tell(Progress{int64(i), int64(len(names)), "tables", "comparing " + name})
		if was.columns[name] == nil || is.columns[name] == nil {
			found = append(found, madeOrGone(name, is.columns[name] != nil))
			continue
		}
		past, err := was.profile(ctx, before.Conn, name)
		if err != nil {
			return nil, err
		}
		now, err := is.profile(ctx, after.Conn, name)
		if err != nil {
			return nil, err
		}
		found = append(found, limits.compare(name, past, now)...)
	}
	return rowsResult(found)
}

// touchedSince gives the tables of main whose rows or columns may differ: DuckLake
// knows which files came and went.
func touchedSince(ctx context.Context, s *lake.Session, since int64) ([]string, error) {
	newest, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	const m = "__ducklake_metadata_lake.ducklake_"
	rows, err := s.Rows(ctx, fmt.Sprintf(`
		WITH change AS (
			SELECT table_id, begin_snapshot, end_snapshot FROM %[1]stable
			UNION ALL SELECT table_id, begin_snapshot, end_snapshot FROM %[1]scolumn
			UNION ALL SELECT table_id, begin_snapshot, end_snapshot FROM %[1]sdata_file
			UNION ALL SELECT table_id, begin_snapshot, end_snapshot FROM %[1]sdelete_file)
		SELECT DISTINCT t.table_name FROM %[1]stable AS t JOIN %[1]sschema AS s USING (schema_id) JOIN change USING (table_id)
		WHERE s.schema_name = 'main' AND (change.begin_snapshot BETWEEN %[2]d AND %[3]d OR change.end_snapshot BETWEEN %[2]d AND %[3]d)
		ORDER BY ALL`, m, since+1, newest))
	return texts(rows), err
}

// limits fills in those that are not given, and refuses negative ones.
func (a DriftArgs) limits() (driftLimits, error) {
	l := driftLimits{rows: orDefault(a.MaxRowsLost, 0), nulls: orDefault(a.MaxNulls, 0.05), shift: orDefault(a.MaxShift, 1)}
	if least := min(l.rows, l.nulls, l.shift); least < 0 {
		return l, &Error{Kind: contract.Invalid, Op: "drift", Target: "limits", Err: fmt.Errorf("%g is negative", least), Hint: "a limit is a number from 0 on"}
	}
	return l, nil
}

func orDefault(value *float64, otherwise float64) float64 {
	if value == nil {
		return otherwise
	}
	return *value
}

func (a DriftArgs) since(ctx context.Context, s *lake.Session) (int64, error) {
	newest, err := s.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	since := newest - 1
	if a.Since != nil {
		since = *a.Since
	}
	if since < 0 || since >= newest {
		return 0, &Error{Kind: contract.Invalid, Op: "drift", Target: "since", Err: fmt.Errorf("snapshot %d is not before snapshot %d", since, newest), Hint: "`snapshots` lists the snapshots"}
	}
	return since, nil
}

// names are the tables to compare: those that were asked for, of either snapshot,
// or all that have changed.
func (a DriftArgs) names(ctx context.Context, s *lake.Session, since int64, was, is schema) ([]string, error) {
	if a.Tables == nil {
		return touchedSince(ctx, s, since)
	}
	all := append(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is))...)
	slices.Sort(all)
	all = slices.Compact(all)
	for _, name := range a.Tables {
		if !slices.Contains(all, name) {
			return nil, &Error{Kind: contract.NotFound, Op: "drift", Target: name, Err: errors.New("neither snapshot has such a curated table"), Hint: contract.NearNames(name, all)}
		}
	}
	return a.Tables, nil
}

// driftLimits are what may change without being a breach.
type driftLimits struct{ rows, nulls, shift float64 }

func madeOrGone(table string, isThere bool) driftRow {
	if isThere {
		return driftRow{Table: table, Check: "table", After: new("there")}
	}
	return driftRow{Table: table, Check: "table", Before: new("there"), IsBreach: true}
}

func (l driftLimits) compare(table string, was, is *profile) (found []driftRow) {
	add := func(column, check, before, after string, change, limit *float64, breach bool) {
		found = append(found, driftRow{table, orNull(column), check, orNull(before), orNull(after), change, limit, breach})
	}
	if was.rows != is.rows {
		change := float64(is.rows-was.rows) / max(float64(was.rows), 1)
		add("", "rows", fmt.Sprint(was.rows), fmt.Sprint(is.rows), &change, new(0-l.rows), change < -l.rows)
	}
	for _, name := range union(was.names, is.names) {
		before, hadIt := was.columns[name]
		after, hasIt := is.columns[name]
		switch {
		case !hadIt:
			add(name, "column", "", after.kind, nil, nil, false)
		case !hasIt:
			add(name, "column", before.kind, "", nil, nil, true)
		case before.kind != after.kind:
			add(name, "type", before.kind, after.kind, nil, nil, true)
		default:
			l.compareColumn(name, before, after, was.rows, is.rows, add)
		}
	}
	return found
}

func (l driftLimits) compareColumn(name string, before, after columnProfile, rowsBefore, rowsAfter int64, add func(column, check, before, after string, change, limit *float64, breach bool)) {
	if rowsBefore == 0 || rowsAfter == 0 {
		return // told by its rows
	}
	was, is := float64(before.nulls)/float64(rowsBefore), float64(after.nulls)/float64(rowsAfter)
	if was != is {
		change := is - was
		add(name, "nulls", shortest(was), shortest(is), &change, &l.nulls, change > l.nulls)
	}
	if before.mean == nil || after.mean == nil {
		return
	}
	shift := math.Abs(*after.mean - *before.mean)
	if shift <= 1e-12*math.Abs(*before.mean) { // the order of summing
		return
	}
	if before.sd == nil { // one value: nothing to measure by
		add(name, "mean", shortest(*before.mean), shortest(*after.mean), nil, nil, false)
		return
	}
	change := shift / *before.sd // a constant that changes has moved infinitely far
	add(name, "mean", shortest(*before.mean), shortest(*after.mean), &change, &l.shift, change > l.shift)
}

func shortest(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// union gives the names of both, in the order of the later one, then of those gone.
func union(before, after []string) []string {
	out := slices.Clone(after)
	for _, name := range before {
		if !slices.Contains(after, name) {
			out = append(out, name)
		}
	}
	return out
}
