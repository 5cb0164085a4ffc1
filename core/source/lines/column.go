package lines

import (
	"encoding/binary"

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
	next   int // the code behind the last one
}

// Add adds a row; not valid is null.
func (t *Ints) Add(value int64, valid bool) {
	if !valid {
		t.codes = append(t.codes, -1)
		return
	}
	if t.next < len(t.values) && t.values[t.next] == value { // runs have the same steps in the same order
		t.codes = append(t.codes, int32(t.next))
		t.next++
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
	t.next = int(code) + 1
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

// Packed is a column of texts that differ. Bytes are the values one after
// another, each behind its length, as Parquet has them.
type Packed struct {
	Bytes []byte
	ends  []int
	valid []bool
}

// lengthBytes is what the length of a text takes.
const lengthBytes = 4

// Add adds a row; not valid is null. It doubles the room when it is full: append alone would copy long texts more
// often.
func (p *Packed) Add(text []byte, valid bool) {
	if n := len(p.Bytes) + lengthBytes + len(text); n > cap(p.Bytes) {
		p.Bytes = withRoom(p.Bytes, 2*n)
	}
	p.Start()
	p.Bytes = append(p.Bytes, text...)
	p.End(valid)
}

// Start begins a row, whose text is to be appended to Bytes.
func (p *Packed) Start() { p.Bytes = append(p.Bytes, make([]byte, lengthBytes)...) }

// End ends a row.
func (p *Packed) End(valid bool) {
	start := p.start(len(p.ends))
	if valid {
		binary.LittleEndian.PutUint32(p.Bytes[start:], uint32(len(p.Bytes)-start-lengthBytes))
	} else {
		p.Bytes = p.Bytes[:start]
	}
	p.ends = append(p.ends, len(p.Bytes))
	p.valid = append(p.valid, valid)
}

// start is where a row starts.
func (p *Packed) start(row int) int {
	if row == 0 {
		return 0
	}
	return p.ends[row-1]
}

// At gives the value of a row; ok is false where it is null.
func (p *Packed) At(row int) (value string, ok bool) {
	if !p.valid[row] {
		return "", false
	}
	return string(p.Bytes[p.start(row)+lengthBytes : p.ends[row]]), true
}

// Reset keeps the memory: the column has been encoded.
func (p *Packed) Reset() { p.Truncate(0) }

// Truncate takes back the rows from n on.
func (p *Packed) Truncate(n int) {
	p.Bytes = p.Bytes[:p.start(n)]
	p.ends, p.valid = p.ends[:n], p.valid[:n]
}

// Encode gives the column of a row group.
func (p *Packed) Encode(e *tablefile.Encoder) tablefile.Chunk {
	return e.Plain(p.Bytes, p.valid)
}
