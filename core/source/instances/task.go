package instances

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"

	"ddcore/core/contract"
	"ddcore/core/decimal"
	"ddcore/core/jsontext"
)

// Task is what a part holds of one task: the file's own aggregates as they were
// written, and those that its instances imply.
type Task struct {
	Task      string          `json:"task"`
	Instances int64           `json:"n_instances"`
	Choices   int64           `json:"n_choices"`
	Record    string          `json:"record,omitempty"` // JSON text; "" without a metrics file
	Metrics   []MetricValue   `json:"metrics"`
	Model     string          `json:"-"`
	Revision  string          `json:"-"`
	values    map[string]said // of the record's metrics
	primary   string
	count     said
	name      string
}

// MetricValue is one aggregate. Null floats are nil.
type MetricValue struct {
	Metric  string   `json:"metric"`
	Value   *float64 `json:"value"`   // as the file says
	Derived *float64 `json:"derived"` // mean over the instances
	Primary bool     `json:"is_primary"`
}

// said is a number as a file says it; ok is false for what is no number.
type said struct {
	value float64
	ok    bool
}

// readRecord takes the file <task>-metrics.json apart.
func readRecord(text []byte, redact func([]byte) []byte) (*Task, error) {
	text = bytes.TrimSpace(text)
	if err := jsontext.Whole(text); err != nil {
		return nil, err
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("this is no object")
	}
	t := &Task{values: map[string]said{}}
	err := jsontext.Members(text, func(key, value []byte) error {
		switch string(key) {
		case "task_name":
			t.name, _ = plainText(value)
		case "num_instances":
			t.count = number(value)
		case "metrics":
			return each(value, func(key string, value []byte) { t.values[key] = number(value) })
		case "task_config":
			return each(value, func(key string, value []byte) {
				if key == "primary_metric" {
					t.primary, _ = plainText(value)
				}
			})
		case "model_config":
			return each(value, func(key string, value []byte) {
				switch key {
				case "model":
					t.Model, _ = plainText(value)
				case "revision":
					t.Revision, _ = plainText(value)
				}
			})
		}
		return nil
	})
	t.Record = string(redact(text))
	return t, err
}

func each(object []byte, visit func(key string, value []byte)) error {
	if object[0] != '{' {
		return nil
	}
	return jsontext.Members(object, func(key, value []byte) error {
		visit(string(key), value)
		return nil
	})
}

func number(value []byte) said {
	if n, end, ok := decimal.Read(string(value), 0); ok && end == len(value) {
		if v, ok := n.Float(decimal.PowersOfTen()); ok {
			return said{v, true}
		}
	}
	if value[0] == '"' || value[0] == 't' || value[0] == 'f' {
		return said{}
	}
	v, err := strconv.ParseFloat(string(value), 64)
	return said{v, err == nil}
}

// primaryOf gives the published primary metric of each task.
var primaryOf = func() map[string]string {
	facts := contract.LoadFacts("tasks")
	out := map[string]string{}
	for i, metrics := 0, facts.Column("primary_metric"); i < len(metrics); i++ {
		out[facts.Column("task")[i]] = metrics[i]
	}
	return out
}()

const primaryScore = "primary_score"

// compare holds the file's aggregates against those of the instances.
func (t *Task) compare(derived map[string]float64, c *checker) {
	if t.Record == "" {
		c.fail("metrics_file", "the part has no %s%s", t.Task, metricsSuffix)
	} else {
		t.compareRecord(derived, c)
	}
	names := slices.Collect(maps.Keys(t.values))
	for name := range derived {
		if _, ok := t.values[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		m := MetricValue{Metric: name, Primary: name == t.primaryMetric()}
		value, isSaid := t.values[name]
		if isSaid && value.ok && !math.IsNaN(value.value) && !math.IsInf(value.value, 0) {
			m.Value = &value.value
		}
		mean, ok := derived[name]
		if name == primaryScore {
			mean, ok = derived[t.primaryMetric()]
		}
		if ok && !math.IsNaN(mean) && !math.IsInf(mean, 0) {
			m.Derived = &mean
		}
		if isSaid && ok && (!value.ok || !near(value.value, mean)) {
			c.fail("aggregate "+name, "the file says %v, its instances give %v", value.value, mean)
		}
		t.Metrics = append(t.Metrics, m)
	}
}

func (t *Task) compareRecord(derived map[string]float64, c *checker) {
	if t.name != t.Task {
		c.fail("task_name", "task_name is %q, the file's name says %s", t.name, t.Task)
	}
	if t.count != (said{float64(t.Instances), true}) {
		c.fail("num_instances", "num_instances is %v, the part has %d", t.count.value, t.Instances)
	}
	if want := primaryOf[t.Task]; want != "" && t.primary != "" && t.primary != want {
		c.fail("primary_metric", "primary_metric is %s, published is %s", t.primary, want)
	}
	if _, ok := derived[t.primaryMetric()]; t.primaryMetric() != "" && !ok {
		c.fail("primary_metric", "no instance has the primary metric %s", t.primaryMetric())
	}
}

// primaryMetric is the one that the file names, or else the published one.
func (t *Task) primaryMetric() string {
	if t.primary != "" {
		return t.primary
	}
	return primaryOf[t.Task]
}
