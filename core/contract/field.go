package contract

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed fields.csv
var fieldsCSV string

// Field is the one meaning of a column name, in whatever table it stands.
type Field struct {
	Name    string
	Type    string // DuckDB type
	Unit    string // "" for names and pure numbers
	Min     *float64
	Max     *float64
	Meaning string
}

// Names gives the names of fields.
func Names(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

// Slack is how far a value may lie beyond its field's range: sums of rounded
// numbers miss exact bounds such as 1 by their last bits.
const Slack = 1e-6

var dictionary = sync.OnceValue(func() map[string]Field {
	records, err := csv.NewReader(strings.NewReader(fieldsCSV)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("contract: fields.csv: %v", err))
	}
	fields := map[string]Field{}
	for _, r := range records[1:] {
		if _, twice := fields[r[0]]; twice {
			panic("contract: fields.csv defines twice: " + r[0])
		}
		fields[r[0]] = Field{Name: r[0], Type: r[1], Unit: r[2], Min: bound(r[3]), Max: bound(r[4]), Meaning: r[5]}
	}
	return fields
})

func bound(text string) *float64 {
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("contract: fields.csv: " + err.Error())
	}
	return &v
}

// stages are the prefixes of measurements beside a fine-tuning run.
var stages = map[string]string{"ft_": "After fine-tuning: ", "pt_": "Of the starting checkpoint: "}

// FieldNamed gives the dictionary's entry. A column <task>_<metric> of the wide
// tables has the meaning of its metric, on its task; ft_ and pt_ before it say
// when it was measured.
func FieldNamed(name string) (Field, bool) {
	if f, ok := dictionary()[name]; ok {
		return f, true
	}
	for prefix, when := range stages {
		if measured, ok := strings.CutPrefix(name, prefix); ok {
			f, ok := FieldNamed(measured)
			f.Name, f.Meaning = name, when+f.Meaning
			return f, ok
		}
	}
	task, metric, ok := SplitMetricColumn(name)
	if !ok {
		return Field{}, false
	}
	f := dictionary()[metric]
	f.Name = name
	f.Meaning = fmt.Sprintf("%s; task %s", f.Meaning, task)
	return f, true
}

// MMLUAverage and MacroAverage are tasks that ddcore makes: the mean over the
// 57 MMLU subjects, and over the nine OLMES tasks and mmlu_average.
const (
	MMLUAverage  = "mmlu_average"
	MacroAverage = "olmes_10_macro_avg"
)

// Tasks are the 66 tasks of the raw results, sorted.
var Tasks = LoadFacts("tasks").Column("task")

// WideTasks are the 67 tasks of the wide tables, sorted: the raw ones and mmlu_average.
var WideTasks = wideTasks()

func wideTasks() []string {
	var out []string
	for _, t := range Tasks {
		if t > MMLUAverage && (len(out) == 0 || out[len(out)-1] < MMLUAverage) {
			out = append(out, MMLUAverage)
		}
		out = append(out, t)
	}
	return out
}

// MetricColumn is one column <task>_<metric> of the wide tables.
type MetricColumn struct {
	Name         string
	Task, Metric int // in WideTasks and Metrics
}

// MetricColumns are the 1,866 metric columns of the wide tables in their order:
// by metric, then task. boolq and winogrande have no unconditional metrics.
var MetricColumns = func() []MetricColumn {
	var out []MetricColumn
	for m, metric := range Metrics {
		for t, task := range WideTasks {
			if (task == "boolq" || task == "winogrande") && strings.Contains(metric, "uncond") {
				continue
			}
			out = append(out, MetricColumn{task + "_" + metric, t, m})
		}
	}
	return out
}()

var metricColumns = sync.OnceValue(func() map[string]MetricColumn {
	m := make(map[string]MetricColumn, len(MetricColumns))
	for _, c := range MetricColumns {
		m[c.Name] = c
	}
	return m
})

// MetricPosition gives the place of a task's metric among MetricColumns; ok is
// false where the wide tables have no such column.
func MetricPosition(task, metric int) (i int, ok bool) {
	i, ok = metricPositions()[[2]int{task, metric}]
	return i, ok
}

var metricPositions = sync.OnceValue(func() map[[2]int]int {
	m := make(map[[2]int]int, len(MetricColumns))
	for i, c := range MetricColumns {
		m[[2]int{c.Task, c.Metric}] = i
	}
	return m
})

// SplitMetricColumn takes the name of a metric column apart.
func SplitMetricColumn(name string) (task, metric string, ok bool) {
	c, ok := metricColumns()[name]
	if !ok {
		return "", "", false
	}
	return WideTasks[c.Task], Metrics[c.Metric], true
}

// KnownNames gives all values that a name column may have, or nil for a column
// without a fixed list.
func KnownNames(column string) []string {
	switch column {
	case "recipe", "data", "ckpt_recipe", "comparison_recipe":
		return LoadFacts("recipes").Column("recipe")
	case "params":
		return LoadFacts("model_sizes").Column("params")
	default:
		return nil
	}
}

// ParamsNumber writes the SQL that turns a size label into its nominal number.
func ParamsNumber(column string) string {
	return fmt.Sprintf("try_cast(%[1]s[:-2] AS DOUBLE) * CASE %[1]s[-1] WHEN 'K' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'B' THEN 1e9 WHEN 'T' THEN 1e12 END", column)
}
