package sample

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"ddcore/core/contract"
)

// sequenceLength is the number of tokens per sequence of all DataDecide models;
// a step is one batch of sequences.
const sequenceLength = 2048

// size is one model size with its checkpoints. Checkpoints are in training
// steps, ascending.
type size struct {
	id            int // row in facts/model_sizes.csv
	label         string
	params        float64 // exact, non-embedding
	tokensPerStep float64
	final         int64   // last published step
	seeds         []int   // rows in facts/seeds.csv, in the order of the rows
	evalSteps     []int64 // evaluated checkpoints, step 0 first
	pplSteps      []int64 // checkpoints with perplexities
	partStep      int64   // the one of pplSteps that only some runs have; 0 if none
}

// recipe is one training recipe.
type recipe struct {
	id      int // row in facts/recipes.csv
	family  int // first row of the same family
	name    string
	mix     string // its name in the scaling-law fits
	slug    string // its name in the archives of instances
	pctCode float64
}

// checkpoint is one model at one step.
type checkpoint struct {
	size   *size
	recipe *recipe
	seed   int // row in facts/seeds.csv
	step   int64
}

// plan is what Options asks for, resolved against the facts.
type plan struct {
	model   model
	tasks   []task
	sizes   []*size   // in the order of their labels as text
	recipes []*recipe // in the order of their names as text
	target  *size     // 1B, which the scaling-law fits predict
	seeds   []string  // labels of facts/seeds.csv
	runs    []*ftRun  // fine-tuning runs
	models  []*evaluated

	perRecipe int // checkpoints in an archive of instances
	questions int // greatest number per task
}

func newPlan(o Options) (*plan, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &plan{
		model: model{root: key(o.Seed).with(domainRoot)},
		tasks: loadTasks(),
		seeds: contract.LoadFacts("seeds").Column("seed_label"),
	}
	if err := p.chooseSizes(o); err != nil {
		return nil, err
	}
	for _, r := range loadRecipes() {
		if slices.Contains(o.Recipes, r.name) {
			p.recipes = append(p.recipes, r)
		}
	}
	slices.SortFunc(p.recipes, func(a, b *recipe) int { return cmp.Compare(a.name, b.name) })
	p.addRuns(o.Runs, o.FTRows)
	p.addModels(o.Models)
	p.perRecipe, p.questions = max(o.Checkpoints, 0), o.Questions
	return p, nil
}

// chooseSizes sets the sizes with their seeds and checkpoints, and the target,
// which is there whether chosen or not.
func (p *plan) chooseSizes(o Options) error {
	for _, s := range loadSizes() {
		if s.label == targetSize {
			target := *s
			target.seeds = p.seedsOf(s, p.seeds)
			p.target = &target
		}
		if !slices.Contains(o.Sizes, s.label) {
			continue
		}
		s.seeds = p.seedsOf(s, o.Seeds)
		if len(s.seeds) == 0 {
			return invalid("size "+s.label, fmt.Errorf("it has none of the seeds %s", strings.Join(o.Seeds, ", ")),
				"1B has default, large aux 2, large aux 3; the others default, small aux 2, small aux 3")
		}
		s.setSteps(o)
		p.sizes = append(p.sizes, s)
	}
	slices.SortFunc(p.sizes, func(a, b *size) int { return cmp.Compare(a.label, b.label) })
	return nil
}

// seedsOf gives the rows of those labels that size s was trained with:
// "small aux" below 1B, "large aux" for 1B, and "default", which comes last in
// the published order.
func (p *plan) seedsOf(s *size, labels []string) []int {
	other := "large"
	if s.label == targetSize {
		other = "small"
	}
	var ids []int
	for id, label := range p.seeds {
		if id > 0 && slices.Contains(labels, label) && !strings.HasPrefix(label, other) {
			ids = append(ids, id)
		}
	}
	if slices.Contains(labels, p.seeds[0]) {
		ids = append(ids, 0)
	}
	return ids
}

// tokens gives the tokens seen by a step.
func (s *size) tokens(step int64) float64 { return float64(step) * s.tokensPerStep }

// checkpoints gives the evaluated checkpoints of one size and recipe, seeds
// interleaved as in the published files.
func (p *plan) checkpoints(s *size, r *recipe) iter.Seq[checkpoint] {
	return func(yield func(checkpoint) bool) {
		for _, step := range s.evalSteps {
			for _, seed := range s.seeds {
				if !yield(checkpoint{s, r, seed, step}) {
					return
				}
			}
		}
	}
}

// loadSizes reads facts/model_sizes.csv. Checkpoints are not set.
func loadSizes() []*size {
	f := contract.LoadFacts("model_sizes")
	labels, params := f.Column("params"), numbers(f, "params_exact")
	batch, final := numbers(f, "batch_size"), numbers(f, "published_steps")
	sizes := make([]*size, len(labels))
	for i, label := range labels {
		sizes[i] = &size{
			id: i, label: label, params: params[i],
			tokensPerStep: batch[i] * sequenceLength, final: int64(final[i]),
		}
	}
	return sizes
}

// loadRecipes reads facts/recipes.csv and the first scaling-law spelling of
// each recipe.
func loadRecipes() []*recipe {
	names := contract.LoadFacts("recipe_names")
	mixes, slugs := map[string]string{}, map[string]string{}
	recipeOf, source, spelling := names.Column("recipe"), names.Column("source"), names.Column("name")
	for i, name := range recipeOf {
		if source[i] == "scaling_law" && mixes[name] == "" {
			mixes[name] = spelling[i]
		}
		if source[i] == "eval_instances" {
			slugs[name] = spelling[i]
		}
	}
	f := contract.LoadFacts("recipes")
	families, code := f.Column("family"), numbers(f, "pct_code")
	recipes := make([]*recipe, len(families))
	for i, name := range f.Column("recipe") {
		recipes[i] = &recipe{
			id: i, family: slices.Index(families, families[i]),
			name: name, mix: mixes[name], slug: slugs[name], pctCode: code[i],
		}
	}
	return recipes
}

// numbers gives a numeric column of the facts. It panics on a malformed cell,
// because the facts are part of the program.
func numbers(f contract.Facts, column string) []float64 {
	cells := f.Column(column)
	out := make([]float64, len(cells))
	for i, cell := range cells {
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || math.IsNaN(v) {
			panic(fmt.Sprintf("sample: facts/%s.csv, %s: %q is not a number", f.Name, column, cell))
		}
		out[i] = v
	}
	return out
}
