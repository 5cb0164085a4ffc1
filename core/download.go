package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/hub"
	"ddcore/core/lake"
	"ddcore/core/source/instances"
)

// DownloadHFArgs are the arguments of download_hf.
type DownloadHFArgs struct {
	Dir          string   `json:"dir" help:"the folder for the files; they come to lie in it as <repository>/<path>"`
	PPL          bool     `json:"ppl" help:"the perplexities: allenai/DataDecide-ppl-results"`
	OLMES        bool     `json:"olmes" help:"the task results: allenai/DataDecide-eval-results"`
	OLMESDetails []string `json:"olmes_details" help:"the evaluation instances of these recipes, or all: allenai/DataDecide-eval-instances"`
	ScalingLaw   bool     `json:"scaling_law" help:"the published scaling-law fits"`
	MacroAvg     bool     `json:"macro_avg" help:"the published averages over tasks"`
	All          bool     `json:"all" help:"all of these: more than 120 GB"`
	Repo         string   `json:"repo" help:"any other data set of the hub, as owner/name"`
	Include      []string `json:"include" help:"files of that data set, as patterns in which * also matches /; default: all"`
	Revision     string   `json:"revision" help:"a branch, a tag or a commit of the data sets; default: main"`
	DryRun       bool     `json:"dry_run" help:"only tell what would be downloaded"`
	Offline      bool     `json:"offline" help:"ask no server: take what the folder and the cache of huggingface_hub hold"`
	Workers      int64    `json:"workers" help:"how many files to download at a time; default: 4"`
	Ingest       bool     `json:"ingest" help:"take each file into the lake as soon as it is here, and delete it then; files that lay here before are kept"`
	Budget       string   `json:"budget" help:"with ingest: the most that downloads may occupy on the disk at any time, e.g. 20GB; default: as much as the two largest files"`
}

const defaultDownloads = 4

// stateWould is the state of a file in a dry run.
const stateWould = "would download"

type downloadRow struct {
	Repo   string  `col:"repo"`
	Path   string  `col:"path"`
	Bytes  int64   `col:"n_bytes"`
	SHA256 *string `col:"sha256"` // null: not known before it is here
	State  string  `col:"state"`
	Commit string  `col:"revision"` // the commit that the revision stands for
}

// choice is a selector with the recipes that it is restricted to, if any.
type choice struct {
	hub.Selector
	include []string
	recipes []string
}

func downloadHF(ctx context.Context, env *Env, a DownloadHFArgs) (*Result, error) {
	choices, err := a.check(env)
	if err != nil {
		return nil, err
	}
	settings, err := hub.FromEnvironment()
	if err != nil {
		return nil, err
	}
	settings.Offline = settings.Offline || a.Offline
	settings.UserAgent = "ddcore/" + Version
	client, err := hub.New(settings)
	if err != nil {
		return nil, err
	}
	mirror, err := hub.OpenMirror(client, a.Dir, !a.DryRun && !a.Ingest)
	if err != nil {
		return nil, err
	}
	defer mirror.Close()
	files, old, err := a.list(ctx, env, mirror, choices)
	if err != nil {
		return nil, err
	}
	var states []string
	if a.Ingest {
		states, err = a.stream(ctx, env, client, mirror, files)
	} else {
		states, err = a.get(ctx, env, mirror, files)
	}
	if err != nil {
		return nil, err
	}
	for range old {
		states = append(states, "outdated")
	}
	return downloadRows(mirror, append(files, old...), states)
}

func downloadRows(m *hub.Mirror, files []hub.File, states []string) (*Result, error) {
	rows := make([]downloadRow, len(files))
	for i, f := range files {
		rows[i] = downloadRow{Repo: f.Repo, Path: f.Path, Bytes: f.Size, State: states[i], Commit: f.Commit}
		if sum := m.SHA256(f); sum != "" {
			rows[i].SHA256 = &sum
		}
	}
	return rowsResult(rows)
}

func (a DownloadHFArgs) invalid(hint, format string, args ...any) error {
	return &Error{Kind: contract.Invalid, Op: "download", Target: a.Dir, Err: fmt.Errorf(format, args...), Hint: hint}
}

// check looks at the arguments before anything is asked or written, and gives
// what they choose.
func (a *DownloadHFArgs) check(env *Env) (choices []choice, err error) {
	if a.Revision == "" {
		a.Revision = "main"
	}
	info, err := os.Stat(a.Dir)
	switch {
	case a.Dir == "":
		return nil, a.invalid("name the folder for the files", "no folder was named")
	case err == nil && !info.IsDir():
		return nil, a.invalid("name a folder", "this is a file")
	case a.Workers < 0:
		return nil, a.invalid("leave it out for 4", "%d workers", a.Workers)
	case a.Budget != "" && !a.Ingest:
		return nil, a.invalid("add ingest, and name a lake", "a budget is for downloads that go into a lake at once")
	case a.Ingest && env.Lake.String() == "":
		return nil, a.invalid("name the lake that the files go into", "ingest was asked for, and no lake was named")
	case a.Ingest && env.Snapshot != lake.Newest:
		return nil, a.invalid("open the lake without a snapshot", "snapshot %d is the past and cannot be written", env.Snapshot)
	case len(a.Include) > 0 && a.Repo == "":
		return nil, a.invalid("name the data set: repo", "include chooses files of a data set, and none was named")
	}
	recipes, err := a.recipes()
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{"ppl": a.PPL, "olmes": a.OLMES, "macro_avg": a.MacroAvg, "scaling_law": a.ScalingLaw, "olmes_details": len(a.OLMESDetails) > 0}
	for _, s := range hub.Selectors() {
		if asked[s.Name] || a.All {
			one := choice{Selector: s, include: []string{s.Include}}
			if s.Name == "olmes_details" {
				one.recipes = recipes
			}
			choices = append(choices, one)
		}
	}
	if a.Repo != "" {
		one := choice{Selector: hub.Selector{Repo: a.Repo}, include: a.Include}
		if len(one.include) == 0 {
			one.include = []string{"*"}
		}
		choices = append(choices, one)
	}
	if len(choices) == 0 {
		return nil, a.invalid("ppl, olmes, olmes_details, scaling_law, macro_avg, all, or repo for any other data set", "nothing was chosen")
	}
	return choices, nil
}

// recipes gives the recipes whose instances are asked for, by their names; nil
// for whatever there is.
func (a DownloadHFArgs) recipes() (out []string, err error) {
	if a.All || slices.Contains(a.OLMESDetails, "all") {
		return nil, nil
	}
	known := contract.KnownNames("recipe")
	for _, name := range a.OLMESDetails {
		recipe, ok := instances.RecipeOf(name)
		if !ok {
			return nil, &Error{
				Kind: contract.NotFound, Op: "download", Target: "recipe", Err: fmt.Errorf("there is no recipe %q", name),
				Hint: contract.NearNames(name, known) + "; or all",
			}
		}
		out = append(out, recipe)
	}
	return out, nil
}

// has tells whether a file is chosen.
func (c choice) has(name string) bool {
	if !slices.ContainsFunc(c.include, func(pattern string) bool { return hub.Match(pattern, name) }) {
		return false
	}
	if c.recipes == nil {
		return true
	}
	recipe, ok := instances.RecipeOf(archiveName(name))
	return ok && slices.Contains(c.recipes, recipe)
}

func archiveName(name string) string { return strings.TrimSuffix(path.Base(name), ".tar.gz") }

// list asks for the files of each data set once, and gives those that are chosen.
// old are files of an earlier revision that lie here and are there no more.
func (a DownloadHFArgs) list(ctx context.Context, env *Env, m *hub.Mirror, choices []choice) (files, old []hub.File, err error) {
	all := map[string][]hub.File{}
	for _, c := range choices {
		listed, ok := all[c.Repo]
		if !ok {
			env.Tell(Progress{Unit: "files", What: "looking at " + c.Repo})
			if listed, err = m.List(ctx, c.Repo, a.Revision); err != nil {
				return nil, nil, err
			}
			all[c.Repo] = listed
		}
		if err := c.complete(listed); err != nil {
			return nil, nil, err
		}
		for _, f := range listed {
			if c.has(f.Path) && !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
		for _, f := range m.Outdated(c.Repo, c.has, listed) {
			if !slices.Contains(old, f) {
				old = append(old, f)
			}
		}
	}
	return files, old, nil
}

// complete checks that a data set has what was chosen of it.
func (c choice) complete(listed []hub.File) error {
	missing := func(what string) error {
		return &Error{
			Kind: contract.NotFound, Op: "download", Target: c.Repo, Err: errors.New("at this revision it has no " + what),
			Hint: "it has " + strings.Join(examples(listed), ", "),
		}
	}
	for _, recipe := range c.recipes {
		one := choice{c.Selector, c.include, []string{recipe}}
		if !slices.ContainsFunc(listed, func(f hub.File) bool { return one.has(f.Path) }) {
			return missing("archive of the recipe " + recipe)
		}
	}
	if !slices.ContainsFunc(listed, func(f hub.File) bool { return c.has(f.Path) }) {
		return missing("files " + strings.Join(c.include, ", "))
	}
	return nil
}

func examples(files []hub.File) []string {
	const some = 4
	if len(files) == 0 {
		return []string{"no files at all"}
	}
	var out []string
	for i, f := range files {
		if i == some {
			return append(out, fmt.Sprintf("and %d more files", len(files)-some))
		}
		out = append(out, f.Path)
	}
	return out
}

// get downloads the files, or tells what it would do.
func (a DownloadHFArgs) get(ctx context.Context, env *Env, m *hub.Mirror, files []hub.File) ([]string, error) {
	var lacking int64
	states := make([]string, len(files))
	for i, f := range files {
		state, lacks, err := m.State(f)
		if err != nil {
			return nil, err
		}
		if states[i] = state; state == hub.Absent {
			states[i] = stateWould
		}
		lacking += lacks
	}
	if a.DryRun {
		return states, nil
	}
	if err := m.Room(lacking); err != nil {
		return nil, err
	}
	workers := int(a.Workers)
	if workers == 0 {
		workers = defaultDownloads
	}
	return m.GetAll(ctx, files, workers, env.bytes)
}
