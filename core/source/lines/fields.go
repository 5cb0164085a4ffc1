package lines

import "ddcore/core/tablefile"

// TextFields makes columns of text.
func TextFields(names ...string) []tablefile.Field {
	fields := make([]tablefile.Field, len(names))
	for i, n := range names {
		fields[i] = tablefile.Field{Name: n, Type: tablefile.Text}
	}
	return fields
}
