package curate

import (
	"ddcore/core/tablefile"
)

// blockRows bounds the rows of a page, and of a row group of the wide tables:
// readers take row groups in parallel.
const blockRows = 16384

// blocks is how many pages n rows make.
func blocks(n int) int { return max(1, (n+blockRows-1)/blockRows) }

// share gives the bounds of one of `of` nearly equal parts of n.
func share(n, part, of int) (first, last int) { return n * part / of, n * (part + 1) / of }

// encodeBlocks encodes a column, a page for each block of rows.
func encodeBlocks(e *tablefile.Encoder, values []float64) []tablefile.Chunk {
	out := make([]tablefile.Chunk, blocks(len(values)))
	for i := range out {
		first, last := share(len(values), i, len(out))
		out[i] = e.Floats(values[first:last])
	}
	return out
}

// idPages encodes columns at chosen rows. Most tasks and metrics have the same
// rows: their pages are encoded once and shared.
type idPages struct {
	columns []*column
	e       *tablefile.Encoder
	known   map[idRows][]tablefile.Chunk
}

// idRows is a choice of rows: of rows first … last those whose bit is set, or
// all for no bits.
type idRows struct {
	first, last int
	bits        string
}

func newIDPages(columns []*column, e *tablefile.Encoder) *idPages {
	return &idPages{columns: columns, e: e, known: map[idRows][]tablefile.Chunk{}}
}

// at gives a chunk a column.
func (p *idPages) at(first, last int, bits []byte) []tablefile.Chunk {
	key := idRows{first, last, string(bits)}
	if chunks, ok := p.known[key]; ok {
		return chunks
	}
	rows := make([]int32, 0, last-first)
	for i := range last - first {
		if bits == nil || bits[i/8]>>(i%8)&1 == 1 {
			rows = append(rows, int32(first+i))
		}
	}
	chunks := make([]tablefile.Chunk, len(p.columns))
	for i, c := range p.columns {
		chunks[i] = c.encode(p.e, rows)
	}
	p.known[key] = chunks
	return chunks
}
