// Package tablefile writes Parquet files from columns that are already in
// memory, at close to the speed of a copy: a column is encoded once into a
// Chunk, and a Chunk may be written into any number of row groups. The melted
// tables repeat the same id columns for each of 1,877 metrics; general writers
// hash every one of those values again. (arrow-go's Parquet writer would also
// add 20 MB to each binary: it links compute kernels, Thrift and an HTTP
// client.)
package tablefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Type is a column's Parquet type.
type Type int

// The types that curated tables use.
const (
	Text Type = iota
	Int64
	Float64
	Bool
)

// SQL is the type's name in SQL.
func (t Type) SQL() string {
	return [...]string{Text: "VARCHAR", Int64: "BIGINT", Float64: "DOUBLE", Bool: "BOOLEAN"}[t]
}

// Chunk is one encoded column of some rows. Its values are packed apart from
// where they stand: a column of a wide table, a page of its melted form and a
// column of the long table hold the same values at other places, and share them.
type Chunk struct {
	kind     Type
	n, nulls int
	encoding int
	valid    []byte // a bit a row, least significant first; nil: no nulls
	values   packed
	dict     packed // PLAIN values of the dictionary; empty without one
	dictN    int
	min, max []byte // nil: unknown
}

// packed is a stretch of bytes, compressed where that pays.
type packed struct {
	codec      Codec
	data       []byte
	raw        int // bytes before compression
	compressed bool
}

// Len is the number of rows.
func (c Chunk) Len() int { return c.n }

// Valid tells which rows are no nulls, as bits, the least significant first;
// nil says that all are.
func (c Chunk) Valid() []byte { return c.valid }

// Dense gives the chunk without its nulls.
func (c Chunk) Dense() Chunk {
	c.n, c.nulls, c.valid = c.n-c.nulls, 0, nil
	return c
}

// Among gives the same values at fewer places: kept has a bit for each row that
// stays, as Valid does, and leaves out nulls only.
func (c Chunk) Among(kept []byte) Chunk {
	n := 0
	for _, b := range kept {
		n += bits.OnesCount8(b)
	}
	switch {
	case kept == nil:
		return c
	case n == c.n-c.nulls:
		return c.Dense()
	}
	valid, row := make([]byte, (n+7)/8), 0
	for i := range c.n {
		if kept[i/8]>>(i%8)&1 == 0 {
			continue
		}
		if c.valid == nil || c.valid[i/8]>>(i%8)&1 == 1 {
			valid[row/8] |= 1 << (row % 8)
		}
		row++
	}
	c.nulls -= c.n - n
	c.n, c.valid = n, valid
	return c
}

// Null marks a missing value in a column of float64. It is a NaN with a payload
// that no measurement has: NaNs that were measured are written as math.NaN().
var Null = math.Float64frombits(nullBits)

const nullBits = 0x7FF8_0000_DDC0_0000

// IsNull tells whether v is the marker Null (and not just any NaN).
func IsNull(v float64) bool { return math.Float64bits(v) == nullBits }

// Floats encodes a column of float64, in which Null is a null.
func (e *Encoder) Floats(values []float64) Chunk { return e.floats(values, encodingPlain) }

// SplitFloats encodes as Floats does, with the first bytes of all values before
// all second ones, and so on: of measurements that differ in their last digits
// only, such pages are a third smaller (W&B histories: 30 to 21 bytes a row).
func (e *Encoder) SplitFloats(values []float64) Chunk {
	return e.floats(values, encodingByteStreamSplit)
}

func (e *Encoder) floats(values []float64, encoding int) Chunk {
	c := Chunk{kind: Float64, n: len(values), encoding: encoding}
	if cap(e.values) < 8*len(values) {
		e.values = make([]byte, 8*len(values))
	}
	out, kept := e.values[:8*len(values)], 0
	low, high, hasNaN := math.Inf(1), math.Inf(-1), false
	for i, v := range values {
		b := math.Float64bits(v)
		if b == nullBits {
			c.setNull(i)
			continue
		}
		binary.LittleEndian.PutUint64(out[kept:], b)
		kept += 8
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
		hasNaN = hasNaN || v != v
	}
	e.values = out[:kept]
	// Parquet has no order for NaN: a chunk that holds one carries no bounds, so
	// that no reader skips it.
	if !hasNaN && c.nulls < c.n {
		c.min, c.max = plainFloat(zeroDown(low)), plainFloat(zeroUp(high))
	}
	if encoding == encodingByteStreamSplit {
		e.values, e.spare = split(e.spare, e.values), e.values
	} else if e.codec == Zstd && !repeats(e.values) {
		c.values = packed{codec: e.codec, data: bytes.Clone(e.values), raw: kept}
		return c
	}
	return e.finish(c)
}

// split sorts the bytes of 8-byte values by their place in the value, into the
// memory of out if it is enough.
func split(out, plain []byte) []byte {
	out, n := slices.Grow(out[:0], len(plain))[:len(plain)], len(plain)/8
	for k := range 8 {
		place := out[k*n : (k+1)*n]
		for i := range place {
			place[i] = plain[8*i+k]
		}
	}
	return out
}

// Zero's sign is not ordered in Parquet: a lower bound must be -0, an upper +0.
func zeroDown(v float64) float64 {
	if v == 0 {
		return math.Copysign(0, -1)
	}
	return v
}

func zeroUp(v float64) float64 {
	if v == 0 {
		return 0
	}
	return v
}

// Codes encodes a column by a dictionary: codes index into dict, -1 is null.
func (e *Encoder) Codes(dict Dictionary, codes []int32) Chunk {
	c := Chunk{kind: dict.kind, n: len(codes), encoding: encodingRLEDictionary, dict: e.dictionary(dict), dictN: dict.n}
	kept := e.codes[:0]
	low, high := int32(math.MaxInt32), int32(-1)
	for i, code := range codes {
		if code < 0 {
			c.setNull(i)
			continue
		}
		kept = append(kept, uint32(code))
		low, high = min(low, dict.rank[code]), max(high, dict.rank[code])
	}
	e.codes = kept
	if high >= 0 && dict.ordered {
		c.min, c.max = dict.bound[low], dict.bound[high]
	}
	width := bits.Len(uint(max(dict.n-1, 1)))
	e.values = append(e.values[:0], byte(width))
	e.values = appendRLE(e.values, kept, width)
	return e.finish(c)
}

// Bools encodes a column of booleans; valid may be nil.
func (e *Encoder) Bools(values []bool, valid []bool) Chunk {
	c := Chunk{kind: Bool, n: len(values), encoding: encodingPlain}
	e.values = e.values[:0]
	kept := 0
	for i, v := range values {
		if valid != nil && !valid[i] {
			c.setNull(i)
			continue
		}
		if kept%8 == 0 {
			e.values = append(e.values, 0)
		}
		if v {
			e.values[len(e.values)-1] |= 1 << (kept % 8)
		}
		kept++
	}
	return e.finish(c)
}

// Repeat gives a chunk of n rows that all hold the dictionary's value `code`.
func (e *Encoder) Repeat(dict Dictionary, code int32, n int) Chunk {
	codes := make([]int32, n)
	for i := range codes {
		codes[i] = code
	}
	return e.Codes(dict, codes)
}

// Texts encodes a column of strings as they are; valid may be nil.
func (e *Encoder) Texts(values []string, valid []bool) Chunk {
	c := Chunk{kind: Text, n: len(values), encoding: encodingPlain}
	e.values = e.values[:0]
	for i, v := range values {
		if valid != nil && !valid[i] {
			c.setNull(i)
			continue
		}
		e.values = binary.LittleEndian.AppendUint32(e.values, uint32(len(v)))
		e.values = append(e.values, v...)
	}
	return e.finish(c)
}

// Nulls encodes a column of strings that are all null.
func (e *Encoder) Nulls(n int) Chunk {
	e.values = e.values[:0]
	return e.finish(Chunk{kind: Text, n: n, encoding: encodingPlain, nulls: n, valid: make([]byte, (n+7)/8)})
}

// Plain encodes strings as Texts does, that lie in values as they will in the
// file: each behind its length in four bytes, least first; nothing for a null.
func (e *Encoder) Plain(values []byte, valid []bool) Chunk {
	c := Chunk{kind: Text, n: len(valid), encoding: encodingPlain}
	for i, v := range valid {
		if !v {
			c.setNull(i)
		}
	}
	c.values = e.compress(values)
	return c
}

// Codec is a compression, by the format's number.
type Codec int

// The compressions that are written.
const (
	Snappy Codec = 1
	Zstd   Codec = 6
)

// Encoder holds the buffers of one goroutine.
type Encoder struct {
	codec  Codec
	zstd   *zstd.Encoder
	values []byte
	spare  []byte // memory for the next values
	codes  []uint32
	packed []byte
	dicts  map[*byte]packed // by the first byte of their values
}

// NewEncoder makes an encoder. Zstandard is used at its fastest level.
func NewEncoder(codec Codec) (*Encoder, error) {
	e := &Encoder{codec: codec, dicts: map[*byte]packed{}}
	if codec == Snappy {
		return e, nil
	}
	var err error
	if e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, fmt.Errorf("start Zstandard: %w", err)
	}
	return e, nil
}

// Forget drops the dictionaries that are kept packed for further chunks. An
// encoder that lives longer than a file must forget between files.
func (e *Encoder) Forget() { clear(e.dicts) }

// compress packs bytes into memory of their own.
func (e *Encoder) compress(raw []byte) packed {
	p := packed{codec: e.codec, raw: len(raw), compressed: true}
	if e.codec == Snappy {
		p.data = s2.EncodeSnappy(nil, raw)
		return p
	}
	e.packed = e.zstd.EncodeAll(raw, e.packed[:0])
	p.data = bytes.Clone(e.packed)
	return p
}

// dictionary packs a dictionary's values once, however many chunks use it.
func (e *Encoder) dictionary(dict Dictionary) packed {
	if dict.n == 0 {
		return e.compress(nil)
	}
	p, ok := e.dicts[&dict.plain[0]]
	if !ok {
		p = e.compress(dict.plain)
		e.dicts[&dict.plain[0]] = p
	}
	return p
}

// repeats tells whether Zstandard would find anything in floats: it does in
// those that repeat, as accuracies over ten thousand questions still do; the
// digits of probabilities and log-likelihoods are noise to it, at 300 MB a
// second. A sample spread over all values decides.
func repeats(plain []byte) bool {
	const sample = 512
	n := len(plain) / 8
	if n < 2*sample {
		return true
	}
	seen := make(map[uint64]struct{}, sample)
	for i := range sample {
		seen[binary.LittleEndian.Uint64(plain[n*i/sample*8:])] = struct{}{}
	}
	return len(seen) <= sample-2
}

// setNull marks row i; all rows before the first null are valid.
func (c *Chunk) setNull(i int) {
	if c.valid == nil {
		c.valid = bytes.Repeat([]byte{0xFF}, (c.n+7)/8)
		c.valid[len(c.valid)-1] >>= 8*len(c.valid) - c.n // no bits after the last row
	}
	c.valid[i/8] &^= 1 << (i % 8)
	c.nulls++
}

// finish takes the encoder's values into the chunk.
func (e *Encoder) finish(c Chunk) Chunk {
	c.values = e.compress(e.values)
	return c
}

// levels writes the definition levels of a page: one bit each, of which a
// validity bitmap already is the bit-packed form.
func (c Chunk) levels() []byte {
	if c.valid == nil {
		return append(binary.AppendUvarint(nil, uint64(c.n)<<1), 1)
	}
	return append(binary.AppendUvarint(nil, uint64(len(c.valid))<<1|1), c.valid...)
}

func plainFloat(v float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

// appendRLE writes codes in Parquet's hybrid of run-length and bit packing:
// runs of eight or more become runs, all else is packed in groups of eight.
func appendRLE(out []byte, codes []uint32, width int) []byte {
	for i := 0; i < len(codes); {
		if run := runLength(codes[i:]); run >= 8 {
			out = binary.AppendUvarint(out, uint64(run)<<1)
			out = appendFixed(out, codes[i], (width+7)/8)
			i += run
			continue
		}
		end := packedEnd(codes, i)
		groups := (end - i + 7) / 8
		out = binary.AppendUvarint(out, uint64(groups)<<1|1)
		out = appendPacked(out, codes[i:end], width, groups*8)
		i = end
	}
	return out
}

func runLength(codes []uint32) int {
	n := 1
	for n < len(codes) && codes[n] == codes[0] {
		n++
	}
	return n
}

// packedEnd finds where a packed stretch that starts at i ends: at the next run
// of eight or more that starts a whole number of groups after i, or at the end.
func packedEnd(codes []uint32, i int) int {
	for end := i + 8; end < len(codes); end += 8 {
		if runLength(codes[end:min(end+8, len(codes))]) == 8 {
			return end
		}
	}
	return len(codes)
}

func appendFixed(out []byte, v uint32, size int) []byte {
	for range size {
		out = append(out, byte(v))
		v >>= 8
	}
	return out
}

func appendPacked(out []byte, codes []uint32, width, count int) []byte {
	var acc uint64
	filled := 0
	for i := range count {
		if i < len(codes) {
			acc |= uint64(codes[i]) << filled
		}
		filled += width
		for filled >= 8 {
			out = append(out, byte(acc))
			acc >>= 8
			filled -= 8
		}
	}
	return out
}
