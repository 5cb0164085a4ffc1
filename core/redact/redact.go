package redact

import (
	"bytes"
	"maps"
	"regexp"
	"slices"

	"ddcore/core/jsontext"
)

// Redactor replaces personal data. It belongs to one goroutine.
type Redactor struct {
	policy *policy
	key    Key

	// Counts is how many values were replaced, by rule.
	Counts map[string]int64
	found  []string // the rules of the text at hand, in the order of what they replaced

	keep    []string         // ids of runs, which stay
	kept    int              // how often one of them stayed that a rule had found
	given   Names            // known from the start
	finder  *finder          // of these
	names   []name           // learnt in this run
	known   map[string]bool  // both, as a set
	learnt  map[string]*rule // in all runs
	clean   map[string]bool  // texts in which nothing was found
	tokens  map[string]*token
	last    *token // the key or item that was read last
	objects int    // that were read
	made    map[made]string

	cleanBytes int
	drafts     *drafts // where a learner leaves what it found
	edits      []edit  // memory for the next text
	members    []member
	out        []byte
	decoded    []byte // memory for the next string with escapes
}

// New makes a redactor with the lake's key, which knows these names.
func New(key Key, given Names) *Redactor {
	if given.drafts != nil && given.drafts.key != key {
		given.drafts = nil
	}
	r := &Redactor{
		policy: thePolicy(), key: key, given: given, finder: newFinder(given.list), Counts: map[string]int64{},
		known: map[string]bool{}, learnt: map[string]*rule{}, clean: map[string]bool{}, tokens: map[string]*token{}, last: new(token), made: map[made]string{},
	}
	r.Begin()
	return r
}

// NewLearner makes one of n redactors that read for names, beside those given.
func NewLearner(given Names, n int) *Redactor {
	var key Key // without drafts its pseudonyms go nowhere
	if given.drafts != nil {
		key = given.drafts.key
	}
	r := New(key, given)
	r.drafts = given.drafts.share(n)
	return r
}

// Begin starts a run: names learnt in the one before are forgotten, those given
// at the start are not. The ids of runs stay as they are wherever they stand.
func (r *Redactor) Begin(runIDs ...string) {
	r.keep, r.names = runIDs, r.names[:0]
	clear(r.known)
	for _, n := range r.given.list {
		r.known[n.text] = true
	}
}

// JSON redacts one checked JSON value. It gives the text itself when there is
// nothing to replace, else memory that the next call uses again.
func (r *Redactor) JSON(text []byte) []byte {
	d, _ := r.read(text, true)
	out, _ := r.part(text, 0, len(text), d.edits)
	return r.replaceNames(out)
}

// TryMembers redacts an object that nobody has checked, in one pass, and shows its
// members as jsontext.Members does, until visit gives an error. It is not ok, and
// shows and counts nothing, where the text may be no JSON object in which each key
// stands once, at all levels: then check it, begin the run again, and take JSON.
func (r *Redactor) TryMembers(text []byte, visit func(key, value []byte) error) (ok bool, err error) {
	d, ok := r.given.drafts.of(text)
	switch {
	case ok:
		r.recount(d.found)
	default:
		if d, ok = r.read(text, false); !ok || len(d.members) == 0 {
			r.uncount()
			return false, nil
		}
	}
	var key, value []byte
	edits := d.edits
	for _, m := range d.members {
		key, edits = r.part(text, m.start, m.keyEnd, edits)
		value, edits = r.part(text, m.value, m.end, edits)
		if err := visit(r.replaceNames(key[1:len(key)-1]), r.replaceNames(value)); err != nil {
			return true, err
		}
	}
	return true, nil
}

// Learn reads a run's JSON for names alone, so that they are known in other texts.
func (r *Redactor) Learn(text []byte) {
	r.read(text, true)
	r.uncount()
}

// TryLearn is Learn for a text that nobody has checked; ok is as TryMembers gives it.
func (r *Redactor) TryLearn(text []byte) (ok bool) {
	d, ok := r.read(text, false)
	if ok {
		r.drafts.keep(text, d)
	}
	r.uncount()
	return ok
}

// read finds what to replace; the draft is valid until the next reading.
func (r *Redactor) read(text []byte, checked bool) (d draft, ok bool) {
	r.found, r.out = r.found[:0], r.out[:0]
	w := walker{r: r, text: text, checked: checked, edits: r.edits[:0], members: r.members[:0]}
	ok = w.whole()
	r.edits, r.members = w.edits, w.members
	return draft{len(text), w.edits, w.members, r.found}, ok
}

// part carries out the edits that lie in text[from:to], and gives those behind.
func (r *Redactor) part(text []byte, from, to int, edits []edit) (redacted []byte, behind []edit) {
	if len(edits) == 0 || edits[0].start >= to {
		return text[from:to], edits
	}
	start := len(r.out)
	for len(edits) > 0 && edits[0].start < to {
		r.out = jsontext.AppendQuoted(append(r.out, text[from:edits[0].start]...), edits[0].new)
		from, edits = edits[0].end, edits[1:]
	}
	r.out = append(r.out, text[from:to]...)
	return r.out[start:], edits
}

// recount counts what an earlier reading has found.
func (r *Redactor) recount(found []string) {
	r.found, r.out = r.found[:0], r.out[:0]
	for _, rule := range found {
		r.count(rule)
	}
}

// uncount takes back what the last reading counted.
func (r *Redactor) uncount() {
	for _, rule := range r.found {
		if r.Counts[rule]--; r.Counts[rule] == 0 {
			delete(r.Counts, rule)
		}
	}
	r.found = r.found[:0]
}

// Text redacts text that is no whole JSON, as a broken line is.
func (r *Redactor) Text(text []byte) []byte {
	r.found = r.found[:0]
	redacted, _ := r.plain(text)
	return r.replaceNames(redacted)
}

// Shapes gives the rules whose shapes stand in a text, each once. A pseudonym is
// none, and keys are not looked at: "host: Bob" is no name of a machine.
func (r *Redactor) Shapes(text []byte) []string {
	r.found = r.found[:0]
	for line := range bytes.Lines(text) {
		found := classes(line)
		for _, rule := range r.policy.shapes {
			if rule.needed(found, line) {
				r.shape(rule, line)
			}
		}
	}
	slices.Sort(r.found)
	return slices.Compact(r.found)
}

// maxClean bounds the memory, in bytes, for texts in which nothing was found:
// keys, and the long descriptions that all runs share.
const maxClean = 8 << 20

// plain redacts a text by shapes and by "key=value" and "key: value" in it, and
// tells whether there was nothing to find. No shape spans lines: each line is read
// by itself, so that a long text that differs in one line from those of other runs
// costs that line only.
func (r *Redactor) plain(text []byte) (out []byte, isClean bool) {
	if r.clean[string(text)] {
		return text, true
	}
	if bytes.IndexByte(text, '\n') < 0 {
		out, isClean = r.line(text)
	} else {
		out, isClean = r.lines(text)
	}
	if isClean && r.cleanBytes+len(text) < maxClean {
		r.clean[string(text)] = true
		r.cleanBytes += len(text)
	}
	return out, isClean
}

func (r *Redactor) lines(text []byte) (out []byte, isClean bool) {
	isClean = true
	start := 0
	for line := range bytes.Lines(text) {
		content := bytes.TrimSuffix(line, []byte("\n"))
		redacted, ok := r.plain(content)
		isClean = isClean && ok
		if out == nil && !bytes.Equal(redacted, content) {
			out = append(make([]byte, 0, len(text)+len(text)/8), text[:start]...)
		}
		if out != nil {
			out = append(append(out, redacted...), line[len(content):]...)
		}
		start += len(line)
	}
	if out == nil {
		return text, isClean
	}
	return out, isClean
}

func (r *Redactor) line(text []byte) (out []byte, isClean bool) {
	if len(text) < 3 {
		return text, true
	}
	if slices.Contains(r.keep, string(text)) {
		return text, false
	}
	found, kept := classes(text), r.kept
	out = text
	if found&(equals|colon) != 0 {
		out = r.pairs(out, nil)
	}
	for _, rule := range r.policy.shapes {
		if rule.needed(found, out) {
			out = r.shape(rule, out)
		}
	}
	return out, r.kept == kept && bytes.Equal(out, text)
}

func (r *rule) needed(found class, text []byte) bool {
	for _, n := range r.needs {
		if found&n.classes == n.classes && n.holds(text) {
			return true
		}
	}
	return false
}

// shape replaces what a rule's pattern finds.
func (r *Redactor) shape(rule *rule, text []byte) []byte {
	var out []byte
	last := 0
	for _, m := range rule.pattern.FindAllSubmatchIndex(text, -1) {
		start, end := m[0], m[1]
		if len(m) > 2 {
			start, end = m[2], m[3]
		}
		if new, ok := r.replace(rule, string(text[start:end])); ok {
			out = append(append(out, text[last:start]...), new...)
			last = end
		}
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// pairs replaces the values of known keys inside a text: an argument
// --user=name, JSON or a Python dictionary in a string, a broken line. by is the
// rule of the key around them, if any. The braces of a tree go as a whole.
func (r *Redactor) pairs(text []byte, by *rule) []byte {
	var out []byte
	last := 0
	for i := 1; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		key := bytes.TrimLeft(keyBefore(text, i), "-")
		rule := r.policy.below(by, key, r.policy.ruleOf(key))
		if rule == nil {
			continue
		}
		start, end := valueAfter(text, i+1)
		if by == nil && rule.tree != "" && start < len(text) && text[start] == '{' {
			end = treeAfter(text, start)
			counts, found := maps.Clone(r.Counts), len(r.found)
			r.pairs(text[start:end], rule) // for the names in it
			r.Counts, r.found = counts, r.found[:found]
		}
		if new, ok := r.replace(rule, string(text[start:end])); ok && start >= last {
			out = append(append(out, text[last:start]...), new...)
			last, i = end, end
		}
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// keyBefore gives the word that ends before i, without quotes.
func keyBefore(text []byte, i int) []byte {
	for i > 0 && bytes.IndexByte([]byte(` "'\`), text[i-1]) >= 0 {
		i--
	}
	start := i
	for start > 0 && (isWord(text[start-1]) || text[start-1] == '-') {
		start--
	}
	return text[start:i]
}

// valueAfter gives the bounds of the word that starts at i, without quotes.
func valueAfter(text []byte, i int) (start, end int) {
	for i < len(text) && bytes.IndexByte([]byte(` "'\`), text[i]) >= 0 {
		i++
	}
	start = i
	for i < len(text) && bytes.IndexByte([]byte(" \"'\\,;}])\n\t"), text[i]) < 0 {
		i++
	}
	return start, i
}

// treeAfter gives the end of the braces that open at start; of the text, where
// they do not close.
func treeAfter(text []byte, start int) int {
	depth := 0
	for i := start; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return len(text)
}

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || c == '_'
}

// already says that a value is a pseudonym, or names nobody.
var already = regexp.MustCompile(`^(?:/redacted(?:/.*)?|(?:user|name|host|job|id|group|cluster|secret|beaker|sha1|ip)-[0-9a-f]{8}(?:@example\.invalid)?|https://git\.example\.invalid/[0-9a-f]{8}|localhost|127\.0\.0\.1|0\.0\.0\.0|/dev/.*|null|None|true|false|)$`)

// replace gives the pseudonym of a value, counts it, and learns the value.
func (r *Redactor) replace(rule *rule, value string) (string, bool) {
	if slices.Contains(r.keep, value) {
		r.kept++
		return "", false
	}
	if r.made[made{rule.pseudonym, value}] == "" && already.MatchString(value) {
		return "", false
	}
	r.count(rule.name)
	if rule.learn {
		r.learn(rule, value)
	}
	return r.pseudonym(rule, value), true
}

// made is a pseudonym that was made: by what template, of what.
type made struct{ template, value string }

func (r *Redactor) pseudonym(rule *rule, value string) string {
	id := made{rule.pseudonym, value}
	new, ok := r.made[id]
	if !ok {
		new = r.key.pseudonym(id.template, id.value)
		r.made[id] = new
	}
	return new
}

func (r *Redactor) count(rule string) {
	r.Counts[rule]++
	r.found = append(r.found, rule)
}
