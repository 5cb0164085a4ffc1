package wandb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// blockBytes is how much text becomes a row group: about 30,000 history rows. A
// line that is longer makes a longer block; memory holds a few blocks, whatever
// the length of the file.
const blockBytes = 8 << 20

// block is a part of a file: whole lines, and what cannot be read behind them.
type block struct {
	text   []byte
	line   int64 // number of the first line, from 1
	broken *Reject
	isLast bool
	spare  chan<- []byte // takes the memory of text back, nil: nobody wants it
}

// release gives the block's memory to the next one: fresh memory costs the
// kernel as much as reading the file.
func (b block) release() {
	select {
	case b.spare <- b.text:
	default:
	}
}

// blocks shows a file block by block.
type blocks func(ctx context.Context, yield func(block) error) error

// lineBlocks cuts r, of about so many bytes, at the ends of lines.
func lineBlocks(r io.Reader, size int64) blocks {
	room := int(min(blockBytes, size+1)) // one more, to see the end
	return func(ctx context.Context, yield func(block) error) error {
		line := int64(1)
		var carry []byte
		spare := make(chan []byte, 4)
		for {
			text, err := readBlock(r, carry, room, spare)
			isLast := errors.Is(err, io.EOF)
			if err != nil && !isLast {
				return err
			}
			cut := len(text)
			if !isLast {
				cut = bytes.LastIndexByte(text, '\n') + 1
			}
			lines := int64(bytes.Count(text[:cut], []byte("\n")))
			carry = append(carry[:0], text[cut:]...)
			if err := yield(block{text: text[:cut], line: line, isLast: isLast, spare: spare}); err != nil || isLast {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			line += lines
		}
	}
}

// readBlock reads on behind carry, until the block is full and holds the end of
// a line. io.EOF comes with the last block.
func readBlock(r io.Reader, carry []byte, room int, spare <-chan []byte) ([]byte, error) {
	var text []byte
	select {
	case text = <-spare:
	default:
	}
	text = append(text[:0], carry...)
	for limit := len(carry) + room; ; limit *= 2 {
		text = slices.Grow(text, limit-len(text))
		n, err := io.ReadFull(r, text[len(text):limit])
		fresh := text[len(text) : len(text)+n]
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return text, io.EOF
		case err != nil:
			return nil, fmt.Errorf("read: %w", err)
		case bytes.IndexByte(fresh, '\n') >= 0:
			return text, nil
		}
	}
}

// wholeFile shows a file as one line: a manifest stands on several.
func wholeFile(r io.Reader) blocks {
	return func(_ context.Context, yield func(block) error) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		return yield(block{text: bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), line: 1, isLast: true})
	}
}
