package wandb

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"ddcore/core/jsontext"
	"ddcore/core/redact"
	"ddcore/core/source/lines"
)

var exportFields = lines.TextFields("export", "entity", "project", "kind", "record")

// exportReader keeps the manifest or the state of an export as one row.
type exportReader struct {
	lines.Cells
	kind string
	r    *redact.Redactor
	once jsontext.Once
}

func (x *exportReader) Line(text []byte) error {
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
	x.Append([][]byte{orNull(o.export), orNull(o.entity), orNull(o.project), []byte(x.kind), text})
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

// orNull gives the cell of a text, "" being null.
func orNull(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
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
