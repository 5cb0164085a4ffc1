package sample

import (
	"context"
	"fmt"
	"io"
	"iter"
)

// evalDir is where the data set keeps its files.
const evalDir = "hf/eval-results/data/"

// chinchilla is the training length of all models, in multiples of the
// compute-optimal number of tokens (20 per parameter).
const chinchilla = "5xC"

// evalFileRows is about how many rows one train-*.parquet holds. There are two
// files at least, as in the real sample.
const evalFileRows = 400_000

var evalFields = []field{
	text("params"), text("data"), text("task"), double("step"), text("seed"),
	text("chinchilla"), double("tokens"), double("compute"), text("metrics"),
}

// result is one row of the eval results.
type result struct {
	checkpoint
	task *task
}

// evalRows gives the task results ordered by params as text, data, task and
// step, with seeds interleaved.
func (p *plan) evalRows() iter.Seq[result] {
	return func(yield func(result) bool) {
		for _, s := range p.sizes {
			for _, r := range p.recipes {
				for i := range p.tasks {
					for c := range p.checkpoints(s, r) {
						if !yield(result{c, &p.tasks[i]}) {
							return
						}
					}
				}
			}
		}
	}
}

// evalFiles splits the eval results over files of nearly equal length, as the
// Hugging Face library does, wherever that falls.
func (p *plan) evalFiles() []output {
	total := count(p.evalRows())
	n := max(2, (total+evalFileRows-1)/evalFileRows)
	outputs := make([]output, n)
	for i := range n {
		from, to := total*i/n, total*(i+1)/n
		outputs[i] = output{
			path: fmt.Sprintf("%strain-%05d-of-%05d.parquet", evalDir, i, n),
			rows: to - from,
			write: func(ctx context.Context, w io.Writer, wrote func(int64)) error {
				return writeParquet(ctx, w, evalFields, section(p.evalRows(), from, to), p.fillEval(), wrote)
			},
		}
	}
	return outputs
}

// fillEval appends one row of the eval results.
func (p *plan) fillEval() func(b columns, row result) {
	keys := newKeyLists()
	var dict []byte
	return func(b columns, row result) {
		v := p.model.measure(row.checkpoint, row.task)
		dict = pythonRepr.appendDict(dict[:0], &v, keys.of(row.size, row.recipe, row.task.conditional))
		p.fillResult(b, row.checkpoint, row.task.name, dict)
	}
}

// fillResult appends the columns that eval results and macro averages share.
// tokens = step x batch size x sequence length; compute = 6 x exact parameters
// x tokens, in FLOPs (Kaplan et al., arXiv 2001.08361), as in the real sample.
func (p *plan) fillResult(b columns, c checkpoint, task string, metrics []byte) {
	tokens := c.size.tokens(c.step)
	b.text(0, c.size.label)
	b.text(1, c.recipe.name)
	b.text(2, task)
	b.double(3, float64(c.step))
	b.text(4, p.seeds[c.seed])
	b.text(5, chinchilla)
	b.double(6, tokens)
	b.double(7, 6*c.size.params*tokens)
	b.bytes(8, metrics)
}

// section gives the elements from (inclusive) to (exclusive) of a sequence.
func section[T any](rows iter.Seq[T], from, to int64) iter.Seq[T] {
	return func(yield func(T) bool) {
		var i int64
		for row := range rows {
			if i >= to || i >= from && !yield(row) {
				return
			}
			i++
		}
	}
}
