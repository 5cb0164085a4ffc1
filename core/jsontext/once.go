package jsontext

import "bytes"

// Once finds keys that stand twice in an object. Readers of JSON do not agree on
// such objects; Python takes the last value. Keys once met are met again at no
// cost: use one for many texts, in one goroutine.
type Once struct {
	seen    []map[string]*int // by level of nesting: the object that had the key last
	objects int
	copies  Copies
}

// maxKeys bounds the keys that are remembered, by level.
const maxKeys = 1 << 16

// Text gives b, which Skip or Whole has checked, with each key of an object once,
// at every level, with its last value. A text without any that stands twice is
// given back as it is.
func (o *Once) Text(b []byte) []byte {
	for level := range o.seen {
		if len(o.seen[level]) > maxKeys {
			clear(o.seen[level])
		}
	}
	o.copies.read = o.copies.read[:0]
	if _, twice := o.find(b, Space(b, 0), 0); !twice {
		return b
	}
	out, _ := rewrite(nil, b, Space(b, 0))
	return out
}

// find walks over the value at i and gives the position behind it.
func (o *Once) find(b []byte, i, level int) (end int, twice bool) {
	if b[i] != '{' && b[i] != '[' {
		end, _ = Skip(b, i)
		return end, false
	}
	isObject, start := b[i] == '{', i
	if end, ok := o.copies.find(b, i); ok {
		return end, false
	}
	o.objects++
	object := o.objects
	for i = Space(b, i+1); b[i] != '}' && b[i] != ']'; {
		if isObject {
			name, value := member(b, i)
			if twice = o.meets(name, level, object); twice {
				return i, true
			}
			i = value
		}
		if i, twice = o.find(b, i, level+1); twice {
			return i, true
		}
		if i = Space(b, i); b[i] == ',' {
			i = Space(b, i+1)
		}
	}
	if isObject {
		o.copies.keep(b[start : i+1])
	}
	return i + 1, false
}

// meets notes a key of an object, and tells whether the object had it before.
func (o *Once) meets(name []byte, level, object int) bool {
	for len(o.seen) <= level {
		o.seen = append(o.seen, map[string]*int{})
	}
	last := o.seen[level][string(name)]
	switch {
	case last != nil && *last == object:
		return true
	case last != nil:
		*last = object
	default:
		first := object
		o.seen[level][string(name)] = &first
	}
	return false
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
