package inflate

import "math/bits"

// A table is looked up by the next bits of the data, as many as its first part
// is wide; what it gives is an entry:
//
//	bits 0–5    how many bits the symbol takes, with its extra bits
//	bits 8–11   of a length or distance: how many bits its code takes;
//	            of literals: how many there are, 1 or 2
//	bit 14      literals, in bits 16–23 and 24–31
//	bit 15      neither: see below
//	bits 16–31  base of the length or distance
//
// Codes that are wider than the first part lead to an entry isSubtable, of which
// bits 16–31 say where the subtable starts and bits 8–11 how many more bits are
// looked up; its entries count the code from its beginning.
const (
	isLiteral = 1 << 14
	isOther   = 1 << 15

	// Of the others, the rest is 0 for a code that no symbol has.
	isSubtable = isOther | 1<<6
	isEnd      = isOther | 1<<7

	countMask = 3 << 8
	takesMask = 63
)

// The first parts' widths, and sizes that hold all subtables of any complete
// code (by zlib's program enough: 1,334 for 288 symbols, 594 for 32).
const (
	litlenWidth = 10
	distWidth   = 9
	litlenSize  = 1 << 11
	distSize    = 1 << 10
)

type (
	litlenTable [litlenSize]uint32
	distTable   [distSize]uint32
)

const (
	maxLitlen  = 288
	maxDist    = 32
	maxCode    = 15 // bits
	endOfBlock = 256
)

// symbols of a table, as entries without the code's length. Those that the
// format reserves are isOther.
var (
	litlenSymbols = makeLitlen()
	distSymbols   = makeDist()
)

// makeLitlen gives the literals, the end and the lengths of RFC 1951, 3.2.5:
// codes 257 on stand for 3, 4, …, 10 and then for four stretches of 2 lengths,
// four of 4, up to 32; the last one for 258 alone.
func makeLitlen() (out [maxLitlen]uint32) {
	for i := range out {
		switch {
		case i < endOfBlock:
			out[i] = isLiteral | 1<<8 | uint32(i)<<16
		case i == endOfBlock:
			out[i] = isEnd
		case i <= 264:
			out[i] = uint32(i-254) << 16
		case i < 285:
			extra := uint32(i-261) / 4
			out[i] = (3+(4+uint32(i-261)%4)<<extra)<<16 | extra
		case i == 285:
			out[i] = 258 << 16
		default:
			out[i] = isOther
		}
	}
	return out
}

// makeDist gives the distances: 1 to 4 and then two stretches of 2, two of 4, up
// to 8,192.
func makeDist() (out [maxDist]uint32) {
	for i := range out {
		switch {
		case i < 4:
			out[i] = uint32(i+1) << 16
		case i < 30:
			extra := uint32(i-2) / 2
			out[i] = (1+(2+uint32(i)%2)<<extra)<<16 | extra
		default:
			out[i] = isOther
		}
	}
	return out
}

// builder builds tables. It holds the symbols by their codes' lengths.
type builder struct {
	count  [maxCode + 1]int
	sorted [maxLitlen]uint16
}

// sort puts the symbols into the order of their codes, and tells whether the
// lengths make a code: a complete one, or a single bit, or none at all.
func (o *builder) sort(lengths []uint8) bool {
	o.count = [maxCode + 1]int{}
	for _, l := range lengths {
		o.count[l]++
	}
	var next [maxCode + 2]int
	space, used := 1, 0 // codes of the length at hand that are free
	for l := 1; l <= maxCode; l++ {
		space = space<<1 - o.count[l]
		if space < 0 {
			return false
		}
		next[l+1] = next[l] + o.count[l]
		used += o.count[l]
	}
	for symbol, l := range lengths {
		if l > 0 {
			o.sorted[next[l]] = uint16(symbol)
			next[l]++
		}
	}
	return space == 0 || used == 0 || used == 1 && o.count[1] == 1
}

// fill builds a table for codes of the given lengths, of which the first part
// is 1<<width entries.
func (o *builder) fill(table []uint32, width int, lengths []uint8, symbols []uint32) bool {
	if !o.sort(lengths) {
		return false
	}
	for i := range 1 << width {
		table[i] = isOther
	}
	end, prefix, sub := 1<<width, -1, 0 // of the subtables; of the last one, and its width
	code, k := 0, 0
	for l := 1; l <= maxCode; l++ {
		for ; o.count[l] > 0; o.count[l]-- {
			entry := symbols[o.sorted[k]] + uint32(l)
			if entry&(isLiteral|isOther) == 0 {
				entry += uint32(l) << 8
			}
			k++
			low := int(bits.Reverse16(uint16(code))) >> (16 - l) // codes come with their first bit lowest
			code++
			if l <= width {
				put(table[:1<<width], low, l, entry)
				continue
			}
			if at := low & (1<<width - 1); at != prefix {
				prefix, sub = at, o.subWidth(l, width)
				table[at] = isSubtable | uint32(end)<<16 | uint32(sub)<<8
				end += 1 << sub
			}
			put(table[end-1<<sub:end], low>>width, l-width, entry)
		}
		code <<= 1
	}
	return true
}

// put writes an entry wherever the lowest bits are those of a code.
func put(table []uint32, low, length int, entry uint32) {
	for i := low; i < len(table); i += 1 << length {
		table[i] = entry
	}
}

// subWidth is how wide a subtable must be that starts with a code of length l:
// until the codes that are left fill it.
func (o *builder) subWidth(l, width int) int {
	sub := l - width
	for space := 1<<sub - o.count[l]; space > 0 && sub+width < maxCode; {
		sub++
		space = space<<1 - o.count[sub+width]
	}
	return sub
}

// pair joins literals: where the code of a second one lies within the first
// part's width, too, one look gives both. Entries with smaller indexes are read,
// and those are still single.
func pair(table *litlenTable) {
	for i := 1<<litlenWidth - 1; i >= 0; i-- {
		first := table[i]
		second := table[i>>(first&15)]
		if both := first&takesMask + second&takesMask; first&second&isLiteral != 0 && both <= litlenWidth {
			table[i] = isLiteral | 2<<8 | first&(255<<16) | second&(255<<16)<<8 | both
		}
	}
}
