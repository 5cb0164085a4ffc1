package sample

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"ddcore/core/contract"
)

// OLMES dumps: the older one holds the metrics of the first model alone, the
// newer one all models with their tasks' files.
const (
	oldDump       = "olmes/2025-10-08_posttrain/_eval_results/"
	newDump       = "olmes/2025-11-03_posttrain/_eval_results/"
	defaultModels = 3
	olmesDocs     = 6 // questions of a task
	recordedDocs  = 3 // of which the inputs are recorded
)

// evaluated is a model that the dumps evaluate.
type evaluated struct {
	key             key
	folder          string // of its results
	model, revision string
	modelPath       string
	by              person
	results         []*taskResult
}

// addModels makes the models: in turn a final checkpoint, one in the middle, and
// a fine-tuning run of the W&B files.
func (p *plan) addModels(n int) {
	slugs := hubSlugs()
	for i := range max(n, 0) {
		k := p.model.root.with(domainOlmes).id(i)
		s, r := p.sizes[i%len(p.sizes)], p.recipes[i%len(p.recipes)]
		name := "DataDecide-" + slugs[r.name] + "-" + s.label
		m := &evaluated{key: k, model: "allenai/" + name, revision: "main", modelPath: "models/" + name, by: people[k.below(len(people))]}
		switch {
		case i%3 == 1:
			m.revision = fmt.Sprintf("step%d-seed-%s", s.evalSteps[len(s.evalSteps)/2], strings.ReplaceAll(p.seeds[s.seeds[0]], " ", "-"))
		case i%3 == 2 && len(p.runs) > 0:
			run := p.runs[i%len(p.runs)]
			m.by = run.person()
			m.model, m.revision, m.modelPath, m.folder = run.id, "", m.by.home+"/models/"+run.id, run.id
		}
		if m.folder == "" {
			m.folder = "allenai_" + name + "__" + m.revision
		}
		for t := range olmesTasks {
			m.results = append(m.results, newTaskResult(m, t))
		}
		p.models = append(p.models, m)
	}
}

// hubSlugs gives the name of each recipe in the names of models.
func hubSlugs() map[string]string {
	f := contract.LoadFacts("recipe_names")
	slugs := map[string]string{}
	for i, recipe := range f.Column("recipe") {
		if f.Column("source")[i] == "hf_model" {
			slugs[recipe] = f.Column("name")[i]
		}
	}
	return slugs
}

func (p *plan) olmesFiles() []output {
	var files []output
	seen := map[string]bool{}
	for i, m := range p.models {
		if seen[m.folder] { // more models than there are checkpoints and runs
			continue
		}
		seen[m.folder] = true
		if i == 0 {
			files = append(files, written(path.Join(oldDump, m.folder, "metrics-all.jsonl"), len(m.results)+1, m.metricsAll))
		}
		files = append(files, m.files(path.Join(newDump, m.folder))...)
	}
	return files
}

// files are a model's in the newer dump. A line of the metrics stands there
// twice, and metrics.jsonl holds texts only.
func (m *evaluated) files(dir string) []output {
	files := []output{
		written(path.Join(dir, "metrics-all.jsonl"), len(m.results)+2, func() []byte {
			return append(m.metricsAll(), append(m.results[0].record(), '\n')...)
		}),
		written(path.Join(dir, "metrics.jsonl"), 3, func() []byte { return []byte("\"all_primary_scores\"\n\"tasks\"\n\"model_config\"\n") }),
	}
	for i, t := range m.results {
		stem := path.Join(dir, fmt.Sprintf("task-%03d-%s-", i, t.name))
		files = append(
			files,
			written(stem+"metrics.json", 1, t.record),
			written(stem+"config.json", 1, t.config),
			written(stem+"predictions.jsonl", olmesDocs, t.predictions),
			written(stem+"recorded-inputs.jsonl", recordedDocs, t.recordedInputs),
			written(stem+"requests.jsonl", olmesDocs*t.choices, t.requests),
		)
	}
	return files
}

// written is a file whose text is made at once.
func written(path string, rows int, text func() []byte) output {
	return output{path: path, rows: int64(rows), write: func(_ context.Context, w io.Writer, wrote func(int64)) error {
		_, err := w.Write(text())
		wrote(int64(rows))
		return err
	}}
}

// metricsAll has a line for each task, and one for their average, which has no
// number and no files.
func (m *evaluated) metricsAll() []byte {
	var text []byte
	var sum float64
	for _, t := range m.results {
		text = append(append(text, t.record()...), '\n')
		sum += t.means()["primary_score"]
	}
	average := sum / float64(len(m.results))
	const name = "core_3mcqa:rc::olmes"
	config := objectOf(func(o *object) {
		o.text("task_name", name)
		o.text("primary_metric", "macro")
		o.raw("metadata", fmt.Appendf(nil, `{"num_tasks":%d,"description":"Aggregate metric"}`, len(m.results)))
	})
	metrics := objectOf(func(o *object) {
		o.number("primary_score", average)
		o.number("primary_score_macro", average)
	})
	return append(append(text, m.line(name, -1, config, metrics, olmesDocs*len(m.results))...), '\n')
}

// line is a record of metrics; index is -1 for an average.
func (m *evaluated) line(name string, index int, config, metrics []byte, questions int) []byte {
	return objectOf(func(o *object) {
		o.text("task_name", name)
		o.text("task_hash", hash(m.key.with(1).id(index+1)))
		o.text("model_hash", hash(m.key))
		o.raw("model_config", objectOf(func(o *object) {
			o.text("model", m.model)
			o.raw("revision", orNull(m.revision))
			o.raw("trust_remote_code", []byte("null"))
			o.whole("max_length", 4096)
			o.text("model_type", "hf")
			o.text("model_path", m.modelPath)
		}))
		o.raw("task_config", config)
		o.raw("compute_config", []byte(`{"batch_size":"auto","gpus":1}`))
		o.number("processing_time", 3.25+float64(index))
		o.text("current_date", "2025-10-08 12:00:00 UTC")
		o.whole("num_instances", int64(questions))
		o.raw("beaker_info", objectOf(func(o *object) {
			o.text("BEAKER_AUTHOR", m.by.user)
			o.text("BEAKER_NODE_HOSTNAME", m.by.host)
			o.text("BEAKER_EXPERIMENT_ID", hash(m.key.with(2))[:26])
		}))
		o.raw("metrics", metrics)
		if index < 0 {
			o.raw("task_idx", []byte("null"))
		} else {
			o.whole("task_idx", int64(index))
		}
	})
}
