package instances

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads a file line by line in bounded memory.
type lines struct {
	from  pieces
	piece []byte // what of it is not given out yet
	room  []byte // for lines that lie in several pieces; reused from file to file
	n     int64  // of the line given last, from 1
}

var errLongLine = fmt.Errorf("the line is longer than %d MiB", maxLine>>20)

func (l *lines) reset(from pieces) { *l = lines{from: from, room: l.room} }

// next gives a line without its end, valid until the next call; io.EOF after the
// last. A line that is too long gives errLongLine with its beginning, and is
// passed over. hasEnd is false for a last line without a newline.
func (l *lines) next() (line []byte, hasEnd bool, err error) {
	l.room = l.room[:0]
	for {
		part, hasEnd := l.part()
		switch {
		case len(l.room)+len(part) > maxLine:
			l.n++
			head := append(bytes.Clone(l.room[:min(kept, len(l.room))]), part...)
			return head[:kept], true, l.skip(hasEnd)
		case hasEnd && len(l.room) == 0:
			l.n++
			return part, true, nil
		}
		l.room = append(l.room, part...)
		if !hasEnd {
			if l.piece, err = l.from.Next(); err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) || len(l.room) == 0 {
				return nil, false, err
			}
		}
		l.n++
		return l.room, hasEnd, nil
	}
}

const kept = 1 << 10 // bytes of a line that is too long

// part takes what the piece at hand holds of the line at hand.
func (l *lines) part() (part []byte, hasEnd bool) {
	at := bytes.IndexByte(l.piece, '\n')
	if at < 0 {
		part, l.piece = l.piece, nil
		return part, false
	}
	part, l.piece = l.piece[:at], l.piece[at+1:]
	return part, true
}

// skip drops the rest of a line that is too long.
func (l *lines) skip(hasEnd bool) (err error) {
	for !hasEnd {
		if l.piece, err = l.from.Next(); err != nil {
			break // the next call meets it again
		}
		_, hasEnd = l.part()
	}
	return errLongLine
}
