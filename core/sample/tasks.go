package sample

import (
	"math"
	"slices"

	"ddcore/core/contract"
)

// task is one evaluation task and the curve that its scores follow.
//
// Step 1 (scaling ladder, arXiv 2412.04403): the task loss in bits per byte of
// the correct answer follows the language-modelling loss, base + slope x (loss -
// referenceLoss). Step 2: accuracy is a sigmoid of the task loss, from chance to
// ceiling with its middle at mid and the given steepness (per bit). The constants
// of the nine OLMES tasks were chosen by eye so that 4M, 150M and 1B come out
// near the real sample and the published previews.
type task struct {
	id            int // row in facts/tasks.csv
	name          string
	subject       bool // one of the 57 of MMLU
	primary       int  // key of the primary metric
	n             int  // instances, as in the real sample
	choices       int
	correctChoice float64 // mean index of the correct answer
	chars         float64 // mean length of the correct answer, bytes
	charsPerToken float64
	base, slope   float64
	mid, steep    float64
	ceiling       float64

	conditional bool // lacks acc_uncond and the uncond_* keys
	singleToken bool // answers are one token: raw and per-token scores agree
	oneScoring  bool // raw, per-token and per-char scoring choose the same answers
}

// curves of the OLMES tasks, and of an average MMLU subject.
var curves = map[string]task{
	"arc_challenge": {n: 1172, chars: 26, charsPerToken: 4.9, base: 0.78, slope: 0.55, mid: 0.50, steep: 4, ceiling: 0.75},
	"arc_easy":      {n: 2376, chars: 20, charsPerToken: 5.5, base: 0.57, slope: 0.65, mid: 0.75, steep: 4, ceiling: 0.90},
	"boolq":         {n: 3270, chars: 3.5, charsPerToken: 3.5, base: 0.31, slope: 0.85, mid: 0.25, steep: 4, ceiling: 0.80, conditional: true, singleToken: true},
	"csqa":          {n: 1221, chars: 9, charsPerToken: 6.0, base: 0.90, slope: 0.60, mid: 0.94, steep: 5, ceiling: 0.95},
	"hellaswag":     {n: 10042, chars: 135, charsPerToken: 4.5, base: 0.75, slope: 0.31, mid: 0.76, steep: 11, ceiling: 0.95},
	"openbookqa":    {n: 500, chars: 17, charsPerToken: 5.1, base: 1.24, slope: 0.51, mid: 1.10, steep: 5, ceiling: 0.70},
	"piqa":          {n: 1838, chars: 91, charsPerToken: 4.3, base: 0.98, slope: 0.36, mid: 1.03, steep: 4, ceiling: 0.95},
	"socialiqa":     {n: 1954, chars: 19, charsPerToken: 5.4, base: 1.00, slope: 0.43, mid: 0.90, steep: 4, ceiling: 0.80},
	"winogrande":    {n: 1267, chars: 23, charsPerToken: 4.0, base: 1.13, slope: 0.21, mid: 1.08, steep: 17, ceiling: 0.90, conditional: true, oneScoring: true},
	mmlu:            {chars: 30, charsPerToken: 4.6, base: 0.95, slope: 0.57, mid: 0.60, steep: 3, ceiling: 0.70},
}

// mmlu is the mean over the subjects, whose names start with it.
const mmlu = "mmlu"

// subjectInstances are the sizes of the MMLU test sets (arXiv 2009.03300), as
// found in the real sample, in the order of facts/tasks.csv.
var subjectInstances = []int{
	100, 135, 152, 100, 265, 144, 100, 100, 100, 173, 102, 100, 235, 114, 145, 378, 126, 100, 310, 203,
	100, 165, 198, 193, 390, 270, 238, 151, 545, 216, 204, 237, 223, 131, 121, 108, 163, 112, 103, 234,
	100, 783, 346, 895, 306, 311, 324, 282, 1534, 272, 612, 110, 245, 201, 100, 166, 171,
}

// loadTasks joins facts/tasks.csv with the curves. Tasks do not depend on the
// random seed: they are the same tests in every sample.
func loadTasks() []task {
	f := contract.LoadFacts("tasks")
	primary, choices := f.Column("primary_metric"), numbers(f, "n_choices")
	root := key(domainTaskFacts)
	var tasks []task
	subjects := 0
	for id, name := range f.Column("task") {
		t, ok := curves[name]
		if !ok {
			t = curves[mmlu].vary(root.id(id))
			t.n = subjectInstances[subjects]
			subjects++
		}
		t.id, t.name = id, name
		t.primary = slices.Index(keyNames[:], primary[id])
		t.choices = int(choices[id])
		middle := float64(t.choices-1) / 2
		t.correctChoice = share(middle*(1+0.1*root.id(id).with(1).normal()), t.n)
		tasks = append(tasks, t)
	}
	return tasks
}

// vary makes one MMLU subject from the average one.
func (t task) vary(k key) task {
	t.subject = true
	t.chars *= math.Exp(0.5 * k.with(2).normal())
	t.charsPerToken += 0.4 * k.with(3).normal()
	t.base += 0.1 * k.with(4).normal()
	t.mid += 0.1 * k.with(5).normal()
	return t
}

// chance is the accuracy of guessing.
func (t *task) chance() float64 { return 1 / float64(t.choices) }

// share rounds v to a whole number of instances, as every mean over instances
// of a whole number is, and gives it as a share.
func share(v float64, n int) float64 { return math.Round(v*float64(n)) / float64(n) }
