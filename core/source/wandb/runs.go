package wandb

import (
	"errors"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
)

var runFields = lines.TextFields("layout", "entity", "project", "export", "run_id", "run_name", "state", "created_at", "updated_at", "config", "summary", "metadata", "rest")

// Columns of a run, in the order of runFields.
const (
	runEntity = iota + 1
	runProject
	runExport
	runID
	runName
	runState
	runCreated
	runUpdated
	runConfig
	runSummary
	runMetadata
	runRest
	numRunColumns
)

// runKeys tells which column a member of a run has, by layout.
var runKeys = map[string]map[string]int{
	"legacy": {
		"run_id": runID, "run_name": runName, "state": runState, "entity": runEntity, "project": runProject,
		"created_at": runCreated, "updated_at": runUpdated, "config": runConfig, "summary": runSummary, "wandb_metadata": runMetadata,
	},
	"v3": {
		"run_id": runID, "name": runName, "state": runState, "entity": runEntity, "project": runProject,
		"created_at": runCreated, "updated_at": runUpdated, "config": runConfig, "summary_metrics": runSummary, "metadata": runMetadata,
	},
}

func init() { runKeys["offline"] = runKeys["legacy"] }

// outerKey is the member of rest that holds what stands beside the run in a
// line of an export: {"exported_at": …}.
const outerKey = "_line"

// runsReader fills the columns of one block of runs.
type runsReader struct {
	lines.Cells
	origin
	r      *redact.Redactor
	once   jsontext.Once
	copies jsontext.Copies
	cells  [][]byte // of the run at hand
	rest   []byte   // an object of its members without a column
}

func (r *runsReader) Line(line []byte) error {
	r.cells, r.rest = make([][]byte, numRunColumns), append(r.rest[:0], '{')
	if r.layout != "v3" {
		if err := r.members(line, r.member); err != nil {
			return err
		}
		return r.end()
	}
	var run, outer []byte
	err := r.members(line, func(key, value []byte) error {
		if string(key) == "run" && value[0] == '{' {
			run = value
		} else {
			outer = jsontext.AppendMember(outer, key, value)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case run == nil:
		return errors.New("run is missing or no object")
	}
	_ = r.copies.Members(run, r.member)
	if outer != nil {
		r.rest = jsontext.AppendMember(r.rest, []byte(outerKey), jsontext.Object(outer))
	}
	return r.end()
}

// members checks a line and shows its members without personal data, each key of
// an object once. Most lines are read but once for all of that.
func (r *runsReader) members(line []byte, visit func(key, value []byte) error) error {
	if r.r != nil {
		r.r.Begin(idOf(line))
		if ok, err := r.r.TryMembers(line, visit); ok {
			return err
		}
	}
	if err := r.copies.Whole(line); err != nil {
		return err
	}
	if line[jsontext.Space(line, 0)] != '{' {
		return errors.New("expected an object")
	}
	line = r.once.Text(line)
	if r.r != nil {
		r.r.Begin(idOf(line))
		line = r.r.JSON(line)
	}
	return r.copies.Members(line, visit)
}

// member puts a member of a run into its cell, or into rest.
func (r *runsReader) member(key, value []byte) error {
	column, ok := runKeys[r.layout][string(key)]
	if ok && r.cells[column] == nil {
		if r.cells[column], ok = cell(column, value); ok {
			return nil
		}
		r.cells[column] = nil
	}
	r.rest = jsontext.AppendMember(r.rest, key, value)
	return nil
}

// end adds the run's row.
func (r *runsReader) end() error {
	if r.cells[runID] == nil {
		return errors.New("run_id is missing or no text")
	}
	r.cells[0] = []byte(r.layout)
	if r.export != "" {
		r.cells[runExport] = []byte(r.export)
	}
	if len(r.rest) > 1 {
		r.rest = append(r.rest, '}')
		r.cells[runRest] = r.rest
	}
	r.Append(r.cells)
	return nil
}

// errFound ends a walk that has what it looked for.
var errFound = errors.New("found")

// idOf gives the id of the run in a line, "" if it has none. Mostly it stands at
// the front of a long line.
func idOf(line []byte) (id string) {
	_ = jsontext.Members(line, func(key, value []byte) error {
		switch {
		case string(key) == "run_id" && value[0] == '"':
			id, _ = jsontext.Unquote(value[1 : len(value)-1])
			return errFound
		case string(key) == "run" && value[0] == '{' && id == "":
			id = idOf(value)
		}
		return nil
	})
	return id
}

// cell gives what a column keeps of a value: a text without its quotes, or an
// object as it stands. Other types stay in rest.
func cell(column int, value []byte) ([]byte, bool) {
	if column >= runConfig {
		return value, value[0] == '{'
	}
	if value[0] != '"' {
		return nil, false
	}
	text, ok := jsontext.Unquote(value[1 : len(value)-1])
	return append([]byte{}, text...), ok
}
