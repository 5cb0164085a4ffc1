package main

import (
	"ddcore/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/spf13/cobra"
)

// completeTable offers the lake's tables, as `tables` lists them.
func (a *app) completeTable(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.lakePath() == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	request, err := a.request(cmd, "tables", nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	result, err := core.Call(cmd.Context(), request, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer result.Close()
	var names []string
	err = result.Each(cmd.Context(), func(b arrow.RecordBatch) error {
		for i := range int(b.NumRows()) {
			schema, name := text(b.Column(0), i), text(b.Column(1), i)
			if schema != "main" {
				name = schema + "." + name
			}
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
