package sample

import (
	"context"
	"io"
	"iter"
	"math"

	"ddcore/core/contract"
)

// validationSet is how the loss on one validation set differs from that on C4,
// in nats per token, for a recipe without code, and per percent of code in the
// recipe. Chosen by eye between 150M/C4 and 4M/Dolma1.7 of the real sample.
type validationSet struct{ offset, perCode float64 }

// validationSets are in the order of contract.PerplexitySets.
var validationSets = []validationSet{
	{0.50, 0},
	{0.55, -0.058},
	{0.60, -0.02},
	{1.20, -0.05},
	{0.00, 0},
	{0.97, -0.17},
	{0.45, -0.05},
	{-0.05, 0},
	{0.08, 0},
	{1.00, -0.03},
	{0, 0},
}

// recipeSetEffect is the standard deviation, in nats, of what a recipe adds to
// the loss on one validation set; setEffect that of one measurement.
const (
	recipeSetEffect = 0.08
	setEffect       = 0.01
)

// pplRow is one row of the perplexities.
type pplRow struct {
	checkpoint
	index int64
}

// pplRows gives the rows ordered by params as text, data, seed and step.
func (p *plan) pplRows() iter.Seq[pplRow] {
	return func(yield func(pplRow) bool) {
		var index int64
		for _, s := range p.sizes {
			for _, r := range p.recipes {
				for _, seed := range s.seeds {
					for _, step := range s.pplSteps {
						c := checkpoint{s, r, seed, step}
						if !p.hasPPL(c) {
							continue
						}
						if !yield(pplRow{c, index}) {
							return
						}
						index++
					}
				}
			}
		}
	}
}

func pplFields() []field {
	fields := []field{text("params"), text("data"), text("seed"), bigint("step")}
	for _, set := range contract.PerplexitySets {
		fields = append(fields, double("eval/"+set+"-validation/Perplexity"))
	}
	return append(fields, bigint("__index_level_0__"))
}

func (p *plan) pplFile() output {
	return output{
		path: "hf/ppl-results/data/train-00000-of-00001.parquet",
		rows: count(p.pplRows()),
		write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
			return writeParquet(ctx, w, pplFields(), p.pplRows(), func(b columns, row pplRow) {
				b.text(0, row.size.label)
				b.text(1, row.recipe.name)
				b.text(2, p.seeds[row.seed])
				b.bigint(3, row.step)
				for set := range validationSets {
					b.double(4+set, p.model.perplexity(row.checkpoint, set))
				}
				b.bigint(4+len(validationSets), row.index)
			}, wrote)
		},
	}
}

// perplexity gives exp(loss) on one validation set, rounded to a 32-bit float
// as the published ones are.
func (m model) perplexity(c checkpoint, set int) float64 {
	s := validationSets[set]
	k := m.root.with(domainSet).id(set)
	loss := m.loss(c) + s.offset + s.perCode*c.recipe.pctCode +
		recipeSetEffect*k.id(c.recipe.id).normal() +
		setEffect*m.runKey(c).with(domainSet).with(uint64(c.step)).id(set).normal()
	return float64(float32(math.Exp(loss)))
}
