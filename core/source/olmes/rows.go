package olmes

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
	"ddcore/core/tablefile"
)

// form is how a column keeps a member of a line.
type form int

const (
	asJSON  form = iota // its text, whatever its type
	asText              // a string, without quotes
	asWhole             // a whole number of 64 bits
)

// member is a member of a line with a column of its own. One of another type
// than its column's stays in rest.
type member struct {
	name string
	form
	needs byte // the first byte of a value without which the line is a reject; 0: none
	only  byte // the first byte of the values that it may have besides null; 0: any
}

// members are what lines have, by table.
var members = map[string][]member{
	MetricsTable: {
		{name: "task_name", form: asText, needs: '"'},
		{name: "task_hash", form: asText},
		{name: "model_hash", form: asText},
		{name: "current_date", form: asText},
		{name: "num_instances", form: asWhole},
		{name: "task_idx", form: asWhole},
		{name: "processing_time"},
		{name: "model_config", only: '{'},
		{name: "task_config", only: '{'},
		{name: "compute_config"},
		{name: "beaker_info"},
		{name: "metrics", needs: '{'},
	},
	PredictionsTable: {
		{name: "doc_id", form: asWhole, needs: '0'},
		{name: "native_id"},
		{name: "label"},
		{name: "task_hash", form: asText},
		{name: "model_hash", form: asText},
		{name: "metrics", only: '{'},
		{name: "model_output", only: '['},
	},
	InputsTable: {
		{name: "task_name", form: asText},
		{name: "doc_id", form: asWhole, needs: '0'},
		{name: "native_id"},
		{name: "label"},
		{name: "doc"},
		{name: "requests", needs: '['},
	},
	RequestsTable: {
		{name: "task_name", form: asText},
		{name: "doc_id", form: asWhole, needs: '0'},
		{name: "native_id"},
		{name: "label"},
		{name: "request_type", form: asText},
		{name: "idx", form: asWhole, needs: '0'},
		{name: "doc"},
		{name: "request"},
	},
}

// placeFields are the columns that the file's place gives: the model's folder,
// the date of the dump, the kind of file, and the task in its name.
var placeFields = []tablefile.Field{
	{Name: "folder", Type: tablefile.Text},
	{Name: "dump_date", Type: tablefile.Text},
	{Name: "kind", Type: tablefile.Text},
	{Name: "file_task_idx", Type: tablefile.Int64},
	{Name: "file_task", Type: tablefile.Text},
}

// Fields gives the columns of a table.
func Fields(table string) []tablefile.Field {
	fields := slices.Clone(placeFields)
	for _, m := range members[table] {
		f := tablefile.Field{Name: m.name, Type: tablefile.Text}
		if m.form == asWhole {
			f.Type = tablefile.Int64
		}
		fields = append(fields, f)
	}
	return append(fields, tablefile.Field{Name: "rest", Type: tablefile.Text})
}

// rowReader fills the columns of one block.
type rowReader struct {
	lines.Cells
	kind  string
	place [][]byte
	row   []member
	r     *redact.Redactor // nil keeps personal data
	once  jsontext.Once
}

func (f *File) newReader(r *redact.Redactor) lines.Reader {
	folder, task := f.folder, f.task
	if r != nil {
		r.Begin()
		folder, task = r.Path(folder), r.Path(task)
	}
	place := make([][]byte, len(placeFields))
	for i, value := range []string{folder, f.dumpDate, f.kind, f.taskIndex, task} {
		if value != "" {
			place[i] = []byte(value)
		}
	}
	return &rowReader{Cells: lines.NewCells(Fields(f.table)), kind: f.kind, place: place, row: members[f.table], r: r}
}

// Line reads one line, or the whole of a file with one record.
func (x *rowReader) Line(line []byte) error {
	if err := jsontext.Whole(line); err != nil {
		return err
	}
	start := jsontext.Space(line, 0)
	end, _ := jsontext.Skip(line, start)
	text := x.once.Text(line[start:end])
	if x.r != nil {
		x.r.Begin()
		text = x.r.JSON(text)
	}
	cells := make([][]byte, len(x.place)+len(x.row)+1)
	copy(cells, x.place)
	rest := &cells[len(cells)-1]
	switch {
	case x.kind == vestigial:
		*rest = text
	case text[0] != '{':
		return errors.New("expected an object")
	case x.kind == taskConfig:
		cells[len(x.place)+slices.IndexFunc(x.row, func(m member) bool { return m.name == "task_config" })] = text
	default:
		if err := x.members(text, cells[len(x.place):len(cells)-1], rest); err != nil {
			return err
		}
	}
	x.Append(cells)
	return nil
}

// members puts each member of a line into its cell, and all others into rest.
func (x *rowReader) members(text []byte, cells [][]byte, rest *[]byte) error {
	var others []byte
	_ = jsontext.Members(text, func(key, value []byte) error {
		column := slices.IndexFunc(x.row, func(m member) bool { return m.name == string(key) })
		if column >= 0 {
			if cell, ok := x.row[column].cell(value); ok {
				cells[column] = cell
				return nil
			}
		}
		others = jsontext.AppendMember(others, key, value)
		return nil
	})
	for i, m := range x.row {
		if err := m.check(cells[i]); err != nil {
			return err
		}
	}
	if others != nil {
		*rest = jsontext.Object(others)
	}
	return nil
}

// cell gives what the column keeps of a value.
func (m member) cell(value []byte) ([]byte, bool) {
	switch m.form {
	case asText:
		if value[0] != '"' {
			return nil, false
		}
		text, ok := jsontext.Unquote(value[1 : len(value)-1])
		return append([]byte{}, text...), ok
	case asWhole:
		n, err := strconv.ParseInt(string(value), 10, 64)
		return value, err == nil && strconv.FormatInt(n, 10) == string(value)
	default:
		return value, true
	}
}

// kinds names values by their first byte.
var kinds = map[byte]string{'"': "text", '0': "whole number", '{': "object", '[': "list"}

// check says what is wrong with a cell that curate could not use.
func (m member) check(cell []byte) error {
	isFirst := func(b byte) bool { return m.form != asJSON || cell[0] == b }
	switch {
	case m.needs != 0 && (cell == nil || !isFirst(m.needs)):
		return fmt.Errorf("%s is missing or no %s", m.name, kinds[m.needs])
	case m.only != 0 && cell != nil && !isFirst(m.only) && string(cell) != "null":
		return fmt.Errorf("%s is no %s", m.name, kinds[m.only])
	default:
		return nil
	}
}
