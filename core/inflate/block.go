package inflate

import "io"

// block reads a block's header.
func (r *Reader) block() error {
	h, err := r.take(3)
	if err != nil {
		return err
	}
	r.isLast = h&1 == 1
	switch h >> 1 {
	case 0:
		return r.storedHeader()
	case 1:
		r.step = codes
		return r.tables(fixedLitlen[:], fixedDist[:])
	case 2:
		r.step = codes
		return r.dynamic()
	default:
		return r.at(ErrCorrupt)
	}
}

func (r *Reader) storedHeader() error {
	r.toByte()
	n, err := r.take(16)
	if err != nil {
		return err
	}
	inverse, err := r.take(16)
	if err != nil {
		return err
	}
	r.toByte()
	if n != inverse^0xFFFF {
		return r.at(ErrCorrupt)
	}
	r.left, r.step = n, stored
	return nil
}

// The codes' lengths of a fixed block.
var fixedLitlen, fixedDist = func() (litlen [maxLitlen]uint8, dist [maxDist]uint8) {
	for i := range litlen {
		switch {
		case i < 144:
			litlen[i] = 8
		case i < 256:
			litlen[i] = 9
		case i < 280:
			litlen[i] = 7
		default:
			litlen[i] = 8
		}
	}
	for i := range dist {
		dist[i] = 5
	}
	return litlen, dist
}()

func (r *Reader) tables(litlen, dist []uint8) error {
	if !r.order.fill(r.litlen[:], litlenWidth, litlen, litlenSymbols[:]) ||
		!r.order.fill(r.dist[:], distWidth, dist, distSymbols[:]) {
		return r.at(ErrCorrupt)
	}
	pair(&r.litlen)
	return nil
}

// Lengths of codes are coded themselves: 0 to 15 as such, and repetitions.
const (
	nLengths    = 19
	lengthWidth = 7 // bits of their longest code
	repeatLast  = 16
	zeros       = 17
	manyZeros   = 18
)

// lengthOrder is the order in which the codes of lengths are described.
var lengthOrder = [nLengths]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

var lengthSymbols = func() (out [nLengths]uint32) {
	for i := range out {
		out[i] = uint32(i) << 16
	}
	return out
}()

// dynamic reads the tables of a block.
func (r *Reader) dynamic() error {
	h, err := r.take(14)
	if err != nil {
		return err
	}
	nLitlen, nDist, n := h&31+257, h>>5&31+1, h>>10+4
	if nLitlen > 286 || nDist > 30 {
		return r.at(ErrCorrupt)
	}
	var own [nLengths]uint8
	for _, i := range lengthOrder[:n] {
		l, err := r.take(3)
		if err != nil {
			return err
		}
		own[i] = uint8(l)
	}
	var table [1 << lengthWidth]uint32
	if !r.order.fill(table[:], lengthWidth, own[:], lengthSymbols[:]) {
		return r.at(ErrCorrupt)
	}
	var lengths [maxLitlen + maxDist]uint8
	if err := r.lengths(lengths[:nLitlen+nDist], &table); err != nil {
		return err
	}
	return r.tables(lengths[:nLitlen], lengths[nLitlen:nLitlen+nDist])
}

func (r *Reader) lengths(out []uint8, table *[1 << lengthWidth]uint32) error {
	for i := 0; i < len(out); {
		r.load()
		e := table[r.bits&(1<<lengthWidth-1)]
		takes := uint(e & takesMask)
		switch {
		case e&isOther != 0 && r.n >= lengthWidth:
			return r.at(ErrCorrupt)
		case e&isOther != 0 || takes > r.n:
			return io.ErrUnexpectedEOF
		}
		r.bits >>= takes
		r.n -= takes
		symbol := e >> 16
		if symbol < repeatLast {
			out[i] = uint8(symbol)
			i++
			continue
		}
		n, value, err := r.repetition(symbol)
		switch {
		case err != nil:
			return err
		case symbol == repeatLast && i == 0, i+n > len(out):
			return r.at(ErrCorrupt)
		case symbol == repeatLast:
			value = out[i-1]
		}
		for range n {
			out[i] = value
			i++
		}
	}
	return nil
}

// repetition reads how often a length is repeated; the value is 0 but for
// repeatLast.
func (r *Reader) repetition(symbol uint32) (n int, value uint8, err error) {
	switch symbol {
	case repeatLast:
		n, err = r.take(2)
		return n + 3, 0, err
	case zeros:
		n, err = r.take(3)
		return n + 3, 0, err
	default:
		n, err = r.take(7)
		return n + 11, 0, err
	}
}
