// Package instances reads the evaluation instances of DataDecide: one archive a
// recipe, `<recipe>/<params>/seed-<n>/step-<n>.tar.gz` inside, each of which
// holds a checkpoint's answers, question by question. The unit of work is such
// a part: Convert turns it into two Parquet files and a record, as a pure
// function of its bytes, so that any worker may do it, twice if need be.
package instances

import "ddcore/core/tablefile"

// Raw tables. The first two are what the Parquet files of parts hold; the rest
// is written from the parts' records.
const (
	InstancesTable = "instances"
	ChoicesTable   = "choices"
)

// Bounds on what is read. A checkpoint of DataDecide is 20 MB packed, 61 MB
// unpacked, with lines of 10 KB at most.
const (
	maxPacked = 128 << 20 // bytes of an inner archive, which is held in memory
	maxPart   = 512 << 20 // bytes of a part's files, unpacked
	maxLine   = 16 << 20
	maxRecord = 4 << 20 // bytes of a task's own metrics
)

// kind is how a value is kept.
type kind int

const (
	integer kind = iota
	float        // written with a point
	score        // 0 or 1, written without a point; a float64 as the mean is
	boolean
)

// member is a key of an object and the column that holds its value.
type member struct {
	name string
	kind kind
}

// metricMembers are the keys of "metrics" that have columns.
var metricMembers = []member{
	{"predicted_index_raw", integer},
	{"predicted_index_per_token", integer},
	{"predicted_index_per_char", integer},
	{"predicted_index_per_byte", integer},
	{"predicted_index_uncond", integer},
	{"correct_choice", integer},
	{"acc_raw", score},
	{"acc_per_token", score},
	{"acc_per_char", score},
	{"acc_per_byte", score},
	{"acc_uncond", score},
	{"no_answer", score},
	{"sum_logits_corr", float},
	{"logits_per_token_corr", float},
	{"logits_per_char_corr", float},
	{"logits_per_byte_corr", float},
}

// choiceMembers are the keys of an entry of "model_output" that have columns.
var choiceMembers = []member{
	{"sum_logits", float},
	{"num_tokens", integer},
	{"num_tokens_all", integer},
	{"is_greedy", boolean},
	{"sum_logits_uncond", float},
	{"logits_per_token", float},
	{"logits_per_char", float},
	{"logits_per_byte", float},
	{"num_chars", integer},
}

// lineMembers are the keys of a line, in the order of the constants below.
var lineMembers = []member{
	{name: "doc_id"},
	{name: "native_id"},
	{name: "metrics"},
	{name: "model_output"},
	{name: "label"},
	{name: "task_hash"},
	{name: "model_hash"},
}

const (
	lineDocID = iota
	lineNativeID
	lineMetrics
	lineOutput
	lineLabel
	lineTaskHash
	lineModelHash
)

var checkpointFields = []tablefile.Field{
	{Name: "recipe", Type: tablefile.Text},
	{Name: "params", Type: tablefile.Text},
	{Name: "seed", Type: tablefile.Int64},
	{Name: "step", Type: tablefile.Int64},
	{Name: "task", Type: tablefile.Text},
	{Name: "doc_id", Type: tablefile.Int64},
}

// Fields gives the columns of InstancesTable or ChoicesTable.
func Fields(table string) []tablefile.Field {
	fields := append([]tablefile.Field{}, checkpointFields...)
	if table == ChoicesTable {
		fields = append(fields, tablefile.Field{Name: "choice", Type: tablefile.Int64})
		fields = append(fields, columnsOf(choiceMembers)...)
		return append(fields, tablefile.Field{Name: "rest", Type: tablefile.Text})
	}
	fields = append(fields,
		tablefile.Field{Name: "native_id", Type: tablefile.Text},
		tablefile.Field{Name: "native_id_type", Type: tablefile.Text},
		tablefile.Field{Name: "label", Type: tablefile.Int64})
	fields = append(fields, columnsOf(metricMembers)...)
	return append(fields,
		tablefile.Field{Name: "n_choices", Type: tablefile.Int64},
		tablefile.Field{Name: "task_hash", Type: tablefile.Text},
		tablefile.Field{Name: "model_hash", Type: tablefile.Text},
		tablefile.Field{Name: "rest", Type: tablefile.Text})
}

func columnsOf(members []member) []tablefile.Field {
	types := map[kind]tablefile.Type{integer: tablefile.Int64, float: tablefile.Float64, score: tablefile.Float64, boolean: tablefile.Bool}
	fields := make([]tablefile.Field, len(members))
	for i, m := range members {
		fields[i] = tablefile.Field{Name: m.name, Type: types[m.kind]}
	}
	return fields
}
