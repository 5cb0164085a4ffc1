package wandb

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"ddcore/core/jsontext"

	"google.golang.org/protobuf/encoding/protowire"
)

// offlineRun is a run as its log gives it after all updates.
type offlineRun struct {
	id, entity, project string
	line                []byte // the run in the legacy layout
	broken              string
}

// tree is a JSON object in the making; leaves are JSON text.
type tree struct {
	leaf    []byte
	members map[string]*tree
}

func (t *tree) at(path []string) *tree {
	for _, key := range path {
		if t.members == nil {
			t.members, t.leaf = map[string]*tree{}, nil
		}
		next := t.members[key]
		if next == nil {
			next = &tree{}
			t.members[key] = next
		}
		t = next
	}
	return t
}

func (t *tree) set(path []string, value []byte) {
	if len(path) == 0 {
		return
	}
	*t.at(path) = tree{leaf: bytes.Clone(value)}
}

func (t *tree) text(key, value string) {
	if value != "" {
		t.set([]string{key}, jsontext.AppendQuoted(nil, value))
	}
}

func (t *tree) remove(path []string) {
	for _, key := range path[:max(0, len(path)-1)] {
		if t = t.members[key]; t == nil {
			return
		}
	}
	if len(path) > 0 {
		delete(t.members, path[len(path)-1])
	}
}

// append writes the object with its keys in order: the same entries are then
// the same text but for their numbers.
func (t *tree) append(dst []byte) []byte {
	if t.members == nil && t.leaf != nil {
		return append(dst, t.leaf...)
	}
	keys := make([]string, 0, len(t.members))
	for k := range t.members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, k), ':')
		dst = t.members[k].append(dst)
	}
	return append(dst, '}')
}

// Fields of the items of a history, a config and a summary.
const (
	itemKey       = 1
	itemNestedKey = 2
	itemNone      = 3
	itemBoolean   = 4
	itemInteger   = 5
	itemNumber    = 6
	itemText      = 7
	itemJSON      = 8
	itemValueJSON = 16
)

// item reads a key and its value as JSON text.
func item(data []byte) (path []string, value []byte) {
	_ = fields(data, func(field protowire.Number, number uint64, data []byte) {
		switch field {
		case itemKey, itemNestedKey:
			path = append(path, string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		case itemNone:
			value = []byte("null")
		case itemBoolean:
			value = strconv.AppendBool(nil, number != 0)
		case itemInteger:
			value = strconv.AppendInt(nil, int64(number), 10)
		case itemNumber:
			value = jsontext.AppendFloat(nil, math.Float64frombits(number))
		case itemText:
			value = jsontext.AppendQuoted(nil, string(data))
		case itemJSON, itemValueJSON:
			value = data
		}
	})
	if jsontext.Whole(value) != nil { // never written by the client; kept as text
		value = jsontext.AppendQuoted(nil, string(bytes.ToValidUTF8(value, []byte("\uFFFD"))))
	}
	return path, value
}

// update applies the updates (field 1) and removals (field 2) of a record.
func (t *tree) update(data []byte) {
	_ = fields(data, func(field protowire.Number, _ uint64, data []byte) {
		switch path, value := item(data); field {
		case 1:
			t.set(path, value)
		case 2:
			t.remove(path)
		}
	})
}

// readOfflineRun folds a log into the run's last state.
func readOfflineRun(r io.Reader) (*offlineRun, error) {
	o := &offlineRun{}
	var run, config, summary, metadata tree
	state := "crashed" // until the log says how it ended
	log := logReader{r: r}
	err := log.records(func(record []byte) error {
		err := fields(record, func(field protowire.Number, _ uint64, data []byte) {
			switch field {
			case recordRun:
				o.readRun(data, &run, &config, &summary)
			case recordConfig:
				config.update(data)
			case recordSummary:
				summary.update(data)
			case recordEnvironment:
				readEnvironment(data, &metadata)
			case recordExit:
				state = exitState(data)
			}
		})
		if err != nil {
			return log.damage(err.Error())
		}
		return nil
	})
	var damage *errDamaged
	if errors.As(err, &damage) {
		o.broken = damage.Error()
	} else if err != nil {
		return nil, err
	}
	if o.id != "" {
		run.text("state", state)
		run.at([]string{"config"}).members = orEmpty(config.members)
		run.at([]string{"summary"}).members = orEmpty(summary.members)
		run.at([]string{"wandb_metadata"}).members = orEmpty(metadata.members)
		o.line = run.append(nil)
	}
	return o, nil
}

func orEmpty(m map[string]*tree) map[string]*tree {
	if m == nil {
		return map[string]*tree{}
	}
	return m
}

// readRun reads a RunRecord.
func (o *offlineRun) readRun(data []byte, run, config, summary *tree) {
	texts := map[protowire.Number]string{1: "run_id", 2: "entity", 3: "project", 6: "group", 7: "job_type", 8: "run_name", 9: "notes", 12: "sweep_id", 13: "host"}
	var tags []byte
	_ = fields(data, func(field protowire.Number, _ uint64, data []byte) {
		switch {
		case texts[field] != "":
			run.text(texts[field], string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		case field == 4:
			config.update(data)
		case field == 5:
			summary.update(data)
		case field == 10:
			tags = jsontext.AppendQuoted(jsontext.Comma(tags), string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		case field == 17:
			run.text("created_at", timeText(data))
		case field == 21:
			gitRecord(data, run.at([]string{"git"}))
		}
		switch field {
		case 1:
			o.id = string(data)
		case 2:
			o.entity = string(data)
		case 3:
			o.project = string(data)
		}
	})
	if tags != nil {
		run.set([]string{"tags"}, bytes.Join([][]byte{{'['}, tags, {']'}}, nil))
	}
}

func gitRecord(data []byte, t *tree) {
	_ = fields(data, func(field protowire.Number, _ uint64, data []byte) {
		switch field {
		case 1:
			t.text("remote", string(data))
		case 2:
			t.text("commit", string(data))
		}
	})
}

// readEnvironment reads what W&B calls the metadata. Hardware is left out.
func readEnvironment(data []byte, t *tree) {
	texts := map[protowire.Number]string{1: "os", 2: "python", 4: "docker", 6: "program", 7: "codePath", 8: "codePathLocal", 10: "email", 11: "root", 12: "host", 13: "username", 14: "executable", 18: "gpu", 25: "cudaVersion"}
	numbers := map[protowire.Number]string{16: "cpu_count", 17: "cpu_count_logical", 19: "gpu_count"}
	var args []byte
	_ = fields(data, func(field protowire.Number, number uint64, data []byte) {
		switch {
		case texts[field] != "":
			t.text(texts[field], string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		case numbers[field] != "":
			t.set([]string{numbers[field]}, strconv.AppendUint(nil, number, 10))
		case field == 3:
			t.text("startedAt", timeText(data))
		case field == 5:
			args = jsontext.AppendQuoted(jsontext.Comma(args), string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		case field == 9:
			gitRecord(data, t.at([]string{"git"}))
		case field == 27:
			slurmEntry(data, t)
		}
	})
	if args != nil {
		t.set([]string{"args"}, bytes.Join([][]byte{{'['}, args, {']'}}, nil))
	}
}

// slurmEntry reads one pair of the map of SLURM's variables.
func slurmEntry(data []byte, t *tree) {
	var key, value string
	_ = fields(data, func(field protowire.Number, _ uint64, data []byte) {
		if field == 1 {
			key = string(data)
		} else {
			value = string(data)
		}
	})
	t.set([]string{"slurm", key}, jsontext.AppendQuoted(nil, value))
}

func timeText(data []byte) string {
	var seconds, nanos uint64
	_ = fields(data, func(field protowire.Number, number uint64, _ []byte) {
		if field == 1 {
			seconds = number
		} else {
			nanos = number
		}
	})
	return time.Unix(int64(seconds), int64(nanos)).UTC().Format(time.RFC3339Nano)
}

func exitState(data []byte) string {
	state := "finished"
	_ = fields(data, func(field protowire.Number, number uint64, _ []byte) {
		if field == 1 && number != 0 {
			state = "failed"
		}
	})
	return state
}

// historyEntry writes one HistoryRecord as an entry of the history.
func (o *offlineRun) historyEntry(dst, data []byte) []byte {
	var entry tree
	entry.text("run_id", o.id)
	var stepNumber []byte
	_ = fields(data, func(field protowire.Number, _ uint64, data []byte) {
		switch field {
		case 1:
			path, value := item(data)
			entry.set(historyPath(path), value)
		case 2:
			_ = fields(data, func(_ protowire.Number, number uint64, _ []byte) {
				stepNumber = strconv.AppendInt(nil, int64(number), 10)
			})
		}
	})
	if entry.members["step"] == nil {
		entry.set([]string{"step"}, []byte(cmp.Or(string(stepNumber), "0")))
	}
	entry.at([]string{"metrics"})
	return entry.append(dst)
}

// historyPath gives where an entry has an item of the log.
func historyPath(path []string) []string {
	if len(path) == 1 {
		switch path[0] {
		case "_step", "_timestamp", "_runtime":
			return []string{path[0][1:]}
		}
	}
	return append([]string{"metrics"}, path...)
}

func countLines(text []byte) int { return bytes.Count(text, []byte("\n")) }
