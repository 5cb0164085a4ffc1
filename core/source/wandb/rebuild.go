package wandb

import (
	"bytes"
	"slices"
	"strconv"

	"ddcore/core/jsontext"
)

// RunRow is a row of raw.wandb_runs: a column that is null has no entry.
type RunRow map[string]string

// Rebuild writes the line that the row was read from, as equal JSON.
func (row RunRow) Rebuild() []byte {
	layout := row["layout"]
	var run, outer []byte
	for key, column := range runKeys[layout] {
		value, ok := row[runFields[column].Name]
		switch {
		case !ok:
		case column >= runConfig:
			run = jsontext.AppendMember(run, []byte(key), []byte(value))
		default:
			run = jsontext.AppendMember(run, []byte(key), jsontext.AppendQuoted(nil, value))
		}
	}
	if rest, ok := row["rest"]; ok {
		_ = jsontext.Members([]byte(rest), func(key, value []byte) error {
			if string(key) == outerKey && layout == "v3" {
				outer = value[1 : len(value)-1]
			} else {
				run = jsontext.AppendMember(run, key, value)
			}
			return nil
		})
	}
	run = jsontext.Object(run)
	if layout != "v3" {
		return run
	}
	line := jsontext.AppendMember(slices.Clone(outer), []byte("run"), run)
	return jsontext.Object(line)
}

// EntryRow is a row of raw.wandb_history; nil is null.
type EntryRow struct {
	Layout, RunID string
	Step          *int64
	Floats        [5]*float64 // timestamp, runtime, train_loss, total_tokens, learning_rate
	Metrics, Rest *string
}

// Rebuild writes the entry that the row was read from, as equal JSON.
func (row EntryRow) Rebuild() []byte {
	form, members, whole, isAbsent := timestampForm(row.Layout), usual[row.Layout][0], "", false
	if row.Rest != nil {
		_ = jsontext.Members([]byte(*row.Rest), func(key, value []byte) error {
			switch string(key) {
			case "entry":
				members = string(value[1 : len(value)-1])
			case "timestamp":
				form = string(value[1 : len(value)-1])
			case "whole":
				whole = string(value)
			case "metrics":
				isAbsent = true
			}
			return nil
		})
	}
	text := func(c int) []byte {
		return appendNumber(nil, number{*row.Floats[c], bytes.Contains([]byte(whole), []byte(`"`+floatNames[c]+`"`))})
	}
	entry := jsontext.AppendMember(nil, []byte("run_id"), jsontext.AppendQuoted(nil, row.RunID))
	if row.Step != nil {
		entry = jsontext.AppendMember(entry, []byte("step"), strconv.AppendInt(nil, *row.Step, 10))
	}
	for _, c := range []int{timestamp, runtime} {
		switch {
		case row.Floats[c] == nil:
		case c == timestamp && form == "text":
			entry = jsontext.AppendMember(entry, []byte(floatNames[c]), jsontext.AppendQuoted(nil, string(text(c))))
		default:
			entry = jsontext.AppendMember(entry, []byte(floatNames[c]), text(c))
		}
	}
	if members != "" {
		entry = append(jsontext.Comma(entry), members...)
	}
	if !isAbsent {
		entry = jsontext.AppendMember(entry, []byte("metrics"), row.metrics(text))
	}
	return jsontext.Object(entry)
}

// metrics joins the metrics with a column and the others.
func (row EntryRow) metrics(text func(c int) []byte) []byte {
	var out []byte
	if row.Metrics != nil {
		out = []byte((*row.Metrics)[1 : len(*row.Metrics)-1])
	}
	for c := trainLoss; c < numFloats; c++ {
		if row.Floats[c] != nil {
			out = jsontext.AppendMember(out, []byte(floatNames[c]), text(c))
		}
	}
	return jsontext.Object(out)
}
