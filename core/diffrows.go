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
	join := func(kind string, columns []string) string {
		chosen := joined(append(slices.Clone(grain), columns...), lake.Ident)
		return fmt.Sprintf(`(SELECT %[1]s, true AS is_there, row_number() OVER (ORDER BY %[5]s) AS "row number" FROM %[2]s) AS a
			%[6]s JOIN (SELECT %[1]s, true AS is_there FROM %[3]s) AS b ON %[4]s`,
			chosen, relationIn("lake", name), relationIn("other", name), strings.Join(on, " AND "), joined(grain, lake.Ident), kind)
	}
	if err := c.onOneSide(ctx, name, grain, join("FULL", nil)); err != nil {
		return err
	}
	if c.empty["lake"][name] || c.empty["other"][name] {
		return nil // nothing to compare
	}
	values := slices.DeleteFunc(slices.Clone(columns), func(n string) bool { return slices.Contains(grain, n) })
	for group := range slices.Chunk(values, columnsAtOnce) {
		if err := c.values(ctx, name, grain, group, join("INNER", group)); err != nil {
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

// values counts the differences column by column, and notes the rows of the first
// ones: with a query for the examples of each column, of which a table may have
// thousands, nearly all time would go into planning.
func (c *comparison) values(ctx context.Context, name string, grain, columns []string, from string) error {
	found, err := c.Rows(ctx, "SELECT "+joined(columns, func(n string) string {
		differs := fmt.Sprintf("a.%[1]s IS DISTINCT FROM b.%[1]s", lake.Ident(n))
		return fmt.Sprintf(`coalesce(count_if(%[1]s), 0)::BIGINT, array_to_string(min(if(%[1]s, a."row number", NULL), %[2]d), ',')`, differs, c.examples)
	})+" FROM "+from)
	if err != nil {
		return err
	}
	var changed, rows []string
	for i, column := range columns {
		if found[0][2*i] != int64(0) {
			changed, rows = append(changed, column), append(rows, found[0][2*i+1].(string))
		}
	}
	if len(changed) == 0 {
		return nil
	}
	texts, err := c.changes(ctx, grain, changed, from, strings.Join(rows, ","))
	if err != nil {
		return err
	}
	for i, column := range columns {
		if n := found[0][2*i].(int64); n > 0 {
			c.tell(name, column, "changed", n, texts.of(column, found[0][2*i+1].(string)))
		}
	}
	return nil
}

// changes are texts of a change, by column and number of the row.
type changes map[[2]string]string

func (c *comparison) changes(ctx context.Context, grain, columns []string, from, numbers string) (changes, error) {
	rows, err := c.Rows(ctx, `SELECT a."row number"::VARCHAR, `+grainText("a", grain)+", "+joined(columns, func(n string) string {
		return fmt.Sprintf("coalesce(a.%[1]s::VARCHAR, 'null') || ' -> ' || coalesce(b.%[1]s::VARCHAR, 'null')", lake.Ident(n))
	})+" FROM "+from+` WHERE a."row number" IN (`+numbers+")")
	if err != nil {
		return nil, err
	}
	out := changes{}
	for _, r := range rows {
		for i, column := range columns {
			out[[2]string{column, r[0].(string)}] = fmt.Sprintf("%v: %v", r[1], r[i+2])
		}
	}
	return out, nil
}

func (c changes) of(column, numbers string) string {
	var texts []string
	for number := range strings.SplitSeq(numbers, ",") {
		texts = append(texts, c[[2]string{column, number}])
	}
	return strings.Join(texts, "; ")
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
