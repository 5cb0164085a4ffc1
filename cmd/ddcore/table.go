package main

import (
	"bufio"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	terminalRows = 40        // rows that a terminal shows
	blockRows    = 1000      // rows that fix the columns' widths
	countedRows  = 1_000_000 // rows that are counted beyond those shown
)

// tableWriter shows rows for people: aligned columns, cut to the terminal. It
// keeps no more than the first rows, from which it takes the widths.
type tableWriter struct {
	out    *bufio.Writer
	note   func(format string, args ...any)
	fields []arrow.Field
	most   int64 // rows to show
	width  int   // columns of the terminal, 0: nothing is cut
	block  [][]string
	layout *layout // nil until the block is full
	rows   int64
}

func (t *tableWriter) batch(b arrow.RecordBatch) error {
	shown := min(b.NumRows(), max(t.most-t.rows, 0))
	for i := range int(shown) {
		row := make([]string, len(t.fields))
		for k, column := range b.Columns() {
			row[k] = display(column, i)
		}
		if err := t.add(row); err != nil {
			return err
		}
	}
	t.rows += b.NumRows()
	if t.rows-countedRows > t.most {
		return errEnough
	}
	return nil
}

func (t *tableWriter) add(row []string) error {
	if t.layout != nil {
		return t.line(row)
	}
	t.block = append(t.block, row)
	if len(t.block) == blockRows {
		return t.flush()
	}
	return nil
}

// flush writes the header and the rows so far.
func (t *tableWriter) flush() error {
	header, rule := make([]string, len(t.fields)), make([]string, len(t.fields))
	for k, f := range t.fields {
		header[k] = printable(f.Name)
	}
	t.layout = fit(t.fields, append(t.block, header), t.width)
	for k, width := range t.layout.widths {
		rule[k] = strings.Repeat("-", width)
	}
	for _, row := range append([][]string{header, rule}, t.block...) {
		if err := t.line(row); err != nil {
			return err
		}
	}
	t.block = nil
	return nil
}

func (t *tableWriter) line(row []string) error {
	var b strings.Builder
	for k, width := range t.layout.widths {
		if k > 0 {
			b.WriteString("  ")
		}
		cell := row[k]
		if t.width > 0 {
			cell = cut(cell, width)
		}
		b.WriteString(pad(cell, width, t.layout.right[k]))
	}
	_, err := t.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

func (t *tableWriter) end() error {
	if t.layout == nil {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if err := t.out.Flush(); err != nil { // before the notes, for people's eyes
		return err
	}
	if hidden := len(t.fields) - len(t.layout.widths); hidden > 0 {
		t.note("… %s more columns, for which the terminal is too narrow; -o csv and -o json give all", thousands(int64(hidden)))
	}
	switch more := t.rows - t.most; {
	case t.rows == 0:
		t.note("no rows")
	case more > countedRows:
		t.note("… more than %s more rows; --max-rows 0 shows all", thousands(countedRows))
	case more > 0:
		t.note("… %s more rows; --max-rows 0 shows all", thousands(more))
	}
	return nil
}

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// layout says how wide the first columns are shown; the others are hidden.
type layout struct {
	widths []int
	right  []bool
}

// fit chooses the widths. Numbers are never cut, text gives way first: each
// column gets what it needs, text no more than narrow; then text gets the rest
// of the line, from the left.
func fit(fields []arrow.Field, rows [][]string, width int) *layout {
	const narrow, gap = 20, 2
	l, wanted := &layout{}, make([]int, len(fields))
	for _, row := range rows {
		for k, cell := range row {
			wanted[k] = max(wanted[k], displayWidth(cell))
		}
	}
	room := math.MaxInt
	if width > 0 {
		room = width + gap
	}
	for k, f := range fields {
		right, least := isNumber(f.Type), wanted[k]
		if !right && width > 0 {
			least = min(least, narrow)
		}
		if room < least+gap && k > 0 {
			break
		}
		room -= least + gap
		l.widths, l.right = append(l.widths, least), append(l.right, right)
	}
	for k := range l.widths {
		more := max(min(wanted[k]-l.widths[k], room), 0)
		l.widths[k] += more
		room -= more
	}
	return l
}
