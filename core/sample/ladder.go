package sample

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"ddcore/core/jsontext"
)

// Curves of the OLMo ladder: a few runs and columns of the published shape.
const ladderDir = "ladder/runs/"

// ladderRun is one file. steps are those of the whole run; the larger model's
// file has neither tokens nor a learning rate, as published.
type ladderRun struct {
	name     string
	params   float64
	flops    float64 // per token
	batch    int64   // tokens per step
	peak     float64
	steps    int64
	points   int64
	noTokens bool
}

var ladderRuns = []ladderRun{
	{name: "190M-1xC", params: 190354176, flops: 1903391232, batch: 524288, peak: 9.7e-4, steps: 7272, points: 6},
	{name: "190M-1xC-rerun", params: 190354176, flops: 1903391232, batch: 524288, peak: 9.7e-4, steps: 7272, points: 12},
	{name: "190M-5xC", params: 190354176, flops: 1903391232, batch: 524288, peak: 9.7e-4, steps: 36318, points: 12},
	{name: "370M-1xC", params: 371262464, flops: 3443922944, batch: 786432, peak: 7.8e-4, steps: 9452, points: 8},
	{name: "1B-5xC", params: 1279395840, flops: 10109071360, batch: 1572864, peak: 5.2e-4, steps: 81352, points: 16},
	{name: "peteish7_eval_full", params: 6887575552, batch: 4194304, peak: 3e-4, steps: 925000, points: 10, noTokens: true},
}

var (
	ladderSets       = []string{"c4_en", "pile", "wikitext_103"}
	ladderTasks      = []string{"arc_easy_test", "hellaswag_val", "mmlu_stem_test", "mmlu_humanities_test", "mmlu_social_sciences_test", "mmlu_other_test"}
	ladderThroughput = []string{"throughput/total_tokens", "throughput/total_training_Gflops", "optim/learning_rate_group0"}
	ladderFixed      = []string{"learning_rate_peak", "batch_size_in_tokens"}
)

func (p *plan) ladderFiles() []output {
	outputs := make([]output, len(ladderRuns))
	for i, r := range ladderRuns {
		outputs[i] = output{path: ladderDir + r.name + ".csv", rows: r.points, write: func(_ context.Context, w io.Writer, wrote func(int64)) error {
			_, err := io.WriteString(w, p.ladderCurve(i, r))
			wrote(r.points)
			return err
		}}
	}
	return outputs
}

// ladderCurve writes a file: its header, then its checkpoints.
func (p *plan) ladderCurve(id int, r ladderRun) string {
	columns := []string{"_step"}
	for _, set := range ladderSets {
		columns = append(columns, "eval/"+set+"-validation/CrossEntropyLoss")
	}
	for _, kind := range []string{"downstream_bpb", "downstream"} {
		for _, task := range ladderTasks {
			columns = append(columns, fmt.Sprintf("eval/%s/%s_rc_5shot_%s", kind, task, map[string]string{"downstream_bpb": "bpb", "downstream": "len_norm"}[kind]))
		}
	}
	if !r.noTokens {
		columns = append(columns, ladderThroughput...)
	}
	var b strings.Builder
	b.WriteString(strings.Join(append(columns, ladderFixed...), ",") + "\n")
	for i := range r.points {
		b.WriteString(strings.Join(p.ladderRow(id, r, r.steps*(i+1)/r.points), ",") + "\n")
	}
	return b.String()
}

// ladderRow follows L = E + A N^-a + B D^-b, with accuracies on a sigmoid of the
// task's loss.
func (p *plan) ladderRow(id int, r ladderRun, step int64) []string {
	tokens := float64(step * r.batch)
	power := 480*math.Pow(r.params, -0.34) + 2100*math.Pow(tokens, -0.37)
	at := p.model.root.with(domainLadder).id(id).with(uint64(step))
	row := []string{fmt.Sprint(step)}
	for i := range ladderSets {
		row = append(row, float(1.7+0.15*float64(i)+1.5*power+0.004*at.id(i).normal()))
	}
	var accuracies []string
	for i := range ladderTasks {
		bpb := 0.45 + 0.12*float64(i) + power + 0.006*at.id(100+i).normal()
		row = append(row, float(bpb))
		accuracies = append(accuracies, float(0.25+0.7/(1+math.Exp(6*(bpb-0.95)))+0.004*at.id(200+i).normal()))
	}
	row = append(row, accuracies...)
	if !r.noTokens {
		row = append(row, float(tokens), float(r.flops*tokens/1e9), float(r.peak*(1-0.9*float64(step)/float64(r.steps))))
	}
	return append(row, float(r.peak), fmt.Sprint(r.batch))
}

func float(v float64) string { return string(jsontext.AppendFloat(nil, v)) }
