package curate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// Check holds a table of the lake against its contract. What Go makes keeps its
// grain and ranges by the way it is made; of a view only the columns are looked at.
func Check(ctx context.Context, c *lake.Conn, t *contract.Table, relation string) error {
	if t.Maker == "" {
		return checkTable(ctx, c, t, relation)
	}
	_, err := checkColumns(ctx, c, t, relation)
	return err
}

// checkTable holds a built relation against its contract: types, grain, ranges.
func checkTable(ctx context.Context, c *lake.Conn, t *contract.Table, relation string) error {
	fields, err := checkColumns(ctx, c, t, relation)
	if err != nil {
		return err
	}
	var tests []string
	for _, f := range fields {
		if bad := rangeTest(f); bad != "" {
			tests = append(tests, fmt.Sprintf("SELECT %s AS problem, %s AS row FROM %s WHERE %s", lake.Quote(f.Name+" is outside "+f.Range()), rowText(t, f.Name), relation, bad))
		}
	}
	for _, g := range t.Grain {
		tests = append(tests, fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s IS NULL", lake.Quote(g+" is null"), rowText(t, g), relation, lake.Ident(g)))
	}
	tests = append(tests, fmt.Sprintf("SELECT 'the same %s twice', %s FROM (SELECT %s FROM %s GROUP BY ALL HAVING count(*) > 1)",
		strings.Join(t.Grain, ", "), rowText(t, ""), idents(t.Grain), relation))
	return report(ctx, c, t, strings.Join(tests, " UNION ALL "))
}

// report runs the tests and turns what they find into one error.
func report(ctx context.Context, c *lake.Conn, t *contract.Table, tests string) error {
	rows, err := c.Rows(ctx, "SELECT problem, count(*), array_to_string(min(row, 3), '; ') FROM ("+tests+") AS t(problem, row) GROUP BY problem ORDER BY problem")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	problem, examples := rows[0][0].(string), strings.Split(rows[0][2].(string), "; ")
	return violation(t, problem, rows[0][1].(int64), examples)
}

func violation(t *contract.Table, problem string, n int64, examples []string) error {
	column, _, _ := strings.Cut(problem, " ")
	examples = examples[:min(3, len(examples))]
	return &contract.Error{
		Kind: contract.Violation, Op: "curate", Target: t.Name, Table: t.Name, Column: column, Rows: examples,
		Err:  fmt.Errorf("%s in %d rows, for example: %s", problem, n, strings.Join(examples, "; ")),
		Hint: "correct the raw file and ingest it again; the former tables are untouched",
	}
}

// checkColumns holds a relation's columns against the contract, and gives what
// they mean.
func checkColumns(ctx context.Context, c *lake.Conn, t *contract.Table, relation string) ([]contract.Field, error) {
	rows, err := c.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+relation+")")
	if err != nil {
		return nil, err
	}
	fields := make([]contract.Field, len(rows))
	for i, r := range rows {
		name, kind := r[0].(string), r[1].(string)
		f, ok := t.Field(name)
		if !ok {
			return nil, fmt.Errorf("column %s is not in the field dictionary", name)
		}
		if f.Type != kind {
			return nil, fmt.Errorf("column %s is %s, its contract says %s", name, kind, f.Type)
		}
		fields[i] = f
	}
	return fields, nil
}

func idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = lake.Ident(n)
	}
	return strings.Join(quoted, ", ")
}

func rangeTest(f contract.Field) string {
	var bad []string
	if f.Min != nil {
		bad = append(bad, fmt.Sprintf("%s < %v", lake.Ident(f.Name), *f.Min-contract.Slack))
	}
	if f.Max != nil {
		bad = append(bad, fmt.Sprintf("(%[1]s > %[2]v AND NOT isnan(%[1]s::DOUBLE))", lake.Ident(f.Name), *f.Max+contract.Slack))
	}
	return strings.Join(bad, " OR ")
}

// rowText names a row by its grain, and shows the column in question.
func rowText(t *contract.Table, column string) string {
	names := t.Grain
	if column != "" && !slices.Contains(names, column) {
		names = append(slices.Clone(names), column)
	}
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = lake.Quote(n+" ") + " || coalesce(" + lake.Ident(n) + "::VARCHAR, 'null')"
	}
	return strings.Join(parts, " || ', ' || ")
}
