package tablefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// ErrUnsupported says that a column is encoded in a way that TextReader does not
// know; a general reader may.
var ErrUnsupported = errors.New("not an encoding that is read here")

// TextChunk says where a column of text lies in a Parquet file: one row group's
// part of it.
type TextChunk struct {
	Offset, Size int64 // of its pages, the dictionary's first
	Rows         int64
	Codec        string // as parquet_metadata names it: UNCOMPRESSED, SNAPPY or ZSTD
	Optional     bool   // it may hold nulls
}

// TextReader reads text columns page by page and shows each value where it lies,
// without a copy: at twice the speed of a reader that makes vectors of them. It
// belongs to one goroutine; its zero value is ready.
type TextReader struct {
	zstd *zstd.Decoder
	page []byte
	dict []byte   // the dictionary page, uncompressed
	ends []uint32 // of the dictionary's values: where each ends in dict
}

// Read shows all values of a chunk, in order; data holds its pages. Null rows
// are shown as "" with isNull. The text is valid until visit returns. Broken
// pages and text that is no UTF-8 are errors.
func (r *TextReader) Read(data []byte, c TextChunk, visit func(row int64, text string, isNull bool) error) (err error) {
	defer func() {
		// Lengths come from the file: an index that they lead astray is an error.
		if p := recover(); p != nil {
			err = fmt.Errorf("broken page: %v", p)
		}
	}()
	r.ends = nil
	var row int64
	for len(data) > 0 && row < c.Rows {
		h, n, err := readPageHeader(data)
		if err != nil {
			return err
		}
		body := data[n : n+h.compressed]
		data = data[n+h.compressed:]
		if h.kind != pageDictionary && row+int64(h.values) > c.Rows {
			return fmt.Errorf("the pages hold more than %d rows", c.Rows)
		}
		if h.kind == pageDictionary {
			if r.dict, err = r.unpack(r.dict, body, h.raw, c.Codec); err != nil {
				return err
			}
			r.indexDictionary(h.values)
			continue
		}
		if row, err = r.dataPage(h, body, c, row, visit); err != nil {
			return err
		}
	}
	if row != c.Rows {
		return fmt.Errorf("the pages hold %d of %d rows", row, c.Rows)
	}
	return nil
}

// What a page can hold at the most: Snappy copies up to 64 bytes by three, and
// no writer makes pages of a gigabyte.
const maxSnappy, maxPage = 64, 1 << 30

// unpack uncompresses into the memory of buffer.
func (r *TextReader) unpack(buffer, body []byte, raw int, codec string) (out []byte, err error) {
	switch codec {
	case "UNCOMPRESSED":
		return append(buffer[:0], body...), nil
	case "SNAPPY":
		if n, err := s2.DecodedLen(body); err != nil || n != raw {
			return nil, fmt.Errorf("broken page: %d bytes instead of %d", n, raw)
		}
		if raw > len(body)*maxSnappy {
			return nil, fmt.Errorf("broken page: %d bytes cannot hold %d", len(body), raw)
		}
		if cap(buffer) < raw {
			buffer = make([]byte, raw)
		}
		out, err = s2.Decode(buffer[:cap(buffer)], body)
	case "ZSTD":
		if r.zstd == nil {
			if r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage)); err != nil {
				return nil, err
			}
		}
		out, err = r.zstd.DecodeAll(body, buffer[:0])
	default:
		return nil, ErrUnsupported
	}
	if err == nil && len(out) != raw {
		err = fmt.Errorf("broken page: %d bytes instead of %d", len(out), raw)
	}
	return out, err
}

func (r *TextReader) indexDictionary(values int) {
	r.ends = make([]uint32, 0, min(values, len(r.dict)/4))
	for at := 0; len(r.ends) < values; {
		at += 4 + int(binary.LittleEndian.Uint32(r.dict[at:]))
		_ = r.dict[:at]
		r.ends = append(r.ends, uint32(at))
	}
}

// word gives value i of the dictionary.
func (r *TextReader) word(i uint32) []byte {
	start := uint32(4)
	if i > 0 {
		start += r.ends[i-1]
	}
	return r.dict[start:r.ends[i]]
}

// dataPage shows a page's values, the first of which is of the given row.
func (r *TextReader) dataPage(h pageHead, body []byte, c TextChunk, row int64, visit func(int64, string, bool) error) (int64, error) {
	var levels []byte
	if h.kind == pageData {
		levels = body[:h.levels]
		body = body[h.levels:]
		if codec := c.Codec; h.isCompressed && codec != "UNCOMPRESSED" {
			page, err := r.unpack(r.page, body, h.raw-h.levels, codec)
			if err != nil {
				return row, err
			}
			r.page, body = page, page
		}
	} else {
		page, err := r.unpack(r.page, body, h.raw, c.Codec)
		if err != nil {
			return row, err
		}
		r.page, body = page, page
		if c.Optional {
			if h.levelEncoding != encodingRLE {
				return row, ErrUnsupported
			}
			n := int(binary.LittleEndian.Uint32(body))
			levels, body = body[4:4+n], body[4+n:]
		}
	}
	valid := hybrid{data: levels, width: 1}
	next, err := r.values(h.encoding, body)
	if err != nil {
		return row, err
	}
	for range h.values {
		if c.Optional && valid.next() == 0 {
			if err := visit(row, "", true); err != nil {
				return row, err
			}
			row++
			continue
		}
		text := next()
		if !utf8.Valid(text) {
			return row, fmt.Errorf("row %d is no UTF-8 text", row)
		}
		if err := visit(row, unsafe.String(unsafe.SliceData(text), len(text)), false); err != nil {
			return row, err
		}
		row++
	}
	return row, nil
}

// values gives a function that reads one value after another.
func (r *TextReader) values(encoding int, body []byte) (func() []byte, error) {
	switch encoding {
	case encodingPlain:
		return func() []byte {
			n := int(binary.LittleEndian.Uint32(body))
			text := body[4 : 4+n : 4+n]
			body = body[4+n:]
			return text
		}, nil
	case encodingPlainDictionary, encodingRLEDictionary:
		if len(body) == 0 { // a page of nulls
			return func() []byte { return r.word(0) }, nil
		}
		if body[0] > 32 {
			return nil, ErrUnsupported
		}
		codes := hybrid{data: body[1:], width: int(body[0])}
		return func() []byte { return r.word(codes.next()) }, nil
	default:
		return nil, ErrUnsupported
	}
}

// hybrid reads numbers in Parquet's hybrid of run-length and bit packing.
type hybrid struct {
	data   []byte
	width  int
	repeat int    // how often value still comes
	value  uint32 // of a run
	packed int    // how many packed numbers are left
	bit    int    // where the next of them starts, in bits
}

func (h *hybrid) next() uint32 {
	if h.repeat == 0 && h.packed == 0 {
		h.start()
	}
	if h.repeat > 0 {
		h.repeat--
		return h.value
	}
	h.packed--
	var v uint64
	for i := range (h.bit%8 + h.width + 7) / 8 {
		v |= uint64(h.data[h.bit/8+i]) << (8 * i)
	}
	v = v >> (h.bit % 8) & (1<<h.width - 1)
	h.bit += h.width
	if h.packed == 0 {
		h.data, h.bit = h.data[(h.bit+7)/8:], 0
	}
	return uint32(v)
}

func (h *hybrid) start() {
	head, n := binary.Uvarint(h.data)
	_ = h.data[n-1] // n <= 0: the data ends here
	h.data = h.data[n:]
	if head&1 == 1 {
		h.packed = int(head>>1) * 8
		return
	}
	h.repeat, h.value = int(head>>1), 0
	size := (h.width + 7) / 8
	for i, b := range h.data[:size] {
		h.value |= uint32(b) << (8 * i)
	}
	h.data = h.data[size:]
	if h.repeat == 0 {
		panic("an empty run")
	}
}
