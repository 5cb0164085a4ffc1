package sample

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"ddcore/core/jsontext"
)

// W&B files: the legacy pair with all runs, and a 3.x export of the first ones,
// which a lake then holds twice.
const (
	legacyDir     = "wandb/legacy/"
	exportName    = "ft_scaling_sample"
	exportDir     = "wandb/v3/data/" + exportName + "/"
	exportRuns    = 24
	wandbEntity   = "ml-sample"
	wandbProject  = "ft-sample"
	defaultRuns   = 40
	defaultFTRows = 20
)

func (p *plan) wandbFiles() []output {
	if len(p.runs) == 0 {
		return nil
	}
	exported := p.runs[:min(exportRuns, len(p.runs))]
	var rows int64
	for _, r := range exported {
		rows += int64(len(r.history))
	}
	return []output{
		lines(legacyDir+"wandb_runs.jsonl", p.runs, p.legacyRun),
		lines(legacyDir+"wandb_history.jsonl", p.runs, p.legacyHistory),
		lines(exportDir+"runs.jsonl", exported, p.exportRun),
		lines(exportDir+"history.jsonl", exported, p.exportHistory),
		written(exportDir+"manifest.json", 1, func() []byte { return p.manifest(len(exported), rows) }),
		written(exportDir+"state.json", 1, func() []byte { return p.state(exported) }),
	}
}

// lines is a file of one or more lines a run.
func lines(path string, runs []*ftRun, text func(dst []byte, r *ftRun) []byte) output {
	return output{path: path, rows: int64(len(runs)), write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
		var buffer []byte
		for _, r := range runs {
			if err := ctx.Err(); err != nil {
				return err
			}
			buffer = text(buffer[:0], r)
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			wrote(1)
		}
		return nil
	}}
}

func (p *plan) legacyRun(dst []byte, r *ftRun) []byte {
	config, summary, system := p.config(r), p.summary(r), r.systemMetrics()
	o := object{dst: append(dst, '{')}
	o.text("run_id", r.id)
	o.text("run_name", r.id)
	o.text("state", r.state)
	o.text("project", wandbProject)
	o.text("entity", wandbEntity)
	o.text("created_at", r.createdAt())
	o.raw("config", config)
	o.raw("summary", summary)
	o.raw("wandb_metadata", p.metadata(r))
	o.raw("system_metrics", system)
	o.raw("system_attrs", objectOf(func(o *object) {
		o.text("name", r.id)
		o.text("state", r.state)
		o.raw("config", config)
		o.raw("summaryMetrics", summary)
		o.raw("rawconfig", config)
		o.raw("systemMetrics", system)
		o.raw("historyKeys", r.historyKeys())
		o.raw("user", p.user(r))
	}))
	o.raw("sweep_info", []byte(`{"sweep_id":null,"sweep_url":null}`))
	return append(o.dst, "}\n"...)
}

func (p *plan) legacyHistory(dst []byte, r *ftRun) []byte {
	dst = append(dst, '[')
	for i, h := range r.history {
		if i > 0 {
			dst = append(dst, ',')
		}
		o := object{dst: append(dst, '{')}
		o.text("run_id", r.id)
		o.raw("step", strconv.AppendInt(nil, h.step, 10))
		o.number("timestamp", h.timestamp)
		o.number("runtime", h.runtime)
		o.raw("wandb_metadata", []byte("{}"))
		o.raw("metrics", h.metrics(r))
		dst = append(o.dst, '}')
	}
	return append(dst, "]\n"...)
}

func (p *plan) exportRun(dst []byte, r *ftRun) []byte {
	o := object{dst: append(dst, '{')}
	o.text("exported_at", p.exportedAt())
	o.raw("run", objectOf(func(o *object) {
		o.raw("config", p.config(r))
		o.text("created_at", r.createdAt())
		o.text("display_name", r.id)
		o.text("entity", wandbEntity)
		o.raw("metadata", p.metadata(r))
		o.text("name", r.id)
		o.text("project", wandbProject)
		o.text("run_id", r.id)
		o.text("state", r.state)
		o.raw("summary_metrics", p.summary(r))
		o.raw("updated_at", []byte("null"))
		o.raw("user", p.user(r))
	}))
	return append(o.dst, "}\n"...)
}

func (p *plan) exportHistory(dst []byte, r *ftRun) []byte {
	for _, h := range r.history {
		o := object{dst: append(dst, '{')}
		o.raw("extra", []byte("{}"))
		o.raw("metrics", h.metrics(r))
		o.text("run_id", r.id)
		o.number("runtime", h.runtime)
		o.raw("step", strconv.AppendInt(nil, h.step, 10))
		o.text("timestamp", string(jsontext.AppendFloat(nil, h.timestamp)))
		o.raw("wandb_metadata", []byte("{}"))
		dst = append(o.dst, "}\n"...)
	}
	return dst
}

func (p *plan) manifest(runs int, rows int64) []byte {
	return objectOf(func(o *object) {
		o.text("created_at", p.exportedAt())
		o.text("entity", wandbEntity)
		o.raw("history_count", strconv.AppendInt(nil, rows, 10))
		o.text("history_path", "data/"+exportName+"/history.jsonl")
		o.text("mode", "history")
		o.text("name", exportName)
		o.text("project", wandbProject)
		o.raw("run_count", strconv.AppendInt(nil, int64(runs), 10))
		o.text("runs_path", "data/"+exportName+"/runs.jsonl")
		o.raw("schema_version", []byte("1"))
		o.text("updated_at", p.exportedAt())
	})
}

func (p *plan) state(runs []*ftRun) []byte {
	return objectOf(func(o *object) {
		o.text("entity", wandbEntity)
		o.text("last_exported_at", p.exportedAt())
		o.text("name", exportName)
		o.text("project", wandbProject)
		o.raw("runs", objectOf(func(o *object) {
			for _, r := range runs {
				o.raw(r.id, objectOf(func(o *object) {
					o.text("created_at", r.createdAt())
					o.raw("last_history_step", strconv.AppendInt(nil, r.lastStep(), 10))
					o.text("run_id", r.id)
					o.text("run_state", r.state)
					o.raw("updated_at", []byte("null"))
				}))
			}
		}))
	})
}

// exportedAt depends on the random seed, as everything does.
func (p *plan) exportedAt() string {
	return fmt.Sprintf("2025-10-01T%02d:%02d:00+00:00", p.wandbKey().below(24), p.wandbKey().with(1).below(60))
}

// object writes a JSON object.
type object struct {
	dst []byte
	n   int
}

func objectOf(fill func(o *object)) []byte {
	o := object{dst: []byte{'{'}}
	fill(&o)
	return append(o.dst, '}')
}

func (o *object) raw(key string, value []byte) {
	if o.n > 0 {
		o.dst = append(o.dst, ',')
	}
	o.n++
	o.dst = append(strconv.AppendQuote(o.dst, key), ':')
	o.dst = append(o.dst, value...)
}

func (o *object) text(key, value string)       { o.raw(key, strconv.AppendQuote(nil, value)) }
func (o *object) number(key string, v float64) { o.raw(key, jsontext.AppendFloat(nil, v)) }
func (o *object) whole(key string, v int64)    { o.raw(key, strconv.AppendInt(nil, v, 10)) }
