package inflate

import (
	"encoding/binary"
	"io"
	"unsafe"
)

// margin is how much input one round of fast may look at: twice it loads eight
// bytes, and goes on by seven of them at most.
const margin = 16

// maxDistBits is what a distance takes at most: 15 bits of code, 13 behind it.
const maxDistBits = 28

// symbols reads symbols of a block until it ends or the stretch is full.
func (r *Reader) symbols() error {
	if err := r.fast(); err != nil || r.step != codes || r.end >= window+stretch {
		return err
	}
	return r.careful()
}

// fast reads symbols as long as a whole round fits in what is left of the input
// and the stretch. That is what its unchecked reads and writes rest on:
//
//   - input: pos <= len(in)-margin at the start of a round;
//   - output: end < window+stretch at the start of a round, which writes three
//     pairs of literals and a match at most: 6 + 258 bytes, and up to 31 behind
//     it, as 16 are copied at a time, and at least twice. slack holds them;
//   - a match starts at base or behind it.
//
// Once loaded there are 56 bits or more: three looks into the first part of a
// table take 30 and a length 20; a distance takes 28, for which mostly enough are
// left. The bits above the n-th are those of the bytes from pos on, so that
// loading them again changes nothing.
func (r *Reader) fast() error {
	in, out := unsafe.Pointer(unsafe.SliceData(r.in)), unsafe.Pointer(unsafe.SliceData(r.out))
	litlen, dist := &r.litlen, &r.dist
	b, n := r.bits, r.n
	pos, end, base := r.pos, r.end, r.base
	last := len(r.in) - margin
	var err error
	for pos <= last && end < window+stretch {
		b |= load64(in, pos) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56

		e := litlen[b&(1<<litlenWidth-1)]
		if e&isLiteral != 0 {
			put16(out, end, e>>16)
			end += int(e >> 8 & 3)
			b >>= e & takesMask
			n -= uint(e & takesMask)
			e = litlen[b&(1<<litlenWidth-1)]
			if e&isLiteral != 0 {
				put16(out, end, e>>16)
				end += int(e >> 8 & 3)
				b >>= e & takesMask
				n -= uint(e & takesMask)
				e = litlen[b&(1<<litlenWidth-1)]
				if e&isLiteral != 0 {
					put16(out, end, e>>16)
					end += int(e >> 8 & 3)
					b >>= e & takesMask
					n -= uint(e & takesMask)
					continue
				}
			}
		}
		if e&isOther != 0 {
			if e&isSubtable == isSubtable {
				e = litlen[sub(e, b>>litlenWidth)&(litlenSize-1)]
			}
			if e&isLiteral != 0 {
				put16(out, end, e>>16)
				end++
				b >>= e & takesMask
				n -= uint(e & takesMask)
				continue
			}
			if e&isOther != 0 {
				if e&isEnd != isEnd {
					err = ErrCorrupt
					break
				}
				b >>= e & takesMask
				n -= uint(e & takesMask)
				r.endBlock()
				break
			}
		}
		length := int(e>>16) + extra(e, b)
		b >>= e & takesMask
		n -= uint(e & takesMask)

		if n < maxDistBits {
			b |= load64(in, pos) << (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		e = dist[b&(1<<distWidth-1)]
		if e&isOther != 0 {
			if e&isSubtable == isSubtable {
				e = dist[sub(e, b>>distWidth)&(distSize-1)]
			}
			if e&isOther != 0 {
				err = ErrCorrupt
				break
			}
		}
		back := int(e>>16) + extra(e, b)
		b >>= e & takesMask
		n -= uint(e & takesMask)
		if back > end-base {
			err = ErrCorrupt
			break
		}
		to := end
		end += length
		if back >= 16 {
			copy16(out, to, back)
			copy16(out, to+16, back)
			for to += 32; to < end; to += 16 {
				copy16(out, to, back)
			}
			continue
		}
		repeat(out, to, end, back)
	}
	r.bits, r.n, r.pos, r.end = b, n, pos, end
	if err != nil {
		return r.at(err)
	}
	return nil
}

// twoWords are copied through registers; an array would be by a call.
type twoWords struct{ a, b uint64 }

func copy16(out unsafe.Pointer, to, back int) {
	*(*twoWords)(unsafe.Add(out, to)) = *(*twoWords)(unsafe.Add(out, to-back))
}

// repeat copies a match that may overlap itself.
func repeat(out unsafe.Pointer, to, end, back int) {
	if back >= 8 {
		for ; to < end; to += 8 {
			*(*uint64)(unsafe.Add(out, to)) = *(*uint64)(unsafe.Add(out, to-back))
		}
		return
	}
	for ; to < end; to++ {
		*(*byte)(unsafe.Add(out, to)) = *(*byte)(unsafe.Add(out, to-back))
	}
}

// sub gives the place in a subtable.
func sub(e uint32, b uint64) uint64 {
	return uint64(e>>16) + b&(1<<(e>>8&15)-1)
}

// extra gives the number behind the code of a length or distance.
func extra(e uint32, b uint64) int {
	return int(b & (1<<(e&takesMask) - 1) >> (e >> 8 & 15))
}

func load64(p unsafe.Pointer, at int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, at))[:])
}

func put16(p unsafe.Pointer, at int, v uint32) {
	binary.LittleEndian.PutUint16((*[2]byte)(unsafe.Add(p, at))[:], uint16(v))
}

// careful reads one symbol near the end of the data: every bit that it takes is
// one that is there. Too few for any code are too few for the trailer.
func (r *Reader) careful() error {
	r.load()
	e := r.litlen[r.bits&(1<<litlenWidth-1)]
	if e&isSubtable == isSubtable {
		e = r.litlen[sub(e, r.bits>>litlenWidth)&(litlenSize-1)]
	}
	code := r.bits
	if err := r.drop(e); err != nil {
		return err
	}
	switch {
	case e&isLiteral != 0:
		put16(unsafe.Pointer(unsafe.SliceData(r.out)), r.end, e>>16)
		r.end += int(e >> 8 & 3)
		return nil
	case e&isEnd == isEnd:
		r.endBlock()
		return nil
	case e&isOther != 0:
		return r.at(ErrCorrupt)
	}
	length := int(e>>16) + extra(e, code)
	r.load()
	e = r.dist[r.bits&(1<<distWidth-1)]
	if e&isSubtable == isSubtable {
		e = r.dist[sub(e, r.bits>>distWidth)&(distSize-1)]
	}
	code = r.bits
	if err := r.drop(e); err != nil {
		return err
	}
	back := int(e>>16) + extra(e, code)
	if e&isOther != 0 || back > r.end-r.base {
		return r.at(ErrCorrupt)
	}
	for range length {
		r.out[r.end] = r.out[r.end-back]
		r.end++
	}
	return nil
}

// drop takes the bits of an entry.
func (r *Reader) drop(e uint32) error {
	takes := uint(e & takesMask)
	if takes > r.n || e&(isOther|isEnd) == isOther && r.n < maxCode {
		return io.ErrUnexpectedEOF
	}
	r.bits >>= takes
	r.n -= takes
	return nil
}
