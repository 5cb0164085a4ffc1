package jsontext

import "bytes"

// Once gives b, which Skip or Whole has checked, with each key of an object once,
// at every level: the last value wins, as in Python's json. Readers of JSON do
// not agree on such objects. A text without any is given back as it is.
func Once(b []byte) []byte {
	var o once
	if _, twice := o.find(b, Space(b, 0), 0); !twice {
		return b
	}
	out, _ := rewrite(nil, b, Space(b, 0))
	return out
}

// once looks for keys that stand twice. seen has one set per level.
type once struct{ seen []map[string]bool }

// find walks over the value at i and gives the position behind it.
func (o *once) find(b []byte, i, level int) (end int, twice bool) {
	switch b[i] {
	case '{', '[':
		return o.items(b, i, level)
	default:
		end, _ = Skip(b, i)
		return end, false
	}
}

func (o *once) items(b []byte, i, level int) (end int, twice bool) {
	isObject := b[i] == '{'
	seen := o.level(level)
	for i = Space(b, i+1); b[i] != '}' && b[i] != ']'; {
		if isObject {
			name, value := member(b, i)
			if twice = seen[string(name)]; twice {
				return i, true
			}
			seen[string(name)] = true
			i = value
		}
		if i, twice = o.find(b, i, level+1); twice {
			return i, true
		}
		if i = Space(b, i); b[i] == ',' {
			i = Space(b, i+1)
		}
	}
	return i + 1, false
}

func (o *once) level(n int) map[string]bool {
	if n == len(o.seen) {
		o.seen = append(o.seen, map[string]bool{})
	}
	clear(o.seen[n])
	return o.seen[n]
}

// member gives the key at b[i], one spelling for all of its escapes, and the
// position of its value.
func member(b []byte, i int) (name []byte, value int) {
	end, _ := String(b, i)
	name = b[i+1 : end-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		if text, ok := Unquote(name); ok {
			name = []byte(text)
		}
	}
	return name, Space(b, Space(b, end)+1)
}

// rewrite writes the value at i, and gives the position behind it.
func rewrite(dst, b []byte, i int) (out []byte, end int) {
	switch b[i] {
	case '{':
		return rewriteObject(dst, b, i)
	case '[':
		dst = append(dst, '[')
		for i = Space(b, i+1); b[i] != ']'; {
			dst, i = rewrite(dst, b, i)
			if i = Space(b, i); b[i] == ',' {
				dst = append(dst, ',')
				i = Space(b, i+1)
			}
		}
		return append(dst, ']'), i + 1
	default:
		end, _ = Skip(b, i)
		return append(dst, b[i:end]...), end
	}
}

// rewriteObject writes an object's keys in the order of their first places.
func rewriteObject(dst, b []byte, i int) (out []byte, end int) {
	var members [][]byte
	index := map[string]int{}
	for i = Space(b, i+1); b[i] != '}'; {
		name, value := member(b, i)
		end, _ := String(b, i)
		text := append(bytes.Clone(b[i:end]), ':')
		text, i = rewrite(text, b, value)
		if k, ok := index[string(name)]; ok {
			members[k] = text
		} else {
			index[string(name)] = len(members)
			members = append(members, text)
		}
		if i = Space(b, i); b[i] == ',' {
			i = Space(b, i+1)
		}
	}
	dst = append(dst, '{')
	dst = append(dst, bytes.Join(members, []byte{','})...)
	return append(dst, '}'), i + 1
}
