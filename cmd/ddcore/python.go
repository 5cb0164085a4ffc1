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
	use, summary, extra string
	example             string
}

var pythonCommands = []pythonCommand{
	{
		use: "notebook [NAME]", extra: "marimo", summary: "Open a ready notebook in Marimo, or list them.",
		example: "ddcore notebook\nddcore notebook explore --lake my.lake",
	},
}

func (p pythonCommand) command() *cobra.Command {
	return &cobra.Command{
		Use: p.use, Short: p.summary, Example: indent(p.example), DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &contract.Error{
				Kind: contract.Invalid, Op: cmd.Name(), Err: fmt.Errorf("the Python package does this, and this program runs without it"),
				Hint: fmt.Sprintf("`pip install 'ddcore[%s]'`, then its `ddcore %s`", p.extra, strings.TrimPrefix(cmd.CommandPath(), "ddcore ")),
			}
		},
	}
}
