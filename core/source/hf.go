package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// The results that allenai publishes on Hugging Face: DataDecide-eval-results
// (one row per checkpoint and task, metrics as the text of a dictionary; a
// macro average in the same columns; published scaling-law fits) and
// DataDecide-ppl-results (perplexities).
var hfTables = []RawTable{
	{
		Name: "hf_eval_results", Source: "hf", Dict: "metrics", Whole: "step",
		Meaning: "task results, one row per checkpoint and task; metrics is the text of a Python dictionary",
		Columns: evalColumns,
	},
	{
		Name: "hf_macro_avg", Source: "hf", Dict: "metrics", Whole: "step",
		Meaning: "published averages over tasks, in the columns of hf_eval_results; metrics is JSON text",
		Columns: evalColumns,
	},
	{
		Name: "hf_ppl_results", Source: "hf", Whole: "step",
		Meaning: "validation perplexities, one row per checkpoint",
		Columns: perplexityColumns(),
	},
	{
		Name: "hf_scaling_law_fit", Source: "hf",
		Meaning: "published scaling-law fits: predicted and true values of the 1B models",
		Columns: scalingColumns(),
	},
}

var evalColumns = []RawColumn{
	{"params", "VARCHAR", true, true},
	{"data", "VARCHAR", true, true},
	{"task", "VARCHAR", true, true},
	{"step", "DOUBLE", true, true},
	{"seed", "VARCHAR", true, true},
	{"chinchilla", "VARCHAR", false, false},
	{"tokens", "DOUBLE", false, false},
	{"compute", "DOUBLE", false, false},
	{"metrics", "VARCHAR", true, true},
}

func perplexityColumns() []RawColumn {
	cs := []RawColumn{
		{"params", "VARCHAR", true, true},
		{"data", "VARCHAR", true, true},
		{"seed", "VARCHAR", true, true},
		{"step", "BIGINT", true, true},
	}
	for _, set := range contract.PerplexitySets {
		cs = append(cs, RawColumn{"eval/" + set + "-validation/Perplexity", "DOUBLE", set == "pile", false})
	}
	return append(cs, RawColumn{"__index_level_0__", "BIGINT", false, false})
}

func scalingColumns() []RawColumn {
	var cs []RawColumn
	for _, name := range []string{"task", "mix", "metric", "setup"} {
		cs = append(cs, RawColumn{name, "VARCHAR", true, true})
	}
	for _, name := range []string{"step_1_y", "step_1_pred", "step_2_y", "step_2_pred", "stacked_y", "stacked_pred"} {
		cs = append(cs, RawColumn{name, "DOUBLE", true, false})
	}
	for _, name := range []string{"abs_error_step_1", "abs_error_step_2", "abs_error_stacked", "rel_error_stacked", "decision_acc"} {
		cs = append(cs, RawColumn{name, "DOUBLE", false, false})
	}
	return cs
}

// recognise reads a Parquet file's columns and finds its raw table. A nil table
// without an error says that the file is of no known source.
func recognise(ctx context.Context, c *lake.Conn, f *File) (*RawTable, columns, error) {
	cs, err := describe(ctx, c, "SELECT * FROM read_parquet("+lake.Quote(f.abs)+")")
	if err != nil {
		return nil, nil, unreadable(f, err)
	}
	for _, col := range cs {
		if slices.Contains(reserved, strings.ToLower(col.Name)) {
			return nil, nil, invalid(f.Path, "rename the column", "the column name %s is reserved", col.Name)
		}
	}
	t, near, missing := match(cs)
	if t == nil && near != "" {
		return nil, nil, invalid(f.Path, "is it a file of another data set, or cut by a tool? move it away, or name the files to ingest",
			"it resembles raw.%s but lacks the column%s %s", near, plural(missing), strings.Join(missing, ", "))
	}
	if t == nil || t.Name != "hf_eval_results" {
		return t, cs, nil
	}
	// Task results and their macro average have the same columns; only the
	// average has tasks over tasks.
	rows, err := c.Rows(ctx, "SELECT coalesce(bool_or(task::VARCHAR IN ('mmlu', 'olmes_10_macro_avg')), false) FROM read_parquet("+lake.Quote(f.abs)+")")
	if err != nil {
		return nil, nil, unreadable(f, err)
	}
	if rows[0][0] == true {
		t = tableNamed("hf_macro_avg")
	}
	return t, cs, nil
}

func tableNamed(name string) *RawTable {
	for i := range Tables {
		if Tables[i].Name == name {
			return &Tables[i]
		}
	}
	return nil
}

func plural(words []string) string {
	if len(words) == 1 {
		return ""
	}
	return "s"
}

func unreadable(f *File, err error) error {
	var e *contract.Error
	if errors.As(err, &e) && (e.Kind == contract.Cancelled || e.Kind == contract.IO && !strings.Contains(e.Err.Error(), "Parquet")) {
		return fmt.Errorf("ingest %s: %w", f.Path, err)
	}
	cause := err
	if e != nil {
		cause = e.Err
	}
	return invalid(f.Path, "download it again", "this is not a readable Parquet file: %s", strings.ReplaceAll(firstLine(cause.Error()), f.abs, f.Path))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
