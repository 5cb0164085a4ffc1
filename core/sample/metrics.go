package sample

import "math"

// Standard deviations of score noise. Accuracies vary less than independent
// draws of n instances would, since all checkpoints answer the same questions.
const (
	skewEffect      = 0.03 // a way of scoring favours or disfavours a task's correct answers
	accRunEffect    = 0.3  // in standard errors of n instances, one run
	accStepEffect   = 0.3  // the same, one checkpoint
	probStepEffect  = 0.03 // relative
	shareStepEffect = 0.01
)

// scoring is how one of the three ways of scoring (raw, per token, per char)
// turns logits into probabilities. The constants were read off the real sample.
type scoring struct {
	spread float64 // log of the mean probability = spread x mean log probability
	gain   float64 // how far the correct answer's share follows the skill
	rival  float64 // best wrong answer over the mean wrong answer, of 4 choices
}

var scorings = [3]scoring{
	{spread: 0.75, gain: 0.90, rival: 1.9},
	{spread: 0.75, gain: 0.55, rival: 1.5},
	{spread: 0.90, gain: 0.12, rival: 1.2},
}

// rawSpread lowers the spread of raw scores of long answers, whose mean
// probability is that of the few shortest.
const rawSpread = 2.1

// measure gives all metrics of one task at one checkpoint.
func (m model) measure(c checkpoint, t *task) values {
	var v values
	row := m.rowKey(c, t)
	bits := m.taskLoss(c, t)
	skill := t.skill(c.step, bits)
	v[correctChoice] = t.correctChoice
	m.fillAccuracies(&v, c, t, skill)
	v[bitsPerByte], v[logitsPerByte] = bits, bits // OLMES gives "logits per byte" in bits, positive
	nats := bits * math.Ln2
	v[logits], v[logits+1], v[logits+2] = -nats*t.chars, -nats*t.charsPerToken, -nats
	untrainedNats := t.untrainedBits() * math.Ln2
	for way := range scorings {
		fillProbabilities(&v, way, t, skill, (nats+untrainedNats)/2/nats, row.id(way))
	}
	v[uncondTotal] = min(1.3*float64(t.choices)*v[uncondProb], 1)
	if t.singleToken {
		for _, first := range []int{predictedIndex, acc, logits, correctProb, margin, totalProb, normProb} {
			v[first+1] = v[first]
		}
	}
	v[primaryMetric] = v[t.primary]
	return v
}

// skill is how far from guessing to its ceiling a model has come, from 0 to 1.
func (t *task) skill(step int64, bits float64) float64 {
	if step == 0 {
		return 0
	}
	return 1 / (1 + math.Exp((bits-t.mid)*t.steep))
}

// fillAccuracies sets the accuracies and the mean predicted indices, in the five
// ways of scoring.
func (m model) fillAccuracies(v *values, c checkpoint, t *task, skill float64) {
	run, row := m.runKey(c).with(domainAccuracy).id(t.id), m.rowKey(c, t)
	for way := range 5 {
		skew := m.root.with(domainSkew).id(t.id).id(way)
		low := clamp(t.chance()+skewEffect*skew.normal(), 0.01, 0.99)
		high := clamp(t.ceiling+skewEffect*skew.with(1).normal(), 0.01, 0.99)
		p := low + (high-low)*skill
		standardError := math.Sqrt(p * (1 - p) / float64(t.n))
		p += standardError * (accRunEffect*run.id(way).normal() + accStepEffect*row.id(way).with(1).normal())
		v[acc+way] = share(clamp(p, 0, 1), t.n)
		index := float64(t.choices-1) / 2 * (1 + 0.1*row.id(way).with(2).normal())
		v[predictedIndex+way] = share(index, t.n)
	}
	if t.oneScoring {
		v[acc+1], v[acc+2] = v[acc], v[acc]
	}
}

// fillProbabilities sets the probabilities of one way of scoring (0 raw, 1 per
// token, 2 per char). Without the question the answers are uncond times as
// unlikely in logits.
func fillProbabilities(v *values, way int, t *task, skill, uncond float64, k key) {
	s := scorings[way]
	switch {
	case way == 0:
		s.spread = min(s.spread, rawSpread/math.Sqrt(t.chars))
	case way == 1 && skill == 0:
		s.spread = 1 // an untrained model gives all tokens about the same probability
	}
	choices := float64(t.choices)
	log := s.spread * v[logits+way]
	prob := min(math.Exp(log+probStepEffect*k.with(3).normal()), 0.999)
	norm := t.chance() + s.gain*((t.ceiling-t.chance())*skill+shareStepEffect*k.with(4).normal())
	total := min(prob/norm, choices)
	rival := 1 + (s.rival-1)*(choices-2)/2
	v[correctProb+way] = prob
	v[normProb+way] = norm
	v[totalProb+way] = total
	v[margin+way] = prob - min(rival*(total-prob)/(choices-1), 1)
	v[uncondProb+way] = math.Exp(log*uncond + probStepEffect*k.with(5).normal())
}
