package instances

import (
	"fmt"
	"math"

	"ddcore/core/tablefile"
)

// Check is a disagreement inside a part: N cases of it, and the first as an
// example.
type Check struct {
	Task    string `json:"task"`
	Name    string `json:"name"`
	N       int64  `json:"n"`
	Example string `json:"example"`
}

// Columns by their place in metricMembers and choiceMembers.
const (
	firstPredicted = 0 // five of them: raw, per token, per char, per byte, unconditional
	correctChoice  = 5
	firstAccuracy  = 6  // in the same order
	firstCorrect   = 12 // four: summed, per token, per char, per byte

	sumLogits     = 0
	numTokens     = 1
	uncondLogits  = 4
	perToken      = 5
	perChar       = 6
	perByte       = 7
	numChars      = 8
	rankings      = 5
	correctLogits = 4
)

// correctOf is the column of choices whose value at the label each of the four
// metrics *_corr repeats.
var correctOf = [correctLogits]int{sumLogits, perToken, perChar, perByte}

// tolerance is how far two float64 sums of the same numbers may lie apart,
// relatively: the order of summing is not known.
const tolerance = 1e-9

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b)) || a != a && b != b
}

// checker tests the instances of one task.
type checker struct {
	task   string
	checks []Check
}

func (c *checker) fail(name, format string, args ...any) {
	for i := range c.checks {
		if c.checks[i].Name == name {
			c.checks[i].N++
			return
		}
	}
	c.checks = append(c.checks, Check{c.task, name, 1, fmt.Sprintf(format, args...)})
}

// instance checks row i of a block: the label, and what OLMES derives from the
// choices (arXiv 2406.08446, section 3.3): the choice that each normalisation
// ranks first, whether it is the right one, and the right one's log-likelihoods.
func (c *checker) instance(b *block, i int) {
	start, end := b.firstChoice(i), b.ends[i]
	label, doc := b.labels[i], b.docs[i]
	correct := b.metrics[correctChoice].ints[i]
	if label != missing && end > start && label >= int64(end-start) {
		c.fail("label", "doc_id %d: label is %d of %d choices", doc, label, end-start)
		return
	}
	if label != missing && correct != missing && label != correct {
		c.fail("correct_choice", "doc_id %d: correct_choice is %d, label is %d", doc, correct, label)
	}
	for k := range rankings {
		predicted := b.metrics[firstPredicted+k].ints[i]
		if predicted == missing {
			continue
		}
		c.ranking(b, i, k, predicted)
		accuracy := b.metrics[firstAccuracy+k].floats[i]
		if right := predicted == correct; correct != missing && !tablefile.IsNull(accuracy) && (accuracy == 1) != right {
			c.fail(metricMembers[firstAccuracy+k].name, "doc_id %d: %s is %v, the prediction %d, the answer %d", doc, metricMembers[firstAccuracy+k].name, accuracy, predicted, correct)
		}
	}
	if correct != missing && correct >= 0 && correct < int64(end-start) {
		for k, from := range correctOf {
			said, is := b.metrics[firstCorrect+k].floats[i], b.choices[from].floats[start+int(correct)]
			if !tablefile.IsNull(said) && !near(said, is) {
				c.fail(metricMembers[firstCorrect+k].name, "doc_id %d: %s is %v, of the choice %v", doc, metricMembers[firstCorrect+k].name, said, is)
			}
		}
	}
	for row := start; row < end; row++ {
		c.quotient(b, doc, row, perToken, numTokens)
		c.quotient(b, doc, row, perChar, numChars)
	}
}

// ranking checks that no choice is ranked above the predicted one; which of
// several equal ones is taken is not said.
func (c *checker) ranking(b *block, i, k int, predicted int64) {
	start, end := b.firstChoice(i), b.ends[i]
	if end == start {
		return
	}
	name := metricMembers[firstPredicted+k].name
	if predicted < 0 || predicted >= int64(end-start) {
		c.fail(name, "doc_id %d: %s is %d of %d choices", b.docs[i], name, predicted, end-start)
		return
	}
	at := b.rank(k, start+int(predicted))
	for row := start; row < end; row++ {
		if v := b.rank(k, row); v > at {
			c.fail(name, "doc_id %d: %s is %d, choice %d ranks higher", b.docs[i], name, predicted, row-start)
			return
		}
	}
}

// rank is what ranking k orders choices by. Bits per byte are better when lower.
func (b *block) rank(k, row int) float64 {
	f := func(column int) float64 { return b.choices[column].floats[row] }
	switch k {
	case 0:
		return f(sumLogits)
	case 1:
		return f(perToken)
	case 2:
		return f(perChar)
	case 3:
		return -f(perByte)
	default:
		return f(sumLogits) - f(uncondLogits)
	}
}

// quotient checks a normalised log-likelihood.
func (c *checker) quotient(b *block, doc int64, row, column, by int) {
	said, sum, n := b.choices[column].floats[row], b.choices[sumLogits].floats[row], b.choices[by].ints[row]
	if tablefile.IsNull(said) || tablefile.IsNull(sum) || n == missing || n == 0 {
		return
	}
	if !near(said, sum/float64(n)) {
		name := choiceMembers[column].name
		c.fail(name, "doc_id %d: %s is %v, sum_logits / %s is %v", doc, name, said, choiceMembers[by].name, sum/float64(n))
	}
}

// mean adds floats up with Neumaier's correction, so that the order of a
// million of them does not matter to 1e-15.
type mean struct {
	sum, correction float64
	n               int64
}

func (m *mean) add(v float64) {
	s := m.sum + v
	if math.Abs(m.sum) >= math.Abs(v) {
		m.correction += (m.sum - s) + v
	} else {
		m.correction += (v - s) + m.sum
	}
	m.sum = s
	m.n++
}

func (m *mean) value() float64 { return (m.sum + m.correction) / float64(m.n) }

// derive gives the mean of each metric of a block over the instances that have
// it.
func derive(b *block) map[string]float64 {
	out := map[string]float64{}
	for k := firstAccuracy; k < len(b.metrics); k++ {
		var m mean
		for _, v := range b.metrics[k].floats {
			if !tablefile.IsNull(v) {
				m.add(v)
			}
		}
		if m.n > 0 {
			out[b.metrics[k].name] = m.value()
		}
	}
	return out
}
