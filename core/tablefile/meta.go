package tablefile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// Numbers of the Parquet format.
const (
	pageDataV1, pageDictionary, pageData           = 0, 2, 3 // data pages of versions 1 and 2
	encodingPlain, encodingRLE                     = 0, 3
	encodingRLEDictionary, encodingPlainDictionary = 8, 2
	encodingByteStreamSplit                        = 9
	repetitionOptional                             = 1
	convertedUTF8                                  = 0
)

// physical gives the format's number of a column's type.
func (k Type) physical() int {
	switch k {
	case Bool:
		return 0
	case Int64:
		return 2
	case Float64:
		return 5
	default:
		return 6 // BYTE_ARRAY
	}
}

// columnMeta is what the footer says of one column of a row group.
type columnMeta struct {
	field                  Field
	codec                  Codec
	encodings              []int
	values                 int
	raw, compressed        int64
	dataOffset, dictOffset int64
	stats                  statistics
}

// groupMeta is one row group.
type groupMeta struct {
	columns []columnMeta
	rows    int
}

// statistics are bounds and null count; nil bounds are unknown.
type statistics struct {
	min, max []byte
	nulls    int64
}

// join takes the bounds of several chunks together; one chunk without bounds
// that is not all null leaves the column without.
func join(chunks []Chunk) statistics {
	var s statistics
	known := true
	for _, c := range chunks {
		s.nulls += int64(c.nulls)
		if c.nulls == c.n {
			continue
		}
		known = known && c.min != nil
		if !known {
			continue
		}
		if s.min == nil || c.less(c.min, s.min) {
			s.min = c.min
		}
		if s.max == nil || c.less(s.max, c.max) {
			s.max = c.max
		}
	}
	if !known {
		s.min, s.max = nil, nil
	}
	return s
}

// less compares two bounds of the chunk's type.
func (c Chunk) less(a, b []byte) bool {
	switch c.kind {
	case Int64:
		return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
	case Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
	default:
		return bytes.Compare(a, b) < 0
	}
}

// dictionaryHeader writes the head of a dictionary page.
func dictionaryHeader(dict packed, values int) []byte {
	var t thrift
	t.element(func() {
		t.i32(1, pageDictionary)
		t.i32(2, dict.raw)
		t.i32(3, len(dict.data))
		t.structure(7, func() {
			t.i32(1, values)
			t.i32(2, encodingPlain)
		})
	})
	return t.out
}

// dataHeader writes the head of a data page of version 2: its levels stay
// uncompressed, and its values need not be compressed.
func dataHeader(c Chunk, levels int) []byte {
	var t thrift
	t.element(func() {
		t.i32(1, pageData)
		t.i32(2, levels+c.values.raw)
		t.i32(3, levels+len(c.values.data))
		t.structure(8, func() {
			t.i32(1, c.n)
			t.i32(2, c.nulls)
			t.i32(3, c.n)
			t.i32(4, c.encoding)
			t.i32(5, levels)
			t.i32(6, 0) // no repetition levels
			t.boolean(7, c.values.compressed)
		})
	})
	return t.out
}

// footer writes the file's metadata.
func footer(fields []Field, groups []*groupMeta, keyValues map[string]string) []byte {
	var rows int64
	for _, g := range groups {
		rows += int64(g.rows)
	}
	var t thrift
	t.element(func() {
		t.i32(1, 2) // version
		t.list(2, thriftStruct, len(fields)+1)
		t.element(func() {
			t.binary(4, []byte("schema"))
			t.i32(5, len(fields))
		})
		for _, f := range fields {
			t.element(func() { f.write(&t) })
		}
		t.i64(3, rows)
		t.list(4, thriftStruct, len(groups))
		for i, g := range groups {
			t.element(func() { g.write(&t, i) })
		}
		if len(keyValues) > 0 {
			writeKeyValues(&t, keyValues)
		}
		t.binary(6, []byte("ddcore"))
		t.list(7, thriftStruct, len(fields)) // column orders: each by its type
		for range fields {
			t.element(func() { t.structure(1, func() {}) })
		}
	})
	return t.out
}

func writeKeyValues(t *thrift, keyValues map[string]string) {
	keys := make([]string, 0, len(keyValues))
	for k := range keyValues {
		keys = append(keys, k)
	}
	slices.Sort(keys) // the same facts give the same bytes
	t.list(5, thriftStruct, len(keys))
	for _, k := range keys {
		t.element(func() {
			t.binary(1, []byte(k))
			t.binary(2, []byte(keyValues[k]))
		})
	}
}

func (f Field) write(t *thrift) {
	t.i32(1, f.Type.physical())
	t.i32(3, repetitionOptional)
	t.binary(4, []byte(f.Name))
	if f.Type == Text {
		t.i32(6, convertedUTF8)
		t.structure(10, func() { t.structure(1, func() {}) }) // logical type STRING
	}
}

func (g *groupMeta) write(t *thrift, ordinal int) {
	var raw, compressed int64
	first := g.columns[0].start()
	t.list(1, thriftStruct, len(g.columns))
	for _, c := range g.columns {
		raw, compressed, first = raw+c.raw, compressed+c.compressed, min(first, c.start())
		t.element(func() {
			t.i64(2, c.start())
			t.structure(3, func() { c.write(t) })
		})
	}
	t.i64(2, raw)
	t.i64(3, int64(g.rows))
	t.i64(5, first)
	t.i64(6, compressed)
	t.i16(7, ordinal)
}

// start is where the column's first page lies.
func (c columnMeta) start() int64 {
	if c.dictOffset > 0 {
		return c.dictOffset
	}
	return c.dataOffset
}

func (c columnMeta) write(t *thrift) {
	t.i32(1, c.field.Type.physical())
	t.list(2, thriftI32, len(c.encodings))
	for _, e := range c.encodings {
		t.zigzag(int64(e))
	}
	t.list(3, thriftBinary, 1)
	t.bytes([]byte(c.field.Name))
	t.i32(4, int(c.codec))
	t.i64(5, int64(c.values))
	t.i64(6, c.raw)
	t.i64(7, c.compressed)
	t.i64(9, c.dataOffset)
	if c.dictOffset > 0 {
		t.i64(11, c.dictOffset)
	}
	t.structure(12, func() {
		t.i64(3, c.stats.nulls)
		if c.stats.min != nil {
			t.binary(5, c.stats.max)
			t.binary(6, c.stats.min)
		}
	})
}
