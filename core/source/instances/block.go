package instances

import (
	"math"
	"slices"

	"ddcore/core/tablefile"
)

// missing marks a whole number that is not there: no column takes one as large.
const missing = math.MinInt64

// column holds the values of one member. Floats use tablefile.Null for what is
// missing, whole numbers missing, booleans -1.
type column struct {
	member
	ints   []int64
	floats []float64
	bools  []int8
}

func (c *column) addMissing() {
	switch c.kind {
	case integer:
		c.ints = append(c.ints, missing)
	case boolean:
		c.bools = append(c.bools, -1)
	default:
		c.floats = append(c.floats, tablefile.Null)
	}
}

func (c *column) truncate(n int) {
	switch c.kind {
	case integer:
		c.ints = c.ints[:n]
	case boolean:
		c.bools = c.bools[:n]
	default:
		c.floats = c.floats[:n]
	}
}

// take appends rows of another column of the same member.
func (c *column) take(from *column, start, end int) {
	switch c.kind {
	case integer:
		c.ints = append(c.ints, from.ints[start:end]...)
	case boolean:
		c.bools = append(c.bools, from.bools[start:end]...)
	default:
		c.floats = append(c.floats, from.floats[start:end]...)
	}
}

// repeated is a column of few distinct texts; "" is null.
type repeated struct {
	values []string
	codes  []int32
}

func (r *repeated) add(text string) {
	if text == "" {
		r.codes = append(r.codes, -1)
		return
	}
	if n := len(r.codes); n > 0 && r.codes[n-1] >= 0 && r.values[r.codes[n-1]] == text {
		r.codes = append(r.codes, r.codes[n-1])
		return
	}
	code := slices.Index(r.values, text)
	if code < 0 {
		code = len(r.values)
		r.values = append(r.values, text)
	}
	r.codes = append(r.codes, int32(code))
}

// texts is a column of texts that are mostly null, by row.
type texts map[int]string

// block holds rows of instances and of their choices, by column.
type block struct {
	task        repeated
	docs        []int64
	nativeIDs   []string
	nativeTypes repeated
	labels      []int64
	metrics     []column
	taskHash    repeated
	modelHash   repeated
	rest        texts

	ends       []int // where each instance's choices end
	choices    []column
	choiceRest texts
}

func newBlock() *block {
	b := &block{rest: texts{}, choiceRest: texts{}}
	for _, m := range metricMembers {
		b.metrics = append(b.metrics, column{member: m})
	}
	for _, m := range choiceMembers {
		b.choices = append(b.choices, column{member: m})
	}
	return b
}

func (b *block) rows() int { return len(b.docs) }

// choiceRows is how many choices have been begun; the last may be in the making.
func (b *block) choiceRows() int { return len(b.choices[0].floats) }

// reset empties the block and keeps its room.
func (b *block) reset() {
	b.truncate(0, 0)
	for _, r := range []*repeated{&b.task, &b.nativeTypes, &b.taskHash, &b.modelHash} {
		r.values, r.codes = r.values[:0], r.codes[:0]
	}
}

// truncate drops all rows from the n-th on, and what a refused line left behind.
func (b *block) truncate(n, choices int) {
	b.docs, b.labels, b.nativeIDs, b.ends = b.docs[:n], b.labels[:n], b.nativeIDs[:n], b.ends[:n]
	for i := range b.metrics {
		b.metrics[i].truncate(n)
	}
	for i := range b.choices {
		b.choices[i].truncate(choices)
	}
	drop(b.rest, n)
	drop(b.choiceRest, choices)
}

// undo takes back the last instance.
func (b *block) undo(n, choices int) {
	b.truncate(n, choices)
	for _, r := range []*repeated{&b.nativeTypes, &b.taskHash, &b.modelHash} {
		r.codes = r.codes[:n]
	}
}

func drop(t texts, from int) {
	for row := range t {
		if row >= from {
			delete(t, row)
		}
	}
}

// firstChoice is where the choices of instance i begin, or of the one after the
// last.
func (b *block) firstChoice(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// take appends instances of another block, with their choices.
func (b *block) take(from *block, start, end int) {
	row, choice := b.rows(), b.choiceRows()
	firstChoice, lastChoice := from.firstChoice(start), from.firstChoice(end)
	b.docs = append(b.docs, from.docs[start:end]...)
	b.nativeIDs = append(b.nativeIDs, from.nativeIDs[start:end]...)
	b.labels = append(b.labels, from.labels[start:end]...)
	for _, pair := range [][2]*repeated{{&b.task, &from.task}, {&b.nativeTypes, &from.nativeTypes}, {&b.taskHash, &from.taskHash}, {&b.modelHash, &from.modelHash}} {
		for i := start; i < end; i++ {
			pair[0].add(pair[1].text(i))
		}
	}
	for k := range b.metrics {
		b.metrics[k].take(&from.metrics[k], start, end)
	}
	for k := range b.choices {
		b.choices[k].take(&from.choices[k], firstChoice, lastChoice)
	}
	for i := start; i < end; i++ {
		b.ends = append(b.ends, from.ends[i]-firstChoice+choice)
	}
	b.rest.take(from.rest, start, end, row)
	b.choiceRest.take(from.choiceRest, firstChoice, lastChoice, choice)
}

// take copies rows start to end of another column, to stand at row `at` on.
func (t texts) take(from texts, start, end, at int) {
	for row, text := range from {
		if row >= start && row < end {
			t[row-start+at] = text
		}
	}
}

func (r *repeated) text(i int) string {
	if r.codes[i] < 0 {
		return ""
	}
	return r.values[r.codes[i]]
}
