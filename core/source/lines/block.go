// Package lines turns the lines of a text file into the rows of a Parquet file:
// it cuts the file into blocks, has workers take them apart, and writes them in
// order. What a line holds is the business of the sources.
package lines

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// BlockBytes is how much text becomes a row group: about 22,000 history rows. A
// line that is longer makes a longer block; memory holds a few blocks, whatever
// the length of the file. Larger ones take more fresh memory, which costs time;
// those of 4 MB make files that are a fourteenth larger (measured).
const BlockBytes = 6 << 20

// Block is a part of a file: whole lines, and what cannot be read behind them.
type Block struct {
	Text   []byte
	Line   int64  // number of the first line, from 1
	Broken string // why what stands behind the lines cannot be read, or ""
	IsLast bool

	memory *[]byte // of Text, for another block; nil: nobody wants it
}

// memories are those of blocks that were read: fresh memory costs the kernel as
// much as reading the file.
var memories = sync.Pool{New: func() any { return new([]byte) }}

// Release gives the block's memory to another one.
func (b Block) Release() {
	if b.memory != nil {
		*b.memory = b.Text
		memories.Put(b.memory)
	}
}

// Blocks shows a file block by block.
type Blocks func(ctx context.Context, yield func(Block) error) error

// Cut cuts r, of about so many bytes, at the ends of lines. A line of more than
// longest bytes is passed over, and said to be broken; 0 is no bound.
func Cut(r io.Reader, size int64, longest int) Blocks {
	room := int(min(BlockBytes, size+1)) // one more, to see the end
	if longest > 0 {
		room = min(room, longest) // so that only the first line of a block can be too long
	}
	return func(ctx context.Context, yield func(Block) error) error {
		line := int64(1)
		var carry []byte
		for {
			memory := memories.Get().(*[]byte)
			text, err := readBlock(r, append((*memory)[:0], carry...), room, longest)
			b := Block{Text: text, Line: line, IsLast: errors.Is(err, io.EOF), memory: memory}
			if err != nil && !b.IsLast {
				return err
			}
			if end := lineEnd(text); longest > 0 && end > longest {
				b = Block{Text: text[:0], Line: line, Broken: fmt.Sprintf("line %d is longer than %d MB", line, longest>>20), memory: memory}
				behind, err := passLine(r, text[end:])
				if err != nil {
					return err
				}
				carry = append(carry[:0], behind...)
				line++
			} else if !b.IsLast {
				cut := bytes.LastIndexByte(text, '\n') + 1
				b.Text, carry = text[:cut], append(carry[:0], text[cut:]...)
				line += int64(bytes.Count(b.Text, []byte("\n")))
			}
			if err := yield(b); err != nil || b.IsLast {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}

// readBlock reads on behind text, until the block is full and holds the end of
// a line, or is longer than a line may be. io.EOF comes with the last block.
func readBlock(r io.Reader, text []byte, room, longest int) ([]byte, error) {
	if bytes.IndexByte(text, '\n') >= 0 { // lines behind one that was too long
		return text, nil
	}
	for limit := max(room, 2*len(text)); ; limit *= 2 {
		text = withRoom(text, limit)
		n, err := io.ReadFull(r, text[len(text):limit])
		fresh := text[len(text) : len(text)+n]
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return text, io.EOF
		case err != nil:
			return nil, fmt.Errorf("read: %w", err)
		case bytes.IndexByte(fresh, '\n') >= 0, longest > 0 && len(text) > longest:
			return text, nil
		}
	}
}

// withRoom gives b room for n bytes in all. append and slices.Grow write zeros to
// all of it: the kernel does so, too, where memory is touched first.
func withRoom(b []byte, n int) []byte {
	if cap(b) >= n {
		return b
	}
	return append(make([]byte, 0, n), b...)
}

// lineEnd is where the first line of text ends.
func lineEnd(text []byte) int {
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

// passLine reads on behind text to the end of its line, and gives what stands
// behind that.
func passLine(r io.Reader, text []byte) ([]byte, error) {
	buffer := make([]byte, 1<<16)
	for lineEnd(text) == len(text) {
		n, err := r.Read(buffer)
		text = buffer[:n]
		switch {
		case errors.Is(err, io.EOF):
			return text[min(lineEnd(text)+1, n):], nil
		case err != nil:
			return nil, fmt.Errorf("read: %w", err)
		}
	}
	return text[lineEnd(text)+1:], nil
}

// Whole shows a file as one line: a manifest stands on several. Of a file of more
// than longest bytes nothing is read; 0 is no bound.
func Whole(r io.Reader, longest int) Blocks {
	return func(_ context.Context, yield func(Block) error) error {
		from := r
		if longest > 0 {
			from = io.LimitReader(r, int64(longest)+1)
		}
		text, err := io.ReadAll(from)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if longest > 0 && len(text) > longest {
			return yield(Block{Line: 1, Broken: fmt.Sprintf("the record is longer than %d MB", longest>>20), IsLast: true})
		}
		return yield(Block{Text: bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), Line: 1, IsLast: true})
	}
}

// tries is how many lines tell what a file holds: the first ones may be broken.
const tries = 200

// Head shows the first lines of r until one is recognised.
func Head(r *bufio.Reader, recognise func(line []byte) bool) error {
	for range tries {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read: %w", err)
		}
		if recognise(bytes.TrimSpace(line)) || err != nil {
			return nil
		}
	}
	return nil
}
