// Package inflate reads gzip data that lies whole in memory (RFC 1952, RFC
// 1951), at twice the speed of general readers: these take their input byte by
// byte from an io.Reader and copy their output out of a window. Here eight bytes
// of input are loaded at a time, one look into a table gives up to two literals,
// and the caller reads straight from the window.
package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	window  = 32 << 10  // how far back a match may reach
	stretch = 256 << 10 // of output at a time: what stays in a core's cache until it is read
	// slack is room behind the last stretch's end: what one round of fast may write
	// beyond it.
	slack = 512
)

// Errors of damaged data; data that ends too early gives io.ErrUnexpectedEOF.
// All but the latter say at which byte.
var (
	ErrHeader   = errors.New("no gzip header")
	ErrCorrupt  = errors.New("no valid deflate data")
	ErrChecksum = errors.New("the checksum does not fit the data")
)

// step is what the reader does next.
type step int

const (
	header step = iota // of a gzip member
	block              // header of a block
	stored             // bytes of a block that is not compressed
	codes              // symbols of a block
	trailer
)

// Reader gives the contents of gzip data. Its memory is bounded, whatever the
// data.
type Reader struct {
	in   []byte
	pos  int    // of the next byte to load
	bits uint64 // loaded, the next one lowest; what stands above the n-th is not valid
	n    uint   // how many

	out  []byte // window, stretch and slack
	base int    // matches reach back to here: where the member's contents begin, as far as they are kept
	from int    // from here on out has not been given to the caller
	rest int    // from here on Read has not copied
	end  int    // of the contents

	step   step
	isLast bool // no block of the member follows
	left   int  // bytes of a stored block
	sum    uint32
	summed int // up to here sum reaches
	size   uint32
	err    error

	litlen litlenTable
	dist   distTable
	order  builder
}

// NewReader reads gzip data; several members stand for their contents one after
// the other, as everywhere.
func NewReader(data []byte) *Reader {
	return &Reader{in: data, out: make([]byte, window+stretch+slack)}
}

// Next gives the next bytes of the contents, at least one, in the reader's own
// memory: they are valid until the next call. At the end, which is reached only
// if all checksums fit, it gives io.EOF.
func (r *Reader) Next() ([]byte, error) {
	r.slide()
	for r.err == nil && r.end < window+stretch {
		r.err = r.advance()
	}
	r.addSum()
	given := r.out[r.from:r.end]
	r.from, r.rest = r.end, r.end
	if len(given) == 0 {
		return nil, r.err
	}
	return given, nil
}

// Read copies the contents out.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if r.rest == r.end {
		given, err := r.Next()
		if err != nil {
			return 0, err
		}
		r.rest = r.end - len(given)
	}
	n := copy(b, r.out[r.rest:r.end])
	r.rest += n
	return n, nil
}

// slide makes room for a stretch behind the window.
func (r *Reader) slide() {
	drop := r.end - window
	if drop <= 0 {
		return
	}
	copy(r.out, r.out[drop:r.end])
	r.base = max(r.base-drop, 0)
	r.from, r.end, r.summed = window, window, window
}

// advance does one step; the out is never fuller than a stretch and the slack.
func (r *Reader) advance() error {
	switch r.step {
	case header:
		return r.header()
	case block:
		return r.block()
	case stored:
		return r.stored()
	case codes:
		return r.symbols()
	default:
		return r.trailer()
	}
}

// header reads the header of a member, if one is left.
func (r *Reader) header() error {
	h := r.in[r.pos:]
	if len(h) == 0 && r.pos > 0 {
		return io.EOF
	}
	n, err := headerLength(h)
	if err != nil {
		return r.at(err)
	}
	r.pos += n
	r.bits, r.n = 0, 0
	r.base, r.summed, r.sum, r.size = r.end, r.end, 0, 0
	r.step = block
	return nil
}

// Flags of a gzip header.
const (
	hasSum     = 1 << 1
	hasExtra   = 1 << 2
	hasName    = 1 << 3
	hasComment = 1 << 4
	reserved   = 0xE0
)

func headerLength(h []byte) (int, error) {
	const fixed = 10
	for i, b := range []byte{0x1F, 0x8B, 8} {
		if i < len(h) && h[i] != b {
			return 0, ErrHeader
		}
	}
	if len(h) < fixed {
		return 0, io.ErrUnexpectedEOF
	}
	flags, n := h[3], fixed
	if flags&reserved != 0 {
		return 0, ErrHeader
	}
	if flags&hasExtra != 0 {
		if len(h) < n+2 {
			return 0, io.ErrUnexpectedEOF
		}
		n += 2 + int(binary.LittleEndian.Uint16(h[n:]))
	}
	for _, text := range []byte{hasName, hasComment} {
		for ended := flags&text == 0; !ended; n++ {
			if n >= len(h) {
				return 0, io.ErrUnexpectedEOF
			}
			ended = h[n] == 0
		}
	}
	if flags&hasSum != 0 {
		if len(h) < n+2 {
			return 0, io.ErrUnexpectedEOF
		}
		if uint16(crc32.ChecksumIEEE(h[:n])) != binary.LittleEndian.Uint16(h[n:]) {
			return 0, ErrChecksum
		}
		n += 2
	}
	if len(h) < n {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// trailer compares the member's checksum and length.
func (r *Reader) trailer() error {
	r.toByte()
	if len(r.in)-r.pos < 8 {
		return io.ErrUnexpectedEOF
	}
	r.addSum()
	t := r.in[r.pos:]
	if binary.LittleEndian.Uint32(t) != r.sum || binary.LittleEndian.Uint32(t[4:]) != r.size {
		return r.at(ErrChecksum)
	}
	r.pos += 8
	r.step = header
	return nil
}

func (r *Reader) addSum() {
	r.sum = crc32.Update(r.sum, crc32.IEEETable, r.out[r.summed:r.end])
	r.size += uint32(r.end - r.summed)
	r.summed = r.end
}

// stored copies bytes of a block that is not compressed.
func (r *Reader) stored() error {
	n := copy(r.out[r.end:window+stretch], r.in[r.pos:min(r.pos+r.left, len(r.in))])
	r.pos += n
	r.end += n
	r.left -= n
	switch {
	case r.left == 0:
		r.endBlock()
	case r.pos == len(r.in):
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (r *Reader) endBlock() {
	r.step = block
	if r.isLast {
		r.step = trailer
	}
}

// load fills up the bits: to 56 or more, but at the end of the data.
func (r *Reader) load() {
	r.bits &= 1<<r.n - 1
	for ; r.n < 56 && r.pos < len(r.in); r.n += 8 {
		r.bits |= uint64(r.in[r.pos]) << r.n
		r.pos++
	}
}

// take gives the next bits as a number; n is 16 at most.
func (r *Reader) take(n uint) (int, error) {
	if r.n < n {
		if r.load(); r.n < n {
			return 0, io.ErrUnexpectedEOF
		}
	}
	v := int(r.bits & (1<<n - 1))
	r.bits >>= n
	r.n -= n
	return v, nil
}

// toByte drops the rest of a byte, and gives loaded ones back.
func (r *Reader) toByte() {
	r.pos -= int(r.n / 8)
	r.bits, r.n = 0, 0
}

// at says where in the data an error is.
func (r *Reader) at(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("at byte %d: %w", r.pos-int(r.n/8), err)
}
