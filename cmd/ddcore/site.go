package main

import (
	"fmt"

	"ddcore/cmd/ddcore/dashboard"
	"ddcore/core"

	"github.com/spf13/cobra"
)

// siteFlags are the flags of export-site.
type siteFlags struct {
	metrics []string
	target  string
	maxMB   int64
}

func (a *app) exportSiteCommand() *cobra.Command {
	s := &siteFlags{maxMB: 200}
	cmd := &cobra.Command{
		Use: "export-site [LAKE] DIR", Short: "Write the dashboard with its data as files, for any static web host.",
		Example: "  ddcore export-site my.lake site\n  python -m http.server --directory site",
		Args:    face{use: "[LAKE] DIR", least: 1, most: 2}.checkCount, ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.nameLake(cmd, args[:len(args)-1]); err != nil {
				return err
			}
			return a.exportSite(cmd, s, args[len(args)-1])
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&s.metrics, "metrics", nil, "metrics of the charts beside primary_metric and the perplexities")
	named(f, "metrics", "METRIC,...")
	f.StringVar(&s.target, "target", "", "the size to predict in decisions; default: the largest")
	named(f, "target", "SIZE")
	f.Var(newCount(&s.maxMB, 1), "max-mb", "most megabytes of tables; what comes after is left out, and the page says so; default: 200")
	return cmd
}

func (a *app) exportSite(cmd *cobra.Command, s *siteFlags, dir string) error {
	bar := a.newProgress("export-site")
	report, err := dashboard.WriteSite(cmd.Context(), dashboard.SiteOptions{
		Lake: lakeName(a.lakePath()), Call: a.dashboardCall(cmd), Metrics: s.metrics, Target: s.target, MaxBytes: s.maxMB << 20,
		Tell: func(done, total int64, what string) {
			bar.tell(core.Progress{Done: done, Total: total, Unit: "tables", What: what})
		},
	}, dir)
	bar.close()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %d tables, %.1f MB\n", dir, report.Files, float64(report.Bytes)/(1<<20))
	if n := len(report.LeftOut); n > 0 {
		a.note("%d tables are left out, the first %s: the lake has no such data, or --max-mb is too small", n, report.LeftOut[0])
	}
	return nil
}
