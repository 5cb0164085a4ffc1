package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// DiffArgs are the arguments of diff.
type DiffArgs struct {
	Other         string   `json:"other" help:"the lake to compare with; default: the same lake, at other_snapshot"`
	OtherSnapshot *int64   `json:"other_snapshot" help:"compare with this snapshot of the other lake; default: its newest"`
	Tables        []string `json:"tables" help:"the tables: names in main, or schema.name; default: all tables of main, features and predictions"`
	Examples      int64    `json:"examples" help:"the most examples of a difference to give; default: 3"`
}

// diffRow is one difference.
type diffRow struct {
	Schema   string `col:"schema_name"`
	Table    string `col:"table_name"`
	Column   string `col:"column_name"`
	Kind     string `col:"kind"`
	N        int64  `col:"n"`
	Examples string `col:"examples"`
}

// exitDiffers is the exit code of diff, as of diff(1) and cmp(1).
const exitDiffers = 1

func diff(ctx context.Context, env *Env, a DiffArgs) (*Result, error) {
	other, snapshot := env.Lake, lake.Newest
	var err error
	if a.Other != "" {
		if other, err = lake.ParsePlace(a.Other, ""); err != nil {
			return nil, err
		}
	}
	if a.OtherSnapshot != nil {
		if snapshot = *a.OtherSnapshot; snapshot < 0 {
			return nil, &Error{Kind: contract.Invalid, Op: "diff", Err: fmt.Errorf("snapshot %d is negative", snapshot), Hint: "`snapshots` lists the snapshots"}
		}
	}
	if a.Other == "" && a.OtherSnapshot == nil {
		return nil, &Error{Kind: contract.Invalid, Op: "diff", Err: errors.New("there is nothing to compare with"), Hint: "name another lake, or another snapshot with other_snapshot"}
	}
	if a.Examples == 0 {
		a.Examples = 3
	}
	pair, err := lake.ReadPair(ctx, env.Lake, other, env.Snapshot, snapshot, env.Options)
	if err != nil {
		return nil, err
	}
	defer pair.Close()
	c := &comparison{Pair: pair, env: env, examples: a.Examples}
	if err := c.run(ctx, a.Tables); err != nil {
		return nil, err
	}
	return answer(c.found, exitDiffers)
}

// comparison is one call of diff: "lake" is before, "other" after.
type comparison struct {
	*lake.Pair
	env      *Env
	examples int64
	found    []diffRow
	empty    map[string]map[string]bool // the tables without rows, by lake
}

// side is a table of one lake.
type side struct {
	columns map[string]string // name -> type
	names   []string
	isView  bool
}

func (c *comparison) run(ctx context.Context, wanted []string) error {
	before, err := c.tables(ctx, "lake")
	if err != nil {
		return err
	}
	after, err := c.tables(ctx, "other")
	if err != nil {
		return err
	}
	c.empty = map[string]map[string]bool{}
	for _, database := range []string{"lake", "other"} {
		if c.empty[database], err = c.Empty(ctx, database); err != nil {
			return err
		}
	}
	all := map[string]bool{}
	for _, tables := range []map[string]*side{before, after} {
		for name, t := range tables {
			schema, _, _ := strings.Cut(name, ".")
			if len(wanted) == 0 && !t.isView && slices.Contains(publishedSchemas, schema) {
				all[name] = true
			}
		}
	}
	for _, name := range wanted {
		if !strings.Contains(name, ".") {
			name = "main." + name
		}
		if before[name] == nil && after[name] == nil {
			return &Error{Kind: contract.NotFound, Op: "diff", Target: name, Err: errors.New("neither lake has such a table"), Hint: "`tables` lists what a lake holds"}
		}
		all[name] = true
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		c.env.Tell(Progress{int64(i), int64(len(names)), "tables", "comparing " + name})
		if err := c.table(ctx, name, before[name], after[name]); err != nil {
			return fmt.Errorf("compare %s: %w", name, err)
		}
	}
	return nil
}

func (c *comparison) tables(ctx context.Context, database string) (map[string]*side, error) {
	rows, err := c.Rows(ctx, `
		SELECT c.schema_name || '.' || c.table_name, c.column_name, c.data_type, v.view_name IS NOT NULL
		FROM `+columnsAndViews+`
		WHERE c.database_name = ? ORDER BY c.schema_name, c.table_name, c.column_index`, database)
	if err != nil {
		return nil, err
	}
	out := map[string]*side{}
	for _, r := range rows {
		name := r[0].(string)
		if out[name] == nil {
			out[name] = &side{columns: map[string]string{}, isView: r[3].(bool)}
		}
		out[name].columns[r[1].(string)] = r[2].(string)
		out[name].names = append(out[name].names, r[1].(string))
	}
	return out, nil
}

// tell adds a difference.
func (c *comparison) tell(table, column, kind string, n int64, examples string) {
	schema, name, _ := strings.Cut(table, ".")
	c.found = append(c.found, diffRow{schema, name, column, kind, n, examples})
}

func (c *comparison) table(ctx context.Context, name string, before, after *side) error {
	if before == nil || after == nil {
		database, kind := "lake", "table removed"
		if before == nil {
			database, kind = "other", "table added"
		}
		n, err := c.count(ctx, "SELECT count(*) FROM "+relationIn(database, name))
		c.tell(name, "", kind, n, "")
		return err
	}
	var common []string
	for _, column := range before.names {
		switch kind, ok := after.columns[column]; {
		case !ok:
			c.tell(name, column, "column removed", 1, "")
		case kind != before.columns[column]:
			c.tell(name, column, "type", 1, before.columns[column]+" -> "+kind)
		default:
			common = append(common, column)
		}
	}
	for _, column := range after.names {
		if _, ok := before.columns[column]; !ok {
			c.tell(name, column, "column added", 1, "")
		}
	}
	hadNone, hasNone := c.empty["lake"][name], c.empty["other"][name]
	if len(common) == 0 || hadNone && hasNone {
		return nil
	}
	if !hadNone && !hasNone {
		same, err := c.sameRows(ctx, name, common)
		if same || err != nil {
			return err
		}
	}
	if t := contract.FindTable(name); t != nil && containsAll(common, t.Grain) {
		return c.byGrain(ctx, name, t.Grain, common)
	}
	return c.wholeRows(ctx, name, common)
}

// sameRows compares number and sum of 64-bit hashes of the rows, which costs a scan
// and no memory: tables that are equal need no join.
func (c *comparison) sameRows(ctx context.Context, name string, columns []string) (bool, error) {
	sum := func(database string) string {
		return fmt.Sprintf("(SELECT count(*) || ' ' || coalesce(sum(hash(%s)::HUGEINT), 0) FROM %s)", joined(columns, lake.Ident), relationIn(database, name))
	}
	rows, err := c.Rows(ctx, "SELECT "+sum("lake")+" = "+sum("other"))
	if err != nil {
		return false, err
	}
	return rows[0][0].(bool), nil
}

func (c *comparison) count(ctx context.Context, sql string) (int64, error) {
	rows, err := c.Rows(ctx, sql)
	if err != nil {
		return 0, err
	}
	return rows[0][0].(int64), nil
}

func containsAll(names, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(names, w) })
}

// relationIn writes the name of schema.table in one of the two lakes.
func relationIn(database, name string) string {
	schema, table, _ := strings.Cut(name, ".")
	return database + "." + lake.Ident(schema) + "." + lake.Ident(table)
}
