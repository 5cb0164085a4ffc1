package redact

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"ddcore/core/jsontext"
)

// walker goes through one JSON text and notes what to replace. On the way it
// checks the text: what it fails on may be JSON all the same, but what it passes
// is, and has each key of an object once.
type walker struct {
	r       *Redactor
	text    []byte
	checked bool // the text is JSON; keys may stand twice
	failed  bool
	depth   int
	edits   []edit
	members []member // of the outermost object
	read    []object
	odd     map[string]*token // keys that are not remembered
}

// edit puts a string in the place of a value, quotes and all, or of a key.
type edit struct {
	start, end int
	new        string
}

// object is a long object that was redacted. W&B writes a run's configuration
// and summary two and three times: the copies are found by their bytes.
type object struct {
	text  []byte
	start int
	edits []edit
	found []string
}

const (
	long = 1 << 10 // bytes that make an object worth comparing
	many = 64      // objects to compare with
	deep = 64      // levels of nesting that are checked on the way
)

// whole walks over the text, with nothing but white space around its value.
func (w *walker) whole() (ok bool) {
	i := w.value(jsontext.Space(w.text, 0), "", nil)
	return !w.failed && jsontext.Space(w.text, i) == len(w.text)
}

// fail ends the walk: there is nothing behind the position that it gives.
func (w *walker) fail() int {
	w.failed = true
	return len(w.text)
}

// at gives the byte at i, or one that JSON has nowhere.
func (w *walker) at(i int) byte {
	if i < len(w.text) {
		return w.text[i]
	}
	return 0
}

func (w *walker) put(start, end int, new []byte) {
	w.edits = append(w.edits, edit{start, end, string(new)})
}

// value redacts the value at i and gives the position behind it. key is the key
// that it stands under, by the rule of that key.
func (w *walker) value(i int, key string, by *rule) int {
	switch w.at(i) {
	case '"':
		if by == nil {
			return w.plainValue(i)
		}
		end, err := jsontext.String(w.text, i)
		if err != nil {
			return w.fail()
		}
		w.string(i, end, by)
		return end
	case '{':
		if by != nil || w.r.policy.keys[key+".name"] != nil { // the keys around it matter
			return w.object(i, key, by)
		}
		return w.once(i, key)
	case '[':
		return w.list(i, key, by)
	default:
		end, err := jsontext.Skip(w.text, i)
		if err != nil {
			return w.fail()
		}
		if by != nil && by.numbers && isWhole(w.text[i:end]) {
			if new, ok := w.r.replace(by, string(w.text[i:end])); ok {
				w.put(i, end, []byte(new))
			}
		}
		return end
	}
}

func isWhole(text []byte) bool { return len(bytes.Trim(text, "0123456789")) == 0 }

// string redacts a string, and tells whether it is one in which nothing is found.
func (w *walker) string(start, end int, by *rule) (isClean bool) {
	raw := w.text[start+1 : end-1]
	text, read := raw, w.r.line // in which there is no line end
	if bytes.IndexByte(raw, '\\') >= 0 {
		if decoded, ok := jsontext.AppendUnquoted(w.r.decoded[:0], raw); ok {
			w.r.decoded, text, read = decoded, decoded, w.r.plain
		}
	}
	if by != nil {
		if new, ok := w.r.replace(by, string(text)); ok {
			w.put(start, end, []byte(new))
			return false
		}
	}
	new, isClean := read(text)
	if !bytes.Equal(new, text) {
		w.put(start, end, new)
	}
	return isClean
}

// once redacts an object, or repeats what was done to the same one before.
func (w *walker) once(i int, key string) int {
	for _, o := range w.read {
		if !bytes.HasPrefix(w.text[i:], o.text) {
			continue
		}
		for _, e := range o.edits {
			w.edits = append(w.edits, edit{i + e.start - o.start, i + e.end - o.start, e.new})
		}
		for _, rule := range o.found {
			w.r.count(rule)
		}
		return i + len(o.text)
	}
	found, edits := len(w.r.found), len(w.edits)
	end := w.object(i, key, nil)
	if w.failed || end-i < long || len(w.read) == many {
		return end
	}
	w.read = append(w.read, object{w.text[i:end], i, w.edits[edits:], slices.Clone(w.r.found[found:])})
	return end
}

func (w *walker) object(i int, parent string, by *rule) int {
	if w.depth++; w.depth > deep && !w.checked {
		return w.fail()
	}
	defer func() { w.depth-- }()
	w.r.objects++
	object := w.r.objects
	i = jsontext.Space(w.text, i+1)
	if w.at(i) == '}' {
		return i + 1
	}
	for {
		if w.at(i) != '"' {
			return w.fail()
		}
		start := i
		key, end := w.key(i)
		if w.failed || !w.checked && (key.escaped || !key.isFirst(object, w.depth)) {
			return w.fail()
		}
		if i = jsontext.Space(w.text, end); w.at(i) != ':' {
			return w.fail()
		}
		value := jsontext.Space(w.text, i+1)
		i = w.value(value, key.raw, w.r.ruleOf(parent, key, by))
		if w.depth == 1 {
			w.members = append(w.members, member{start, end, value, i})
		}
		var done bool
		if i, done = w.next(i, '}'); done {
			return i
		}
	}
}

// next passes over a comma, or the end of an object or list.
func (w *walker) next(i int, end byte) (next int, done bool) {
	switch i = jsontext.Space(w.text, i); w.at(i) {
	case ',':
		return jsontext.Space(w.text, i+1), false
	case end:
		return i + 1, true
	default:
		return w.fail(), true
	}
}

// ruleOf finds the rule of a key. W&B wraps the values of a config as
// {"value": …}: that key has its parent's.
func (r *Redactor) ruleOf(parent string, key *token, by *rule) *rule {
	own := key.rule(r.policy)
	switch {
	case key.raw == "value":
		return by
	case key.raw == "name" && own == nil:
		own = r.policy.keys[parent+".name"]
	}
	return r.policy.below(by, []byte(key.raw), own)
}

// below gives the rule of a key that stands below one of the rule by: in a tree
// the one for this place, else its own, else the tree's.
func (p *policy) below(by *rule, key []byte, own *rule) *rule {
	if by == nil || by.tree == "" {
		return own
	}
	return cmp.Or(p.keys[by.tree+"."+strings.ToLower(string(key))], own, by)
}

// ruleOf finds the rule of a key that has it whatever stands around.
func (p *policy) ruleOf(key []byte) *rule {
	if rule := p.keys[string(key)]; rule != nil || classes(key)&(upper|dash) == 0 {
		return rule
	}
	return p.keys[strings.ToLower(strings.ReplaceAll(string(key), "-", "_"))]
}

// list redacts a list. In a list of arguments a value stands behind its flag.
func (w *walker) list(i int, key string, by *rule) int {
	if w.depth++; w.depth > deep && !w.checked {
		return w.fail()
	}
	defer func() { w.depth-- }()
	i = jsontext.Space(w.text, i+1)
	if w.at(i) == ']' {
		return i + 1
	}
	for item := by; ; {
		start := i
		if item == nil && w.at(i) == '"' {
			_, i = w.key(i)
		} else {
			i = w.value(i, key, item)
		}
		item = by
		if by == nil && bytes.HasPrefix(w.text[start:i], []byte(`"-`)) {
			item = w.r.policy.ruleOf(bytes.TrimLeft(w.text[start+1:i-1], "-"))
		}
		var done bool
		if i, done = w.next(i, ']'); done {
			return i
		}
	}
}
