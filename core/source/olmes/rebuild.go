package olmes

import (
	"ddcore/core/jsontext"
)

// Row is a row of a raw table: a column that is null has no entry.
type Row map[string]string

// Rebuild writes the line that the row of that table was read from, as equal
// JSON.
func (row Row) Rebuild(table string) []byte {
	switch row["kind"] {
	case vestigial:
		return []byte(row["rest"])
	case taskConfig:
		return []byte(row["task_config"])
	}
	var line []byte
	for _, m := range members[table] {
		value, ok := row[m.name]
		switch {
		case !ok:
		case m.form == asText:
			line = jsontext.AppendMember(line, []byte(m.name), jsontext.AppendQuoted(nil, value))
		default:
			line = jsontext.AppendMember(line, []byte(m.name), []byte(value))
		}
	}
	if rest, ok := row["rest"]; ok {
		line = append(jsontext.Comma(line), rest[1:len(rest)-1]...)
	}
	return jsontext.Object(line)
}
