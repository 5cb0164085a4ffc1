package instances

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads a file line by line in bounded memory.
type lines struct {
	from  io.Reader
	room  []byte // reused from file to file
	start int    // of what is not given out yet
	end   int
	atEnd bool
	n     int64 // of the line given last, from 1
	err   error
}

var errLongLine = fmt.Errorf("the line is longer than %d MiB", maxLine>>20)

const firstRoom = 1 << 18

func (l *lines) reset(from io.Reader) {
	if l.room == nil {
		l.room = make([]byte, firstRoom)
	}
	*l = lines{from: from, room: l.room}
}

// next gives a line without its end, valid until the next call; io.EOF after the
// last. A line that is too long gives errLongLine with its beginning, and is
// passed over. hasEnd is false for a last line without a newline.
func (l *lines) next() (line []byte, hasEnd bool, err error) {
	for scanned := l.start; ; {
		if at := bytes.IndexByte(l.room[scanned:l.end], '\n'); at >= 0 {
			line = l.room[l.start : scanned+at]
			l.start = scanned + at + 1
			l.n++
			return line, true, nil
		}
		if l.atEnd {
			if l.err != nil || l.start == l.end {
				return nil, false, cmpErr(l.err)
			}
			line, l.start = l.room[l.start:l.end], l.end
			l.n++
			return line, false, nil
		}
		if l.end-l.start >= maxLine {
			l.n++
			head := bytes.Clone(l.room[l.start : l.start+kept])
			return head, true, l.skip()
		}
		scanned = l.fill()
	}
}

const kept = 1 << 10 // bytes of a line that is too long

func cmpErr(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// fill reads more behind what is there, and gives the position from which on it
// has not been looked at.
func (l *lines) fill() (unseen int) {
	if l.start > 0 {
		copy(l.room, l.room[l.start:l.end])
		l.start, l.end = 0, l.end-l.start
	}
	if l.end == len(l.room) {
		l.room = append(l.room, make([]byte, len(l.room))...)
	}
	unseen = l.end
	n, err := l.from.Read(l.room[l.end:])
	l.end += n
	if err != nil {
		l.atEnd = true
		if !errors.Is(err, io.EOF) {
			l.err = err
		}
	}
	return unseen
}

// skip drops the rest of a line that is too long.
func (l *lines) skip() error {
	for {
		if at := bytes.IndexByte(l.room[l.start:l.end], '\n'); at >= 0 {
			l.start += at + 1
			return errLongLine
		}
		l.start = l.end
		if l.atEnd {
			return errLongLine
		}
		l.fill()
	}
}
