package wandb

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/tablefile"
)

var historyFields = []tablefile.Field{
	{Name: "layout", Type: tablefile.Text},
	{Name: "entity", Type: tablefile.Text},
	{Name: "project", Type: tablefile.Text},
	{Name: "run_id", Type: tablefile.Text},
	{Name: "step", Type: tablefile.Int64},
	{Name: "timestamp", Type: tablefile.Float64},
	{Name: "runtime", Type: tablefile.Float64},
	{Name: "train_loss", Type: tablefile.Float64},
	{Name: "total_tokens", Type: tablefile.Float64},
	{Name: "learning_rate", Type: tablefile.Float64},
	{Name: "metrics", Type: tablefile.Text},
	{Name: "rest", Type: tablefile.Text},
}

// template is an entry whose numbers are open. Entries of a run differ in
// nothing else, and comparing the text between the numbers is several times as
// fast as reading it; redaction of such an entry costs nothing.
type template struct {
	gaps   [][]byte // before each slot of the text, and behind the last
	e      entry    // after redaction
	counts map[string]int64
}

// historyReader fills the columns of one block.
type historyReader struct {
	origin
	r        *redact.Redactor // nil keeps personal data
	once     jsontext.Once
	t        template
	run      string
	rows     int
	runs     lines.Texts
	rests    lines.Texts
	steps    lines.Ints
	floats   [numFloats][]float64
	metrics  lines.Packed
	current  [numFloats]float64
	atStep   int64
	hasStep  bool
	learning []byte // the run's own JSON, for names
}

// Line reads one line: an entry, or a list of entries in the legacy layout.
func (h *historyReader) Line(line []byte) error {
	start := h.rows
	err := h.entries(line)
	if err != nil {
		h.truncate(start) // a list is kept whole or not at all
	}
	return err
}

func (h *historyReader) entries(line []byte) error {
	i := jsontext.Space(line, 0)
	if h.layout != "legacy" || line[i] != '[' {
		i, err := h.entry(line, i)
		if err != nil {
			return err
		}
		return end(line, i)
	}
	if i = jsontext.Space(line, i+1); i < len(line) && line[i] == ']' {
		return end(line, i+1)
	}
	for {
		var err error
		if i, err = h.entry(line, i); err != nil {
			return err
		}
		i = jsontext.Space(line, i)
		switch {
		case i == len(line):
			return jsontext.ErrTorn
		case line[i] == ']':
			return end(line, i+1)
		case line[i] != ',':
			return fmt.Errorf("at byte %d: expected a comma or ]", i)
		}
		i = jsontext.Space(line, i+1)
	}
}

func end(line []byte, i int) error {
	if i = jsontext.Space(line, i); i < len(line) {
		return fmt.Errorf("at byte %d: expected the end of the line", i)
	}
	return nil
}

// entry reads the entry at text[i] and gives the position behind it.
func (h *historyReader) entry(text []byte, i int) (int, error) {
	if end, ok := h.byTemplate(text, i); ok {
		return end, nil
	}
	end, err := jsontext.Skip(text, i)
	if err != nil {
		return i, err
	}
	if text[i] != '{' {
		return i, fmt.Errorf("at byte %d: expected an entry that starts with {", i)
	}
	return end, h.learn(text[i:end:end])
}

// learn takes an entry apart and makes it the template of the next ones.
func (h *historyReader) learn(text []byte) error {
	text = h.once.Text(text)
	e := parseEntry(text, h.layout)
	if !e.hasRunID {
		return fmt.Errorf("run_id is missing or no text")
	}
	h.t = template{e: e}
	last := 0
	for _, s := range e.slots {
		h.t.gaps = append(h.t.gaps, bytes.Clone(text[last:s.start]))
		last = s.end
	}
	h.t.gaps = append(h.t.gaps, bytes.Clone(text[last:]))
	if h.r != nil {
		h.redact(text)
	}
	if _, ok := h.byTemplate(text, 0); !ok {
		return fmt.Errorf("the entry cannot be read") // its numbers were read a moment ago
	}
	return nil
}

// redact makes the template's own texts those of the redacted entry.
func (h *historyReader) redact(text []byte) {
	if h.run != h.t.e.runID || h.learning != nil {
		h.run = h.t.e.runID
		h.r.Begin(h.run)
		if h.learning != nil {
			h.r.Learn(h.learning)
		}
	}
	before := maps.Clone(h.r.Counts)
	redacted := h.r.JSON(text)
	if bytes.Equal(redacted, text) {
		return
	}
	if e := parseEntry(redacted, h.layout); len(e.slots) == len(h.t.e.slots) {
		h.t.e = e
	}
	h.t.counts = map[string]int64{}
	for rule, n := range h.r.Counts {
		if n -= before[rule]; n > 0 {
			h.t.counts[rule] = n
			h.r.Counts[rule] -= n // byTemplate counts them
		}
	}
}

// byTemplate reads an entry that differs from the last one in numbers only.
func (h *historyReader) byTemplate(text []byte, i int) (end int, ok bool) {
	if h.t.gaps == nil {
		return i, false
	}
	for c := range h.current {
		h.current[c] = tablefile.Null
	}
	h.hasStep = false
	mark := len(h.metrics.Bytes)
	h.metrics.Start()
	for k := range h.t.e.slots {
		gap := h.t.gaps[k]
		if !bytes.HasPrefix(text[i:], gap) {
			h.metrics.Bytes = h.metrics.Bytes[:mark]
			return i, false
		}
		if i, ok = h.number(&h.t.e.slots[k], text, i+len(gap)); !ok {
			h.metrics.Bytes = h.metrics.Bytes[:mark]
			return i, false
		}
	}
	gap := h.t.gaps[len(h.t.gaps)-1]
	if !bytes.HasPrefix(text[i:], gap) {
		h.metrics.Bytes = h.metrics.Bytes[:mark]
		return i, false
	}
	h.append()
	return i + len(gap), true
}

func (h *historyReader) number(s *slot, text []byte, i int) (end int, ok bool) {
	switch s.column {
	case step:
		return h.step(text, i)
	case other:
		first := bytes.TrimPrefix(text[i:], []byte("-")) // -Infinity is none
		if len(first) == 0 || first[0]-'0' > 9 {
			return i, false
		}
		if end, err := jsontext.Number(text, i); err == nil {
			h.metrics.Bytes = append(append(h.metrics.Bytes, s.before...), text[i:end]...)
			return end, true
		}
		return i, false
	}
	n, end, ok := readNumber(text, i)
	if !ok {
		if n, end, ok = specialAt(text, i); !ok {
			return i, false
		}
	}
	if n.whole != s.whole || s.text && !n.isSpelled(text[i:end]) {
		return i, false
	}
	h.current[s.column] = n.value
	return end, true
}

// specialAt reads NaN or an infinity at text[i].
func specialAt(text []byte, i int) (n number, end int, ok bool) {
	if i >= len(text) || text[i] != 'N' && text[i] != 'I' && text[i] != '-' {
		return n, i, false
	}
	end, err := jsontext.Skip(text, i)
	if err != nil {
		return n, i, false
	}
	n, ok = readSpecial(text[i:end])
	return n, end, ok
}

func (h *historyReader) step(text []byte, i int) (end int, ok bool) {
	d, end, ok := readDecimal(text, i)
	if !ok || !d.Whole || d.Digits >= 1e18 || d.Negative && d.Digits == 0 {
		if !isStep(text[i:end]) {
			return i, false
		}
		h.atStep, _ = strconv.ParseInt(string(text[i:end]), 10, 64)
		h.hasStep = true
		return end, true
	}
	h.atStep, h.hasStep = int64(d.Digits), true
	if d.Negative {
		h.atStep = -h.atStep
	}
	return end, true
}

// append adds the current entry to the columns.
func (h *historyReader) append() {
	h.runs.Add(h.t.e.runID, true)
	h.rests.Add(string(h.t.e.rest), h.t.e.rest != nil)
	h.steps.Add(h.atStep, h.hasStep)
	for c, v := range h.current {
		h.floats[c] = append(h.floats[c], v)
	}
	if h.t.e.hasMetrics {
		h.metrics.Bytes = append(h.metrics.Bytes, h.t.e.metricsEnd...)
	}
	h.metrics.End(h.t.e.hasMetrics)
	h.rows++
	for rule, n := range h.t.counts {
		h.r.Counts[rule] += n
	}
}

// Placeholder stands for a line that is rejected.
func (h *historyReader) Placeholder() {
	h.runs.Add("", false)
	h.rests.Add("", false)
	h.steps.Add(0, false)
	for c := range h.floats {
		h.floats[c] = append(h.floats[c], tablefile.Null)
	}
	h.metrics.Add(nil, false)
	h.rows++
}

// truncate takes back the rows from n on.
func (h *historyReader) truncate(n int) {
	h.runs.Truncate(n)
	h.rests.Truncate(n)
	h.steps.Truncate(n)
	for c := range h.floats {
		h.floats[c] = h.floats[c][:n]
	}
	h.metrics.Truncate(n)
	h.rows = n
}

// Reset forgets the run, too: what a block becomes must not hang on the blocks
// that its worker had before.
func (h *historyReader) Reset() {
	h.truncate(0)
	h.t, h.run = template{}, ""
	h.runs.Reset()
	h.rests.Reset()
	h.steps.Reset()
}

func (h *historyReader) Count() int { return h.rows }

func (h *historyReader) Encode(e *tablefile.Encoder) []tablefile.Chunk {
	chunks := []tablefile.Chunk{
		lines.Repeat(e, h.layout, h.rows), lines.Repeat(e, h.entity, h.rows), lines.Repeat(e, h.project, h.rows),
		h.runs.Encode(e), h.steps.Encode(e),
	}
	for c := range h.floats {
		chunks = append(chunks, e.SplitFloats(h.floats[c]))
	}
	return append(chunks, h.metrics.Encode(e), h.rests.Encode(e))
}
