// Package wandb reads runs of Weights & Biases into the columns of raw: the
// legacy pair wandb_runs.jsonl and wandb_history.jsonl, exports of dr-wandb 3.x
// (manifest.json, state.json, runs.jsonl, history.jsonl), and the logs that the
// client writes offline (run-*.wandb). Numbers keep their value: what a column
// cannot hold exactly stays as JSON text beside it, and Rebuild gives back the
// object that was read.
package wandb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ddcore/core/jsontext"
	"ddcore/core/source/lines"
)

// Format is a kind of file.
type Format int

// The formats.
const (
	Unknown Format = iota
	LegacyRuns
	LegacyHistory
	ExportRuns
	ExportHistory
	ExportManifest
	ExportState
	Offline
)

// Raw tables.
const (
	RunsTable    = "wandb_runs"
	HistoryTable = "wandb_history"
	ExportsTable = "wandb_exports"
)

// Tables names the raw tables that a file of this format has rows for.
func (f Format) Tables() []string {
	switch f {
	case LegacyRuns, ExportRuns:
		return []string{RunsTable}
	case LegacyHistory, ExportHistory:
		return []string{HistoryTable}
	case ExportManifest, ExportState:
		return []string{ExportsTable}
	case Offline:
		return []string{RunsTable, HistoryTable}
	default:
		return nil
	}
}

func (f Format) layout() string {
	switch f {
	case LegacyRuns, LegacyHistory:
		return "legacy"
	case Offline:
		return "offline"
	default:
		return "v3"
	}
}

// Recognise tells a file's format by what is in it.
func Recognise(path string) (Format, error) {
	switch filepath.Ext(path) {
	case ".wandb", ".json", ".jsonl":
	default:
		return Unknown, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return Unknown, fmt.Errorf("open: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	head, err := r.Peek(1 << 12)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return Unknown, fmt.Errorf("read: %w", err)
	case bytes.HasPrefix(head, []byte(logMagic)):
		return Offline, nil
	case filepath.Ext(path) == ".json":
		return recogniseRecord(head), nil
	case filepath.Ext(path) == ".jsonl":
		return recogniseLines(r, path)
	}
	return Unknown, nil
}

func recogniseRecord(head []byte) Format {
	holds := func(key string) bool { return bytes.Contains(head, []byte(`"`+key+`"`)) }
	switch {
	case holds("runs_path") && holds("history_path"):
		return ExportManifest
	case holds("last_exported_at") && holds("entity") && holds("project"):
		return ExportState
	default:
		return Unknown
	}
}

func recogniseLines(r *bufio.Reader, path string) (Format, error) {
	found, onlyEmpty := Unknown, false
	err := lines.Head(r, func(line []byte) bool {
		found = classify(line)
		onlyEmpty = onlyEmpty || string(line) == "[]"
		return found != Unknown
	})
	if err == nil && found == Unknown && onlyEmpty && strings.Contains(filepath.Base(path), "history") {
		return LegacyHistory, nil // no run has any
	}
	return found, err
}

// classify tells the format of a line by the keys of its object.
func classify(line []byte) Format {
	if len(line) == 0 || jsontext.Whole(line) != nil {
		return Unknown
	}
	if line[0] == '[' {
		start := jsontext.Space(line, 1)
		if end, err := jsontext.Skip(line, start); err == nil && classify(line[start:end]) == ExportHistory {
			return LegacyHistory
		}
		return Unknown
	}
	if line[0] != '{' {
		return Unknown
	}
	keys := map[string]byte{}
	_ = jsontext.Members(line, func(key, value []byte) error {
		keys[string(key)] = value[0]
		return nil
	})
	switch {
	case keys["exported_at"] != 0 && keys["run"] == '{':
		return ExportRuns
	case keys["run_id"] != '"':
		return Unknown
	case keys["step"] != 0 && keys["metrics"] != 0:
		return ExportHistory
	case keys["config"] != 0 || keys["summary"] != 0:
		return LegacyRuns
	default:
		return Unknown
	}
}
