package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ddcore/core"
	"ddcore/core/contract"
)

// SiteOptions are what a site holds.
type SiteOptions struct {
	Lake     string // its name, for people
	Call     Call
	Metrics  []string // of tasks, for the chart of lines; primary_metric is always there
	Target   string   // the size to predict in decisions; "": the largest
	MaxBytes int64    // of all tables together; what comes after is left out
	Tell     func(done, total int64, what string)
}

// SiteReport is what was written.
type SiteReport struct {
	Files, Bytes int64
	LeftOut      []string // tables that were too much, or that the lake cannot give
}

const (
	siteRuns   = 500 // histories, of the newest runs
	siteBlocks = 2   // of questions, for each size and task
)

// WriteSite writes the dashboard with its tables as files into dir, which must
// be new, empty or a former site, which it replaces. It is there as a whole or
// not at all.
func WriteSite(ctx context.Context, o SiteOptions, dir string) (*SiteReport, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 && !isSite(entries) {
		return nil, &core.Error{Kind: contract.Invalid, Op: "export-site", Target: dir, Err: errors.New("the folder is not empty, and no site of ddcore's alone"), Hint: "name a new folder"}
	}
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return nil, siteError(dir, err)
	}
	defer os.RemoveAll(partial)
	report, err := writeSite(ctx, o, partial)
	if err != nil {
		return nil, err
	}
	old := filepath.Clean(dir) + ".old"
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, siteError(dir, err)
	}
	if err := os.Rename(partial, dir); err != nil {
		_ = os.Rename(old, dir)
		return nil, siteError(dir, err)
	}
	if err := os.RemoveAll(old); err != nil {
		return nil, siteError(old, err)
	}
	return report, nil
}

// isSite tells whether a folder holds a site and nothing else: it may be replaced.
func isSite(entries []fs.DirEntry) bool {
	ours := map[string]bool{"data": true}
	assets, err := fs.ReadDir(assets(), ".")
	for _, a := range assets {
		ours[a.Name()] = true
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
		if !ours[e.Name()] {
			return false
		}
	}
	return err == nil && len(names) == len(ours)
}

func siteError(dir string, err error) error {
	var e *contract.Error
	if errors.As(err, &e) {
		return err
	}
	return &core.Error{Kind: contract.IO, Op: "export-site", Target: dir, Err: err, Hint: "may you write there, is there room?"}
}

func writeSite(ctx context.Context, o SiteOptions, dir string) (*SiteReport, error) {
	if err := os.CopyFS(dir, assets()); err != nil {
		return nil, siteError(dir, err)
	}
	index, err := makeIndex(ctx, o.Call, o.Lake)
	if err != nil {
		return nil, err
	}
	if err := o.check(index); err != nil {
		return nil, err
	}
	index.Tables = slices.DeleteFunc(index.Tables, func(t tableInfo) bool { return t.Schema == "raw" }) // paths and texts are nobody else's business
	index.Site = true
	paths, err := sitePaths(ctx, o, index)
	if err != nil {
		return nil, err
	}
	report := &SiteReport{}
	for n, path := range paths {
		o.Tell(int64(n), int64(len(paths)), path)
		size, err := writeTable(ctx, o, dir, path, o.MaxBytes-report.Bytes)
		switch e := contract.AsError(err); {
		case err == nil:
			index.Files = append(index.Files, path)
			report.Files, report.Bytes = report.Files+1, report.Bytes+size
		case e.Kind == contract.NotFound || e.Kind == contract.Invalid: // the lake has no such thing, or it is too much
			report.LeftOut = append(report.LeftOut, path)
		default:
			return nil, siteError(dir, err)
		}
	}
	o.Tell(int64(len(paths)), int64(len(paths)), "")
	index.LeftOut = report.LeftOut
	text, err := json.Marshal(index)
	if err != nil {
		return nil, fmt.Errorf("write the index: %w", err)
	}
	return report, siteWrite(filepath.Join(dir, "data", "index.json"), text)
}

func writeTable(ctx context.Context, o SiteOptions, dir, path string, left int64) (int64, error) {
	v, keys, err := findView(path)
	if err != nil {
		return 0, err
	}
	q, err := v.query(keys)
	if err != nil {
		return 0, err
	}
	if left <= 0 {
		return 0, &core.Error{Kind: contract.Invalid, Op: "export-site", Target: path, Err: errors.New("the site is full"), Hint: "raise --max-mb"}
	}
	table, err := ask(ctx, o.Call, q, mostRows)
	if err != nil {
		return 0, err
	}
	if int64(len(table)) > left {
		return 0, &core.Error{Kind: contract.Invalid, Op: "export-site", Target: path, Err: errors.New("the site is full"), Hint: "raise --max-mb"}
	}
	return int64(len(table)), siteWrite(filepath.Join(dir, "data", filepath.FromSlash(path)+".arrow"), table)
}

func siteWrite(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("write the site: %w", err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		return fmt.Errorf("write the site: %w", err)
	}
	return nil
}

// sitePaths lists the tables of a site, what matters most first.
func sitePaths(ctx context.Context, o SiteOptions, i *index) ([]string, error) {
	var out []string
	add := func(parts ...string) {
		for n := range parts[1:] {
			parts[n+1] = slug(parts[n+1])
		}
		out = append(out, strings.Join(parts, "/"))
	}
	if i.Missing["curve"] == "" {
		i.addCurves(o, add)
	}
	if i.Missing["grid"] == "" {
		add("grid")
	}
	for _, t := range i.Tables {
		if t.Schema == "predictions" && t.Name != "saved" {
			add("predictions", t.Name)
		}
	}
	for _, t := range i.Tables {
		add("describe", t.Schema+"."+t.Name)
		add("preview", t.Schema+"."+t.Name)
	}
	if i.Missing["runs"] == "" {
		add("runs")
		err := rowsOf(ctx, o.Call, fmt.Sprintf("SELECT project, run_id FROM runs ORDER BY created_at DESC NULLS LAST, project, run_id LIMIT %d", siteRuns),
			func(r []any) { add("history", r[0].(string), r[1].(string)) })
		if err != nil {
			return nil, err
		}
	}
	for _, n := range i.Instances {
		if !isSubject(n.Task) {
			add("questions", n.Params, n.Task)
		}
	}
	for _, n := range i.Instances {
		if isSubject(n.Task) {
			continue
		}
		for block := range min(siteBlocks, (n.Docs+docsPerBlock-1)/docsPerBlock) {
			add("question_curves", n.Params, n.Task, strconv.FormatInt(block, 10))
		}
	}
	return out, nil
}

// check refuses names that the lake does not have: their tables would only be left out.
func (o SiteOptions) check(i *index) error {
	for _, m := range o.Metrics {
		if !slices.Contains(contract.Metrics, m) {
			return &core.Error{Kind: contract.NotFound, Op: "export-site", Target: m, Err: errors.New("tasks have no such metric"), Hint: contract.NearNames(m, contract.Metrics)}
		}
	}
	sizes := make([]string, len(i.Sizes))
	for n, s := range i.Sizes {
		sizes[n] = s.Params
	}
	if o.Target != "" && !slices.Contains(sizes, o.Target) {
		return &core.Error{Kind: contract.NotFound, Op: "export-site", Target: o.Target, Err: errors.New("the lake has no results of this size"), Hint: "it has " + strings.Join(sizes, ", ")}
	}
	return nil
}

// isSubject tells a subject of MMLU: 57 of them would be most of a site.
func isSubject(task string) bool {
	return strings.HasPrefix(task, "mmlu_") && task != contract.MMLUAverage
}

func (i *index) addCurves(o SiteOptions, add func(parts ...string)) {
	for _, m := range i.Perplexity {
		add("curve", perplexityKey, m.Name)
	}
	metrics := append([]string{"primary_metric"}, o.Metrics...)
	for _, metric := range metrics {
		for _, task := range i.Tasks {
			add("curve", task, metric)
		}
	}
	target := o.Target
	if target == "" && len(i.Sizes) > 0 {
		target = i.Sizes[len(i.Sizes)-1].Params
	}
	for _, metric := range metrics {
		add("accuracy", target, metric)
		add("accuracy_curve", target, metric)
		add("frontier", target, metric)
	}
}
