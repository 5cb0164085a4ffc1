package wandb

import (
	"context"
	"io"
	"os"

	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/tablefile"
)

// Fields gives the columns of a table.
func Fields(table string) []tablefile.Field {
	switch table {
	case RunsTable:
		return runFields
	case HistoryTable:
		return historyFields
	default:
		return exportFields
	}
}

// conversion is a running job.
type conversion struct {
	lines.Job
	Format
	origin
	offline *offlineRun
}

// Convert writes the rows that a file of this format has for the job's table.
func (f Format) Convert(ctx context.Context, job lines.Job) (*lines.Outcome, error) {
	c := &conversion{Job: job, Format: f, origin: origin{layout: f.layout()}}
	return lines.Convert(ctx, job, lines.Layout{Fields: Fields(job.Table), Open: c.start, NewReader: c.newReader})
}

// start opens the file's blocks and learns what its rows have in common.
func (c *conversion) start(f *os.File, hashed io.Reader) (lines.Blocks, error) {
	switch c.Format {
	case ExportManifest, ExportState:
		return lines.Whole(hashed, 0), nil
	case ExportRuns, ExportHistory:
		c.origin = exportOf(c.Path, c.Redactor())
	case Offline:
		run, err := readOfflineRun(f)
		if err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		c.offline = run
		c.entity, c.project = run.entity, run.project
		if c.Table == RunsTable {
			return run.blocks(), nil
		}
		return run.historyBlocks(hashed), nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return lines.Cut(hashed, info.Size(), 0), nil
}

func (c *conversion) newReader(r *redact.Redactor) lines.Reader {
	switch {
	case c.Table == RunsTable:
		return &runsReader{Cells: lines.NewCells(runFields), origin: c.origin, r: r}
	case c.Table == HistoryTable:
		h := &historyReader{origin: c.origin, r: r}
		if c.offline != nil {
			h.learning = c.offline.line
		}
		return h
	case c.Format == ExportManifest:
		return &exportReader{Cells: lines.NewCells(exportFields), kind: "manifest", r: r}
	default:
		return &exportReader{Cells: lines.NewCells(exportFields), kind: "state", r: r}
	}
}
