package olmes

import (
	"context"
	"io"
	"os"

	"ddcore/core/redact"
	"ddcore/core/source/lines"
)

// longest bounds a line, in bytes: the longest documents of a benchmark have some
// hundred kilobytes.
const longest = 64 << 20

// Convert writes the file's rows.
func (f *File) Convert(ctx context.Context, job lines.Job) (*lines.Outcome, error) {
	return lines.Convert(ctx, job, lines.Layout{
		Fields: Fields(f.table), NewReader: f.newReader,
		Open: func(file *os.File, hashed io.Reader) (lines.Blocks, error) { return f.blocks(file, hashed) },
	})
}

func (f *File) blocks(file *os.File, r io.Reader) (lines.Blocks, error) {
	if f.kind == taskMetrics || f.kind == taskConfig {
		return lines.Whole(r, longest), nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return lines.Cut(r, info.Size(), longest), nil
}

// HasNames tells whether the file says who made it, and where: those with
// metrics do.
func (f *File) HasNames() bool { return f.table == MetricsTable && f.kind != vestigial }

// Learn reads the file for names, beside those that are given.
func (f *File) Learn(ctx context.Context, path string, given redact.Names, threads int) (redact.Names, error) {
	file, err := os.Open(path)
	if err != nil {
		return given, err
	}
	defer file.Close()
	from, err := f.blocks(file, file)
	if err != nil {
		return given, err
	}
	return lines.Learn(ctx, from, given, threads, func([]byte) []string { return nil })
}
