package core_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/source"

	"github.com/stretchr/testify/require"
)

// artefact is a set of raw files that ddcore reads: what the contracts cannot
// know of it, and the raw tables of source that come of it (by their start).
type artefact struct {
	source, tables    string
	what, where, size string
}

var artefacts = []artefact{
	{"hf", "hf_eval_results", "Task results of every checkpoint: `data/train-*.parquet`", "[allenai/DataDecide-eval-results](https://huggingface.co/datasets/allenai/DataDecide-eval-results)", "1,410,750 rows in the current revision, 1,346,400 in an older one"},
	{"hf", "hf_macro_avg", "Averages over tasks: `data/macro_avg-*.parquet`", "the same", "235,000 rows"},
	{"hf", "hf_scaling_law_fit", "Published scaling-law fits: `data/scaling_law_fit-*.parquet`", "the same", "132,000 rows"},
	{"hf", "hf_ppl_results", "Validation perplexities of every checkpoint", "[allenai/DataDecide-ppl-results](https://huggingface.co/datasets/allenai/DataDecide-ppl-results)", "22,709 rows"},
	{"instances", "", "Answers question by question: `models/<recipe>.tar.gz`, archives of archives", "[allenai/DataDecide-eval-instances](https://huggingface.co/datasets/allenai/DataDecide-eval-instances)", "25 archives, 123 GB; about 500 million instances"},
	{"wandb", "", "Fine-tuning runs: exports of dr-wandb (old and 3.x layout), offline logs `run-*.wandb`", "W&B project `ml-moe/ft-scaling`, not public; any other project", "about 500 runs"},
	{"olmes", "", "Result dumps of OLMES: `metrics-all.jsonl` and `task-NNN-*` beside it", "written by [OLMES](https://github.com/allenai/olmes) where it runs", ""},
	{"ladder", "", "Pretraining curves of the OLMo ladder: CSV files", "[allenai/OLMo-ladder](https://github.com/allenai/OLMo-ladder), `src/scripts/paper/data/ladder-runs/`", "32 files"},
}

func (a artefact) raw() []string {
	var names []string
	for _, t := range source.Tables {
		if t.Source == a.source && strings.HasPrefix(t.Name, a.tables) && t.Original == "" {
			names = append(names, t.Name)
		}
	}
	return names
}

var sourceHeader = regexp.MustCompile(`(?m)^-- source: (\S+)$`)

// sourceOf tells from which source a curated table is made; "" for facts that
// come with ddcore.
func sourceOf(t *contract.Table) string {
	if found := sourceHeader.FindStringSubmatch(t.SQL); found != nil {
		return found[1]
	}
	if t.Maker == "" && strings.Contains(t.SQL, "FROM facts_") {
		return ""
	}
	return "hf"
}

// TestArtefacts: every raw table stands in the inventory, once.
func TestArtefacts(t *testing.T) {
	var all []string
	for _, a := range artefacts {
		require.NotEmpty(t, a.raw(), a.what)
		all = append(all, a.raw()...)
	}
	for _, table := range source.Tables {
		if table.Original == "" {
			require.Equal(t, 1, count(all, table.Name), table.Name)
		}
	}
	for _, table := range contract.AllTables() {
		s := sourceOf(table)
		require.True(t, s == "" || slices.ContainsFunc(artefacts, func(a artefact) bool { return a.source == s }), table.Name)
	}
}

func count(names []string, name string) (n int) {
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

func artefactsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Data artefacts\n\nGenerated from the sources and contracts by `make golden`. Do not edit. What there is to be read: the artefact, where it is published, how large it is, and the raw and curated tables that come of it.\n")
	b.WriteString("\n## What is read\n\n| artefact | where | size | source | raw tables |\n|---|---|---|---|---|\n")
	for _, a := range artefacts {
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` | %s |\n", a.what, a.where, a.size, a.source, code(a.raw(), "`raw.%s`"))
	}
	b.WriteString("\nSources tell files by what is in them ([sources](sources.md)): names and folders do not matter but where that page says so. `ddcore files` lists what a lake holds, with checksums.\n")
	b.WriteString("\n## Raw tables\n\n| table | holds |\n|---|---|\n")
	for _, t := range source.Tables {
		if t.Original == "" {
			fmt.Fprintf(&b, "| `raw.%s` | %s |\n", t.Name, t.Meaning)
		}
	}
	b.WriteString("\nBeside them: `raw.files` (the manifest), `raw.rejects`, `raw.redactions`, and for instances `raw.instance_parts`, `raw.instance_tasks`, `raw.instance_metrics`, `raw.instance_problems`.\n")
	b.WriteString("\n## Curated tables by source\n\n| source | tables |\n|---|---|\n")
	names := map[string][]string{}
	for _, t := range contract.AllTables() {
		names[sourceOf(t)] = append(names[sourceOf(t)], t.Name)
	}
	for _, s := range []string{"hf", "instances", "wandb", "olmes", "ladder"} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s, code(names[s], "[`%[1]s`](tables.md#%[1]s)"))
	}
	fmt.Fprintf(&b, "| facts that come with ddcore | %s |\n", code(names[""], "[`%[1]s`](tables.md#%[1]s)"))
	b.WriteString(notRead)
	return b.String()
}

func code(names []string, format string) string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf(format, n))
	}
	return strings.Join(out, ", ")
}

// notRead is what others have published and no source reads.
const notRead = `
## What is not read

| artefact | why |
|---|---|
| model weights and checkpoints of DataDecide | ddcore reads results, it trains and runs nothing |
| the scaling-law CSV files and figures of DataDecide on Google Drive (134 files, 11.92 GB as datadec counts them) | no source yet; the fits are in ` + "`raw.hf_scaling_law_fit`" + ` |
| ` + "`drotherm/dd_parsed`" + ` on Hugging Face: tables that datadec and dr_ingest made | derived: ddcore makes its own from the raw files ([migration](migration.md)) |
`
