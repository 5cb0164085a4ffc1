package feature

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

//go:embed sources/*.sql
var sourceFiles embed.FS

// source is where curves come from, and what an item is there.
type source struct {
	name     string
	keys     []string // the columns that identify an item
	groups   []string // by which items are split
	metadata []string // what is given of an item where nothing is chosen
	needs    []string // tables
}

var sizeFacts = []string{"params_exact", "total_tokens", "total_steps", "tokens_per_step", "batch_size", "lr_max", "lr_final", "warmup_steps", "d_model", "n_heads", "n_layers"}

var recipeFacts = []string{"total_tokens_billions", "pct_code", "pct_common_crawl", "pct_social_media", "mean_doc_length_tokens", "duplicate_rate_pct", "quality_filter_strength", "is_mixed_dataset", "num_sources_mixed", "educational_content_score"}

var sources = []*source{
	{"evals", []string{"recipe", "params", "seed"}, []string{"family"}, slices.Concat(sizeFacts, recipeFacts), []string{"evals", "perplexity", "full_eval"}},
	{
		"run_history",
		[]string{"project", "run_id"},
		[]string{"run_type", "method", "ckpt_recipe", "ckpt_params", "ckpt_seed", "matched_group_name"},
		slices.Concat([]string{"lr", "n_epochs", "ft_tokens"}, sizeFacts, recipeFacts),
		[]string{"run_history", "runs", "run_gaps", "matched_runs", "run_evals"},
	},
	{"curves", []string{"run"}, []string{"size", "multiple"}, nil, []string{"curves"}},
}

func findSource(name string) (*source, error) {
	if name == "" {
		return sources[0], nil
	}
	var known []string
	for _, s := range sources {
		if s.name == name {
			return s, nil
		}
		known = append(known, s.name)
	}
	return nil, refuse("source", fmt.Errorf("there is no source of curves %q", name), "sources are: "+strings.Join(known, ", "))
}

func (s *source) sql() string {
	text, err := sourceFiles.ReadFile("sources/" + s.name + ".sql")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return string(text)
}

// check refuses a lake without the source's tables. Each is asked for by name: to
// list all tables DuckLake reads their statistics, which takes 0.3 s.
func (s *source) check(ctx context.Context, c *lake.Conn) error {
	for _, name := range s.needs {
		_, err := c.Rows(ctx, "SELECT 1 FROM lake.main."+lake.Ident(name)+" LIMIT 0")
		var e *contract.Error
		if errors.As(err, &e) && e.Kind == contract.NotFound {
			return &contract.Error{Kind: contract.NotFound, Op: "features", Target: name, Err: errors.New("the lake has no such table"), Hint: "ingest its raw files and run `curate`, or name another source"}
		}
		if err != nil {
			return fmt.Errorf("look for %s: %w", name, err)
		}
	}
	return nil
}

// Columns gives the columns of a source's items, with their types: by them rows can be filtered,
// and they can be asked for as metadata.
func Columns(ctx context.Context, c *lake.Conn, sourceName string) ([]contract.Field, error) {
	s, err := findSource(sourceName)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, c); err != nil {
		return nil, err
	}
	rows, err := c.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+s.sql()+")")
	if err != nil {
		return nil, fmt.Errorf("describe the items of %s: %w", s.name, err)
	}
	var out []contract.Field
	for _, r := range rows {
		if name := r[0].(string); !strings.HasPrefix(name, "_") {
			out = append(out, contract.Field{Name: name, Type: r[1].(string)})
		}
	}
	return out, nil
}

// item is one thing to predict.
type item struct {
	keys          []string
	cells         []any   // of the columns that are asked for
	length        float64 // steps of the whole run; NaN: unknown
	tokensPerStep float64 // NaN: unknown
	parameters    float64 // NaN: unknown
}

// items reads a source's items, in their order, with the given columns.
func (s *source) items(ctx context.Context, c *lake.Conn, columns []string, where string, params []any) ([]*item, error) {
	var chosen []string
	for _, k := range s.keys {
		chosen = append(chosen, lake.Ident(k)+"::VARCHAR")
	}
	chosen = append(chosen, "_length", "_tokens_per_step", "_parameters")
	for _, name := range columns {
		chosen = append(chosen, lake.Ident(name))
	}
	sql := "SELECT " + strings.Join(chosen, ", ") + " FROM (" + s.sql() + ")"
	if where != "" {
		sql += " WHERE " + where
	}
	sql += " ORDER BY _rank, " + identifiers(s.keys)
	rows, err := c.Rows(ctx, sql, params...)
	if err != nil {
		return nil, fmt.Errorf("read the items of %s: %w", s.name, err)
	}
	out, n := make([]*item, len(rows)), len(s.keys)
	for i, r := range rows {
		out[i] = &item{length: float(r[n]), tokensPerStep: float(r[n+1]), parameters: float(r[n+2]), cells: r[n+3:]}
		for _, k := range r[:n] {
			text, _ := k.(string)
			out[i].keys = append(out[i].keys, text)
		}
	}
	return out, nil
}

func float(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return math.NaN()
}

func identifiers(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = lake.Ident(n)
	}
	return strings.Join(out, ", ")
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = lake.Quote(n)
	}
	return strings.Join(out, ", ")
}

// index numbers items by their keys.
func index(items []*item) map[string]int32 {
	out := make(map[string]int32, len(items))
	for i, it := range items {
		out[strings.Join(it.keys, "\x00")] = int32(i)
	}
	return out
}
