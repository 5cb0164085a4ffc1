package wandb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
}

// blocks shows a file block by block.
type blocks func(ctx context.Context, yield func(block) error) error

// lineBlocks cuts r, of about so many bytes, at the ends of lines.
func lineBlocks(r io.Reader, size int64) blocks {
	room := int(min(blockBytes, size+1)) // one more, to see the end
	return func(ctx context.Context, yield func(block) error) error {
		line := int64(1)
		var carry []byte
		for {
			text, err := readBlock(r, carry, room)
			isLast := errors.Is(err, io.EOF)
			if err != nil && !isLast {
				return err
			}
			cut := len(text)
			if !isLast {
				cut = bytes.LastIndexByte(text, '\n') + 1
			}
			if err := yield(block{text: text[:cut], line: line, isLast: isLast}); err != nil || isLast {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			line += int64(bytes.Count(text[:cut], []byte("\n")))
			carry = text[cut:]
		}
	}
}

// readBlock reads on behind carry, until the block is full and holds the end of
// a line. io.EOF comes with the last block.
func readBlock(r io.Reader, carry []byte, room int) ([]byte, error) {
	text := make([]byte, len(carry), len(carry)+room)
	copy(text, carry)
	for {
		n, err := io.ReadFull(r, text[len(text):cap(text)])
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
		text = append(make([]byte, 0, 2*len(text)), text...)
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
