package core

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"ddcore/core/contract"
	"ddcore/core/curate/runtypes"
	"ddcore/core/lake"
	"ddcore/core/sample"
)

// Version is ddcore's version; the build sets it from pyproject.toml.
var Version = "0.1.0"

type versionRow struct {
	Component string `col:"component"`
	Version   string `col:"version"`
}

func version(context.Context, *Env, NoArgs) (*Result, error) {
	rows := []versionRow{{"ddcore", Version}, {"duckdb", lake.DuckDBVersion}, {"go", runtime.Version()}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.HasPrefix(m.Path, "github.com/apache/arrow-go") {
				rows = append(rows, versionRow{"arrow-go", m.Version})
			}
		}
	}
	return rowsResult(rows)
}

func init() { // not in the list itself, which it reads
	Verbs = append(Verbs, verb("verbs", "List the verbs and their arguments.", false, verbs))
}

// verbRow is a verb (argument "", help: its summary) or one of its arguments.
type verbRow struct {
	Verb     string `col:"verb"`
	Argument string `col:"argument"`
	Type     string `col:"type"`
	Help     string `col:"help"`
}

func verbs(context.Context, *Env, NoArgs) (*Result, error) {
	var rows []verbRow
	for _, v := range Verbs {
		rows = append(rows, verbRow{Verb: v.Name, Help: v.Summary})
		for _, a := range v.Args {
			rows = append(rows, verbRow{v.Name, a.Name, jsonType(a.Type), a.Help})
		}
	}
	return rowsResult(rows)
}

// jsonType names a type as the users of a request write it.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Map:
		return "object"
	case reflect.Slice:
		return strings.TrimSuffix("list of "+jsonType(t.Elem()), " of any")
	default:
		return "any"
	}
}

type doctorRow struct {
	Check  string `col:"check"`
	State  string `col:"state"` // ok, missing or warning
	Detail string `col:"detail"`
}

// doctor looks at what ddcore needs; it fails at nothing.
func doctor(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	rows := []doctorRow{
		{"ddcore", "ok", Version},
		{"duckdb", "ok", lake.DuckDBVersion},
		{"platform", "ok", runtime.GOOS + "/" + runtime.GOARCH},
		{"threads", "ok", fmt.Sprint(env.Options.Workers())},
	}
	for _, name := range env.Lake.Extensions() {
		path, searched := lake.FindExtension(env.Options, name)
		row := doctorRow{"extension " + name, "ok", filepath.Base(path)}
		if path == "" {
			row.State = "missing"
			row.Detail = fmt.Sprintf("pip install duckdb-extension-%s, or set DDCORE_EXTENSION_DIR; %d folders searched", strings.ReplaceAll(name, "_", "-"), len(searched))
		}
		rows = append(rows, row)
	}
	rows = append(rows, disk("temporary folder", os.TempDir()))
	if env.Lake != (lake.Place{}) {
		rows = append(rows, lakeCheck(ctx, env)...)
	}
	return rowsResult(rows)
}

func lakeCheck(ctx context.Context, env *Env) []doctorRow {
	s, err := reader(ctx, env)
	if err != nil {
		e := contract.AsError(err) // without its target and hint: paths are nobody else's business
		return []doctorRow{{"lake", "missing", e.Err.Error()}}
	}
	defer s.Close()
	if env.Lake.IsPublished() {
		return append([]doctorRow{{"lake", "ok", "published"}}, tableChecks(ctx, s.Conn)...)
	}
	rows, err := s.Rows(ctx, "SELECT count(*) FILTER (raw_table <> 'instances'), coalesce(sum(n_rejects), 0)::BIGINT FROM lake.raw.files") // parts are counted by their archives
	if err != nil {
		return []doctorRow{{"lake", "warning", err.Error()}}
	}
	out := []doctorRow{{"lake", "ok", fmt.Sprintf("%d raw files", rows[0][0])}}
	if n := rows[0][1].(int64); n > 0 {
		out = append(out, doctorRow{"rejects", "warning", fmt.Sprintf("%d raw rows are in no curated table: see `rejects`", n)})
	}
	out = append(out, tableChecks(ctx, s.Conn)...)
	if folder := env.Lake.Folder(); folder != "" {
		out = append(out, disk("lake's disk", folder))
	}
	return out
}

// tableChecks says what is odd about the W&B runs, the OLMES dumps and the instances.
func tableChecks(ctx context.Context, c *lake.Conn) []doctorRow {
	out := unknownRuns(ctx, c)
	for _, check := range []struct{ name, count, detail string }{
		{"run histories", "run_gaps WHERE NOT is_complete", "%d W&B runs have gaps in their history: see gaps in run_gaps"},
		{"run checkpoints", "matched_runs WHERE pt_match <> 'exact'", "%d W&B runs start from checkpoints without results in evals: see pt_match in matched_runs"},
		{"run copies", "runs WHERE is_conflicting", "%d W&B runs have other values in older exports: see n_differences and differences in runs"},
		{"post-training copies", "posttrain_checks WHERE check_name LIKE 'copies%' AND NOT is_ok", "%d records of OLMES dumps differ in older dumps: see differences in posttrain_results"},
		{"post-training files", "posttrain_checks WHERE check_name = 'files' AND NOT is_ok", "%d tasks of OLMES dumps lack files or their line of metrics: see reason in posttrain_checks"},
		{"post-training results", "posttrain_checks WHERE check_name NOT LIKE 'copies%' AND check_name <> 'files' AND NOT is_ok", "%d results of OLMES dumps disagree with their questions: see posttrain_checks"},
		{"run evaluations", "run_evals WHERE is_conflicting", "%d evaluations stand in a summary twice with different values: see other_value in run_evals"},
		{"instances", "instance_checks", "%d disagreements in the evaluation instances: see instance_checks"},
	} {
		rows, err := c.Rows(ctx, "SELECT count(*) FROM lake.main."+check.count)
		if err == nil && rows[0][0] != int64(0) { // an error says: not curated yet
			out = append(out, doctorRow{check.name, "warning", fmt.Sprintf(check.detail, rows[0][0])})
		}
	}
	return out
}

// mostUnknown bounds the list of runs whose type is unknown.
const mostUnknown = 20

// unknownRuns lists the W&B runs that no shape of ids fits.
func unknownRuns(ctx context.Context, c *lake.Conn) []doctorRow {
	rows, err := c.Rows(ctx, "SELECT run_id, count(*) OVER () FROM lake.main.runs WHERE run_type = ? ORDER BY run_id LIMIT ?", runtypes.Other, mostUnknown)
	if err != nil || len(rows) == 0 { // not curated yet, or all are known
		return nil
	}
	n := rows[0][1].(int64)
	out := []doctorRow{{"run types", "warning", fmt.Sprintf("%d W&B runs are of no known type: give their shapes with `curate --patterns`", n)}}
	for _, r := range rows {
		out = append(out, doctorRow{"run types", "warning", r[0].(string)})
	}
	if more := n - int64(len(rows)); more > 0 {
		out = append(out, doctorRow{"run types", "warning", fmt.Sprintf("and %d more: SELECT run_id FROM runs WHERE run_type = 'other'", more)})
	}
	return out
}

func disk(name, path string) doctorRow {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return doctorRow{name, "warning", err.Error()}
	}
	const gib = 1 << 30
	free := float64(s.Bavail) * float64(s.Bsize) / gib
	row := doctorRow{name, "ok", fmt.Sprintf("%.1f GiB free", free)}
	if free < 2 {
		row.State = "warning"
	}
	return row
}

// SampleArgs are the arguments of sample.
type SampleArgs struct {
	Dir     string   `json:"dir" help:"the folder to write; it is made"`
	Sizes   []string `json:"sizes" help:"model sizes, e.g. 4M,150M,1B; default: five sizes"`
	Recipes []string `json:"recipes" help:"recipes; default: six"`
	Seeds   []string `json:"seeds" help:"seed labels; default: three per size"`
	Steps   int      `json:"steps" help:"most checkpoints per run after step 0; default: 8"`
	Full    bool     `json:"full" help:"the full published shape: 1,410,750 task results"`
	Runs    int      `json:"runs" help:"fine-tuning runs in the W&B files; default: 40, below 0 none"`
	FTRows  int      `json:"history_rows" help:"W&B history entries per run; default: 20"`

	Checkpoints int `json:"checkpoints" help:"checkpoints in each recipe's archive of evaluation instances; default: 8, below 0 none"`
	Questions   int `json:"questions" help:"most questions per task in those archives; default: 4, below 0 all 37,682 of the published tests"`
	Models      int `json:"models" help:"models in the OLMES dumps; default: 3, below 0 none"`

	Seed int64 `json:"seed" help:"random seed; the same options give the same bytes"`
}

type sampleRow struct {
	Path  string `col:"path"`
	Rows  int64  `col:"n_rows"`
	Bytes int64  `col:"n_bytes"`
}

func sampleFiles(ctx context.Context, env *Env, a SampleArgs) (*Result, error) {
	o := sample.Options{Sizes: a.Sizes, Recipes: a.Recipes, Seeds: a.Seeds, Steps: a.Steps, Full: a.Full, Runs: a.Runs, FTRows: a.FTRows, Checkpoints: a.Checkpoints, Questions: a.Questions, Models: a.Models, Seed: uint64(a.Seed)}
	files, err := sample.Generate(ctx, a.Dir, o, func(done, total int64, what string) { env.Tell(Progress{done, total, "rows", what}) })
	if err != nil {
		return nil, err
	}
	rows := make([]sampleRow, len(files))
	for i, f := range files {
		rows[i] = sampleRow{f.Path, f.Rows, f.Bytes}
	}
	return rowsResult(rows)
}
