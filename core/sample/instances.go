package sample

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/jsontext"

	"github.com/klauspost/compress/gzip"
)

// Archives of evaluation instances: models/<recipe>.tar.gz, checkpoints inside.
const (
	instanceDir        = "instances/models/"
	defaultCheckpoints = 8
	defaultQuestions   = 4
	instanceSeeds      = 2      // each checkpoint is there for so many seeds, as far as its size has them
	instanceSize       = "150M" // whose checkpoints come first
)

// seedID gives the name of a seed in the archives.
var seedID = func() map[int]string {
	ids := map[int]string{}
	facts := contract.LoadFacts("seed_names")
	for i, name := range facts.Column("seed_label") {
		var seed int
		if _, err := fmt.Sscan(facts.Column("seed")[i], &seed); err == nil {
			ids[seed] = name // the last spelling is the shortest id
		}
	}
	return ids
}()

// instanceFiles gives one archive a recipe.
func (p *plan) instanceFiles() []output {
	var outputs []output
	for _, r := range p.recipes {
		checkpoints := p.instanceCheckpoints(r)
		if len(checkpoints) == 0 || r.slug == "" {
			continue
		}
		var rows int64
		for i := range p.tasks {
			rows += int64(min(p.tasks[i].n, p.questions) * len(checkpoints))
		}
		outputs = append(outputs, output{
			path: instanceDir + r.slug + ".tar.gz", rows: rows,
			write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
				return p.writeArchive(ctx, w, checkpoints, wrote)
			},
		})
	}
	return outputs
}

// instanceCheckpoints chooses a recipe's checkpoints: of one size first, spread
// over its training, each with the same seeds.
func (p *plan) instanceCheckpoints(r *recipe) []checkpoint {
	sizes := slices.Clone(p.sizes)
	slices.SortStableFunc(sizes, func(a, b *size) int {
		rank := map[bool]int{true: 0, false: 1}
		return rank[a.label == instanceSize] - rank[b.label == instanceSize]
	})
	var out []checkpoint
	for _, s := range sizes {
		seeds := s.seeds[max(0, len(s.seeds)-instanceSeeds):]
		steps := slices.DeleteFunc(slices.Clone(s.evalSteps), func(step int64) bool { return step == 0 })
		want := min((p.perRecipe-len(out)+len(seeds)-1)/max(len(seeds), 1), len(steps))
		for i := range max(want, 0) {
			step := steps[(i+1)*len(steps)/want-1]
			for _, seed := range seeds {
				if len(out) < p.perRecipe {
					out = append(out, checkpoint{s, r, seed, step})
				}
			}
		}
	}
	return out
}

// writeArchive writes the archive of one recipe. Its members' path starts with a
// capital for every second recipe, as in some of the published ones.
func (p *plan) writeArchive(ctx context.Context, w io.Writer, checkpoints []checkpoint, wrote func(int64)) error {
	z := gzip.NewWriter(w)
	archive := tar.NewWriter(z)
	for _, c := range checkpoints {
		if err := ctx.Err(); err != nil {
			return err
		}
		packed, rows, err := p.packCheckpoint(c)
		if err != nil {
			return err
		}
		folder := c.recipe.slug
		if c.recipe.id%2 == 1 {
			folder = strings.ToUpper(folder[:1]) + folder[1:]
		}
		name := fmt.Sprintf("%s/%s/seed-%s/step-%d.tar.gz", folder, c.size.label, seedID[c.seed], c.step)
		if err := addFile(archive, name, packed); err != nil {
			return err
		}
		wrote(rows)
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return z.Close()
}

func addFile(archive *tar.Writer, name string, data []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// packCheckpoint packs the files of one checkpoint.
func (p *plan) packCheckpoint(c checkpoint) (packed []byte, rows int64, err error) {
	var out sliceWriter
	z := gzip.NewWriter(&out)
	archive := tar.NewWriter(z)
	var lines []byte
	for i := range p.tasks {
		a := answers{model: p.model, checkpoint: c, task: &p.tasks[i], index: i}
		a.ability = p.model.ability(c, a.task)
		n := min(a.task.n, p.questions)
		rows += int64(n)
		lines = lines[:0]
		for doc := range n {
			lines = append(a.appendLine(lines, doc), '\n')
		}
		folder := fmt.Sprintf("step-%d/%s", c.step, a.task.name)
		if err := addFile(archive, folder+"-metrics.json", a.aggregate(n)); err != nil {
			return nil, 0, err
		}
		if err := addFile(archive, folder+"-predictions.jsonl", lines); err != nil {
			return nil, 0, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, 0, err
	}
	return out, rows, z.Close()
}

type sliceWriter []byte

func (s *sliceWriter) Write(b []byte) (int, error) {
	*s = append(*s, b...)
	return len(b), nil
}

// ability is how far a checkpoint sees the right answers of a task, from 0 to 1,
// and how unlikely it finds text, in nats per byte.
type ability struct{ skill, nats float64 }

func (m model) ability(c checkpoint, t *task) ability {
	bits := m.taskLoss(c, t)
	return ability{t.skill(c.step, bits), bits * math.Ln2}
}

// answers writes the answers of one checkpoint to one task.
type answers struct {
	model      model
	checkpoint checkpoint
	task       *task
	index      int
	ability    ability

	sums [len(aggregated)]float64
	outs []answer
}

// answer is one choice of a question, as a model scores it.
type answer struct {
	tokens, allTokens, chars int64
	sum, uncond              float64
	perToken, perChar, bits  float64
	isGreedy                 bool
}

// aggregated are the metrics that a task's file gives the mean of.
var aggregated = [...]string{
	"acc_raw", "acc_per_token", "acc_per_char", "acc_per_byte", "acc_uncond", "no_answer",
	"sum_logits_corr", "logits_per_token_corr", "logits_per_char_corr", "logits_per_byte_corr",
}

// ways are the five orders of the choices.
var ways = [...]string{"raw", "per_token", "per_char", "per_byte", "uncond"}

// hasBytes tells whether the byte keys are there: one early checkpoint lacks
// them, as some of the published ones do.
func (a *answers) hasBytes() bool {
	return a.checkpoint.seed == 0 || a.checkpoint.step != a.checkpoint.size.evalSteps[1]
}

func (a *answers) has(way int) bool {
	return (way != 3 || a.hasBytes()) && (way != 4 || !a.task.conditional)
}

// choices of a question: as many as the task has, but for two of arc_challenge,
// as in the published test.
func (a *answers) choices(doc int) int {
	if a.task.name == "arc_challenge" {
		switch doc {
		case 1:
			return a.task.choices + 1
		case 2:
			return a.task.choices - 1
		}
	}
	return a.task.choices
}

// score draws the answers to a question. What belongs to the question (lengths,
// the right answer, how hard it is) is the same for all models.
func (a *answers) score(doc, label int) {
	question := a.model.root.with(domainQuestion).id(a.task.id).id(doc)
	mine := a.model.runKey(a.checkpoint).with(domainQuestion).with(uint64(a.checkpoint.step)).id(a.task.id).id(doc)
	context := int64(120 + question.with(1).below(600))
	advantage := 0.9 * a.ability.skill * (1 + 0.8*question.with(2).normal())
	a.outs = a.outs[:0]
	for k := range a.choices(doc) {
		choice := question.with(3).id(k)
		o := answer{}
		o.tokens = max(1, int64(math.Round(a.task.chars/a.task.charsPerToken*math.Exp(0.3*choice.normal()))))
		o.chars = max(1, int64(math.Round(float64(o.tokens)*a.task.charsPerToken*math.Exp(0.1*choice.with(1).normal()))))
		o.allTokens = context + o.tokens
		surprise := 0.2*choice.with(2).normal() + 0.06*mine.id(k).normal()
		if k == label {
			surprise -= advantage
		}
		o.sum = -a.ability.nats * math.Exp(surprise) * float64(o.chars)
		o.uncond = o.sum * (1.2 + 0.1*choice.with(3).normal())
		o.perToken, o.perChar = o.sum/float64(o.tokens), o.sum/float64(o.chars)
		o.bits = -o.sum / (float64(o.chars) * math.Ln2)
		o.isGreedy = mine.id(k).with(1).below(50) == 0
		a.outs = append(a.outs, o)
	}
}

// best gives the first of the choices that a way ranks highest.
func (a *answers) best(way int) int {
	rank := func(o answer) float64 {
		return [...]float64{o.sum, o.perToken, o.perChar, -o.bits, o.sum - o.uncond}[way]
	}
	best := 0
	for k := range a.outs {
		if rank(a.outs[k]) > rank(a.outs[best]) {
			best = k
		}
	}
	return best
}

func (a *answers) label(doc int) int {
	return a.model.root.with(domainQuestion).id(a.task.id).id(doc).with(4).below(a.choices(doc))
}

// appendLine appends the line of a question, and adds it to the aggregates.
func (a *answers) appendLine(dst []byte, doc int) []byte {
	label := a.label(doc)
	a.score(doc, label)
	dst = fmt.Appendf(dst, `{"doc_id": %d, "native_id": %s, "metrics": {`, doc, a.nativeID(doc))
	right := [len(ways)]int{}
	for way, name := range ways {
		if a.has(way) {
			best := a.best(way)
			if best == label {
				right[way] = 1
			}
			dst = fmt.Appendf(dst, `"predicted_index_%s": %d, `, name, best)
		}
	}
	dst = fmt.Appendf(dst, `"correct_choice": %d`, label)
	for way, name := range ways {
		if a.has(way) {
			a.sums[way] += float64(right[way])
			dst = fmt.Appendf(dst, `, "acc_%s": %d`, name, right[way])
		}
	}
	dst = append(dst, `, "no_answer": 0`...)
	o := a.outs[label]
	for i, v := range []float64{o.sum, o.perToken, o.perChar, o.bits} {
		if i < 3 || a.hasBytes() {
			a.sums[6+i] += v
			dst = appendReal(dst, aggregated[6+i], v, true)
		}
	}
	dst = append(dst, `}, "model_output": [`...)
	for k := range a.outs {
		if k > 0 {
			dst = append(dst, ", "...)
		}
		dst = a.appendChoice(dst, &a.outs[k])
	}
	return fmt.Appendf(dst, `], "label": %d, "task_hash": "%s", "model_hash": "%s"}`, label, a.taskHash(), a.modelHash())
}

func (a *answers) appendChoice(dst []byte, o *answer) []byte {
	dst = appendReal(append(dst, '{'), "sum_logits", o.sum, false)
	dst = fmt.Appendf(dst, `, "num_tokens": %d, "num_tokens_all": %d, "is_greedy": %t`, o.tokens, o.allTokens, o.isGreedy)
	if !a.task.conditional {
		dst = appendReal(dst, "sum_logits_uncond", o.uncond, true)
	}
	dst = appendReal(dst, "logits_per_token", o.perToken, true)
	dst = appendReal(dst, "logits_per_char", o.perChar, true)
	if a.hasBytes() {
		dst = appendReal(dst, "logits_per_byte", o.bits, true)
	}
	return fmt.Appendf(dst, `, "num_chars": %d}`, o.chars)
}

func appendReal(dst []byte, key string, v float64, comma bool) []byte {
	if comma {
		dst = append(dst, ", "...)
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	dst = append(dst, `": `...)
	return jsontext.AppendFloat(dst, v)
}

// nativeID is what the data set calls a question: text with a number among it,
// a number, or nothing.
func (a *answers) nativeID(doc int) string {
	switch {
	case a.task.subject:
		return "null"
	case a.task.id%2 == 0 && doc%5 != 4:
		return fmt.Sprintf(`"%s_%d"`, a.task.name, 7_000_000+13*doc)
	default:
		return fmt.Sprint(101 * doc)
	}
}

func (a *answers) taskHash() string { return hash(key(domainTaskFacts).id(a.task.id)) }

func (a *answers) modelHash() string {
	return hash(a.model.runKey(a.checkpoint).with(uint64(a.checkpoint.step)))
}

func hash(k key) string { return fmt.Sprintf("%016x%016x", uint64(k.with(1)), uint64(k.with(2))) }

// aggregate writes the task's own metrics, after all its lines.
func (a *answers) aggregate(n int) []byte {
	c := a.checkpoint
	primary := keyNames[a.task.primary]
	var metrics []byte
	score := 0.0
	for i, name := range aggregated {
		if i < len(ways) && !a.has(i) || name == "logits_per_byte_corr" && !a.hasBytes() {
			continue
		}
		mean := a.sums[i] / float64(n)
		if name == primary {
			score = mean
		}
		metrics = appendReal(metrics, name, mean, len(metrics) > 0)
	}
	metrics = appendReal(metrics, "primary_score", score, true)
	return fmt.Appendf(nil, `{"task_name": "%[1]s", "task_hash": "%[2]s", "model_hash": "%[3]s", `+
		`"model_config": {"model": "%[4]s-%[5]s-seed-%[6]s", "revision": "step%[7]d-unsharded-hf", "trust_remote_code": null, "max_length": 2048, "model_type": "hf"}, `+
		`"task_config": {"task_name": "%[1]s", "task_core": "%[1]s", "limit": 10000000000000000000, "split": "test", "num_shots": 5, "fewshot_seed": 1234, "primary_metric": "%[8]s", "version": 0, "metadata": {"regimes": ["OLMES-v0.1"], "alias": "%[1]s:rc::olmes"}}, `+
		`"compute_config": {"batch_size": "4", "max_batch_size": 32}, "processing_time": %[9]d.5, "current_date": "2024-12-19 12:00:00 UTC", "num_instances": %[10]d, `+
		`"metrics": {%[11]s}, "task_idx": %[12]d}`,
		a.task.name, a.taskHash(), a.modelHash(), c.recipe.slug, c.size.label, seedID[c.seed], c.step, primary, a.index+1, n, metrics, a.index)
}
