package core

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/lake"
)

// columnsAtOnce bounds the columns that one join compares: a table may have
// thousands.
const columnsAtOnce = 200

// byGrain joins the rows of both sides by what identifies them. Values are compared
// as SQL's IS DISTINCT FROM does: null and null are equal, NaN and NaN, and no float
// is rounded.
func (c *comparison) byGrain(ctx context.Context, name string, grain, columns []string) error {
	on := make([]string, len(grain))
	for i, g := range grain {
		on[i] = fmt.Sprintf("a.%[1]s IS NOT DISTINCT FROM b.%[1]s", lake.Ident(g))
	}
	values := slices.DeleteFunc(slices.Clone(columns), func(n string) bool { return slices.Contains(grain, n) })
	for first := 0; first == 0 || first < len(values); first += columnsAtOnce {
		group := values[first:min(first+columnsAtOnce, len(values))]
		chosen := joined(append(slices.Clone(grain), group...), lake.Ident)
		from := fmt.Sprintf("(SELECT %[1]s, true AS is_there FROM %[2]s) AS a FULL JOIN (SELECT %[1]s, true AS is_there FROM %[3]s) AS b ON %[4]s",
			chosen, relationIn("lake", name), relationIn("other", name), strings.Join(on, " AND "))
		if first == 0 {
			if err := c.onOneSide(ctx, name, grain, from); err != nil {
				return err
			}
		}
		if err := c.values(ctx, name, grain, group, from); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) onOneSide(ctx context.Context, name string, grain []string, from string) error {
	for _, s := range []struct{ kind, missing, there string }{{"rows removed", "b", "a"}, {"rows added", "a", "b"}} {
		where := s.missing + ".is_there IS NULL"
		n, err := c.count(ctx, "SELECT count(*) FROM "+from+" WHERE "+where)
		if err != nil || n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		examples, err := c.some(ctx, grainText(s.there, grain), from, where, grain, s.there)
		if err != nil {
			return err
		}
		c.tell(name, "", s.kind, n, examples)
	}
	return nil
}

func (c *comparison) values(ctx context.Context, name string, grain, columns []string, from string) error {
	if len(columns) == 0 {
		return nil
	}
	differs := func(column string) string {
		return fmt.Sprintf("a.is_there AND b.is_there AND a.%[1]s IS DISTINCT FROM b.%[1]s", lake.Ident(column))
	}
	counts, err := c.Rows(ctx, "SELECT "+joined(columns, func(n string) string { return "count(*) FILTER (WHERE " + differs(n) + ")" })+" FROM "+from)
	if err != nil {
		return err
	}
	for i, column := range columns {
		n := counts[0][i].(int64)
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%[1]s || ': ' || coalesce(a.%[2]s::VARCHAR, 'null') || ' -> ' || coalesce(b.%[2]s::VARCHAR, 'null')", grainText("a", grain), lake.Ident(column))
		examples, err := c.some(ctx, text, from, differs(column), grain, "a")
		if err != nil {
			return err
		}
		c.tell(name, column, "changed", n, examples)
	}
	return nil
}

// some gives a few examples, the first by the grain.
func (c *comparison) some(ctx context.Context, text, from, where string, grain []string, alias string) (string, error) {
	order := joined(grain, func(g string) string { return alias + "." + lake.Ident(g) })
	return c.examplesOf(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d", text, from, where, order, c.examples))
}

func (c *comparison) examplesOf(ctx context.Context, sql string) (string, error) {
	rows, err := c.Rows(ctx, sql)
	if err != nil {
		return "", err
	}
	return strings.Join(texts(rows), "; "), nil
}

func grainText(alias string, grain []string) string {
	parts := make([]string, len(grain))
	for i, g := range grain {
		parts[i] = fmt.Sprintf("'%s ' || coalesce(%s.%s::VARCHAR, 'null')", strings.ReplaceAll(g, "'", "''"), alias, lake.Ident(g))
	}
	return strings.Join(parts, " || ', ' || ")
}

// wholeRows compares tables of which nobody has said what identifies a row: as bags
// of rows.
func (c *comparison) wholeRows(ctx context.Context, name string, columns []string) error {
	chosen := joined(columns, lake.Ident)
	for _, s := range []struct{ kind, from, less string }{{"rows removed", "lake", "other"}, {"rows added", "other", "lake"}} {
		sql := fmt.Sprintf("(SELECT %[1]s FROM %[2]s EXCEPT ALL SELECT %[1]s FROM %[3]s) AS t", chosen, relationIn(s.from, name), relationIn(s.less, name))
		n, err := c.count(ctx, "SELECT count(*) FROM "+sql)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		examples, err := c.examplesOf(ctx, fmt.Sprintf("SELECT to_json(t)::VARCHAR FROM %s ORDER BY ALL LIMIT %d", sql, c.examples))
		if err != nil {
			return err
		}
		c.tell(name, "", s.kind, n, examples)
	}
	return nil
}
