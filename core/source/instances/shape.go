package instances

import (
	"fmt"
	"strings"

	"ddcore/core/jsontext"
)

// shape remembers how the objects of one kind were written: the text from one
// value to the next, key included, is the same on almost every line, and then
// one comparison takes the place of reading it.
type shape struct {
	fields map[string]int // by key
	gaps   []gap
}

type gap struct {
	text  string
	key   string
	field int
}

// Fields that are none.
const (
	unknown = -1
	ended   = -2
)

func newShape(members []member) shape {
	s := shape{fields: map[string]int{}}
	for i, m := range members {
		s.fields[m.name] = i
	}
	return s
}

// next reads on from position i, where the object's value k-1 ended (or the
// object starts, for k = 0), to the start of its value k.
func (s *shape) next(b []byte, text string, i, k int) (g *gap, pos int, err error) {
	if k < len(s.gaps) && strings.HasPrefix(text[i:], s.gaps[k].text) {
		// White space goes on where this writer leaves more of it.
		if pos = i + len(s.gaps[k].text); pos == len(text) || text[pos] > ' ' {
			return &s.gaps[k], pos, nil
		}
	}
	return s.read(b, i, k)
}

func (s *shape) read(b []byte, start, k int) (g *gap, pos int, err error) {
	i := jsontext.Space(b, start)
	switch {
	case i == len(b):
		return nil, i, jsontext.ErrTorn
	case k == 0 && b[i] != '{':
		return nil, i, fmt.Errorf("at byte %d: expected an object", i)
	case k > 0 && b[i] != ',' && b[i] != '}':
		return nil, i, fmt.Errorf("at byte %d: expected a comma or }", i)
	}
	if k == 0 {
		i = jsontext.Space(b, i+1)
	}
	if i < len(b) && b[i] == '}' {
		return s.remember(k, gap{text: string(b[start : i+1]), field: ended}), i + 1, nil
	}
	if k > 0 {
		i = jsontext.Space(b, i+1)
	}
	if i == len(b) {
		return nil, i, jsontext.ErrTorn
	}
	if b[i] != '"' {
		return nil, i, fmt.Errorf("at byte %d: expected a key", i)
	}
	end, err := jsontext.String(b, i)
	if err != nil {
		return nil, i, err
	}
	written := b[i+1 : end-1]
	key, ok := jsontext.Unquote(written)
	if !ok {
		key = string(written)
	}
	if i = jsontext.Space(b, end); i == len(b) || b[i] != ':' {
		if i == len(b) {
			return nil, i, jsontext.ErrTorn
		}
		return nil, i, fmt.Errorf("at byte %d: expected a colon", i)
	}
	i = jsontext.Space(b, i+1)
	read := gap{text: string(b[start:i]), key: string(written), field: unknown}
	if field, ok := s.fields[key]; ok {
		read.field = field
	}
	return s.remember(k, read), i, nil
}

func (s *shape) remember(k int, g gap) *gap {
	if k > 1000 { // an object of which nothing repeats must not fill the memory
		return &g
	}
	s.gaps = append(s.gaps[:min(k, len(s.gaps))], g)
	return &s.gaps[k]
}
