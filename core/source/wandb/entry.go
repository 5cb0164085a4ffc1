package wandb

import (
	"strconv"

	"ddcore/core/jsontext"
)

// The numeric columns of the history, in the order of the table.
const (
	timestamp = iota
	runtime
	trainLoss
	totalTokens
	learningRate
	numFloats
)

var floatNames = [numFloats]string{"timestamp", "runtime", "train_loss", "total_tokens", "learning_rate"}

// floatColumn gives the column of a metric, or -1.
func floatColumn(key []byte) int {
	for c := trainLoss; c < numFloats; c++ {
		if string(key) == floatNames[c] {
			return c
		}
	}
	return -1
}

// entry is one history entry, taken apart. Each number that the table has a
// column for, and each other metric that is a number, is a slot: the numbers
// are all that differs between most entries.
type entry struct {
	runID      string
	hasRunID   bool
	slots      []slot
	rest       []byte // JSON, nil: as the layout always has it
	hasMetrics bool   // has metrics without a column
	metricsEnd []byte // behind the last other number
}

// slot is a number in an entry's text.
type slot struct {
	column     int // step, other, or a numeric column
	start, end int
	whole      bool
	text       bool   // stands in quotes
	before     []byte // what the metrics text has before an other number
}

const (
	step  = -1
	other = -2
)

// parser takes the members of an entry apart.
type parser struct {
	layout  string
	text    []byte
	e       entry
	metrics []byte // text of the other metrics since the last other number
	others  []byte // members of the entry without a column
	whole   []byte
	form    string // of the timestamp
	absent  bool   // no metrics object
}

// parseEntry takes a checked object apart in which each key stands once.
func parseEntry(text []byte, layout string) entry {
	p := parser{layout: layout, text: text, absent: true, form: timestampForm(layout)}
	_ = jsontext.Members(text, func(key, value []byte) error {
		p.member(key, value)
		return nil
	})
	if p.e.hasMetrics {
		p.e.metricsEnd = append(p.metrics, '}')
	}
	p.e.rest = p.rest()
	return p.e
}

func timestampForm(layout string) string {
	if layout == "v3" {
		return "text"
	}
	return "number"
}

// offset gives where a value stands in the text.
func (p *parser) offset(value []byte) int { return cap(p.text) - cap(value) }

func (p *parser) member(key, value []byte) {
	switch string(key) {
	case "run_id":
		if value[0] == '"' {
			if p.e.runID, p.e.hasRunID = jsontext.Unquote(value[1 : len(value)-1]); p.e.hasRunID {
				return
			}
		}
	case "step":
		if isStep(value) {
			p.slot(slot{column: step, start: p.offset(value), end: p.offset(value) + len(value), whole: true})
			return
		}
	case "timestamp":
		if p.timestamp(value) {
			return
		}
	case "runtime":
		if n, ok := readValue(value); ok {
			p.number(runtime, value, n)
			return
		}
	case "metrics":
		if value[0] == '{' {
			p.absent = false
			_ = jsontext.Members(value, func(key, value []byte) error {
				p.metric(key, value)
				return nil
			})
			return
		}
	}
	p.others = jsontext.AppendMember(p.others, key, value)
}

// isStep tells whether a step is a whole number of 64 bits, spelled as Go does.
func isStep(value []byte) bool {
	v, err := strconv.ParseInt(string(value), 10, 64)
	return err == nil && strconv.FormatInt(v, 10) == string(value)
}

func (p *parser) timestamp(value []byte) bool {
	form, inner := "number", value
	if value[0] == '"' {
		form, inner = "text", value[1:len(value)-1]
	}
	n, ok := readValue(inner)
	if !ok || form == "text" && !n.isSpelled(inner) {
		return false
	}
	p.form = form
	p.number(timestamp, inner, n)
	p.e.slots[len(p.e.slots)-1].text = form == "text"
	return true
}

func (p *parser) number(column int, value []byte, n number) {
	if n.whole {
		p.whole = append(append(append(jsontext.Comma(p.whole), '"'), floatNames[column]...), '"')
	}
	start := p.offset(value)
	p.slot(slot{column: column, start: start, end: start + len(value), whole: n.whole})
}

func (p *parser) slot(s slot) { p.e.slots = append(p.e.slots, s) }

func (p *parser) metric(key, value []byte) {
	column := floatColumn(key)
	if column >= 0 {
		if n, ok := readValue(value); ok {
			p.number(column, value, n)
			return
		}
	}
	open := byte('{')
	if p.e.hasMetrics {
		open = ','
	}
	p.e.hasMetrics = true
	p.metrics = append(append(append(p.metrics, open, '"'), key...), '"', ':')
	if _, special := readSpecial(value); !special && (value[0] == '-' || value[0]-'0' <= 9) {
		start := p.offset(value)
		p.slot(slot{column: other, start: start, end: start + len(value), before: p.metrics})
		p.metrics = nil
		return
	}
	p.metrics = append(p.metrics, value...)
}

// usual are the members that entries of a layout always have.
var usual = map[string][]string{
	"legacy":  {`"wandb_metadata":{}`},
	"v3":      {`"extra":{},"wandb_metadata":{}`, `"wandb_metadata":{},"extra":{}`},
	"offline": {``},
}

// rest is what the columns do not tell: {"entry": members without a column,
// "timestamp": "text" or "number", "whole": names of numbers spelled without a
// point, "metrics": "absent"}.
func (p *parser) rest() []byte {
	var out []byte
	isUsual := false
	for _, u := range usual[p.layout] {
		isUsual = isUsual || string(p.others) == u
	}
	if !isUsual {
		out = append(append(append(out, `"entry":{`...), p.others...), '}')
	}
	if p.form != timestampForm(p.layout) {
		out = append(append(append(jsontext.Comma(out), `"timestamp":"`...), p.form...), '"')
	}
	if len(p.whole) > 0 {
		out = append(append(append(jsontext.Comma(out), `"whole":[`...), p.whole...), ']')
	}
	if p.absent {
		out = append(jsontext.Comma(out), `"metrics":"absent"`...)
	}
	if len(out) == 0 {
		return nil
	}
	return append(append([]byte{'{'}, out...), '}')
}
