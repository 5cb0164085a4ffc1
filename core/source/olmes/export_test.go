package olmes

import (
	"ddcore/core/redact"
)

// ReadLine reads a line of a file of that name, without the file; nil where it is
// refused.
func ReadLine(path string, key *redact.Key, line string) Row {
	f, err := Recognise(path)
	if err != nil || f == nil {
		panic(path)
	}
	var r *redact.Redactor
	if key != nil {
		r = redact.New(*key, redact.Names{})
	}
	x := f.newReader(r).(*rowReader)
	if x.Line([]byte(line)) != nil {
		return nil
	}
	row := Row{}
	for i, field := range Fields(f.table) {
		if text, ok := x.At(0, i); ok {
			row[field.Name] = text
		}
	}
	return row
}
