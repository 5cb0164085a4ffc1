package wandb

import (
	"slices"

	"ddcore/core/tablefile"
)

// texts is a column of few distinct texts.
type texts struct {
	codes  []int32
	values []string
	index  map[string]int32
	last   int32
}

func (t *texts) add(value string, valid bool) {
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

func (t *texts) encode(e *tablefile.Encoder) tablefile.Chunk {
	if len(t.values) == 0 {
		return nulls(e, len(t.codes))
	}
	return e.Codes(tablefile.Texts(t.values), t.codes)
}

func nulls(e *tablefile.Encoder, n int) tablefile.Chunk {
	return e.Texts(make([]string, n), make([]bool, n))
}

// repeat is a column of one text, "" being null.
func repeat(e *tablefile.Encoder, value string, n int) tablefile.Chunk {
	if value == "" {
		return nulls(e, n)
	}
	return e.Repeat(tablefile.Texts([]string{value}), 0, n)
}

// ints is a column of whole numbers that recur.
type ints struct {
	codes  []int32
	values []int64
	index  map[int64]int32
}

func (t *ints) add(value int64, valid bool) {
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

func (t *ints) encode(e *tablefile.Encoder) tablefile.Chunk {
	if len(t.values) == 0 { // the type does not matter for a column of nulls
		return e.Codes(tablefile.Ints([]int64{0}), t.codes)
	}
	return e.Codes(tablefile.Ints(t.values), t.codes)
}

// packed is a column of texts that differ, end to end.
type packed struct {
	bytes []byte
	ends  []int
	valid []bool
}

// add doubles the room when it is full: append alone would copy long texts more
// often.
func (p *packed) add(text []byte, valid bool) {
	if len(p.bytes)+len(text) > cap(p.bytes) {
		p.bytes = slices.Grow(p.bytes, len(p.bytes)+len(text))
	}
	p.bytes = append(p.bytes, text...)
	p.end(valid)
}

func (p *packed) end(valid bool) {
	p.ends = append(p.ends, len(p.bytes))
	p.valid = append(p.valid, valid)
}

// reset keeps the memory: a block's columns have been encoded.
func (p *packed) reset() { p.truncate(0) }

func (p *packed) truncate(n int) {
	p.ends, p.valid = p.ends[:n], p.valid[:n]
	length := 0
	if n > 0 {
		length = p.ends[n-1]
	}
	p.bytes = p.bytes[:length]
}

func (p *packed) encode(e *tablefile.Encoder) tablefile.Chunk {
	return e.EndToEnd(p.bytes, p.ends, p.valid)
}
