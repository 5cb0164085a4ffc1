// Package ladder reads pretraining curves as W&B exports them for the OLMo
// ladder (arXiv 2412.04403): a CSV file per run, a row per evaluated
// checkpoint, a column per measurement. Columns differ between files; all of
// them hold numbers.
package ladder

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Table is the raw table of the curves.
const Table = "ladder_checkpoints"

// The columns that place a row in its run: one of the first two is there, and
// without tokens the batch size must be.
const (
	Step   = "_step"
	Tokens = "throughput/total_tokens"
	Batch  = "batch_size_in_tokens"
)

// Measured starts the name of a column that holds an evaluation.
const Measured = "eval/"

// fewest is how many evaluations a file must have to be taken for a curve.
const fewest = 3

// ErrColumns says that a file looks like a curve, and why it cannot be read as one.
var ErrColumns = errors.New("the columns do not make a curve")

// Recognise gives the columns of a file of curves; nil says that it is none. An
// error that is ErrColumns says what such a file lacks.
func Recognise(path string) ([]string, error) {
	if filepath.Ext(path) != ".csv" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	columns, err := newReader(f).Read()
	var syntax *csv.ParseError
	if errors.Is(err, io.EOF) || errors.As(err, &syntax) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := 0
	for _, c := range columns {
		if strings.HasPrefix(c, Measured) {
			n++
		}
	}
	if n < fewest {
		return nil, nil
	}
	return columns, check(columns)
}

// check refuses columns that a table cannot hold, or without which a row has no
// place in its run.
func check(columns []string) error {
	seen := map[string]bool{}
	for i, c := range columns {
		switch name := strings.ToLower(c); {
		case c == "":
			return fmt.Errorf("%w: column %d has no name", ErrColumns, i+1)
		case seen[name]:
			return fmt.Errorf("%w: %s stands there twice", ErrColumns, c)
		default:
			seen[name] = true
		}
	}
	if !seen[Tokens] && (!seen[Step] || !seen[Batch]) {
		return fmt.Errorf("%w: there is no %s, nor both %s and %s", ErrColumns, Tokens, Step, Batch)
	}
	return nil
}

// newReader reads records of any length, from behind a byte order mark.
func newReader(r io.Reader) *csv.Reader {
	text := bufio.NewReaderSize(r, 1<<16)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = text.Discard(3)
	}
	out := csv.NewReader(text)
	out.FieldsPerRecord = -1
	return out
}

// number reads a cell. Empty is null; a whole number that a float64 cannot hold
// is refused, for raw keeps what it was given.
func number(cell string) (v float64, isNull bool, err error) {
	cell = strings.TrimSpace(cell)
	if cell == "" {
		return 0, true, nil
	}
	v, err = strconv.ParseFloat(cell, 64)
	switch {
	case err != nil && math.IsInf(v, 0):
		return 0, false, fmt.Errorf("%q is too large", cell)
	case err != nil || strings.ContainsAny(cell, "xX_"): // Go's own spellings
		return 0, false, fmt.Errorf("%q is no number", cell)
	case math.Abs(v) >= 1<<53 && !strings.ContainsAny(cell, ".eEnN"):
		return 0, false, fmt.Errorf("%s is beyond the whole numbers that a DOUBLE holds exactly", cell)
	}
	return v, false, nil
}
