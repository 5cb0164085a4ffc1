package curate

import (
	"context"
	"fmt"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// checkpointIndex finds a raw row's cell in the matrix of task results. Maps in
// Go take a third of the time of a join: rows that follow each other share most
// of their keys.
type checkpointIndex struct {
	runs  map[runKey]map[float64]int // checkpoint by step
	tasks map[string]int             // position in contract.WideTasks
	items int
}

// runKey is a training run as raw rows spell it.
type runKey struct{ params, data, seed string }

func (b *builder) indexCheckpoints(ctx context.Context) (*checkpointIndex, error) {
	rows, err := b.w.Rows(ctx, "SELECT params, data, seed, step, id FROM checkpoint_id")
	if err != nil {
		return nil, fmt.Errorf("index the checkpoints: %w", err)
	}
	x := &checkpointIndex{runs: map[runKey]map[float64]int{}, tasks: map[string]int{}}
	for _, r := range rows {
		k := runKey{r[0].(string), r[1].(string), r[2].(string)}
		if x.runs[k] == nil {
			x.runs[k] = map[float64]int{}
		}
		x.runs[k][r[3].(float64)] = int(r[4].(int64))
		x.items = max(x.items, 1+int(r[4].(int64)))
	}
	for i, task := range contract.WideTasks {
		x.tasks[task] = i
	}
	return x, nil
}

// cells reads the keys params, data, seed, task and step of a chunk.
func (x *checkpointIndex) cells(chunk lake.Chunk) func(i int) int {
	params, data, seed, task, step := chunk.Column(3), chunk.Column(4), chunk.Column(5), chunk.Column(6), chunk.Column(7).Float64s()
	var last runKey
	var run map[float64]int
	return func(i int) int {
		k := runKey{params.String(i), data.String(i), seed.String(i)}
		if run == nil || k != last {
			run, last = x.runs[k], k
		}
		return x.tasks[task.String(i)]*x.items + run[step[i]]
	}
}
