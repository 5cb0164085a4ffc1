package tablefile

import "encoding/binary"

// thrift writes Thrift's compact protocol, as far as Parquet's metadata needs
// it (apache/parquet-format, parquet.thrift). Fields of a struct must be written
// in rising order.
type thrift struct {
	out  []byte
	last []int16 // the last field of each open struct
}

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

func (t *thrift) field(id int16, kind byte) {
	last := &t.last[len(t.last)-1]
	t.out = append(t.out, byte(id-*last)<<4|kind) // ids here never lie more than 15 apart
	*last = id
}

func (t *thrift) begin() { t.last = append(t.last, 0) }

func (t *thrift) end() {
	t.last = t.last[:len(t.last)-1]
	t.out = append(t.out, 0)
}

// structure writes a struct as a field.
func (t *thrift) structure(id int16, body func()) {
	t.field(id, thriftStruct)
	t.element(body)
}

// element writes a struct without a field's head, as in a list.
func (t *thrift) element(body func()) {
	t.begin()
	body()
	t.end()
}

func (t *thrift) integer(id int16, kind byte, v int64) {
	t.field(id, kind)
	t.zigzag(v)
}

func (t *thrift) zigzag(v int64) { t.out = binary.AppendUvarint(t.out, uint64(v<<1)^uint64(v>>63)) }

// boolean has its value in the field's head.
func (t *thrift) boolean(id int16, v bool) {
	if v {
		t.field(id, thriftTrue)
	} else {
		t.field(id, thriftFalse)
	}
}

func (t *thrift) i16(id int16, v int)   { t.integer(id, thriftI16, int64(v)) }
func (t *thrift) i32(id int16, v int)   { t.integer(id, thriftI32, int64(v)) }
func (t *thrift) i64(id int16, v int64) { t.integer(id, thriftI64, v) }

func (t *thrift) binary(id int16, v []byte) {
	t.field(id, thriftBinary)
	t.bytes(v)
}

func (t *thrift) bytes(v []byte) {
	t.out = binary.AppendUvarint(t.out, uint64(len(v)))
	t.out = append(t.out, v...)
}

// list writes the head of a list field; its n elements follow.
func (t *thrift) list(id int16, kind byte, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.out = append(t.out, byte(n)<<4|kind)
		return
	}
	t.out = append(t.out, 0xF0|kind)
	t.out = binary.AppendUvarint(t.out, uint64(n))
}
