package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// appendText writes value i as text, and tells whether JSON puts it in quotes.
// Floats are written in full, as Python and DuckDB write them. Nothing of the
// column's memory is kept.
func appendText(out []byte, column arrow.Array, i int) (text []byte, quoted bool) {
	switch c := column.(type) {
	case *array.Int64:
		return strconv.AppendInt(out, c.Value(i), 10), false
	case *array.Float64:
		return appendFloat(out, c.Value(i), 64), false
	case *array.Float32:
		return appendFloat(out, float64(c.Value(i)), 32), false
	case *array.Decimal128: // and HUGEINT, which sum() gives; ValueStr rounds
		return append(out, c.Value(i).ToString(c.DataType().(arrow.DecimalType).GetScale())...), false
	case array.StringLike:
		return append(out, c.Value(i)...), true
	case *array.Timestamp:
		return appendTime(out, c, i), true
	case *array.Dictionary:
		return appendText(out, c.Dictionary(), c.GetValueIndex(i))
	case array.ListLike, *array.Struct:
		return appendJSON(out, column, i), false
	default:
		return append(out, column.ValueStr(i)...), !isNumber(column.DataType()) && column.DataType().ID() != arrow.BOOL
	}
}

func isNumber(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID())
}

// appendFloat writes the shortest text that reads back as v; it always looks
// like a float.
func appendFloat(out []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(out, "nan"...)
	case math.IsInf(v, 0):
		return append(out, strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, bits), "+"))...)
	}
	if magnitude := math.Abs(v); magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16) {
		return strconv.AppendFloat(out, v, 'e', -1, bits)
	}
	start := len(out)
	out = strconv.AppendFloat(out, v, 'f', -1, bits)
	if !bytes.Contains(out[start:], []byte(".")) {
		out = append(out, ".0"...)
	}
	return out
}

// appendTime writes a time of a zone in UTC, whatever the zone's name.
func appendTime(out []byte, column *array.Timestamp, i int) []byte {
	kind, layout := column.DataType().(*arrow.TimestampType), "2006-01-02T15:04:05.999999999"
	if kind.TimeZone != "" {
		layout = time.RFC3339Nano
	}
	return column.Value(i).ToTime(kind.Unit).AppendFormat(out, layout)
}

// appendJSON writes value i as JSON. JSON has no NaN and no infinity: null.
func appendJSON(out []byte, column arrow.Array, i int) []byte {
	if column.IsNull(i) {
		return append(out, "null"...)
	}
	switch c := column.(type) {
	case array.ListLike: // a map is a list of {key, value}
		start, end := c.ValueOffsets(i)
		out = append(out, '[')
		for k := start; k < end; k++ {
			if k > start {
				out = append(out, ',')
			}
			out = appendJSON(out, c.ListValues(), int(k))
		}
		return append(out, ']')
	case *array.Struct:
		out = append(out, '{')
		for k, f := range c.DataType().(*arrow.StructType).Fields() {
			if k > 0 {
				out = append(out, ',')
			}
			out = append(append(out, quote(f.Name)...), ':')
			out = appendJSON(out, c.Field(k), i)
		}
		return append(out, '}')
	}
	start := len(out)
	out, quoted := appendText(out, column, i)
	switch {
	case quoted:
		return append(out[:start], quote(string(out[start:]))...)
	case arrow.IsFloating(column.DataType().ID()) && !isFinite(string(out[start:])):
		return append(out[:start], "null"...)
	}
	return out
}

func isFinite(float string) bool {
	last := float[len(float)-1]
	return last >= '0' && last <= '9'
}

// quote writes s as a JSON string; < and > stay what they are.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// text gives value i as text of its own; null is "".
func text(column arrow.Array, i int) string {
	if column.IsNull(i) {
		return ""
	}
	out, _ := appendText(nil, column, i)
	return string(out)
}

// display gives value i as a table shows it: short floats, and no character
// that would break the line or steer the terminal.
func display(column arrow.Array, i int) string {
	const digits = 6
	if column.IsNull(i) {
		return "null"
	}
	long := text(column, i)
	if !arrow.IsFloating(column.DataType().ID()) {
		return printable(long)
	}
	v, err := strconv.ParseFloat(long, 64)
	if err != nil || !isFinite(long) {
		return long
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

func printable(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
