package lines

import (
	"slices"

	"ddcore/core/tablefile"
)

// Texts is a column of few distinct texts.
type Texts struct {
	codes  []int32
	values []string
	index  map[string]int32
	last   int32
}

// Add adds a row; not valid is null.
func (t *Texts) Add(value string, valid bool) {
	if !valid {
		t.codes = append(t.codes, -1)
		return
	}
	if len(t.values) == 0 || t.values[t.last] != value {
		code, ok := t.index[value]
		if !ok {
			if t.index == nil {
				t.index = map[string]int32{}
			}
			code = int32(len(t.values))
			t.values = append(t.values, value)
			t.index[value] = code
		}
		t.last = code
	}
	t.codes = append(t.codes, t.last)
}

// Encode gives the column of a row group.
func (t *Texts) Encode(e *tablefile.Encoder) tablefile.Chunk {
	if len(t.values) == 0 {
		return e.Nulls(len(t.codes))
	}
	return e.Codes(tablefile.Texts(t.values), t.codes)
}

// At gives the value of a row; ok is false where it is null.
func (t *Texts) At(row int) (value string, ok bool) {
	if t.codes[row] < 0 {
		return "", false
	}
	return t.values[t.codes[row]], true
}

// Reset forgets the rows and the texts, and keeps memory: the column has been
// encoded.
func (t *Texts) Reset() { *t = Texts{codes: t.codes[:0]} }

// Truncate takes back the rows from n on.
func (t *Texts) Truncate(n int) { t.codes = t.codes[:n] }

// Repeat is a column of one text, "" being null.
func Repeat(e *tablefile.Encoder, value string, n int) tablefile.Chunk {
	if value == "" {
		return e.Nulls(n)
	}
	return e.Repeat(tablefile.Texts([]string{value}), 0, n)
}

// Ints is a column of whole numbers that recur.
type Ints struct {
	codes  []int32
	values []int64
	index  map[int64]int32
}

// Add adds a row; not valid is null.
func (t *Ints) Add(value int64, valid bool) {
	if !valid {
		t.codes = append(t.codes, -1)
		return
	}
	code, ok := t.index[value]
	if !ok {
		if t.index == nil {
			t.index = map[int64]int32{}
		}
		code = int32(len(t.values))
		t.values = append(t.values, value)
		t.index[value] = code
	}
	t.codes = append(t.codes, code)
}

// Encode gives the column of a row group.
func (t *Ints) Encode(e *tablefile.Encoder) tablefile.Chunk {
	if len(t.values) == 0 { // the type does not matter for a column of nulls
		return e.Codes(tablefile.Ints([]int64{0}), t.codes)
	}
	return e.Codes(tablefile.Ints(t.values), t.codes)
}

// At gives the value of a row; ok is false where it is null.
func (t *Ints) At(row int) (value int64, ok bool) {
	if t.codes[row] < 0 {
		return 0, false
	}
	return t.values[t.codes[row]], true
}

// Reset forgets the rows and the numbers, and keeps memory: the column has been
// encoded.
func (t *Ints) Reset() { *t = Ints{codes: t.codes[:0]} }

// Truncate takes back the rows from n on.
func (t *Ints) Truncate(n int) { t.codes = t.codes[:n] }

// Packed is a column of texts that differ, end to end.
type Packed struct {
	Bytes []byte
	ends  []int
	valid []bool
}

// Add adds a row; not valid is null. It doubles the room when it is full: append alone would copy long texts more
// often.
func (p *Packed) Add(text []byte, valid bool) {
	if len(p.Bytes)+len(text) > cap(p.Bytes) {
		p.Bytes = slices.Grow(p.Bytes, len(p.Bytes)+len(text))
	}
	p.Bytes = append(p.Bytes, text...)
	p.End(valid)
}

// End ends a row, whose text was appended to Bytes.
func (p *Packed) End(valid bool) {
	p.ends = append(p.ends, len(p.Bytes))
	p.valid = append(p.valid, valid)
}

// At gives the value of a row; ok is false where it is null.
func (p *Packed) At(row int) (value string, ok bool) {
	start := 0
	if row > 0 {
		start = p.ends[row-1]
	}
	return string(p.Bytes[start:p.ends[row]]), p.valid[row]
}

// Reset keeps the memory: the column has been encoded.
func (p *Packed) Reset() { p.Truncate(0) }

// Truncate takes back the rows from n on.
func (p *Packed) Truncate(n int) {
	p.ends, p.valid = p.ends[:n], p.valid[:n]
	length := 0
	if n > 0 {
		length = p.ends[n-1]
	}
	p.Bytes = p.Bytes[:length]
}

// Encode gives the column of a row group.
func (p *Packed) Encode(e *tablefile.Encoder) tablefile.Chunk {
	return e.EndToEnd(p.Bytes, p.ends, p.valid)
}
