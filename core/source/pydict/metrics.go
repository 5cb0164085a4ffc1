package pydict

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/decimal"
)

// Parser reads dictionaries of metrics. It remembers the text that stood
// between the values of the last one: rows of a file have the same keys in the
// same order, and comparing that text is faster than reading it. A Parser
// belongs to one goroutine; its zero value is ready.
type Parser struct {
	gaps   []gap
	powers *decimal.Powers
}

// gap is what stands before a value: ", 'acc_raw': ".
type gap struct {
	text  string
	key   string
	index int // of the key in contract.Metrics, or -1
}

// Check tells whether text is a dictionary of metrics: readable, and a number,
// a boolean or None under every known metric.
func (p *Parser) Check(text string) error { return p.scan(text, nil) }

// Metrics parses text into out, which has one slot for each of
// contract.Metrics, preset by the caller; a metric that is absent or None keeps
// its slot. Numbers are rounded once, to the nearest float64; True is 1. A key
// that occurs twice counts once, with its last value, as in Python. Unknown
// keys are passed over: raw keeps them.
func (p *Parser) Metrics(text string, out []float64) error {
	if p.powers == nil {
		p.powers = decimal.PowersOfTen()
	}
	return p.scan(text, out)
}

func (p *Parser) scan(text string, out []float64) error {
	s := scanner{text: text}
	if err := s.open(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if i < len(p.gaps) && strings.HasPrefix(text[s.pos:], p.gaps[i].text) {
			s.pos += len(p.gaps[i].text)
		} else if done, err := p.read(&s, i); done || err != nil {
			return err
		}
		index := p.gaps[i].index
		if d, end, ok := decimal.Read(text, s.pos); ok {
			if index < 0 || out == nil {
				s.pos = end
				continue
			}
			if v, ok := d.Float(p.powers); ok {
				out[index], s.pos = v, end
				continue
			}
		}
		v, err := s.value(0)
		if err != nil {
			return err
		}
		if index < 0 {
			continue
		}
		x, ok, err := v.Float()
		if err != nil {
			return fmt.Errorf("%s: %w", p.gaps[i].key, err)
		}
		if ok && out != nil {
			out[index] = x
		}
	}
}

// read reads the gap before value i, or the end of the dictionary.
func (p *Parser) read(s *scanner, i int) (done bool, err error) {
	start := s.pos
	if i > 0 {
		if done, err := s.next('}'); done || err != nil {
			return true, cmp.Or(err, s.end())
		}
	}
	s.space()
	if s.take('}') {
		return true, s.end()
	}
	key, err := s.key(0)
	if err != nil {
		return true, err
	}
	s.space()
	p.gaps = append(p.gaps[:i], gap{text: strings.Clone(s.text[start:s.pos]), key: strings.Clone(key), index: MetricIndex(key)})
	return false, nil
}

// Float gives the value as a number; ok is false for None.
func (v Value) Float() (x float64, ok bool, err error) {
	switch v.Kind {
	case Number:
		x, err = parseFloat(v.Text)
		return x, true, err
	case None:
		return 0, false, nil
	case Bool:
		if strings.EqualFold(v.Text, "true") {
			return 1, true, nil
		}
		return 0, true, nil
	default:
		return 0, false, fmt.Errorf("expected a number, found %.40q", v.Text)
	}
}

var metricIndex = func() map[string]int {
	m := make(map[string]int, len(contract.Metrics))
	for i, name := range contract.Metrics {
		m[name] = i
	}
	return m
}()

// MetricIndex gives the position of a metric in contract.Metrics, or -1.
func MetricIndex(key string) int {
	if i, ok := metricIndex[key]; ok {
		return i
	}
	return -1
}

// parseFloat is strconv's, which takes all that the fast way leaves; 1e999 is
// inf, as in Python, and there is one NaN only.
func parseFloat(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if x != x {
		return math.NaN(), nil
	}
	if err != nil && math.IsInf(x, 0) {
		return x, nil
	}
	return x, err
}
