package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core"
	"ddcore/core/contract"
	"ddcore/core/feature"

	"github.com/stretchr/testify/require"
)

// TestDocs renders the references that follow from the code and compares them
// with the committed files; -update rewrites them.
func TestDocs(t *testing.T) {
	for name, text := range map[string]string{"tables.md": tablesMarkdown(t), "verbs.md": verbsMarkdown(), "features.md": featuresMarkdown(), "artefacts.md": artefactsMarkdown()} {
		path := filepath.Join("..", "docs", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			continue
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), text, "%s is out of date: make golden", name)
	}
}

func tablesMarkdown(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Tables\n\nGenerated from the contracts (`core/contract/fields.csv`, `core/curate/tables/*.sql`) by `make golden`. Do not edit. The curated tables, with the type, unit, range and meaning of each column.\n\n")
	b.WriteString("All columns may be null but those of the grain. A range is checked on every build, with a slack of 1e-6 for rounded bounds; NaN is kept and has no range.\n")
	b.WriteString("\nThree parameter counts are kept apart: `params` is the label ('150M'), `params_numeric` the nominal number, `params_exact` the exact one, by which `compute` is counted.\n")
	b.WriteString("\n| table | one row per | holds |\n|---|---|---|\n")
	for _, table := range contract.AllTables() {
		fmt.Fprintf(&b, "| [`%[1]s`](#%[1]s) | %[2]s | %[3]s |\n", table.Name, strings.Join(table.Grain, ", "), table.Summary)
	}
	lake := shared()
	for _, table := range contract.AllTables() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\nGrain: %s. Version %d.\n", table.Name, table.Summary, strings.Join(table.Grain, ", "), table.Version)
		if table.Aggregate == "std" {
			b.WriteString("\nThe columns of [mean_eval](#mean_eval), each the standard deviation over seeds of full_eval's column (n - 1; null for one seed).\n")
			continue
		}
		b.WriteString("\n| column | type | unit | range | meaning |\n|---|---|---|---|---|\n")
		metrics := 0
		described := must(t, "describe", lake, map[string]any{"name": table.Name})
		for _, row := range described[1:] {
			if _, _, ok := contract.SplitMetricColumn(row[0]); ok {
				if metrics++; metrics == 1 {
					fmt.Fprintf(&b, "| `<task>_<metric>` | DOUBLE | | | %d columns: the 28 metrics of [evals](#evals), by metric, then by the 67 tasks; boolq and winogrande have no unconditional ones |\n", len(contract.MetricColumns))
				}
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", row[0], row[1], row[2], row[3], strings.ReplaceAll(row[5], "|", `\|`))
		}
	}
	return b.String()
}

func verbsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Verbs\n\nGenerated from `core.Verbs` by `make golden`. Do not edit. A verb is a CLI subcommand (`ddcore a-verb`), a method of Python's `Lake` (or a function of `ddcore`, where it needs no lake), and a value of `verb` in the C ABI's request.\n")
	for _, v := range core.Verbs {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", v.Name, v.Summary)
		if len(v.Args) > 0 {
			b.WriteString("\n| argument | type | meaning |\n|---|---|---|\n")
		}
		for _, a := range v.Args {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, strings.ReplaceAll(a.Type.String(), "interface {}", "any"), a.Help)
		}
	}
	return b.String()
}

func featuresMarkdown() string {
	var b strings.Builder
	b.WriteString("# Features\n\nGenerated from the catalogue (`core/feature/catalogue.go`) by `make golden`. Do not edit. The formulas of all features, comparisons and targets. What a call of `features` gives is on the page [analysis](analysis.md#features).\n\n" + feature.Rules + "\n")
	b.WriteString("\n## Of a series in a window: `<series>__<window>__<name>`\n\n| name | formula | from | unit | points needed |\n|---|---|---|---|--:|\n")
	for _, s := range feature.Stats {
		name := s.Name
		if s.Name == "at" {
			name = "at_<k>of<grid>"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %d |\n", name, s.Formula, s.Inputs, s.Unit, s.Least)
	}
	b.WriteString("\n## Comparisons, on request (`deltas`)\n\n| name | columns | formula | from |\n|---|---|---|---|\n")
	for _, d := range feature.Deltas {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", d.Name, d.Column, d.Formula, d.Inputs)
	}
	b.WriteString("\n## Targets: `target_<series>__<at>`\n\n| at | value |\n|---|---|\n")
	for _, p := range feature.Places {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.Name, p.Value)
	}
	return b.String()
}

// TestEverythingIsDocumented: the hand-written pages name every verb, error
// class and raw table.
func TestEverythingIsDocumented(t *testing.T) {
	var all strings.Builder
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	require.NoError(t, err)
	for _, p := range append(pages, filepath.Join("..", "README.md")) {
		text, err := os.ReadFile(p)
		require.NoError(t, err)
		all.Write(text)
	}
	for _, k := range contract.Kinds {
		require.Contains(t, all.String(), k.Class)
	}
	for _, name := range []string{"hf_eval_results", "hf_macro_avg", "hf_ppl_results", "hf_scaling_law_fit", "raw.files", "raw.rejects", "raw.redactions", "raw.wandb_runs", "raw.wandb_history", "raw.wandb_exports", "raw.olmes_metrics", "raw.olmes_predictions", "raw.olmes_inputs", "raw.olmes_requests", "raw.ladder_checkpoints", "DDCORE_EXTENSION_DIR", "DDCORE_LOCK_TIMEOUT", "DDCORE_DATA"} {
		require.Contains(t, all.String(), name)
	}
}
