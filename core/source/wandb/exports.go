package wandb

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/tablefile"
)

var exportFields = textFields("export", "entity", "project", "kind", "record")

// exportReader keeps the manifest or the state of an export as one row.
type exportReader struct {
	kind    string
	r       *redact.Redactor
	once    jsontext.Once
	rows    int
	columns [5]packed
}

func (x *exportReader) line(text []byte) error {
	if err := jsontext.Whole(text); err != nil {
		return err
	}
	text = x.once.Text(bytes.TrimSpace(text))
	if text[0] != '{' {
		return errors.New("expected an object")
	}
	if x.r != nil {
		x.r.Begin(runsOf(text)...)
		text = x.r.JSON(text)
	}
	o := originOf(text)
	for i, value := range []string{o.export, o.entity, o.project, x.kind, string(text)} {
		x.columns[i].add([]byte(value), value != "")
	}
	x.rows++
	return nil
}

// runsOf gives the ids of the runs in a state.
func runsOf(record []byte) (ids []string) {
	_ = jsontext.Members(record, func(key, value []byte) error {
		if string(key) != "runs" || value[0] != '{' {
			return nil
		}
		return jsontext.Members(value, func(key, _ []byte) error {
			if id, ok := jsontext.Unquote(key); ok {
				ids = append(ids, id)
			}
			return nil
		})
	})
	return ids
}

func (x *exportReader) placeholder() {
	for i := range x.columns {
		x.columns[i].add(nil, false)
	}
	x.rows++
}

func (x *exportReader) reset() {
	for i := range x.columns {
		x.columns[i].reset()
	}
	x.rows = 0
}

func (x *exportReader) count() int { return x.rows }

func (x *exportReader) encode(e *tablefile.Encoder) []tablefile.Chunk {
	chunks := make([]tablefile.Chunk, len(x.columns))
	for i := range x.columns {
		chunks[i] = x.columns[i].encode(e)
	}
	return chunks
}

// origin is what a file's rows have in common.
type origin struct{ layout, entity, project, export string }

// originOf reads the members of a manifest or a state that name it.
func originOf(record []byte) (o origin) {
	_ = jsontext.Members(record, func(key, value []byte) error {
		if value[0] != '"' {
			return nil
		}
		text, _ := jsontext.Unquote(value[1 : len(value)-1])
		switch string(key) {
		case "name":
			o.export = text
		case "entity":
			o.entity = text
		case "project":
			o.project = text
		}
		return nil
	})
	return o
}

// exportOf gives the origin of the lines of an export, from the manifest beside
// them; without one, nothing is known of it.
func exportOf(path string, r *redact.Redactor) origin {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "manifest.json"))
	if err != nil || jsontext.Whole(text) != nil || recogniseRecord(text) != ExportManifest {
		return origin{layout: "v3"}
	}
	if r != nil {
		text = r.JSON(bytes.TrimSpace(text))
	}
	o := originOf(text)
	o.layout = "v3"
	return o
}
