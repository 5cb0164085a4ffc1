// Package olmes reads result dumps of OLMES into the columns of raw:
// metrics-all.jsonl of a model's folder, and the files of each task beside it,
// task-NNN-<task>-{predictions,recorded-inputs,requests}.jsonl and
// -{metrics,config}.json. Values keep their spelling: what has no column stays as
// JSON text in rest, and Rebuild gives back the line that was read.
package olmes

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"ddcore/core/jsontext"
	"ddcore/core/source/lines"
)

// Raw tables.
const (
	MetricsTable     = "olmes_metrics"
	PredictionsTable = "olmes_predictions"
	InputsTable      = "olmes_inputs"
	RequestsTable    = "olmes_requests"
)

// Kinds of files with rows in MetricsTable.
const (
	metricsAll  = "metrics-all"
	taskMetrics = "task-metrics"
	taskConfig  = "task-config"
	vestigial   = "vestigial" // metrics.jsonl: texts, no objects
)

// File is a file of a dump, with what its place says of it.
type File struct {
	table, kind string
	folder      string // of the model
	dumpDate    string // YYYY-MM-DD in the name of a folder above, or ""
	task        string // in the file's name, or ""
	taskIndex   string // its number
}

// Tables names the raw table of the file.
func (f *File) Tables() []string { return []string{f.table} }

var (
	taskLines  = regexp.MustCompile(`^task-([0-9]{3,})-(.+)-(predictions|recorded-inputs|requests)\.jsonl$`)
	taskRecord = regexp.MustCompile(`^task-([0-9]{3,})-(.+)-(metrics|config)\.json$`)
	aDate      = regexp.MustCompile(`(?:^|[^0-9])(20[0-9]{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)`)
)

// byName tells the table and the kind of a file of one task.
var byName = map[string]File{
	"predictions": {table: PredictionsTable}, "recorded-inputs": {table: InputsTable}, "requests": {table: RequestsTable},
	"metrics": {table: MetricsTable, kind: taskMetrics}, "config": {table: MetricsTable, kind: taskConfig},
}

// Recognise tells what a file is by its name, and by what is in it where the name
// says too little; nil, that it is of no dump. Predictions have a name of this
// form or are another source's: their lines do not name the task.
func Recognise(path string) (*File, error) {
	name := filepath.Base(path)
	m := taskLines.FindStringSubmatch(name)
	if m == nil {
		m = taskRecord.FindStringSubmatch(name)
	}
	if m != nil {
		f := byName[m[3]]
		f.task = m[2]
		if index, err := strconv.Atoi(m[1]); err == nil {
			f.taskIndex = strconv.Itoa(index)
		}
		return f.at(path), nil
	}
	if filepath.Ext(name) != ".jsonl" {
		return nil, nil
	}
	if name == "metrics-all.jsonl" {
		return File{table: MetricsTable, kind: metricsAll}.at(path), nil
	}
	return byContent(path)
}

func byContent(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	var found File
	err = lines.Head(bufio.NewReaderSize(r, 1<<16), func(line []byte) bool {
		found = classify(line)
		return found.table != ""
	})
	if err != nil || found.table == "" || found.kind == vestigial && filepath.Base(path) != "metrics.jsonl" {
		return nil, err
	}
	return found.at(path), nil
}

// classify tells what a line is of by the keys of its object.
func classify(line []byte) File {
	if len(line) == 0 || jsontext.Whole(line) != nil {
		return File{}
	}
	if line[0] == '"' {
		return File{table: MetricsTable, kind: vestigial}
	}
	if line[0] != '{' {
		return File{}
	}
	first := map[string]byte{}
	_ = jsontext.Members(line, func(key, value []byte) error {
		first[string(key)] = value[0]
		return nil
	})
	switch {
	case first["task_name"] == '"' && first["metrics"] == '{' && first["task_config"] == '{':
		return File{table: MetricsTable, kind: metricsAll}
	case first["request_type"] == '"' && first["doc"] != 0 && first["request"] != 0 && first["doc_id"] != 0:
		return File{table: RequestsTable}
	case first["doc"] != 0 && first["requests"] == '[' && first["doc_id"] != 0:
		return File{table: InputsTable}
	default:
		return File{}
	}
}

// at adds what the path says. Of the folders above the model's only a date is
// taken: their names may be somebody's.
func (f File) at(path string) *File {
	folder := filepath.Dir(path)
	f.folder = filepath.Base(folder)
	for dir := filepath.Dir(folder); dir != filepath.Dir(dir) && f.dumpDate == ""; dir = filepath.Dir(dir) {
		if m := aDate.FindStringSubmatch(filepath.Base(dir)); m != nil {
			f.dumpDate = m[1] + "-" + m[2] + "-" + m[3]
		}
	}
	return &f
}
