package instances

import (
	"slices"

	"ddcore/core/tablefile"
)

// instanceChunks encodes the rows of a block, in the order of Fields.
func (b *block) instanceChunks(e *tablefile.Encoder, c Checkpoint) []tablefile.Chunk {
	n := b.rows()
	chunks := append(constants(e, c, n),
		b.task.encode(e),
		wholeNumbers(e, b.docs),
		e.Texts(b.nativeIDs, b.hasNativeID()),
		b.nativeTypes.encode(e),
		wholeNumbers(e, b.labels))
	for i := range b.metrics {
		chunks = append(chunks, b.metrics[i].encode(e))
	}
	counts := make([]int64, n)
	for i := range counts {
		counts[i] = int64(b.ends[i] - b.firstChoice(i))
	}
	return append(chunks, wholeNumbers(e, counts), b.taskHash.encode(e), b.modelHash.encode(e), b.rest.encode(e, n))
}

// choiceChunks encodes the choices of a block, in the order of Fields.
func (b *block) choiceChunks(e *tablefile.Encoder, c Checkpoint) []tablefile.Chunk {
	n := b.choiceRows()
	tasks := repeated{values: b.task.values, codes: make([]int32, 0, n)}
	docs, choices := make([]int64, 0, n), make([]int64, 0, n)
	for i, doc := range b.docs {
		for k := range b.ends[i] - b.firstChoice(i) {
			tasks.codes = append(tasks.codes, b.task.codes[i])
			docs, choices = append(docs, doc), append(choices, int64(k))
		}
	}
	chunks := append(constants(e, c, n), tasks.encode(e), wholeNumbers(e, docs), wholeNumbers(e, choices))
	for i := range b.choices {
		chunks = append(chunks, b.choices[i].encode(e))
	}
	return append(chunks, b.choiceRest.encode(e, n))
}

func constants(e *tablefile.Encoder, c Checkpoint, n int) []tablefile.Chunk {
	return []tablefile.Chunk{
		e.Repeat(tablefile.Texts([]string{c.Recipe}), 0, n),
		e.Repeat(tablefile.Texts([]string{c.Params}), 0, n),
		e.Repeat(tablefile.Ints([]int64{c.Seed}), 0, n),
		e.Repeat(tablefile.Ints([]int64{c.Step}), 0, n),
	}
}

func (b *block) hasNativeID() []bool {
	has := make([]bool, b.rows())
	for i := range has {
		kind := b.nativeTypes.text(i)
		has[i] = kind != "" && kind != "null"
	}
	return has
}

func (c *column) encode(e *tablefile.Encoder) tablefile.Chunk {
	switch c.kind {
	case integer:
		return wholeNumbers(e, c.ints)
	case float:
		return e.Floats(c.floats)
	case score:
		return scores(e, c.floats)
	default:
		values, valid := make([]bool, len(c.bools)), make([]bool, len(c.bools))
		for i, v := range c.bools {
			values[i], valid[i] = v == 1, v >= 0
		}
		return e.Bools(values, valid)
	}
}

// scores are 0 or 1, but for surprises.
func scores(e *tablefile.Encoder, values []float64) tablefile.Chunk {
	codes := make([]int32, len(values))
	for i, v := range values {
		switch {
		case v == 0 || v == 1:
			codes[i] = int32(v)
		case tablefile.IsNull(v):
			codes[i] = -1
		default:
			return e.Floats(values)
		}
	}
	return e.Codes(tablefile.Reals([]float64{0, 1}), codes)
}

// maxSpan is the widest range of whole numbers that a table of codes is made for.
const maxSpan = 1 << 16

// wholeNumbers encodes whole numbers, which recur.
func wholeNumbers(e *tablefile.Encoder, values []int64) tablefile.Chunk {
	low, high := int64(0), int64(-1)
	for _, v := range values {
		if v == missing {
			continue
		}
		if high < low {
			low, high = v, v
		}
		low, high = min(low, v), max(high, v)
	}
	if high-low >= maxSpan {
		return spreadNumbers(e, values)
	}
	seen := make([]int32, high-low+2)
	var distinct []int64
	codes := make([]int32, len(values))
	for i, v := range values {
		if v == missing {
			codes[i] = -1
			continue
		}
		at := &seen[v-low]
		if *at == 0 {
			distinct = append(distinct, v)
			*at = int32(len(distinct))
		}
		codes[i] = *at - 1
	}
	return numbers(e, distinct, codes)
}

func spreadNumbers(e *tablefile.Encoder, values []int64) tablefile.Chunk {
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	if len(distinct) > 0 && distinct[0] == missing {
		distinct = distinct[1:]
	}
	codes := make([]int32, len(values))
	for i, v := range values {
		codes[i] = -1
		if v != missing {
			at, _ := slices.BinarySearch(distinct, v)
			codes[i] = int32(at)
		}
	}
	return numbers(e, distinct, codes)
}

func numbers(e *tablefile.Encoder, distinct []int64, codes []int32) tablefile.Chunk {
	if len(distinct) == 0 {
		distinct = []int64{0} // all are null: no value is looked up
	}
	return e.Codes(tablefile.Ints(distinct), codes)
}

func (r *repeated) encode(e *tablefile.Encoder) tablefile.Chunk {
	values := r.values
	if len(values) == 0 {
		values = []string{""}
	}
	return e.Codes(tablefile.Texts(values), r.codes)
}

func (t texts) encode(e *tablefile.Encoder, n int) tablefile.Chunk {
	values := repeated{codes: make([]int32, n)}
	for i := range values.codes {
		values.codes[i] = -1
	}
	if len(t) == 0 {
		return values.encode(e)
	}
	all, valid := make([]string, n), make([]bool, n)
	for row, text := range t {
		all[row], valid[row] = text, true
	}
	return e.Texts(all, valid)
}
