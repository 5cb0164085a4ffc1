package instances

import (
	"strconv"

	"ddcore/core/jsontext"
)

// Row is a row of raw.instances or raw.choices by column: string, int64, float64
// or bool; a null has no entry.
type Row map[string]any

// Rebuild writes the line that an instance and its choices, in their order, were
// read from, as equal JSON: keys stand in another order, and floats may be
// spelled differently.
func Rebuild(instance Row, choices []Row) []byte {
	rest := membersOf(instance["rest"])
	line := jsontext.AppendMember(nil, []byte("doc_id"), strconv.AppendInt(nil, instance["doc_id"].(int64), 10))
	if value := rebuildNativeID(instance); value != nil {
		line = jsontext.AppendMember(line, []byte("native_id"), value)
	}
	line = jsontext.AppendMember(line, []byte("metrics"), rebuildMembers(instance, metricMembers, membersOf(rest["metrics"])))
	output := []byte{'['}
	for i, c := range choices {
		if i > 0 {
			output = append(output, ',')
		}
		output = append(output, rebuildMembers(c, choiceMembers, membersOf(c["rest"]))...)
	}
	line = jsontext.AppendMember(line, []byte("model_output"), append(output, ']'))
	if label, ok := instance["label"].(int64); ok {
		line = jsontext.AppendMember(line, []byte("label"), strconv.AppendInt(nil, label, 10))
	}
	for _, key := range []string{"task_hash", "model_hash"} {
		if text, ok := instance[key].(string); ok {
			line = jsontext.AppendMember(line, []byte(key), jsontext.AppendQuoted(nil, text))
		}
	}
	for key, value := range rest {
		if key != "metrics" {
			line = jsontext.AppendMember(line, []byte(key), []byte(value))
		}
	}
	return jsontext.Object(line)
}

func rebuildNativeID(instance Row) []byte {
	text, _ := instance["native_id"].(string)
	switch instance["native_id_type"] {
	case "string":
		return jsontext.AppendQuoted(nil, text)
	case "null":
		return []byte("null")
	case "int", "json":
		return []byte(text)
	default:
		return nil
	}
}

// membersOf gives the members of JSON text as they were written.
func membersOf(text any) map[string]string {
	out := map[string]string{}
	if s, ok := text.(string); ok && s != "" {
		_ = jsontext.Members([]byte(s), func(key, value []byte) error {
			out[string(key)] = string(value)
			return nil
		})
	}
	return out
}

// rebuildMembers writes an object; what rest holds goes before the columns.
func rebuildMembers(row Row, members []member, rest map[string]string) []byte {
	var out []byte
	for _, m := range members {
		if _, ok := rest[m.name]; ok {
			continue
		}
		switch v := row[m.name].(type) {
		case int64:
			out = jsontext.AppendMember(out, []byte(m.name), strconv.AppendInt(nil, v, 10))
		case float64:
			text := jsontext.AppendFloat(nil, v)
			if m.kind == score && v == v {
				text = strconv.AppendFloat(nil, v, 'f', -1, 64)
			}
			out = jsontext.AppendMember(out, []byte(m.name), text)
		case bool:
			out = jsontext.AppendMember(out, []byte(m.name), strconv.AppendBool(nil, v))
		}
	}
	for key, value := range rest {
		out = jsontext.AppendMember(out, []byte(key), []byte(value))
	}
	return jsontext.Object(out)
}
