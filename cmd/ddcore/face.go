package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"ddcore/core/contract"

	"github.com/spf13/cobra"
)

// face is what a verb has on the command line beyond what follows from the
// core: which argument needs no flag, short flags and examples.
type face struct {
	positional  string // the argument that stands without a flag
	use         string // how the usage line shows it
	least, most int    // how many values it takes
	lakeFirst   bool   // where all are given, the first is the lake
	complete    cobra.CompletionFunc
	short       map[string]string // argument -> letter
	whole       map[string]bool   // lists whose values may have commas: the flag is repeated
	example     string
	extra       func(*cobra.Command)                                   // adds flags that are no arguments
	fill        func(*app, *cobra.Command, map[string]any, bool) error // the last touch to the arguments
}

const unbounded = 1 << 20

// faceOf gives the face of a verb; a verb that is not here has flags only.
func (a *app) faceOf(verb string) face {
	selection := map[string]string{"filters": "f", "where": "w", "columns": "c", "limit": "n", "params": "p", "format": "o"}
	switch verb {
	case "ingest":
		return face{positional: "paths", use: "PATH...", least: 1, most: unbounded, example: `ddcore ingest --lake my.lake downloads/
ddcore ingest --lake my.lake 'eval/*.parquet' ppl.parquet
ddcore ingest --lake 'ducklake:postgres:dbname=lake host=db' --data s3://bucket/lake --part 17/64 archives/`}
	case "commit":
		return face{example: `ddcore commit --lake 'ducklake:postgres:dbname=lake host=db'`}
	case "describe":
		return face{positional: "name", use: "TABLE", least: 1, most: 1, complete: a.completeTable, example: `ddcore describe evals`}
	case "table":
		return face{positional: "name", use: "TABLE", least: 1, most: 1, complete: a.completeTable, short: selection, example: `ddcore table evals -f params=150M -f recipe=C4,Dolma1.7 -w 'step >= 1000' -n 20
ddcore table full_eval -c params,data,step,mmlu_average_primary_metric --order-by params,-step -o csv`}
	case "sql":
		return face{
			positional: "sql", use: "[QUERY]", most: 1, short: selection, extra: addFileFlag, fill: readQuery,
			example: `ddcore sql "SELECT recipe, avg(acc_raw) FROM evals WHERE task = ? GROUP BY ALL" -p arc_easy
ddcore sql --file query.sql --json
echo 'FROM recipes' | ddcore sql -`,
		}
	case "export":
		return face{positional: "name", use: "[TABLE]", most: 1, complete: a.completeTable, short: selection, example: `ddcore export evals --to evals.parquet -f task=arc_easy
ddcore export --sql 'FROM evals WHERE step = ?' -p 0 --to start.csv`}
	case "features":
		return face{short: map[string]string{"filters": "f", "where": "w"}, example: `ddcore features --target arc_easy --window 10%,20% -f params=150M,300M
ddcore features --target arc_easy --target-params 1B --window 100% --metrics primary_metric,pile-valppl -o csv
ddcore features --source run_history --target arc_easy --target-at gain --window 50% --save early`}
	case "decision_accuracy":
		return face{example: `ddcore decision-accuracy --small 150M --task arc_easy,piqa
ddcore decision-accuracy --metric correct_prob --target-metric primary_metric --step 25% -o csv`}
	case "compute_frontier":
		return face{example: `ddcore compute-frontier --task olmes_10_macro_avg`}
	case "connect":
		return face{example: `ddcore connect -o json`}
	case "diff":
		return face{positional: "other", use: "[[LAKE] OTHER]", most: 2, lakeFirst: true, complete: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs), example: `ddcore diff before.lake after.lake
ddcore diff --lake my.lake --snapshot 4 --other-snapshot 7 --tables evals`}
	case "expire":
		return face{example: `ddcore expire --keep 3
ddcore expire --older-than 30d`}
	case "backup":
		return face{example: `ddcore backup --lake my.lake --to /backup/my.lake`}
	case "restore":
		return face{example: `ddcore restore --from /backup/my.lake --lake my.lake
ddcore restore --from /backup/my.lake --lake 'ducklake:postgres:dbname=lake host=db' --data s3://bucket/lake`}
	case "publish":
		return face{whole: map[string]bool{"forbid": true}, example: `ddcore publish --to /shared/published/lake
ddcore publish --to s3://bucket/lake --url https://data.example.org/lake --tables evals,recipes,question_results
ddcore tables --lake https://data.example.org/lake`}
	case "save_predictions":
		return face{positional: "predictions", use: "FILE", least: 1, most: 1, example: `ddcore save-predictions predictions.parquet --name arc_easy_early`}
	case "rejects":
		return face{short: selection}
	case "download_hf":
		return face{
			positional: "dir", use: "DIR", least: 1, most: 1, whole: map[string]bool{"olmes_details": true},
			complete: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
			example: `ddcore download hf downloads --ppl --olmes
ddcore download hf downloads --olmes-details C4 --dry-run
ddcore download hf downloads --olmes-details all --ingest --lake my.lake --budget 20GB
ddcore download hf downloads --repo allenai/DataDecide-eval-results --include 'data/macro_avg-*'`,
		}
	case "sample":
		return face{
			positional: "dir", use: "DIR", least: 1, most: 1, whole: map[string]bool{"recipes": true},
			complete: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
			example: `ddcore sample raw
ddcore sample raw --sizes 4M,150M --recipes C4 --recipes 'DCLM-Baseline (QC 7%, FW2)'`,
		}
	default:
		return face{}
	}
}

func addFileFlag(cmd *cobra.Command) {
	cmd.Flags().String("file", "", "read the query from this file, - for stdin")
	named(cmd.Flags(), "file", "FILE")
}

// readQuery takes the query from where the user put it.
func readQuery(a *app, cmd *cobra.Command, args map[string]any, given bool) error {
	file := cmd.Flags().Lookup("file").Value.String()
	if given == (file != "") {
		return usage(cmd, errors.New("give one query: as an argument, with --file, or - for stdin"))
	}
	var text []byte
	var err error
	switch {
	case file == "-" || args["sql"] == "-":
		text, err = io.ReadAll(a.stdin)
	case given:
		return nil
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return unreadable(file, err)
	}
	args["sql"] = string(text)
	return nil
}

func unreadable(file string, err error) error {
	kind := contract.IO
	if errors.Is(err, fs.ErrNotExist) {
		kind = contract.NotFound
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err // the path is the target
	}
	return &contract.Error{Kind: kind, Op: "read the query", Target: file, Err: err}
}
