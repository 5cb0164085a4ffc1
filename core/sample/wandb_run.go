package sample

import (
	"fmt"
	"math"
	"strings"
	"time"

	"ddcore/core/contract"
	"ddcore/core/jsontext"
)

// ftRun is one fine-tuning run: of a checkpoint of the sample.
type ftRun struct {
	key     key
	id      string
	start   checkpoint // where it starts
	state   string
	at      time.Time
	lr      float64
	isDPO   bool
	history []ftRow
}

// ftRow is one history entry.
type ftRow struct {
	step                       int64
	timestamp, runtime         float64
	loss, tokens, learningRate float64
}

// person is somebody who does not exist, for redaction to find.
type person struct{ user, name, host, home string }

var people = []person{
	{"amuster", "Ada Muster", "node-a1.cluster.example.invalid", "/gscratch/lab/amuster"},
	{"bbeispiel", "Bo Beispiel", "node-b2.cluster.example.invalid", "/home/bbeispiel"},
	{"cexample", "Chris Example", "gpu-c3.cluster.example.invalid", "/mmfs1/home/cexample"},
}

func (p *plan) wandbKey() key { return p.model.root.with(domainWandb) }

// addRuns makes the runs: every type in turn, each of another checkpoint.
func (p *plan) addRuns(n, rows int) {
	names := wandbNames()
	for i := range max(n, 0) {
		k := p.wandbKey().id(i)
		s := p.sizes[i%len(p.sizes)]
		r := p.recipes[(i/len(p.sizes)+i)%len(p.recipes)]
		step := s.evalSteps[len(s.evalSteps)-1]
		if i%3 == 0 {
			step = s.evalSteps[1+k.below(len(s.evalSteps)-1)]
		}
		run := &ftRun{
			key: k, start: checkpoint{s, r, s.seeds[k.with(1).below(len(s.seeds))], step}, state: "finished",
			at: time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i)*83*time.Minute + time.Duration(k.below(60))*time.Second),
			lr: []float64{5e-7, 5e-6, 2e-5, 5e-5}[k.with(2).below(4)],
		}
		run.name(i, names)
		if i%11 == 5 {
			run.state = "crashed"
		}
		run.isDPO = strings.Contains(run.id, "dpo")
		run.addHistory(i, rows)
		p.runs = append(p.runs, run)
	}
}

// wandbNames gives the first W&B spelling of each recipe that has one.
func wandbNames() map[string]string {
	f := contract.LoadFacts("recipe_names")
	names := map[string]string{}
	recipes, sources, spellings := f.Column("recipe"), f.Column("source"), f.Column("name")
	for i := range recipes {
		if sources[i] == "wandb" && names[recipes[i]] == "" {
			names[recipes[i]] = spellings[i]
		}
	}
	return names
}

// shapes are run ids of every type, in the order of the rules; {…} are filled
// from the run.
var shapes = []string{
	"{ts8}_test_finetune_DD-{recipe}-{size}_main_10Mtx2_--learning_rate={lr}",
	"{ts8}_test_finetune_DD-{recipe}-{size}_main_100M_toks_--learning_rate={lr}",
	"{ts8}_test_finetune_DD-{recipe}-{size}_Ft_--learning_rate={lr}",
	"{ts6}_test_finetune_DD-{recipe}-{size}_Ft_learning_rate={lr}",
	"{ts6}_sweep_10Mtx1_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts6}_sweep_Ft_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts6}_match_150M_c4_finetune_100Mtx1_DD-{recipe}-{size}-{step}-{seed}",
	"{ts6}_match_150M_pile_finetune_Ft_DD-{recipe}-{size}-{step}-{seed}",
	"{ts6}_match_150M_finetune_100Mtx1_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts6}_match_150M_finetune_Ft_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts6}_match_150M_finetune_100Mtx1_DD-{recipe}-{size}-{step}-{seed}",
	"{ts6}_match_DD-d17-150M_Ft_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts8}_match_DD-d17-150M_Ft_DD-{recipe}-{size}-{step}-{seed}_lr={lr}",
	"{ts6}_match_150M_finetune_Ft_DD-{recipe}-{size}-{step}-{seed}",
	"{ts8}_reduce_DD-{recipe}-{size}_main_default_--max_train_samples=5000_--reduce_loss=sum",
	"{ts8}_dpo_DD-{recipe}-{size}_main_default",
	"{ts8}_test_dpo_tune_cache_dd__{recipe}-{size}__main__100Mt_lr={lr}_default_--learning_rate={lr}",
	"{ts8}_allenai--DataDecide-{recipe}-{size}_main_default",
	"try-{n}-of-something-else",
}

// name makes the run's id; a shape that names no step is of the final one.
func (r *ftRun) name(i int, names map[string]string) {
	shape := shapes[i%len(shapes)]
	if !strings.Contains(shape, "{step}") {
		r.start.step = r.start.size.final
		r.start.seed = 0
	}
	recipe := names[r.start.recipe.name]
	if recipe == "" {
		recipe = names["Dolma1.7"]
	}
	r.id = strings.NewReplacer(
		"{ts8}", r.at.Format("2006_01_02-15_04_05"), "{ts6}", r.at.Format("060102-150405"), "{recipe}", recipe,
		"{size}", r.start.size.label, "{step}", fmt.Sprint(r.start.step), "{seed}", fmt.Sprint(r.start.seed), "{lr}", string(jsontext.AppendFloat(nil, r.lr)), "{n}", fmt.Sprint(i),
	).Replace(shape)
}

// addHistory makes a curve with noise. Among the runs one in 17 has none, one
// in 13 a repeated entry, and crashed ones end early.
func (r *ftRun) addHistory(i, rows int) {
	if i%17 == 1 {
		return
	}
	if r.state == "crashed" {
		rows = (rows + 1) / 2
	}
	start := float64(r.at.Unix()) + 0.25
	for k := range rows {
		noise := r.key.with(3).id(k)
		share := float64(k+1) / float64(rows)
		row := ftRow{
			step: int64(k+1) * 10, tokens: math.Round(91158 * float64(k+1) * 10 * (1 + 0.01*noise.with(1).normal())),
			learningRate: round(r.lr*min(share/0.03, (1-share)/0.97+1e-3), 10),
			loss:         round(1.1+0.9*math.Exp(-4*share)+0.2*r.key.normal()*0.1+0.05*noise.normal(), 10),
			runtime:      round(30+1.97*float64(k)*(1+0.001*noise.with(2).normal()), 9),
		}
		row.timestamp = round(start+row.runtime, 6)
		r.history = append(r.history, row)
	}
	if i%13 == 2 && rows > 1 {
		r.history = append(r.history, r.history[len(r.history)-1])
	}
}

func round(v float64, digits int) float64 {
	scale := math.Pow(10, float64(digits))
	return math.Round(v*scale) / scale
}

func (h ftRow) metrics(r *ftRun) []byte {
	return objectOf(func(o *object) {
		o.number("train_loss", h.loss)
		if !r.isDPO {
			o.number("total_tokens", h.tokens)
		}
		o.number("learning_rate", h.learningRate)
	})
}

func (r *ftRun) createdAt() string { return r.at.Format(time.RFC3339) }

// lastStep is -1 for a run without history, as an export writes it.
func (r *ftRun) lastStep() int64 {
	if len(r.history) == 0 {
		return -1
	}
	return r.history[len(r.history)-1].step
}

func (r *ftRun) person() person { return people[r.key.with(4).below(len(people))] }
