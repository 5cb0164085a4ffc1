package sample

import (
	"cmp"
	"context"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
)

var fitFields = []field{
	text("task"), text("mix"), text("metric"), text("setup"),
	double("step_1_y"), double("step_1_pred"), double("step_2_y"), double("step_2_pred"),
	double("stacked_y"), double("stacked_pred"),
	double("abs_error_step_1"), double("abs_error_step_2"), double("abs_error_stacked"),
	double("rel_error_stacked"), double("decision_acc"),
}

// fitMetrics are the metrics that the published fits predict.
var fitMetrics = []int{
	primaryMetric, acc, acc + 1, acc + 2,
	correctProb, correctProb + 1, correctProb + 2,
	margin, margin + 1, margin + 2,
	totalProb, totalProb + 1, totalProb + 2,
	normProb, normProb + 1, normProb + 2,
}

// fitFamily is one way of fitting. name holds a * where the held-out sizes go.
// err is the mean relative error of its predictions; the order of magnitude
// follows the comparison of set-ups in DataDecide (arXiv 2504.11393).
type fitFamily struct {
	name string
	err  float64
}

var fitFamilies = []fitFamily{
	{"3_param-*", 0.065},
	{"2_param-*", 0.065},
	{"3_param-intermediate-*", 0.070},
	{"3_param-*-helper_points", 0.060},
	{"3_param-*-step2=0.5", 0.059},
	{"3_param-*-helper_points-step2=0.5", 0.056},
	{"3_param-intermediate-*-helper_points", 0.065},
	{"5_param-ai2*", 0.65},
	{"5_param-1_step-ai2*", 0.43},
	{"3_param-1_step*", 0.43},
}

// heldOut are the sizes left out of a fit besides 1B: the name, and by how much
// errors grow.
var heldOut = []struct {
	name   string
	factor float64
}{{"default", 1}, {"no_750M", 1.2}, {"no_750M_no_530M", 1.5}}

// fitSetup is one of the thirty set-ups.
type fitSetup struct {
	id      int
	name    string
	oneStep bool // fits the metric directly, without the task loss
	err     float64
}

// fitSetups gives the set-ups, held-out sizes varying fastest.
func fitSetups() []fitSetup {
	var setups []fitSetup
	for _, family := range fitFamilies {
		for _, held := range heldOut {
			part := held.name
			if !strings.Contains(family.name, "-*") { // these have no "default"
				part = strings.TrimSuffix("-"+part, "-default")
			}
			setups = append(setups, fitSetup{
				id:      len(setups),
				name:    strings.Replace(family.name, "*", part, 1),
				oneStep: strings.Contains(family.name, "1_step"),
				err:     family.err * held.factor,
			})
		}
	}
	return setups
}

// truth is what the fits of one recipe and task predict: the mean metrics of the
// final 1B checkpoints over all seeds.
type truth struct {
	recipe *recipe
	task   string
	taskID int // position among the macro tasks
	values values
}

// truths gives the truth per task and recipe, recipes ordered by mix.
func (p *plan) truths() [][]truth {
	recipes := slices.SortedFunc(slices.Values(p.recipes), func(a, b *recipe) int { return cmp.Compare(a.mix, b.mix) })
	tasks := p.macroTasks()
	out := make([][]truth, len(tasks))
	for i, t := range tasks {
		for _, r := range recipes {
			var mean values
			for _, seed := range p.target.seeds {
				v := p.model.average(checkpoint{p.target, r, seed, p.target.final}, t.of)
				mean.add(&v, 1/float64(len(p.target.seeds)))
			}
			out[i] = append(out[i], truth{r, t.name, i, mean})
		}
	}
	return out
}

// prediction is one row of the fits.
type prediction struct {
	truth                             *truth
	metric                            int
	setup                             *fitSetup
	lossPred, metricPred, stackedPred float64
	decisionAccuracy                  float64 // NaN with a single recipe
}

// fitRows gives the rows by metric, setup, mix and task, the order in which the
// published ones were made.
func (p *plan) fitRows() iter.Seq[prediction] {
	truths, setups := p.truths(), fitSetups()
	return func(yield func(prediction) bool) {
		for _, metric := range fitMetrics {
			for s := range setups {
				byTask := make([][]prediction, len(truths))
				for t := range truths {
					byTask[t] = p.model.predict(truths[t], metric, &setups[s])
				}
				for mix := range p.recipes {
					for t := range byTask {
						if !yield(byTask[t][mix]) {
							return
						}
					}
				}
			}
		}
	}
}

// predict makes up the predictions of one task, metric and setup for all
// recipes. Most of the error is common to the recipes: that is why decisions
// can be right where numbers are not. The sigmoids of the fits end at 1, also
// where the truth (total_prob_per_char) lies above.
func (m model) predict(truths []truth, metric int, setup *fitSetup) []prediction {
	k := m.root.with(domainFitMetric).id(truths[0].taskID).id(metric).id(setup.id)
	common := 0.85 * k.normal()
	predictions := make([]prediction, len(truths))
	for i := range truths {
		t := &truths[i]
		own := k.with(domainFitMix).id(t.recipe.id)
		lossError := 0.5 * setup.err * m.root.with(domainFitLoss).id(t.taskID).id(t.recipe.id).id(setup.id).normal()
		y := t.values[metric]
		predictions[i] = prediction{
			truth: t, metric: metric, setup: setup,
			lossPred:    t.values[bitsPerByte] * math.Exp(lossError),
			metricPred:  clamp(y*math.Exp(0.5*setup.err*own.normal()), -1, 1),
			stackedPred: clamp(y*math.Exp(setup.err*(common+0.5*own.with(1).normal())), -1, 1),
		}
		if setup.oneStep { // there is one prediction, which AI2's fitting code repeats here
			predictions[i].metricPred = predictions[i].stackedPred
		}
	}
	accuracy := decisionAccuracy(predictions)
	for i := range predictions {
		predictions[i].decisionAccuracy = accuracy
	}
	return predictions
}

// decisionAccuracy is the share of pairs of recipes that are predicted in their
// true order. Ties count as wrong. Without pairs it is NaN.
func decisionAccuracy(predictions []prediction) float64 {
	var right, pairs float64
	for i, a := range predictions {
		for _, b := range predictions[:i] {
			pairs++
			trueOrder := cmp.Compare(a.truth.values[a.metric], b.truth.values[b.metric])
			if trueOrder != 0 && trueOrder == cmp.Compare(a.stackedPred, b.stackedPred) {
				right++
			}
		}
	}
	return right / pairs
}

func (p *plan) fitFile() output {
	return output{
		path: evalDir + "scaling_law_fit-00000-of-00001.parquet",
		rows: int64(len(p.macroTasks()) * len(p.recipes) * len(fitMetrics) * len(fitSetups())),
		write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
			return writeParquet(ctx, w, fitFields, p.fitRows(), fillFit, wrote)
		},
	}
}

// fillFit appends one row of the fits. The relative error is computed as in AI2's
// fitting code: over the prediction, with its sign.
func fillFit(b columns, row prediction) {
	loss, y := row.truth.values[bitsPerByte], row.truth.values[row.metric]
	b.text(0, row.truth.task)
	b.text(1, row.truth.recipe.mix)
	b.text(2, keyNames[row.metric])
	b.text(3, row.setup.name)
	if row.setup.oneStep {
		b.null(4)
		b.null(5)
		b.null(10)
	} else {
		b.double(4, loss)
		b.double(5, row.lossPred)
		b.double(10, math.Abs(row.lossPred-loss))
	}
	b.double(6, y)
	b.double(7, row.metricPred)
	b.double(8, y)
	b.double(9, row.stackedPred)
	b.double(11, math.Abs(row.metricPred-y))
	stackedError := math.Abs(row.stackedPred - y)
	b.double(12, stackedError)
	b.double(13, stackedError/row.stackedPred)
	b.double(14, row.decisionAccuracy)
}
