package contract

import (
	"embed"
	"encoding/csv"
	"fmt"
	"strings"
)

//go:embed facts/*.csv
var factFiles embed.FS

// Facts is one reference table that ships with ddcore: published facts, not
// measurements. Cells are text as written in facts/<name>.csv.
type Facts struct {
	Name    string
	Columns []string
	Rows    [][]string
}

// FactNames lists the reference tables in the order of their files.
var FactNames = []string{"recipes", "recipe_names", "model_sizes", "tasks", "seeds", "seed_names", "ladder_models"}

// LoadFacts reads one embedded reference table. It panics on a malformed file,
// because the files are part of the program and a test reads them all.
func LoadFacts(name string) Facts {
	text, err := factFiles.ReadFile("facts/" + name + ".csv")
	if err != nil {
		panic(fmt.Sprintf("contract: unknown facts %q", name))
	}
	records, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("contract: facts/%s.csv: %v", name, err))
	}
	return Facts{Name: name, Columns: records[0], Rows: records[1:]}
}

// Column returns the cells of one column; it panics on an unknown name.
func (f Facts) Column(name string) []string {
	for i, c := range f.Columns {
		if c != name {
			continue
		}
		out := make([]string, len(f.Rows))
		for r, row := range f.Rows {
			out[r] = row[i]
		}
		return out
	}
	panic(fmt.Sprintf("contract: facts %s have no column %q", f.Name, name))
}

// Metrics are the 28 task metrics in the column order of full_eval.
var Metrics = []string{
	"correct_choice",
	"acc_raw", "acc_per_token", "acc_per_char", "acc_per_byte", "acc_uncond",
	"no_answer",
	"sum_logits_corr", "logits_per_token_corr", "logits_per_char_corr", "bits_per_byte_corr",
	"correct_prob", "correct_prob_per_token", "correct_prob_per_char",
	"margin", "margin_per_token", "margin_per_char",
	"total_prob", "total_prob_per_token", "total_prob_per_char",
	"uncond_correct_prob", "uncond_correct_prob_per_token", "uncond_correct_prob_per_char", "uncond_total_prob",
	"norm_correct_prob", "norm_correct_prob_per_token", "norm_correct_prob_per_char",
	"primary_metric",
}

// PerplexitySets are the 11 validation sets in the column order of the
// published perplexity files.
var PerplexitySets = []string{
	"wikitext_103", "pile", "m2d2_s2orc", "ice",
	"dolma_wiki", "dolma_stack", "dolma_reddit", "dolma_pes2o", "dolma_common-crawl", "dolma_books",
	"c4_en",
}
