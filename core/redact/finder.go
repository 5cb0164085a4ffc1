package redact

import (
	"bytes"
	"encoding/binary"
)

// finder tells which of many names stand in a text. It looks at three bytes in
// every few, so many that no name lies between them, and at a name's first bytes
// only where these three are of one.
type finder struct {
	names   []name
	step    int
	bits    [finderSize / 64]uint64 // of the hashes of all pieces
	pieces  map[[3]byte][]piece     // where names have three bytes
	present []bool
}

const finderSize = 1 << 14

// piece is a part of a name, written in one of its ways.
type piece struct {
	name   int
	text   string
	offset int
}

func newFinder(names []name) *finder {
	f := &finder{names: names, step: maxStep, pieces: map[[3]byte][]piece{}, present: make([]bool, len(names))}
	for _, n := range names {
		f.step = min(f.step, len(n.text)-2, len(escaped(n.text))-2)
	}
	for i, n := range names {
		f.add(i, n.text)
		if quoted := escaped(n.text); quoted != n.text {
			f.add(i, quoted)
		}
	}
	return f
}

// maxStep bounds the number of pieces of a name.
const maxStep = 8

func (f *finder) add(i int, text string) {
	for offset := range f.step {
		three := [3]byte([]byte(text[offset : offset+3]))
		f.pieces[three] = append(f.pieces[three], piece{i, text, offset})
		h := hash(uint32(three[0]) | uint32(three[1])<<8 | uint32(three[2])<<16)
		f.bits[h/64] |= 1 << (h % 64)
	}
}

// hash is of the lowest three bytes.
func hash(bytes uint32) uint32 { return bytes << 8 * 0x9E3779B1 >> 18 }

// next gives the first place from i on, in steps, where a piece of a name may
// stand, or one so near the end that it cannot tell.
func (f *finder) next(text []byte, i int) int {
	for step := f.step; i+4 <= len(text); i += step {
		if h := hash(binary.LittleEndian.Uint32(text[i:])); f.bits[h/64%uint32(len(f.bits))]>>(h%64)&1 != 0 {
			break
		}
	}
	return i
}

// in gives the names that stand in a text, whatever is around them, in their order.
func (f *finder) in(text []byte) (found []name) {
	if len(f.names) == 0 {
		return nil
	}
	clear(f.present)
	for i := f.next(text, 0); i+3 <= len(text); i = f.next(text, i+f.step) {
		three := [3]byte(text[i:])
		for _, p := range f.pieces[three] {
			if start := i - p.offset; !f.present[p.name] && start >= 0 && bytes.HasPrefix(text[start:], []byte(p.text)) {
				f.present[p.name] = true
			}
		}
	}
	for i, n := range f.names {
		if f.present[i] {
			found = append(found, n)
		}
	}
	return found
}
