package sample

import (
	"cmp"
	"context"
	"io"
	"iter"
	"slices"
)

// macroAverage is the mean over the nine OLMES tasks and MMLU.
const macroAverage = "olmes_10_macro_avg"

// macroMissing is the number of checkpoints per recipe that lack the macro
// average: those of 4M with one seed. 25 recipes x 5 bring the full shape from
// 21,375 x 11 to the published 235,000 rows.
const (
	macroMissing     = 5
	macroMissingSize = "4M"
	macroMissingSeed = 2
)

// macroTask is one of the eleven tasks of the macro averages: the mean over one
// task, over the subjects of MMLU, or over the other ten.
type macroTask struct {
	name        string
	of          []*task
	conditional bool // one of its tasks lacks the unconditional keys
}

// macroTasks gives the tasks ordered by name.
func (p *plan) macroTasks() []macroTask {
	subjects, all := macroTask{name: mmlu}, macroTask{name: macroAverage, conditional: true}
	var tasks []macroTask
	for i := range p.tasks {
		t := &p.tasks[i]
		all.of = append(all.of, t)
		if t.subject {
			subjects.of = append(subjects.of, t)
		} else {
			tasks = append(tasks, macroTask{name: t.name, of: []*task{t}, conditional: t.conditional})
		}
	}
	tasks = append(tasks, subjects, all)
	slices.SortFunc(tasks, func(a, b macroTask) int { return cmp.Compare(a.name, b.name) })
	return tasks
}

// macroResult is one row of the macro averages.
type macroResult struct {
	checkpoint
	task *macroTask
}

// macroRows gives the rows in the order of the eval results.
func (p *plan) macroRows() iter.Seq[macroResult] {
	tasks := p.macroTasks()
	return func(yield func(macroResult) bool) {
		for _, s := range p.sizes {
			for _, r := range p.recipes {
				for i := range tasks {
					for c := range p.checkpoints(s, r) {
						if tasks[i].name == macroAverage && lacksMacroAverage(c) {
							continue
						}
						if !yield(macroResult{c, &tasks[i]}) {
							return
						}
					}
				}
			}
		}
	}
}

func lacksMacroAverage(c checkpoint) bool {
	return c.size.label == macroMissingSize && c.seed == macroMissingSeed &&
		slices.Index(c.size.evalSteps, c.step) < macroMissing
}

func (p *plan) macroFile() output {
	return output{
		path: evalDir + "macro_avg-00000-of-00001.parquet",
		rows: count(p.macroRows()),
		write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
			keys := newKeyLists()
			var dict []byte
			return writeParquet(ctx, w, evalFields, p.macroRows(), func(b columns, row macroResult) {
				v := p.model.average(row.checkpoint, row.task.of)
				dict = jsonText.appendDict(dict[:0], &v, keys.of(row.size, row.recipe, row.task.conditional))
				p.fillResult(b, row.checkpoint, row.task.name, dict)
			}, wrote)
		},
	}
}

// average gives the mean metrics over tasks. MMLU counts once, however many of
// its subjects are among them.
func (m model) average(c checkpoint, tasks []*task) values {
	var sum, subjects values
	var n, nSubjects float64
	for _, t := range tasks {
		v := m.measure(c, t)
		if t.subject {
			subjects.add(&v, 1)
			nSubjects++
			continue
		}
		sum.add(&v, 1)
		n++
	}
	if nSubjects > 0 {
		sum.add(&subjects, 1/nSubjects)
		n++
	}
	var mean values
	mean.add(&sum, 1/n)
	return mean
}

// add adds weight times the other values.
func (v *values) add(other *values, weight float64) {
	for k := range v {
		v[k] += weight * other[k]
	}
}
