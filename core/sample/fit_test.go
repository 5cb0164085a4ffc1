package sample

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSetups(t *testing.T) {
	var names []string
	oneStep := 0
	for _, s := range fitSetups() {
		names = append(names, s.name)
		if s.oneStep {
			oneStep++
		}
	}
	assert.Equal(t, []string{
		"3_param-default", "3_param-no_750M", "3_param-no_750M_no_530M",
		"2_param-default", "2_param-no_750M", "2_param-no_750M_no_530M",
		"3_param-intermediate-default", "3_param-intermediate-no_750M", "3_param-intermediate-no_750M_no_530M",
		"3_param-default-helper_points", "3_param-no_750M-helper_points", "3_param-no_750M_no_530M-helper_points",
		"3_param-default-step2=0.5", "3_param-no_750M-step2=0.5", "3_param-no_750M_no_530M-step2=0.5",
		"3_param-default-helper_points-step2=0.5", "3_param-no_750M-helper_points-step2=0.5", "3_param-no_750M_no_530M-helper_points-step2=0.5",
		"3_param-intermediate-default-helper_points", "3_param-intermediate-no_750M-helper_points", "3_param-intermediate-no_750M_no_530M-helper_points",
		"5_param-ai2", "5_param-ai2-no_750M", "5_param-ai2-no_750M_no_530M",
		"5_param-1_step-ai2", "5_param-1_step-ai2-no_750M", "5_param-1_step-ai2-no_750M_no_530M",
		"3_param-1_step", "3_param-1_step-no_750M", "3_param-1_step-no_750M_no_530M",
	}, names)
	assert.Equal(t, 6, oneStep)
}

func TestFitTruthDependsOnTaskMixAndMetricOnly(t *testing.T) {
	type id struct {
		task, mix string
		metric    int
	}
	truths := map[id][2]float64{}
	rows := 0
	for row := range mustPlan(t, small).fitRows() {
		k := id{row.truth.task, row.truth.recipe.mix, row.metric}
		y := [2]float64{row.truth.values[bitsPerByte], row.truth.values[row.metric]}
		if first, ok := truths[k]; ok {
			require.Equal(t, first, y)
		}
		truths[k] = y
		rows++
	}
	assert.Equal(t, 11*2*16*30, rows)
	assert.Len(t, truths, 11*2*16)
}

func TestFitTruthIsTheFinalTarget(t *testing.T) {
	p := mustPlan(t, Options{Sizes: []string{"1B"}, Recipes: []string{"C4"}, Steps: 1})
	truth := p.truths()[0][0]
	assert.Equal(t, "c4", truth.recipe.mix)
	var mean float64
	for r := range p.evalRows() {
		if r.task.name == truth.task && r.step == p.target.final {
			mean += p.model.measure(r.checkpoint, r.task)[primaryMetric] / 3
		}
	}
	assert.InDelta(t, mean, truth.values[primaryMetric], 1e-12)
}

func TestDecisionAccuracyCountsTiesAsWrong(t *testing.T) {
	made := func(truth0, pred float64) prediction {
		return prediction{truth: &truth{values: values{acc: truth0}}, metric: acc, stackedPred: pred}
	}
	right := []prediction{made(0.1, 0.2), made(0.2, 0.3), made(0.3, 0.9)}
	assert.Equal(t, 1.0, decisionAccuracy(right))
	tied := []prediction{made(0.1, 0.2), made(0.2, 0.2), made(0.3, 0.1)}
	assert.Equal(t, 0.0, decisionAccuracy(tied))
	bothTied := []prediction{made(0.1, 0.2), made(0.1, 0.2), made(0.3, 0.9)}
	assert.InDelta(t, 2.0/3, decisionAccuracy(bothTied), 1e-15)
}
