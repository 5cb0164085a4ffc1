package feature

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/tablefile"
)

// finalShare is how much of its published length a pretraining run must have for
// its last checkpoint to be the final one, as in matched_runs.
const finalShare = 0.95

// target is a value to predict.
type target struct {
	series       string
	task, metric string
	at           string  // final, best, gain or place
	place        *Window // where the value is taken
	isTuned      bool    // an evaluation after fine-tuning, not a point of a curve
}

func (t *target) column() string {
	at := t.at
	if t.place != nil {
		at = t.place.Name()
	}
	return "target_" + t.series + "__" + at
}

// meaning says what the column holds.
func (b *builder) meaning(t *target) string {
	of := map[string]string{
		"final": "final value", "best": "best value of the run (null where it lies in a window)", "gain": "value after fine-tuning less that of the starting checkpoint",
		"place": "last value up to " + t.at + " (null where it lies in a window)",
	}
	key := t.at
	if t.place != nil {
		key = "place"
	}
	text := "Target: " + of[key] + " of " + t.series
	if b.TargetParams != "" {
		text += " at " + b.TargetParams + ", mean over seeds"
	}
	return text
}

// resolveTargets finds what the targets' names mean.
func (b *builder) resolveTargets(ctx context.Context) error {
	at := b.TargetAt
	if at == "" {
		at = "final"
	}
	if b.TargetParams != "" {
		if b.source.name != "evals" || len(b.Targets) == 0 {
			return refuse("target_params", errors.New("it needs a target of the source evals"), "name a target, e.g. arc_easy")
		}
		if err := known("target_params", "size", []string{b.TargetParams}, contract.KnownNames("params")); err != nil {
			return err
		}
	}
	for i, name := range b.Targets {
		if slices.Contains(b.Targets[:i], name) {
			return refuse("target", fmt.Errorf("%q stands twice", name), "name it once")
		}
		t, err := b.resolveTarget(ctx, name)
		if err != nil {
			return err
		}
		if err := t.resolveAt(at); err != nil {
			return err
		}
		b.targets = append(b.targets, t)
	}
	return nil
}

func (b *builder) resolveTarget(ctx context.Context, name string) (*target, error) {
	if task, metric, ok := splitSeries(name); ok && b.source.name != "curves" {
		return &target{series: seriesName(task, metric), task: task, metric: metric, isTuned: b.source.name == "run_history"}, nil
	}
	all, err := b.targetNames(ctx)
	if err != nil {
		return nil, err
	}
	return &target{series: name, metric: name}, known("target", "target", []string{name}, all)
}

// targetNames lists all that can be a target.
func (b *builder) targetNames(ctx context.Context) ([]string, error) {
	switch b.source.name {
	case "evals":
		return slices.Concat(evaluations, perplexities), nil
	case "run_history":
		return slices.Concat(evaluations, runMetrics), nil
	default:
		return curveMetrics(ctx, b.c)
	}
}

func (t *target) resolveAt(at string) error {
	t.at = at
	switch at {
	case "final":
		return nil
	case "best":
		if t.isTuned {
			return refuse("target_at", fmt.Errorf("%s is measured once, after fine-tuning", t.series), "use final or gain")
		}
		return nil
	case "gain":
		if !t.isTuned {
			return refuse("target_at", errors.New("a gain is that of fine-tuning"), "use the source run_history with a task as target")
		}
		return nil
	}
	w, err := ParseWindow(at)
	if err != nil || w.From > 0 {
		return refuse("target_at", fmt.Errorf("%q is no place in a run", at), `use final, best, gain, or a place such as "50%", "5000 steps", "2B tokens"`)
	}
	if t.isTuned {
		return refuse("target_at", fmt.Errorf("%s is measured once, after fine-tuning", t.series), "use final or gain")
	}
	t.place = &w
	return nil
}

// checkTargets refuses windows that reach the target: they would hold it.
func (b *builder) checkTargets() error {
	if b.TargetParams != "" {
		return nil
	}
	for _, t := range b.targets {
		for _, w := range b.Windows {
			if err := b.checkTarget(t, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) checkTarget(t *target, w Window) error {
	if t.isTuned {
		return nil // measured after the run
	}
	reached, example := 0, ""
	for _, i := range b.rows {
		it := b.items[i]
		end, place := w.endStep(it), b.placeStep(t, it)
		if end >= place { // false where either is unknown: such a row's target is checked by its own step
			if reached++; reached == 1 {
				example = fmt.Sprintf("%s: the window ends at step %.0f, the target is at step %.0f", strings.Join(it.keys, ", "), end, place)
			}
		}
	}
	if reached == 0 {
		return nil
	}
	return refuse(t.column(), fmt.Errorf("the window %s reaches its target in %d of %d rows (%s)", w.Name(), reached, len(b.rows), example),
		"end the window earlier, set target_at later, leave those rows out with filters, or predict another size with target_params")
}

// placeStep gives the first step at which the target may stand; NaN where that
// is unknown.
func (b *builder) placeStep(t *target, it *item) float64 {
	switch {
	case t.place != nil:
		return t.place.endStep(it)
	case b.source.name == "evals":
		return math.Ceil(finalShare * it.length)
	default:
		return it.length
	}
}

// targetColumn gives a target's values, by row.
func (b *builder) targetColumn(ctx context.Context, t *target) (values []float64, err error) {
	switch {
	case t.isTuned:
		values, err = b.tuned(ctx, t)
	case b.TargetParams != "":
		values, err = b.ofOtherSize(ctx, t)
	default:
		values, err = b.ofItself(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.column(), err)
	}
	return values, nil
}

// whole reads the target's whole curves.
func (b *builder) whole(ctx context.Context, t *target, items []*item) (*block, error) {
	var tasks []string
	if t.task != "" {
		tasks = []string{t.task}
	}
	blocks, err := b.source.blocks(ctx, b.c, tasks, []string{t.metric})
	if err != nil {
		return nil, err
	}
	return blocks[0], blocks[0].read(ctx, b.c, b.source, index(items))
}

func (b *builder) ofItself(ctx context.Context, t *target) ([]float64, error) {
	k, err := b.whole(ctx, t, b.items)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(b.rows))
	for row, i := range b.rows {
		out[row] = b.pick(t, k, int(i), b.items[i], b.Windows)
	}
	return out, nil
}

// ofOtherSize gives each row the mean over seeds of its recipe at another size.
func (b *builder) ofOtherSize(ctx context.Context, t *target) ([]float64, error) {
	items, err := b.source.items(ctx, b.c, nil, "params = ?", []any{b.TargetParams})
	if err != nil {
		return nil, err
	}
	k, err := b.whole(ctx, t, items)
	if err != nil {
		return nil, err
	}
	found := map[string][]float64{}
	for i, it := range items {
		if v := b.pick(t, k, i, it, nil); isFinite(v) {
			found[it.keys[0]] = append(found[it.keys[0]], v)
		}
	}
	out := make([]float64, len(b.rows))
	for row, i := range b.rows {
		if out[row] = tablefile.Null; len(found[b.items[i].keys[0]]) > 0 {
			out[row] = mean(found[b.items[i].keys[0]])
		}
	}
	return out, nil
}

// pick finds the target's value on a curve: after the windows, else null.
func (b *builder) pick(t *target, k *block, i int, it *item, windows []Window) float64 {
	chosen := -1
	for n, p := range k.of(i) {
		v := k.values[0][p]
		if isFinite(v) && b.isBetter(t, k, it, p, chosen, k.of(i)) {
			chosen = n
		}
	}
	if chosen < 0 {
		return tablefile.Null
	}
	p := k.of(i)[chosen]
	for _, w := range windows {
		if _, to := w.on(it.length); k.at(w.Unit)[p] <= to {
			return tablefile.Null
		}
	}
	return k.values[0][p]
}

// isBetter tells whether a point is to be taken instead of the one chosen so far.
func (b *builder) isBetter(t *target, k *block, it *item, p int32, chosen int, points []int32) bool {
	switch {
	case t.place != nil:
		_, to := t.place.on(it.length)
		return k.at(t.place.Unit)[p] <= to
	case t.at == "final":
		return b.source.name != "evals" || k.step[p] >= finalShare*it.length
	case chosen < 0:
		return true
	case isLowerBetter(t.metric):
		return k.values[0][p] < k.values[0][points[chosen]]
	default:
		return k.values[0][p] > k.values[0][points[chosen]]
	}
}

// tuned gives evaluations after fine-tuning, and their gain over the checkpoint.
func (b *builder) tuned(ctx context.Context, t *target) ([]float64, error) {
	sql := "SELECT v.project, v.run_id, max(v.value) FILTER (v.stage = 'ft') FROM lake.main.run_evals AS v WHERE v.task = ? AND v.metric = ? GROUP BY ALL"
	if t.at == "gain" {
		sql = gainSQL(t.metric)
	}
	rows, err := b.c.Rows(ctx, sql, t.task, t.metric)
	if err != nil {
		return nil, err
	}
	found := map[string]float64{}
	for _, r := range rows {
		found[fmt.Sprintf("%v\x00%v", r[0], r[1])] = float(r[2])
	}
	out := make([]float64, len(b.rows))
	for row, i := range b.rows {
		v, ok := found[strings.Join(b.items[i].keys, "\x00")]
		if out[row] = v; !ok || !isFinite(v) {
			out[row] = tablefile.Null
		}
	}
	return out, nil
}

// gainSQL compares with the checkpoint's own result in evals, at exactly its
// step, else with the one that the run's configuration records.
func gainSQL(metric string) string {
	return `SELECT v.project, v.run_id,
			max(v.value) FILTER (v.stage = 'ft') - coalesce(any_value(e.` + lake.Ident(metric) + `), max(v.value) FILTER (v.stage = 'pt'))
		FROM lake.main.run_evals AS v
		LEFT JOIN lake.main.matched_runs AS m USING (project, run_id)
		LEFT JOIN lake.main.evals AS e ON e.recipe = m.ckpt_recipe AND e.params = m.ckpt_params AND e.seed = m.ckpt_seed AND e.step = m.pt_step AND e.task = v.task
		WHERE v.task = ? AND v.metric = ? GROUP BY ALL`
}
