package ladder

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"ddcore/core/tablefile"
)

// Reject is a line without a usable row. Row is the row of nulls that stands
// for it in the table.
type Reject struct {
	Row          int64
	Reason, Text string
}

// Outcome is what became of a file.
type Outcome struct {
	Rejects []Reject
	SHA256  string // of the file, as it was read
}

// groupRows bounds the rows that are held in memory.
const groupRows = 1 << 14

// conversion is a file on its way.
type conversion struct {
	columns []string
	values  [][]float64 // [column][row of the group]
	row     int64
	rejects []Reject
	out     *tablefile.File
	encoder *tablefile.Encoder
}

// Convert writes the rows of a file of curves as Parquet: its columns by their
// names, as DOUBLE.
func Convert(ctx context.Context, path, to string) (*Outcome, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	hashed := io.TeeReader(f, sum)
	r := newReader(hashed)
	columns, err := r.Read()
	if err != nil {
		return nil, err
	}
	c := &conversion{columns: append([]string(nil), columns...), values: make([][]float64, len(columns))}
	if c.encoder, err = tablefile.NewEncoder(tablefile.Zstd); err != nil {
		return nil, err
	}
	fields := make([]tablefile.Field, len(columns))
	for i, name := range c.columns {
		fields[i] = tablefile.Field{Name: name, Type: tablefile.Float64}
	}
	if c.out, err = tablefile.Create(to, fields, nil); err != nil {
		return nil, err
	}
	err = c.read(ctx, r)
	if err == nil {
		_, err = io.Copy(io.Discard, hashed)
	}
	if err != nil {
		c.out.Abort()
		return nil, err
	}
	if _, err := c.out.Close(); err != nil {
		return nil, err
	}
	return &Outcome{Rejects: c.rejects, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func (c *conversion) read(ctx context.Context, r *csv.Reader) error {
	for {
		cells, err := r.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return c.flush()
		case errors.As(err, &syntax):
			c.reject(fmt.Sprintf("line %d: %v", syntax.StartLine, syntax.Err), cells)
		case err != nil:
			return err
		default:
			if err := c.add(cells); err != nil {
				line, _ := r.FieldPos(0)
				c.reject(fmt.Sprintf("line %d: %v", line, err), cells)
			}
		}
		c.row++
		if len(c.values[0]) == groupRows {
			if err := errors.Join(ctx.Err(), c.flush()); err != nil {
				return err
			}
		}
	}
}

// add appends a row, whole or not at all.
func (c *conversion) add(cells []string) error {
	if len(cells) != len(c.columns) {
		return fmt.Errorf("it has %d cells, the header %d", len(cells), len(c.columns))
	}
	row := make([]float64, len(cells))
	place := map[string]float64{}
	for i, cell := range cells {
		v, isNull, err := number(cell)
		if err != nil {
			return fmt.Errorf("%s: %w", c.columns[i], err)
		}
		row[i] = v
		if isNull {
			row[i] = tablefile.Null
			continue
		}
		place[c.columns[i]] = v
	}
	if err := checkPlace(place); err != nil {
		return err
	}
	for i, v := range row {
		c.values[i] = append(c.values[i], v)
	}
	return nil
}

// checkPlace refuses a row of which nobody can tell how far its run was.
func checkPlace(place map[string]float64) error {
	for _, name := range []string{Step, Tokens, Batch} {
		if v, ok := place[name]; ok && (v < 0 || v != math.Floor(v) || math.IsInf(v, 0)) {
			return fmt.Errorf("%s is %v, not a whole number from 0 on", name, v)
		}
	}
	_, hasStep := place[Step]
	_, hasTokens := place[Tokens]
	_, hasBatch := place[Batch]
	if !hasTokens && !(hasStep && hasBatch) {
		return fmt.Errorf("%s is empty, and so is %s or %s", Tokens, Step, Batch)
	}
	return nil
}

func (c *conversion) reject(reason string, cells []string) {
	c.rejects = append(c.rejects, Reject{c.row, reason, strings.Join(cells, ",")})
	for i := range c.values {
		c.values[i] = append(c.values[i], tablefile.Null)
	}
}

// flush writes a row group.
func (c *conversion) flush() error {
	n := len(c.values[0])
	if n == 0 {
		return nil
	}
	chunks := make([]tablefile.Chunk, len(c.values))
	for i, v := range c.values {
		chunks[i] = c.encoder.Floats(v)
		c.values[i] = v[:0]
	}
	return c.out.RowGroup(n, chunks)
}
