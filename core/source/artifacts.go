package source

import (
	"path/filepath"

	"ddcore/core/contract"
	"ddcore/core/source/instances"
)

// Evaluation instances. Their archives are taken apart part by part (one
// checkpoint each): the lake keeps what the lines say, typed, and not the
// archives, which are twelve times as large unpacked.
var instanceTables = []RawTable{
	{
		Name: instances.InstancesTable, Source: "instances", Text: true, Columns: rawColumns(instances.Fields(instances.InstancesTable)),
		Meaning: "evaluation instances, one row per checkpoint, task and question; what has no column is JSON text in rest",
	},
	{
		Name: instances.ChoicesTable, Source: "instances", Text: true, Columns: rawColumns(instances.Fields(instances.ChoicesTable)),
		Meaning: "the answers to choose from, one row per instance and choice, in the order of the model's output",
	},
}

// archivesTable marks the rows of raw.files that are about archives as a whole;
// those of parts name InstancesTable.
const archivesTable = "instance_archives"

// partTables hold what the records of parts say.
const partTables = `
	CREATE TABLE IF NOT EXISTS lake.raw.instance_parts (
		_file BIGINT, recipe VARCHAR, params VARCHAR, seed BIGINT, step BIGINT,
		n_instances BIGINT, n_choices BIGINT, n_tasks BIGINT, content VARCHAR);
	CREATE TABLE IF NOT EXISTS lake.raw.instance_tasks (_file BIGINT, task VARCHAR, n_instances BIGINT, n_choices BIGINT, record VARCHAR);
	CREATE TABLE IF NOT EXISTS lake.raw.instance_metrics (
		_file BIGINT, task VARCHAR, metric VARCHAR, value DOUBLE, derived_value DOUBLE, is_primary BOOLEAN);
	CREATE TABLE IF NOT EXISTS lake.raw.instance_problems (_file BIGINT, task VARCHAR, problem VARCHAR, n BIGINT, example VARCHAR)`

// partMeanings say what those tables hold.
var partMeanings = map[string]string{
	"instance_parts":    "one row per part of an archive of instances: which checkpoint it is, and how much it holds",
	"instance_tasks":    "one row per part and task; record is the task's own metrics file, as JSON text",
	"instance_metrics":  "the aggregates of those files, and the same derived from the instances",
	"instance_problems": "what disagrees inside a part: how often, with the first case as an example",
}

// artifact is an archive or a folder of instances at hand.
type artifact struct {
	instances.Artifact
	file  *File // the archive, or the first file of the folder
	bytes int64
	index int // in Statuses
}

// addArtifact adds a file to the plan that is an archive of instances, or lies
// in the folder of an unpacked checkpoint.
func (p *Plan) addArtifact(f *File) (found bool, err error) {
	if instances.IsTaskFile(f.abs) {
		return true, p.addTaskFile(f)
	}
	kind, err := instances.Recognise(f.abs)
	if err != nil && f.named {
		return false, &contract.Error{Kind: contract.Invalid, Op: "ingest", Target: f.Path, Err: cause(err), Hint: "is the archive complete? download it again"}
	}
	if kind == instances.None {
		return false, nil
	}
	p.addParts(artifact{Artifact: instances.Artifact{File: f.abs, Kind: kind}, file: f, bytes: f.Bytes})
	return true, nil
}

func (p *Plan) addParts(a artifact) {
	a.index = len(p.Statuses)
	p.artifacts = append(p.artifacts, a)
	p.Statuses = append(p.Statuses, Status{Path: a.file.Path, Table: instances.InstancesTable, State: Skipped, Bytes: a.bytes})
	p.Bytes += a.bytes
}

// addTaskFile adds a file to the checkpoint of its folder. Files come sorted.
func (p *Plan) addTaskFile(f *File) error {
	if f.named {
		return invalid(f.Path, "name the folder, step-<n>", "the file is a part of an unpacked checkpoint")
	}
	n := len(p.artifacts)
	if n == 0 || p.artifacts[n-1].File != "" || filepath.Dir(p.artifacts[n-1].Files[0]) != filepath.Dir(f.abs) {
		p.addParts(artifact{file: f})
		n++
	}
	a := &p.artifacts[n-1]
	a.Files = append(a.Files, f.abs)
	a.bytes += f.Bytes
	p.Statuses[a.index].Bytes += f.Bytes
	p.Bytes += f.Bytes
	return nil
}

// root is the artifact's place in the file system: the archive or the folder.
func (a artifact) root() string {
	if a.File != "" {
		return a.File
	}
	return filepath.Dir(a.file.abs)
}

// shown is the artifact's path without names of people.
func (a artifact) shown() string {
	if a.File != "" {
		return a.file.Path
	}
	return filepath.ToSlash(filepath.Dir(a.file.Path))
}

// holds tells whether an archive of the manifest is among those at hand.
func (p *Plan) holds(m manifestRow) bool {
	for _, a := range p.artifacts {
		if a.File == "" || a.bytes != m.bytes {
			continue
		}
		if sum, err := a.file.checksum(); err == nil && sum == m.checksum {
			return true
		}
	}
	return false
}
