package wandb

import (
	"context"
	"os"
	"slices"

	"ddcore/core/redact"
	"ddcore/core/source/lines"
)

// HasNames tells whether a file of this format holds runs: they tell who started
// them, and where.
func (f Format) HasNames() bool { return slices.Contains(f.Tables(), RunsTable) }

// Learn reads a file with runs for the names in it, beside those that are given.
// All files are read so before any is converted: a name that one run gives away
// stands in the texts of others, and in histories.
func (f Format) Learn(ctx context.Context, path string, given redact.Names, threads int) (redact.Names, error) {
	file, err := os.Open(path)
	if err != nil {
		return given, err
	}
	defer file.Close()
	from, err := runBlocks(file, f)
	if err != nil {
		return given, err
	}
	return lines.Learn(ctx, from, given, threads, func(line []byte) []string { return []string{idOf(line)} })
}

func runBlocks(f *os.File, format Format) (lines.Blocks, error) {
	if format == Offline {
		run, err := readOfflineRun(f)
		if err != nil {
			return nil, err
		}
		return run.blocks(), nil
	}
	info, err := f.Stat()
	return lines.Cut(f, info.Size(), 0), err
}
