package instances

import (
	"errors"
	"fmt"
	"io"
)

// pieces gives a file piece by piece, none of them empty, each valid until the
// next call; io.EOF after the last. What is read stays where it was unpacked.
type pieces interface {
	Next() ([]byte, error)
}

// stream is what a part unpacks to, all of its files; it fails when more comes
// than a part may hold.
type stream struct {
	from  pieces
	ahead []byte // of the piece at hand
	at    int64  // how much has been taken
}

// peek gives what is left of the piece at hand, or the next one.
func (s *stream) peek() ([]byte, error) {
	if len(s.ahead) > 0 {
		return s.ahead, nil
	}
	piece, err := s.from.Next()
	if err == nil && s.at+int64(len(piece)) > maxPart {
		err = fmt.Errorf("it unpacks to more than %d MiB, no checkpoint does", maxPart>>20)
	}
	if err != nil {
		return nil, err
	}
	s.ahead = piece
	return piece, nil
}

// take gives the next n bytes, or as many of them as lie in one piece.
func (s *stream) take(n int64) ([]byte, error) {
	piece, err := s.peek()
	if err != nil {
		return nil, err
	}
	piece = piece[:min(n, int64(len(piece)))]
	s.ahead = s.ahead[len(piece):]
	s.at += int64(len(piece))
	return piece, nil
}

// Next gives the next piece.
func (s *stream) Next() ([]byte, error) { return s.take(maxPart) }

// Read copies, for what wants an io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	piece, err := s.take(int64(len(b)))
	return copy(b, piece), err
}

// file is the next size bytes of a stream.
type file struct {
	from *stream
	left int64
}

// Next gives the file's next piece; a stream that ends before the file does was
// cut off.
func (f *file) Next() ([]byte, error) {
	if f.left == 0 {
		return nil, io.EOF
	}
	piece, err := f.from.take(f.left)
	f.left -= int64(len(piece))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return piece, err
}

// readPieces reads from an io.Reader.
type readPieces struct {
	from io.Reader
	room []byte
}

func (r *readPieces) Next() ([]byte, error) {
	n, err := io.ReadAtLeast(r.from, r.room, 1)
	return r.room[:n], err
}

// skip passes over all that is left.
func skip(from pieces) error {
	for {
		if _, err := from.Next(); err != nil {
			return notEnd(err)
		}
	}
}

// whole gives all of a file, or its first n bytes and some more.
func whole(from pieces, n int) ([]byte, error) {
	var text []byte
	for len(text) <= n {
		piece, err := from.Next()
		if err != nil {
			return text, notEnd(err)
		}
		text = append(text, piece...)
	}
	return text, nil
}

func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
