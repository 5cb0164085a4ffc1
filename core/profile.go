package core

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"ddcore/core/lake"
)

// profile is what drift knows of a table at a snapshot.
type profile struct {
	rows    int64
	names   []string
	columns map[string]columnProfile
}

// columnProfile has no mean where the column holds no finite number.
type columnProfile struct {
	kind     string
	nulls    int64
	mean, sd *float64
}

// schema is the columns of each table of main, with their types, in order.
type schema map[string][][2]string

func schemaOf(ctx context.Context, c *lake.Conn) (schema, error) {
	rows, err := c.Rows(ctx, "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'main' ORDER BY table_name, column_index")
	if err != nil {
		return nil, err
	}
	out := schema{}
	for _, row := range rows {
		name := row[0].(string)
		out[name] = append(out[name], [2]string{row[1].(string), row[2].(string)})
	}
	return out, nil
}

// inventory is what a snapshot has.
type inventory struct {
	columns schema
	empty   map[string]bool
}

func inventoryOf(ctx context.Context, c *lake.Conn) (i inventory, err error) {
	if i.columns, err = schemaOf(ctx, c); err == nil {
		i.empty, err = c.Empty(ctx, "lake")
	}
	return i, err
}

// profile measures a table of main in one pass. DuckDB only decodes: to plan an
// aggregate over each of full_eval's 1,939 columns takes it minutes.
func (i inventory) profile(ctx context.Context, c *lake.Conn, table string) (*profile, error) {
	p, described := &profile{columns: map[string]columnProfile{}}, i.columns[table]
	measured, values := make([]moments, len(described)), make([]string, len(described))
	for i, d := range described {
		p.names = append(p.names, d[0])
		p.columns[d[0]] = columnProfile{kind: d[1]}
		values[i] = valueOf(lake.Ident(d[0]), d[1])
	}
	if i.empty["main."+table] {
		return p, nil
	}
	err := c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		p.rows += int64(chunk.N)
		for i := range measured {
			measured[i].add(chunk.Column(i))
		}
		return nil
	}, "SELECT "+strings.Join(values, ", ")+" FROM lake.main."+lake.Ident(table))
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", table, err)
	}
	for i, name := range p.names {
		column := p.columns[name]
		column.nulls = measured[i].nulls
		column.mean, column.sd = measured[i].result()
		p.columns[name] = column
	}
	return p, nil
}

var numberTypes = []string{"DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "HUGEINT"}

// valueOf gives what is measured of a column, as a DOUBLE; of text only whether
// it is null.
func valueOf(column, kind string) string {
	switch {
	case slices.Contains(numberTypes, kind):
		return column + "::DOUBLE"
	case kind == "BOOLEAN":
		return column + "::INTEGER::DOUBLE"
	default:
		return "CASE WHEN " + column + " IS NOT NULL THEN 'nan'::DOUBLE END"
	}
}

// moments are of the finite values of a column, updated value by value (Welford,
// Technometrics 4, 1962, p. 419).
type moments struct {
	nulls, n   int64
	mean, sum2 float64
}

func (m *moments) add(c lake.Column) {
	for i, v := range c.Float64s() {
		switch {
		case c.IsNull(i):
			m.nulls++
		case v-v == 0: // finite
			m.n++
			step := v - m.mean
			m.mean += step / float64(m.n)
			m.sum2 += step * (v - m.mean)
		}
	}
}

// result gives the mean of at least one value and the standard deviation of at
// least two (n - 1); nil where there is none.
func (m *moments) result() (mean, sd *float64) {
	if m.n > 0 {
		mean = &m.mean
	}
	if m.n > 1 {
		sd = new(math.Sqrt(m.sum2 / float64(m.n-1)))
	}
	return mean, sd
}
