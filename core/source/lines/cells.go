package lines

import (
	"strconv"

	"ddcore/core/tablefile"
)

// Cells are rows of columns of text and whole numbers: most of a Reader whose
// lines are one row each.
type Cells struct {
	columns []column
	rows    int
}

type column interface {
	put(cell []byte)
	cell(row int) (string, bool)
	Encode(e *tablefile.Encoder) tablefile.Chunk
	Reset()
}

func (p *Packed) put(cell []byte) { p.Add(cell, cell != nil) }

func (p *Packed) cell(row int) (string, bool) { return p.At(row) }

func (t *Ints) put(cell []byte) {
	value, err := strconv.ParseInt(string(cell), 10, 64)
	t.Add(value, err == nil)
}

func (t *Ints) cell(row int) (string, bool) {
	value, ok := t.At(row)
	return strconv.FormatInt(value, 10), ok
}

// NewCells makes room for rows of these columns.
func NewCells(fields []tablefile.Field) Cells {
	c := Cells{columns: make([]column, len(fields))}
	for i, f := range fields {
		if c.columns[i] = new(Packed); f.Type == tablefile.Int64 {
			c.columns[i] = new(Ints)
		}
	}
	return c
}

// Append adds a row; nil is null. Whole numbers come as their digits.
func (c *Cells) Append(row [][]byte) {
	for i, cell := range row {
		c.columns[i].put(cell)
	}
	c.rows++
}

// Placeholder adds a row of nulls, for a line that is rejected.
func (c *Cells) Placeholder() { c.Append(make([][]byte, len(c.columns))) }

// Count is how many rows there are.
func (c *Cells) Count() int { return c.rows }

// Reset makes room for the rows of another block.
func (c *Cells) Reset() {
	for _, column := range c.columns {
		column.Reset()
	}
	c.rows = 0
}

// At gives the text of a cell; ok is false where it is null.
func (c *Cells) At(row, column int) (text string, ok bool) { return c.columns[column].cell(row) }

// Encode gives the columns of a row group.
func (c *Cells) Encode(e *tablefile.Encoder) []tablefile.Chunk {
	chunks := make([]tablefile.Chunk, len(c.columns))
	for i, column := range c.columns {
		chunks[i] = column.Encode(e)
	}
	return chunks
}
