package core

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ddcore/core/contract"
	"ddcore/core/decide"
	"ddcore/core/lake"
)

// compared are the arguments of all verbs about decisions.
type compared struct {
	Small   []string `json:"small" help:"the small sizes, e.g. 150M; default: all that are smaller than the target"`
	Metrics []string `json:"metric" help:"the metrics: names, or all; perplexities are <set>-valppl; default: primary_metric"`
	Tasks   []string `json:"task" help:"the tasks; default: all; perplexities have none"`
	Step    string   `json:"step" help:"the small size's checkpoint: last (the last one that the recipes have in common), all, a share of the last one (25%), or a number; default: last, of compute_frontier all"`
}

// DecisionArgs are the arguments of decision_accuracy.
type DecisionArgs struct {
	compared
	targeted
}

type targeted struct {
	Target       string `json:"target" help:"the size to predict; default: 1B"`
	TargetMetric string `json:"target_metric" help:"the metric at the target; default: each metric itself"`
	Seeds        string `json:"seeds" help:"mean: scores are means over seeds; single: each seed of the small size decides alone; default: mean"`
	Bootstrap    *int64 `json:"bootstrap" help:"resamples of recipes and seeds for the 95 % interval, 0 for none; default: 1000"`
	RandomSeed   int64  `json:"random_seed" help:"of the resamples; the same seed gives the same intervals; default: 0"`
}

// FrontierArgs are the arguments of compute_frontier.
type FrontierArgs struct {
	compared
	targeted
}

// NoiseArgs are the arguments of recipe_noise.
type NoiseArgs struct {
	compared
}

// defaultBootstrap is the number of resamples when none is given.
const defaultBootstrap = 1000

func decisionAccuracy(ctx context.Context, env *Env, a DecisionArgs) (*Result, error) {
	rows, err := decisions(ctx, env, "decision_accuracy", a.compared, a.targeted)
	if err != nil {
		return nil, err
	}
	return rowsResult(rows)
}

func computeFrontier(ctx context.Context, env *Env, a FrontierArgs) (*Result, error) {
	if a.Step == "" {
		a.Step = "all"
	}
	rows, err := decisions(ctx, env, "compute_frontier", a.compared, a.targeted)
	if err != nil {
		return nil, err
	}
	return rowsResult(decide.Frontier(rows))
}

func recipeNoise(ctx context.Context, env *Env, a NoiseArgs) (*Result, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	o, loader, err := a.options(ctx, s.Conn, "recipe_noise")
	if err != nil {
		return nil, err
	}
	if err := a.needsTask("recipe_noise", o.Metrics); err != nil {
		return nil, err
	}
	have := loader.Sizes()
	if len(o.Small) == 0 {
		o.Small = have
	}
	if err := inLake("recipe_noise", have, o.Small); err != nil {
		return nil, err
	}
	rows, err := decide.Noise(ctx, o, func(size string, metrics []string) (*decide.Cube, error) { return loader.Load(ctx, size, metrics) })
	if err != nil {
		return nil, asked("recipe_noise", err)
	}
	return rowsResult(rows)
}

// decisions compares small sizes with the target.
func decisions(ctx context.Context, env *Env, verb string, c compared, t targeted) ([]decide.Row, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	o, loader, err := c.options(ctx, s.Conn, verb)
	if err != nil {
		return nil, err
	}
	if err := t.complete(verb, &o); err != nil {
		return nil, err
	}
	if err := c.needsTask(verb, append([]string{o.TargetMetric}, o.Metrics...)); err != nil {
		return nil, err
	}
	if err := chooseSizes(verb, loader.Sizes(), &o); err != nil {
		return nil, err
	}
	o.Threads = env.Options.Workers()
	rows, err := decide.Accuracy(ctx, o,
		func(size string, metrics []string) (*decide.Cube, error) { return loader.Load(ctx, size, metrics) },
		func(done, total int64, what string) { env.Tell(Progress{done, total, "sizes", what}) })
	return rows, asked(verb, err)
}

// asked names the verb that was called in a refusal.
func asked(verb string, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Op == "decision_accuracy" {
		e.Op = verb
	}
	return err
}

// options checks the names that are given and fills in the others.
func (a compared) options(ctx context.Context, c *lake.Conn, verb string) (decide.Options, *decide.Loader, error) {
	o := decide.Options{Small: a.Small, Metrics: a.Metrics, Tasks: a.Tasks}
	if len(o.Metrics) == 0 {
		o.Metrics = []string{"primary_metric"}
	}
	if len(o.Metrics) == 1 && o.Metrics[0] == "all" {
		o.Metrics = contract.Metrics
	}
	tasks := append(slices.Clone(contract.WideTasks), contract.MacroAverage)
	for _, check := range []struct {
		what         string
		given, known []string
	}{{"size", o.Small, contract.KnownNames("params")}, {"metric", o.Metrics, decide.Metrics}, {"task", o.Tasks, tasks}} {
		if err := knownTo(verb, check.what, check.given, check.known); err != nil {
			return o, nil, err
		}
	}
	if len(o.Tasks) == 0 {
		o.Tasks = tasks
	}
	var err error
	if o.Step, err = decide.ParseStep(a.Step); err != nil {
		return o, nil, asked(verb, err)
	}
	for _, table := range []string{"evals", "perplexity"} {
		if _, err := columnsOf(ctx, c, table); err != nil {
			return o, nil, err
		}
	}
	loader, err := decide.NewLoader(ctx, c, o.Tasks)
	return o, loader, err
}

// needsTask refuses tasks where every metric is one of the checkpoint.
func (a compared) needsTask(verb string, metrics []string) error {
	ofTask := func(m string) bool { return m != "" && !decide.IsWhole(m) }
	if len(a.Tasks) == 0 || slices.ContainsFunc(metrics, ofTask) {
		return nil
	}
	return &Error{Kind: contract.Invalid, Op: verb, Target: "task", Err: fmt.Errorf("%s is measured once per checkpoint and has no tasks", a.Metrics[0]), Hint: "leave task out, or add a metric of tasks"}
}

// complete adds what concerns the target.
func (a targeted) complete(verb string, o *decide.Options) error {
	o.Target, o.TargetMetric, o.RandomSeed, o.Bootstrap = a.Target, a.TargetMetric, a.RandomSeed, defaultBootstrap
	if o.Target == "" {
		o.Target = "1B"
	}
	if a.Bootstrap != nil {
		o.Bootstrap = *a.Bootstrap
	}
	switch a.Seeds {
	case "", "mean":
	case "single":
		o.Single = true
	default:
		return &Error{Kind: contract.Invalid, Op: verb, Target: "seeds", Err: fmt.Errorf("%q is no way to take seeds", a.Seeds), Hint: "mean or single"}
	}
	if o.Bootstrap < 0 {
		return &Error{Kind: contract.Invalid, Op: verb, Target: "bootstrap", Err: fmt.Errorf("%d resamples", o.Bootstrap), Hint: "0 gives no interval"}
	}
	if err := knownTo(verb, "size", []string{o.Target}, contract.KnownNames("params")); err != nil {
		return err
	}
	if o.TargetMetric == "" {
		return nil
	}
	return knownTo(verb, "metric", []string{o.TargetMetric}, decide.Metrics)
}

// knownTo refuses a name that does not exist.
func knownTo(verb, what string, given, known []string) error {
	for _, name := range given {
		if !slices.Contains(known, name) {
			return &Error{Kind: contract.NotFound, Op: verb, Target: what, Err: fmt.Errorf("there is no %s %q", what, name), Hint: contract.NearNames(name, known)}
		}
	}
	return nil
}

// chooseSizes fills in the small sizes, and refuses those that cannot predict.
func chooseSizes(verb string, have []string, o *decide.Options) error {
	if err := inLake(verb, have, append(slices.Clone(o.Small), o.Target)); err != nil {
		return err
	}
	smaller := have[:slices.Index(have, o.Target)]
	if len(o.Small) == 0 {
		o.Small = smaller
	}
	for _, size := range o.Small {
		if !slices.Contains(smaller, size) {
			return &Error{Kind: contract.Invalid, Op: verb, Target: size, Err: fmt.Errorf("it is not smaller than the target %s", o.Target), Hint: "name smaller sizes, or a larger target"}
		}
	}
	if len(o.Small) == 0 {
		return &Error{Kind: contract.NotFound, Op: verb, Target: o.Target, Err: errors.New("the lake has no results of a smaller size"), Hint: "ingest results of small sizes, too"}
	}
	return nil
}

// inLake refuses sizes that the lake has no results of.
func inLake(verb string, have, sizes []string) error {
	for _, size := range sizes {
		if !slices.Contains(have, size) {
			return &Error{Kind: contract.NotFound, Op: verb, Target: size, Err: errors.New("the lake has no results of this size"), Hint: fmt.Sprintf("it has %v", have)}
		}
	}
	return nil
}
