// Package feature turns the curves of main into one row per item to predict:
// features of windows, from nothing that lies after them, and targets.
package feature

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// Spec says what to make. Zero values mean defaults, as docs/features.md says.
type Spec struct {
	Source         string
	Tasks, Metrics []string
	Windows        []Window
	Stats          []string
	Grid           int // equal parts of a window at whose ends values are taken
	Thresholds     map[string]float64
	Deltas         []string
	Metadata       []string // nil: the source's default
	Targets        []string
	TargetAt       string
	TargetParams   string
	Long           bool

	Where   string // a condition on the items' columns, and its parameters
	Params  []any
	Workers int
}

const defaultGrid = 4

// builder is one call.
type builder struct {
	Spec
	c       *lake.Conn
	source  *source
	stats   []Stat // those that are shown come first
	shown   int
	blocks  []*block
	series  []string
	items   []*item
	rows    []int32 // the items that have a point in a window
	targets []*target

	values [][]float64 // [stat][(series × window) × row]; NaN is null
}

// Build reads the lake and gives the frame.
func Build(ctx context.Context, c *lake.Conn, spec Spec) (*Frame, error) {
	b := &builder{Spec: spec, c: c}
	if err := b.resolve(ctx); err != nil {
		return nil, err
	}
	var err error
	if b.items, err = b.source.items(ctx, c, b.named().names, b.itemsWhere(), b.itemParams()); err != nil {
		return nil, err
	}
	index := index(b.items)
	for _, block := range b.blocks {
		if err := block.read(ctx, c, b.source, index); err != nil {
			return nil, fmt.Errorf("read the curves of %s: %w", b.source.name, err)
		}
	}
	b.rows = b.present()
	if len(b.rows) == 0 {
		return nil, &contract.Error{Kind: contract.NotFound, Op: "features", Target: b.source.name, Err: errors.New("no item has a checkpoint in any window"), Hint: "widen the window or the filters"}
	}
	if err := b.checkTargets(); err != nil {
		return nil, err
	}
	if err := b.compute(ctx); err != nil {
		return nil, err
	}
	if b.Long {
		return b.long(ctx)
	}
	return b.wide(ctx)
}

// resolve checks the names of the call and finds what they mean.
func (b *builder) resolve(ctx context.Context) (err error) {
	if len(b.Windows) == 0 {
		return refuse("window", errors.New("no window is given"), windowHint)
	}
	for i, w := range b.Windows {
		if slices.Contains(b.Windows[:i], w) {
			return refuse("window", fmt.Errorf("%s stands twice", w.Name()), "name it once")
		}
	}
	if b.source, err = findSource(b.Source); err != nil {
		return err
	}
	if err := b.source.check(ctx, b.c); err != nil {
		return err
	}
	if b.Metadata == nil {
		b.Metadata = b.source.metadata
	} else if err := b.checkMetadata(ctx); err != nil {
		return err
	}
	if err := b.resolveTargets(ctx); err != nil {
		return err
	}
	if b.blocks, err = b.source.blocks(ctx, b.c, b.defaultTasks(), b.Metrics); err != nil {
		return err
	}
	for _, block := range b.blocks {
		b.series = append(b.series, block.series()...)
	}
	return b.resolveStats()
}

func (b *builder) checkMetadata(ctx context.Context) error {
	if len(b.Metadata) == 0 {
		return nil
	}
	have, err := Columns(ctx, b.c, b.source.name)
	if err != nil {
		return err
	}
	return known("metadata", "column", b.Metadata, contract.Names(have))
}

// defaultTasks are those of the targets, where tasks are not named.
func (b *builder) defaultTasks() []string {
	if len(b.Tasks) > 0 || b.source.name != "evals" {
		return b.Tasks
	}
	var out []string
	for _, t := range b.targets {
		if t.task != "" && !slices.Contains(out, t.task) {
			out = append(out, t.task)
		}
	}
	return out
}

func (b *builder) resolveStats() error {
	for _, name := range slices.Sorted(maps.Keys(b.Thresholds)) {
		if !slices.Contains(b.series, name) {
			return refuse("thresholds", fmt.Errorf("there is no series %q here", name), contract.NearNames(name, b.series))
		}
	}
	if b.Grid == 0 {
		b.Grid = defaultGrid
	}
	var err error
	if b.stats, err = chosenStats(b.Stats, b.Grid, len(b.Thresholds) > 0); err != nil {
		return err
	}
	b.shown = len(b.stats)
	return b.resolveDeltas()
}

// resolveDeltas adds the stats that deltas need and that are not shown.
func (b *builder) resolveDeltas() error {
	if len(b.Deltas) == 0 {
		return nil
	}
	var names []string
	for _, d := range Deltas {
		names = append(names, d.Name)
	}
	if err := known("deltas", "comparison", b.Deltas, names); err != nil {
		return err
	}
	switch {
	case b.Long:
		return refuse("deltas", errors.New("a long table has none"), "leave long or deltas out")
	case slices.Contains(b.Deltas, "windows") && len(b.Windows) < 2:
		return refuse("deltas", errors.New("there is one window only"), "name two windows or more")
	case slices.Contains(b.Deltas, "tasks") && !slices.ContainsFunc(b.blocks, func(k *block) bool { return len(k.tasks) > 1 && k.metrics[0] != "" }):
		return refuse("deltas", errors.New("there is one task only"), "name two tasks or more")
	case slices.Contains(b.Deltas, "sizes") && b.source.name != "evals":
		return refuse("deltas", fmt.Errorf("compute is not known for %s", b.source.name), "compare sizes of evals")
	}
	for _, s := range Stats {
		if slices.Contains(deltaStats, s.Name) && b.stat(s.Name) < 0 {
			b.stats = append(b.stats, s)
		}
	}
	return nil
}

// stat gives the place of a stat, or -1.
func (b *builder) stat(name string) int {
	return slices.IndexFunc(b.stats, func(s Stat) bool { return s.Name == name })
}

// itemsWhere leaves the items of the target's size out: what is to be predicted
// must not be read.
func (b *builder) itemsWhere() string {
	if b.TargetParams == "" {
		return b.Where
	}
	if b.Where == "" {
		return "params <> ?"
	}
	return "params <> ? AND (" + b.Where + ")"
}

func (b *builder) itemParams() []any {
	if b.TargetParams == "" {
		return b.Params
	}
	return append([]any{b.TargetParams}, b.Params...)
}

// present gives the items that have a point in any window.
func (b *builder) present() []int32 {
	var out []int32
	for i, it := range b.items {
		if slices.ContainsFunc(b.blocks, func(k *block) bool { return b.hasPoint(k, i, it) }) {
			out = append(out, int32(i))
		}
	}
	return out
}

func (b *builder) hasPoint(k *block, i int, it *item) bool {
	for t := range k.tasks {
		for _, p := range k.of(i*len(k.tasks) + t) {
			if b.inWindow(k, p, it) {
				return true
			}
		}
	}
	return false
}

// inWindow tells whether a point lies in any window.
func (b *builder) inWindow(k *block, p int32, it *item) bool {
	return slices.ContainsFunc(b.Windows, func(w Window) bool {
		from, to := w.on(it.length)
		at := k.at(w.Unit)[p]
		return from <= at && at <= to
	})
}
