package redact

import (
	"bytes"

	"ddcore/core/jsontext"
)

// token is a string in which nothing was found, as it stands between its quotes.
// Runs have the same keys in the same order, and many of the same values: what
// followed last time is compared first, which costs a tenth of reading it.
type token struct {
	raw     string
	escaped bool  // it has escapes: as a key it may have other spellings
	key     *rule // of the string as a key, by itself, once isKey
	isKey   bool
	next    *token // the key or item that came behind it last time
	value   *token // its value last time, as a key
	seen    []int  // by level of nesting: the object that had it last, as a key
}

func newToken(raw []byte) *token {
	return &token{raw: string(raw), escaped: bytes.IndexByte(raw, '\\') >= 0}
}

// maxTokens bounds the memory for tokens.
const maxTokens = 1 << 16

// isAt tells whether the string at i is this one, and where it ends.
func (t *token) isAt(text []byte, i int) (end int, ok bool) {
	if t == nil {
		return i, false
	}
	end = i + 1 + len(t.raw)
	return end + 1, end < len(text) && text[end] == '"' && string(text[i+1:end]) == t.raw
}

// isFirst notes an object that has this key, and tells whether it had it not
// before.
func (t *token) isFirst(object, depth int) bool {
	for len(t.seen) <= depth {
		t.seen = append(t.seen, 0)
	}
	before := t.seen[depth]
	t.seen[depth] = object
	return before != object
}

// key redacts the key at i, or the item of a list.
func (w *walker) key(i int) (key *token, end int) {
	before := w.r.last
	if end, ok := before.next.isAt(w.text, i); ok {
		w.r.last = before.next
		return before.next, end
	}
	if key, end = w.token(i); key != nil {
		before.next, w.r.last = key, key
		return key, end
	}
	if w.failed {
		return nil, end
	}
	return w.oddKey(w.text[i+1 : end-1]), end
}

// oddKey gives the token of a key that is not remembered: in this text it must be
// known all the same.
func (w *walker) oddKey(raw []byte) *token {
	t := w.odd[string(raw)]
	if t == nil {
		t = newToken(raw)
		if w.odd == nil {
			w.odd = map[string]*token{}
		}
		w.odd[t.raw] = t
	}
	return t
}

// plainValue redacts the string at i, which no rule of a key is for, and gives
// the position behind it.
func (w *walker) plainValue(i int) int {
	before := w.r.last
	if end, ok := before.value.isAt(w.text, i); ok {
		return end
	}
	value, end := w.token(i)
	if value != nil {
		before.value = value
	}
	return end
}

// token reads and redacts the string at i; nil says that it is not to be
// remembered: something was found, or there are too many.
func (w *walker) token(i int) (t *token, end int) {
	end, err := jsontext.String(w.text, i)
	if err != nil {
		return nil, w.fail()
	}
	raw := w.text[i+1 : end-1]
	if t := w.r.tokens[string(raw)]; t != nil {
		return t, end
	}
	if !w.string(i, end, nil) || len(w.r.tokens) == maxTokens || w.r.cleanBytes+len(raw) > maxClean {
		return nil, end
	}
	t = newToken(raw)
	w.r.tokens[t.raw] = t
	w.r.cleanBytes += len(raw)
	return t, end
}

// rule gives the rule of the token as a key.
func (t *token) rule(p *policy) *rule {
	if !t.isKey {
		t.key, t.isKey = p.ruleOf([]byte(t.raw)), true
	}
	return t.key
}
