package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// SQLArgs are the arguments of sql.
type SQLArgs struct {
	SQL    string `json:"sql" help:"the query; its tables need no prefix, raw ones are raw.<name>"`
	Params []any  `json:"params" help:"values for the ? in the query"`
}

func query(ctx context.Context, env *Env, a SQLArgs) (*Result, error) {
	if strings.TrimSpace(a.SQL) == "" {
		return nil, &Error{Kind: contract.Invalid, Op: "sql", Err: errors.New("the query is empty"), Hint: "for example: SELECT * FROM recipes"}
	}
	params, err := plain(a.Params)
	if err != nil {
		return nil, err
	}
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	return queryResult(ctx, s, nil, a.SQL, params...)
}

// plain turns JSON values into what a statement can bind.
func plain(values []any) ([]any, error) {
	out := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil, bool, string:
			out[i] = v
		case json.Number:
			n, err := number(v)
			if err != nil {
				return nil, err
			}
			out[i] = n
		default:
			return nil, &Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("value %d is %v", i+1, v), Hint: "pass None, bool, int, float or str"}
		}
	}
	return out, nil
}

func number(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, &Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("the number %s is too large", n)}
	}
	return f, nil
}

// SelectArgs choose rows and columns of one table.
type SelectArgs struct {
	Name    string         `json:"name" help:"the table: a name in main, or schema.name"`
	Filters map[string]any `json:"filters" help:"column = value, or column = list of values"`
	Where   string         `json:"where" help:"a condition in SQL, e.g. step >= 1000"`
	Columns []string       `json:"columns" help:"the columns to give; default: all"`
	OrderBy []string       `json:"order_by" help:"columns to sort by; -name is descending; params sorts by size; default: the table's grain; an empty list: as stored, which is fastest"`
	Limit   int64          `json:"limit" help:"the most rows to give"`
}

func table(ctx context.Context, env *Env, a SelectArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	sql, params, err := a.sql(ctx, s.Conn)
	if err != nil {
		s.Close()
		return nil, err
	}
	return queryResult(ctx, s, contract.FindTable(a.Name), sql, params...)
}

// sql writes the query and its parameters.
func (a SelectArgs) sql(ctx context.Context, c *lake.Conn) (string, []any, error) {
	if a.Limit < 0 {
		return "", nil, &Error{Kind: contract.Invalid, Op: "table", Target: a.Name, Err: fmt.Errorf("limit is %d", a.Limit), Hint: "0 or no limit gives all rows"}
	}
	have, err := columnsOf(ctx, c, a.Name)
	if err != nil {
		return "", nil, err
	}
	chosen := "*"
	if len(a.Columns) > 0 {
		if err := a.known(have, a.Columns); err != nil {
			return "", nil, err
		}
		chosen = joined(a.Columns, lake.Ident)
	}
	conditions, params, err := a.conditions(ctx, c, have)
	if err != nil {
		return "", nil, err
	}
	sql := "SELECT " + chosen + " FROM " + qualified(a.Name)
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	if a.OrderBy == nil {
		sql += a.defaultOrder()
	}
	if len(a.OrderBy) > 0 {
		if err := a.known(have, trimmed(a.OrderBy)); err != nil {
			return "", nil, err
		}
		sql += " ORDER BY " + joined(a.OrderBy, orderTerm)
	}
	if a.Limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", a.Limit)
	}
	return sql, params, nil
}

// defaultOrder sorts curated tables by their grain: DuckDB gives rows of a
// DuckLake in no fixed order. A melted table or a view that is read whole stays
// unsorted, for it has tens or hundreds of millions of rows.
func (a SelectArgs) defaultOrder() string {
	t := contract.FindTable(a.Name)
	if t == nil || (slices.Contains(t.Grain, "metric") || t.Maker == "view") && len(a.Filters) == 0 && a.Where == "" {
		return ""
	}
	return " ORDER BY " + joined(t.Grain, lake.Ident)
}

func (a SelectArgs) conditions(ctx context.Context, c *lake.Conn, have []contract.Field) (sql []string, params []any, err error) {
	names := make([]string, 0, len(a.Filters))
	for name := range a.Filters {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := a.known(have, names); err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		values, isList := a.Filters[name].([]any)
		if !isList {
			values = []any{a.Filters[name]}
		}
		if err := checkNames(name, values); err != nil {
			return nil, nil, err
		}
		bound, err := plain(values)
		if err != nil {
			return nil, nil, err
		}
		column := slices.IndexFunc(have, func(f contract.Field) bool { return f.Name == name })
		if err := a.checkValues(ctx, c, have[column], bound); err != nil {
			return nil, nil, err
		}
		sql = append(sql, condition(name, bound))
		params = append(params, slices.DeleteFunc(bound, func(v any) bool { return v == nil })...)
	}
	if a.Where != "" {
		sql = append(sql, "("+a.Where+")")
	}
	return sql, params, nil
}

func condition(name string, values []any) string {
	var parts []string
	marks := 0
	for _, v := range values {
		if v == nil {
			parts = append(parts, lake.Ident(name)+" IS NULL")
		} else {
			marks++
		}
	}
	if marks > 0 {
		parts = append(parts, lake.Ident(name)+" IN ("+strings.TrimSuffix(strings.Repeat("?, ", marks), ", ")+")")
	}
	if len(parts) == 0 {
		return "false" // an empty list matches nothing, as in pandas
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// orderTerm sorts params by size ('4M' < '150M' < '1B'), all else by value.
func orderTerm(name string) string {
	name, descending := strings.CutPrefix(name, "-")
	term := lake.Ident(name)
	if name == "params" {
		term = "(" + contract.ParamsNumber(term) + ")"
	}
	if descending {
		return term + " DESC NULLS LAST"
	}
	return term + " ASC NULLS LAST"
}

func trimmed(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.TrimPrefix(n, "-")
	}
	return out
}

func joined(names []string, write func(string) string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = write(n)
	}
	return strings.Join(out, ", ")
}

// qualified writes a table's name; a bare name is one of main.
func qualified(name string) string {
	if schema, bare, ok := strings.Cut(name, "."); ok {
		return "lake." + lake.Ident(schema) + "." + lake.Ident(bare)
	}
	return "lake.main." + lake.Ident(name)
}
