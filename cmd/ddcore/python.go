package main

import (
	"fmt"
	"strings"

	"ddcore/core/contract"

	"github.com/spf13/cobra"
)

// pythonCommand is a subcommand that only Python can do. The `ddcore` of the
// wheel runs it before this program is started (python/ddcore/_cli.py); here it
// stands for the help, and for who has this program alone.
type pythonCommand struct {
	group               string // the command that it stands below, if any
	use, summary, extra string
	example             string
}

var pythonCommands = []pythonCommand{
	{
		use: "notebook [NAME]", extra: "marimo", summary: "Open a ready notebook in Marimo, or list them.",
		example: "ddcore notebook\nddcore notebook explore --lake my.lake",
	},
	{
		use: "refresh FILE", extra: "hf,wandb", summary: "Download, ingest, curate, validate and publish, as a TOML file tells: what has changed.",
		example: "ddcore refresh lake.toml\nddcore refresh lake.toml --json --quiet",
	},
	{
		group: "download", use: "wandb ENTITY/PROJECT... DIR", extra: "wandb",
		summary: "Download the runs of W&B projects with their whole history, then only what is new.",
		example: "ddcore download wandb ml-moe/ft-scaling downloads/wandb\nddcore download wandb --projects projects.txt downloads/wandb --full",
	},
	{
		use: "predict --target TARGET --window WINDOW", extra: "predict,plot", summary: "Predict how runs end from how they begin, by nested cross-validation.",
		example: "ddcore predict --lake my.lake --target arc_easy --window 20% --groups params --report report.html\nddcore predict --lake my.lake -t arc_easy -w 100% --target-params 1B --save from_small",
	},
}

func (p pythonCommand) command() *cobra.Command {
	return &cobra.Command{
		Use: p.use, Short: p.summary, Example: indent(p.example), DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := strings.TrimPrefix(cmd.CommandPath(), "ddcore ")
			return &contract.Error{
				Kind: contract.Invalid, Op: path, Err: fmt.Errorf("the Python package does this, and this program runs without it"),
				Hint: fmt.Sprintf("`pip install 'ddcore[%s]'`, then its `ddcore %s`", p.extra, path),
			}
		},
	}
}
