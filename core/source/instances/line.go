package instances

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"ddcore/core/decimal"
	"ddcore/core/jsontext"
)

// parser reads prediction lines into a block.
type parser struct {
	powers                *decimal.Powers
	line, metrics, choice shape
	once                  jsontext.Once
	out                   *block

	text       string // the line at hand
	b          []byte // the same bytes
	rest       []byte // members of the line that have no column, as they were written
	metricRest []byte // the same, of its metrics
	choiceRest []byte // the same, of the choice at hand
	hashes     [2]string
	quoted     [2]string // the hashes as they were written
}

func newParser() *parser {
	return &parser{powers: decimal.PowersOfTen(), line: newShape(lineMembers), metrics: newShape(metricMembers), choice: newShape(choiceMembers)}
}

// errTwice says that a key stands twice in an object.
var errTwice = errors.New("a key stands twice")

// read appends the instance that a line holds to out, with its choices. A line
// that it refuses leaves nothing behind.
func (p *parser) read(line []byte, out *block) error {
	err := p.try(line, out)
	if errors.Is(err, errTwice) {
		if err = jsontext.Whole(line); err == nil {
			err = p.try(p.once.Text(line), out)
		}
	}
	return err
}

func (p *parser) try(line []byte, out *block) error {
	p.out, p.b, p.text = out, line, unsafe.String(unsafe.SliceData(line), len(line))
	p.rest, p.metricRest = p.rest[:0], p.metricRest[:0]
	n, choices := out.rows(), out.choiceRows()
	if err := p.object(); err != nil {
		out.truncate(n, choices)
		return err
	}
	return nil
}

// instance is what a line says of itself.
type instance struct {
	doc, label       int64
	nativeID, idType string
	hashes           [2]string
}

func (p *parser) object() error {
	one := instance{doc: missing, label: missing}
	seen := 0
	i := 0
	for k := 0; ; k++ {
		g, pos, err := p.line.next(p.b, p.text, i, k)
		if err != nil {
			return err
		}
		if g.field == ended {
			i = pos
			break
		}
		if g.field >= 0 {
			if seen&(1<<g.field) != 0 {
				return errTwice
			}
			seen |= 1 << g.field
		}
		if i, err = p.member(&one, g, pos); err != nil {
			return err
		}
	}
	if i = jsontext.Space(p.b, i); i < len(p.b) {
		return fmt.Errorf("at byte %d: expected nothing after the object", i)
	}
	for _, need := range []int{lineDocID, lineMetrics, lineOutput} {
		if seen&(1<<need) == 0 {
			return fmt.Errorf("the line has no %s", lineMembers[need].name)
		}
	}
	p.finish(one)
	return nil
}

func (p *parser) finish(one instance) {
	out := p.out
	if len(p.metricRest) > 0 {
		p.rest = jsontext.AppendMember(p.rest, []byte("metrics"), jsontext.Object(p.metricRest))
	}
	if len(p.rest) > 0 {
		out.rest[out.rows()] = "{" + string(p.rest) + "}"
	}
	out.docs = append(out.docs, one.doc)
	out.labels = append(out.labels, one.label)
	out.nativeIDs = append(out.nativeIDs, one.nativeID)
	out.nativeTypes.add(one.idType)
	out.taskHash.add(one.hashes[0])
	out.modelHash.add(one.hashes[1])
	out.ends = append(out.ends, out.choiceRows())
}

// member reads the value of one key of the line.
func (p *parser) member(one *instance, g *gap, i int) (end int, err error) {
	switch g.field {
	case lineDocID:
		n, end, ok := decimal.Read(p.text, i)
		if !ok || !n.Whole || n.Negative || n.Digits >= 1<<53 {
			return i, errors.New("doc_id is no whole number from 0 on")
		}
		one.doc = int64(n.Digits)
		return end, nil
	case lineMetrics:
		return p.members(&p.metrics, p.out.metrics, i, &p.metricRest)
	case lineOutput:
		return p.output(i)
	}
	if g.field == lineTaskHash || g.field == lineModelHash {
		k := g.field - lineTaskHash
		if q := p.quoted[k]; q != "" && len(p.text)-i >= len(q) && p.text[i:i+len(q)] == q {
			one.hashes[k] = p.hashes[k]
			return i + len(q), nil
		}
	}
	if end, err = jsontext.Skip(p.b, i); err != nil {
		return end, err
	}
	value := p.b[i:end]
	switch g.field {
	case lineNativeID:
		one.nativeID, one.idType = nativeID(value)
		return end, nil
	case lineLabel:
		if n, _, ok := decimal.Read(p.text, i); ok && n.Whole && !n.Negative && n.Digits < 1<<53 {
			one.label = int64(n.Digits)
			return end, nil
		}
	case lineTaskHash, lineModelHash:
		if text, ok := plainText(value); ok && text != "" {
			k := g.field - lineTaskHash
			one.hashes[k], p.hashes[k], p.quoted[k] = text, text, string(value)
			return end, nil
		}
	}
	p.rest = jsontext.AppendMember(p.rest, []byte(g.key), value)
	return end, nil
}

// nativeID gives an id of the data set as text, and its type in JSON.
func nativeID(value []byte) (text, kind string) {
	switch {
	case string(value) == "null":
		return "", "null"
	case value[0] == '"':
		if text, ok := plainText(value); ok {
			return text, "string"
		}
	default:
		if n, end, ok := decimal.Read(string(value), 0); ok && end == len(value) && n.Whole && (n.Digits > 0 || !n.Negative) {
			return string(value), "int"
		}
	}
	return string(value), "json"
}

// plainText gives the text of a JSON string that Python or Go would write back
// the same way up to escapes.
func plainText(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return jsontext.Unquote(value[1 : len(value)-1])
}

// output reads the list of choices.
func (p *parser) output(i int) (end int, err error) {
	b := p.b
	switch {
	case i == len(b):
		return i, jsontext.ErrTorn
	case b[i] != '[':
		return i, errors.New("model_output is no list")
	}
	if i = jsontext.Space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		p.choiceRest = p.choiceRest[:0]
		row := p.out.choiceRows()
		if i, err = p.members(&p.choice, p.out.choices, i, &p.choiceRest); err != nil {
			return i, err
		}
		if len(p.choiceRest) > 0 {
			p.out.choiceRest[row] = "{" + string(p.choiceRest) + "}"
		}
		switch i = jsontext.Space(b, i); {
		case i == len(b):
			return i, jsontext.ErrTorn
		case b[i] == ']':
			return i + 1, nil
		case b[i] != ',':
			return i, fmt.Errorf("at byte %d: expected a comma or ]", i)
		}
		i = jsontext.Space(b, i+1)
	}
}

// members reads an object into a row of columns.
func (p *parser) members(s *shape, columns []column, i int, rest *[]byte) (end int, err error) {
	for c := range columns {
		columns[c].addMissing()
	}
	seen := 0
	for k := 0; ; k++ {
		g, pos, err := s.next(p.b, p.text, i, k)
		if err != nil {
			return pos, err
		}
		switch {
		case g.field == ended:
			return pos, nil
		case g.field == unknown:
			if i, err = jsontext.Skip(p.b, pos); err != nil {
				return i, err
			}
			*rest = jsontext.AppendMember(*rest, []byte(g.key), p.b[pos:i])
			continue
		case seen&(1<<g.field) != 0:
			return pos, errTwice
		}
		seen |= 1 << g.field
		end, isKept, err := p.value(&columns[g.field], pos)
		if err != nil {
			return end, err
		}
		if !isKept {
			*rest = jsontext.AppendMember(*rest, []byte(g.key), p.b[pos:end])
		}
		i = end
	}
}

// maxDigits17 bounds the digits that a float64 gives back as they were written.
const maxDigits17 = 1e17

// value reads a value into the last row of its column. isKept is false where
// the column alone does not give the value back as equal JSON of the same type.
func (p *parser) value(c *column, i int) (end int, isKept bool, err error) {
	n, end, ok := decimal.Read(p.text, i)
	if ok {
		switch c.kind {
		case integer:
			if n.Whole && n.Digits <= 1<<53 && (n.Digits > 0 || !n.Negative) {
				v := int64(n.Digits)
				if n.Negative {
					v = -v
				}
				c.ints[len(c.ints)-1] = v
				return end, true, nil
			}
		case float, score:
			v, ok := n.Float(p.powers)
			if !ok { // subnormal, or just between two floats
				v, _ = strconv.ParseFloat(p.text[i:end], 64)
			}
			c.floats[len(c.floats)-1] = v
			isSpelled := n.Whole == (c.kind == score) && (n.Digits > 0 || !n.Negative || c.kind == float)
			return end, isSpelled && n.Digits < maxDigits17 && !math.IsInf(v, 0), nil
		}
		return end, false, nil
	}
	if end, err = jsontext.Skip(p.b, i); err != nil {
		return end, false, err
	}
	return end, c.word(p.b[i:end]), nil
}

// word keeps what is no plain number.
func (c *column) word(value []byte) bool {
	switch c.kind {
	case boolean:
		isTrue := string(value) == "true"
		if !isTrue && string(value) != "false" {
			return false
		}
		c.bools[len(c.bools)-1] = 0
		if isTrue {
			c.bools[len(c.bools)-1] = 1
		}
		return true
	case float:
		switch string(value) {
		case "NaN", "Infinity", "-Infinity":
			v, _ := strconv.ParseFloat(string(value), 64)
			c.floats[len(c.floats)-1] = v
			return true
		}
		if v, err := strconv.ParseFloat(string(value), 64); err == nil { // more digits than 64 bits hold
			c.floats[len(c.floats)-1] = v
		}
	}
	return false
}
