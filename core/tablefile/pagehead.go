package tablefile

import (
	"encoding/binary"
	"errors"
)

// pageHead is what the head of a page says (parquet.thrift, PageHeader).
type pageHead struct {
	kind            int
	raw, compressed int // bytes of the page with and without compression
	values          int // with nulls
	encoding        int
	levels          int // bytes of a version-2 page's levels
	levelEncoding   int // of a version-1 page's definition levels
	isCompressed    bool
}

var errPageHead = errors.New("broken head of a page")

// thriftReader reads Thrift's compact protocol, as far as page heads need it.
type thriftReader struct {
	data []byte
	pos  int
}

// fields shows the fields of a struct: their number and type. visit reads the
// value or skips it.
func (t *thriftReader) fields(visit func(id int16, kind byte)) {
	last := int16(0)
	for {
		head := t.data[t.pos]
		t.pos++
		if head == 0 {
			return
		}
		if delta := int16(head >> 4); delta != 0 {
			last += delta
		} else {
			last = int16(t.integer())
		}
		visit(last, head&0xF)
	}
}

func (t *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(t.data[t.pos:])
	if n <= 0 {
		panic(errPageHead)
	}
	t.pos += n
	return v
}

func (t *thriftReader) integer() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// skip passes over a value.
func (t *thriftReader) skip(kind byte) {
	switch kind {
	case thriftTrue, thriftFalse:
	case 3: // byte
		t.pos++
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case 7: // double
		t.pos += 8
	case thriftBinary:
		n := int(t.uvarint())
		_ = t.data[t.pos : t.pos+n]
		t.pos += n
	case thriftStruct:
		t.fields(func(_ int16, kind byte) { t.skip(kind) })
	default:
		panic(errPageHead) // no page head holds lists or maps
	}
}

// readPageHeader reads the head at the start of data and its length.
func readPageHeader(data []byte) (h pageHead, n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errPageHead
		}
	}()
	t := &thriftReader{data: data}
	h.isCompressed = true
	t.fields(func(id int16, kind byte) {
		switch {
		case id <= 3:
			*[]*int{&h.kind, &h.raw, &h.compressed}[id-1] = int(t.integer())
		case id == 5 || id == 7: // a data page of version 1, a dictionary
			t.fields(func(id int16, kind byte) {
				switch {
				case id == 1:
					h.values = int(t.integer())
				case id == 2:
					h.encoding = int(t.integer())
				case id == 3 && kind == thriftI32:
					h.levelEncoding = int(t.integer())
				default:
					t.skip(kind)
				}
			})
		case id == 8:
			h.version2(t)
		default:
			t.skip(kind)
		}
	})
	known := h.kind == pageDataV1 || h.kind == pageDictionary || h.kind == pageData
	if !known || h.raw < 0 || h.compressed < 0 || h.values < 0 || h.levels < 0 || h.levels > h.compressed || t.pos+h.compressed > len(data) {
		return h, 0, errPageHead
	}
	return h, t.pos, nil
}

func (h *pageHead) version2(t *thriftReader) {
	t.fields(func(id int16, kind byte) {
		switch id {
		case 1:
			h.values = int(t.integer())
		case 4:
			h.encoding = int(t.integer())
		case 5, 6:
			h.levels += int(t.integer())
		case 7:
			h.isCompressed = kind == thriftTrue
		default:
			t.skip(kind)
		}
	})
}
