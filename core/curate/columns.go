package curate

import (
	"context"
	"fmt"
	"math"

	"ddcore/core/lake"
	"ddcore/core/tablefile"
)

// column is one column of a small query, held in memory. Text and integers are
// held as codes into a dictionary.
type column struct {
	name   string
	kind   tablefile.Type
	dict   tablefile.Dictionary
	codes  []int32   // text, integers, and doubles that repeat; -1 is null
	floats []float64 // doubles; tablefile.Null is null
	bools  []bool    // booleans, never null here

	textCode map[string]int32
	texts    []string
	intCode  map[int64]int32
	ints     []int64
}

var kinds = map[string]tablefile.Type{
	"VARCHAR": tablefile.Text, "BIGINT": tablefile.Int64, "DOUBLE": tablefile.Float64, "BOOLEAN": tablefile.Bool,
}

// load reads a query's result into columns, in its order.
func load(ctx context.Context, c *lake.Conn, sql string) ([]*column, error) {
	described, err := c.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+sql+")")
	if err != nil {
		return nil, err
	}
	columns := make([]*column, len(described))
	for i, d := range described {
		kind, ok := kinds[d[1].(string)]
		if !ok {
			return nil, fmt.Errorf("column %v is %v: cast it to VARCHAR, BIGINT, DOUBLE or BOOLEAN", d[0], d[1])
		}
		columns[i] = &column{name: d[0].(string), kind: kind, textCode: map[string]int32{}, intCode: map[int64]int32{}}
	}
	err = c.Chunks(ctx, 1, func(chunk lake.Chunk) error {
		for i, col := range columns {
			col.read(chunk.Column(i), chunk.N)
		}
		return nil
	}, sql)
	for _, col := range columns {
		col.finish()
	}
	return columns, err
}

func (c *column) read(from lake.Column, n int) {
	for i := range n {
		null := from.IsNull(i)
		switch c.kind {
		case tablefile.Text:
			code := int32(-1)
			if !null {
				code = c.textOf(from.String(i))
			}
			c.codes = append(c.codes, code)
		case tablefile.Int64:
			code := int32(-1)
			if !null {
				code = c.intOf(from.Int64s()[i])
			}
			c.codes = append(c.codes, code)
		case tablefile.Bool:
			c.bools = append(c.bools, !null && from.Bools()[i])
		default:
			v := tablefile.Null
			if !null {
				v = from.Float64s()[i]
			}
			c.floats = append(c.floats, v)
		}
	}
}

func (c *column) textOf(s string) int32 {
	code, ok := c.textCode[s]
	if !ok {
		code = int32(len(c.texts))
		s = string(append([]byte(nil), s...)) // the chunk's memory does not last
		c.textCode[s] = code
		c.texts = append(c.texts, s)
	}
	return code
}

func (c *column) intOf(v int64) int32 {
	code, ok := c.intCode[v]
	if !ok {
		code = int32(len(c.ints))
		c.intCode[v] = code
		c.ints = append(c.ints, v)
	}
	return code
}

func (c *column) finish() {
	switch c.kind {
	case tablefile.Text:
		c.dict = tablefile.Texts(c.texts)
	case tablefile.Int64:
		c.dict = tablefile.Ints(c.ints)
	case tablefile.Float64:
		c.codeFloats()
	}
}

// codeFloats gives a column of doubles codes, too, when its values repeat: steps
// and tokens have a few hundred values in all.
func (c *column) codeFloats() {
	index := map[uint64]int32{}
	var values []float64
	codes := make([]int32, len(c.floats))
	for i, v := range c.floats {
		if tablefile.IsNull(v) {
			codes[i] = -1
			continue
		}
		code, ok := index[math.Float64bits(v)]
		if !ok {
			if len(values) > len(c.floats)/4 {
				c.codes = nil
				return
			}
			code = int32(len(values))
			index[math.Float64bits(v)] = code
			values = append(values, v)
		}
		codes[i] = code
	}
	c.codes, c.dict = codes, tablefile.Reals(values)
}

func (c *column) len() int { return max(len(c.codes), len(c.floats), len(c.bools)) }

func (c *column) field() tablefile.Field { return tablefile.Field{Name: c.name, Type: c.kind} }

// encode writes the given rows of the column, or all for nil.
func (c *column) encode(e *tablefile.Encoder, rows []int32) tablefile.Chunk {
	switch c.kind {
	case tablefile.Bool:
		return e.Bools(pick(c.bools, rows), nil)
	default:
		if c.codes == nil {
			return e.Floats(pick(c.floats, rows))
		}
		return e.Codes(c.dict, pick(c.codes, rows))
	}
}

func pick[T any](values []T, rows []int32) []T {
	if rows == nil {
		return values
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}

// number gives a row of a numeric column as a float.
func (c *column) number(row int) float64 {
	if c.kind == tablefile.Float64 {
		return c.floats[row]
	}
	if c.codes[row] < 0 {
		return tablefile.Null
	}
	return float64(c.ints[c.codes[row]])
}

// numbers gives a numeric column as floats.
func (c *column) numbers() []float64 {
	if c.floats != nil {
		return c.floats
	}
	out := make([]float64, len(c.codes))
	for row := range out {
		out[row] = c.number(row)
	}
	return out
}

func (c *column) isNumber() bool { return c.kind == tablefile.Float64 || c.kind == tablefile.Int64 }

func find(columns []*column, name string) *column {
	for _, c := range columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// at gives the chosen rows of a column.
func (c *column) at(rows []int32) *column {
	out := *c
	out.codes, out.floats, out.bools = nil, nil, nil
	if c.bools != nil {
		out.bools = pick(c.bools, rows)
	}
	if c.floats != nil {
		out.floats = pick(c.floats, rows)
	}
	if c.codes != nil {
		out.codes = pick(c.codes, rows)
	}
	return &out
}
