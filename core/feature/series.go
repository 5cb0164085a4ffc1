package feature

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// perplexitySuffix ends the names of the perplexities in the wide table.
const perplexitySuffix = "-valppl"

// runMetrics are the columns of run_history that are curves.
var runMetrics = []string{"train_loss", "learning_rate"}

// evalTasks are the tasks of evals.
var evalTasks = append(slices.Clone(contract.WideTasks), contract.MacroAverage)

// olmesTasks are the ten tasks of the OLMES macro average.
var olmesTasks = slices.DeleteFunc(slices.Clone(contract.WideTasks), func(t string) bool {
	return strings.HasPrefix(t, "mmlu_") && t != contract.MMLUAverage
})

// perplexities are the columns of the table perplexity.
var perplexities = func() []string {
	var out []string
	for _, set := range contract.PerplexitySets {
		out = append(out, set+perplexitySuffix)
	}
	return out
}()

// evaluations are the names of all series of evals; a task alone is one.
var evaluations = func() []string {
	out := slices.Clone(evalTasks)
	for _, task := range evalTasks {
		for _, metric := range contract.Metrics {
			out = append(out, seriesName(task, metric))
		}
	}
	return out
}()

// blocks gives the queries for the series of tasks × metrics.
func (s *source) blocks(ctx context.Context, c *lake.Conn, tasks, metrics []string) ([]*block, error) {
	switch s.name {
	case "evals":
		return evalBlocks(tasks, metrics)
	case "run_history":
		return runBlocks(tasks, metrics)
	default:
		return curveBlocks(ctx, c, tasks, metrics)
	}
}

// evalBlocks are one block of task results and one of perplexities.
func evalBlocks(tasks, metrics []string) ([]*block, error) {
	if len(tasks) == 0 {
		tasks = olmesTasks
	}
	if slices.Equal(tasks, []string{"all"}) {
		tasks = evalTasks
	}
	if len(metrics) == 0 {
		metrics = []string{"primary_metric"}
	}
	if err := known("tasks", "task", tasks, evalTasks); err != nil {
		return nil, err
	}
	if err := known("metrics", "metric", metrics, slices.Concat(contract.Metrics, perplexities)); err != nil {
		return nil, err
	}
	isPerplexity := func(m string) bool { return strings.HasSuffix(m, perplexitySuffix) }
	results := slices.DeleteFunc(slices.Clone(metrics), isPerplexity)
	losses := slices.DeleteFunc(slices.Clone(metrics), func(m string) bool { return !isPerplexity(m) })
	var out []*block
	if len(results) > 0 {
		out = append(out, &block{
			tasks: tasks, metrics: results,
			sql: "SELECT recipe, params, seed::VARCHAR, task, step::DOUBLE, tokens, 0::DOUBLE, " + identifiers(results) +
				" FROM lake.main.evals WHERE task IN (" + quoted(tasks) + ")",
		})
	}
	if len(losses) > 0 {
		out = append(out, &block{
			tasks: []string{""}, metrics: losses,
			sql: "SELECT recipe, params, seed::VARCHAR, '', step::DOUBLE, tokens, 0::DOUBLE, " + identifiers(losses) + " FROM lake.main.perplexity",
		})
	}
	return out, nil
}

func runBlocks(tasks, metrics []string) ([]*block, error) {
	if len(tasks) > 0 {
		return nil, refuse("tasks", fmt.Errorf("curves of run_history have no tasks"), "leave tasks out")
	}
	if len(metrics) == 0 {
		metrics = []string{"train_loss"}
	}
	if err := known("metrics", "metric", metrics, runMetrics); err != nil {
		return nil, err
	}
	return []*block{{
		tasks: []string{""}, metrics: metrics,
		sql: "SELECT project, run_id, '', step::DOUBLE, seen_tokens, occurrence::DOUBLE, " + identifiers(metrics) + " FROM lake.main.run_history",
	}}, nil
}

// curveBlocks read a long table: there a metric takes the place of a task.
func curveBlocks(ctx context.Context, c *lake.Conn, tasks, metrics []string) ([]*block, error) {
	if len(tasks) > 0 {
		return nil, refuse("tasks", fmt.Errorf("the metrics of curves name their tasks"), "leave tasks out, and name metrics")
	}
	have, err := curveMetrics(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(metrics) == 0 {
		metrics = have
	}
	if err := known("metrics", "metric", metrics, have); err != nil {
		return nil, err
	}
	return []*block{{
		tasks: metrics, metrics: []string{""},
		sql: "SELECT run, metric, step::DOUBLE, tokens::DOUBLE, 0::DOUBLE, value::DOUBLE FROM lake.main.curves WHERE step IS NOT NULL AND metric IN (" + quoted(metrics) + ")",
	}}, nil
}

func curveMetrics(ctx context.Context, c *lake.Conn) ([]string, error) {
	rows, err := c.Rows(ctx, "SELECT DISTINCT metric FROM lake.main.curves ORDER BY metric")
	if err != nil {
		return nil, fmt.Errorf("list the metrics of curves: %w", err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[0].(string)
	}
	return out, nil
}

// known refuses names that do not exist or that stand twice.
func known(target, what string, names, all []string) error {
	for i, n := range names {
		if !slices.Contains(all, n) {
			return &contract.Error{Kind: contract.NotFound, Op: "features", Target: target, Err: fmt.Errorf("there is no %s %q", what, n), Hint: contract.NearNames(n, all)}
		}
		if slices.Contains(names[:i], n) {
			return refuse(target, fmt.Errorf("%q stands twice", n), "name it once")
		}
	}
	return nil
}

// splitSeries takes the name of a series of evals apart: a task alone means its
// primary metric.
func splitSeries(name string) (task, metric string, ok bool) {
	if slices.Contains(evalTasks, name) {
		return name, "primary_metric", true
	}
	for _, metric := range contract.Metrics {
		if task, found := strings.CutSuffix(name, "_"+metric); found && slices.Contains(evalTasks, task) {
			return task, metric, true
		}
	}
	return "", "", false
}

// isLowerBetter tells which way a metric improves.
func isLowerBetter(metric string) bool {
	metric = strings.ToLower(metric)
	return slices.ContainsFunc([]string{"loss", "ppl", "perplexity", "bpb", "bits_per_byte"}, func(part string) bool { return strings.Contains(metric, part) })
}
