package dashboard

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ddcore/core"
	"ddcore/core/contract"
)

// Bounds of what a view gives: a chart shows no more, and a browser sorts that
// many rows without lag.
const (
	pointsPerLine = 64
	historyPoints = 1_000
	mostRows      = 50_000
	previewRows   = 200
	docsPerBlock  = 20
	resamples     = 200
)

// perplexityKey stands where a task would, for the metrics of no task.
const perplexityKey = "perplexity"

// query is what a view asks of the core.
type query struct {
	Verb string         `json:"verb"`
	Args map[string]any `json:"args"`
}

// view is a table that the dashboard shows: data/<name>/<key>/….arrow.
type view struct {
	name   string
	keys   []string // what the parts of the path are
	ingest string   // what makes the table, where it is missing
	query  func(keys []string) (query, error)
}

//go:embed sql/*.sql
var statements embed.FS

const (
	needsEvals       = "ingest the eval and ppl results of DataDecide (`ddcore ingest --lake LAKE FILES`), then `ddcore curate`"
	needsRuns        = "ingest runs of W&B (exports of dr-wandb, wandb_runs.jsonl or offline logs), then `ddcore curate`"
	needsInstances   = "ingest archives of evaluation instances, then `ddcore curate`"
	needsPredictions = "keep predictions in the lake: `ddcore save-predictions FILE --name NAME`, or lake.save_predictions(table, name) in Python, with columns model, actual, predicted"
)

var views = []view{
	{"curve", []string{"task", "metric"}, needsEvals, curveQuery},
	{"grid", nil, needsRuns, func([]string) (query, error) { return tableQuery("matched_runs", mostRows), nil }},
	{"accuracy", []string{"target", "metric"}, needsEvals, accuracyQuery},
	{"accuracy_curve", []string{"target", "metric"}, needsEvals, func(k []string) (query, error) {
		return query{"decision_accuracy", map[string]any{"target": k[0], "metric": k[1:2], "step": "all", "bootstrap": 0}}, nil
	}},
	{"frontier", []string{"target", "metric"}, needsEvals, func(k []string) (query, error) {
		return query{"compute_frontier", map[string]any{"target": k[0], "metric": k[1:2], "bootstrap": 0}}, nil
	}},
	{"runs", nil, needsRuns, func([]string) (query, error) { return statement("runs", "rows", strconv.Itoa(mostRows)), nil }},
	{"history", []string{"project", "run"}, needsRuns, func(k []string) (query, error) {
		return statement("history", "project", quote(k[0]), "run", quote(k[1]), "points", strconv.Itoa(historyPoints)), nil
	}},
	{"questions", []string{"params", "task"}, needsInstances, func(k []string) (query, error) {
		return statement("questions", "params", quote(k[0]), "task", quote(k[1]), "rows", strconv.Itoa(mostRows)), nil
	}},
	{"question_curves", []string{"params", "task", "block"}, needsInstances, questionCurves},
	{"predictions", []string{"table"}, needsPredictions, func(k []string) (query, error) { return tableQuery("predictions."+k[0], mostRows), nil }},
	{"describe", []string{"table"}, needsEvals, func(k []string) (query, error) { return query{"describe", map[string]any{"name": k[0]}}, nil }},
	{"preview", []string{"table"}, needsEvals, func(k []string) (query, error) {
		if strings.HasSuffix(k[0], "_personal") {
			return query{}, errPersonal(k[0])
		}
		return tableQuery(k[0], previewRows), nil
	}},
}

func errPersonal(table string) error {
	return &core.Error{Kind: contract.Invalid, Op: "show", Target: table, Err: errors.New("originals of personal data are not shown here"), Hint: "read the table without _personal"}
}

// findView takes the path of a table apart: its view, and the keys.
func findView(path string) (view, []string, error) {
	parts := strings.Split(path, "/")
	for _, v := range views {
		if v.name != parts[0] || len(parts)-1 != len(v.keys) {
			continue
		}
		keys := make([]string, len(v.keys))
		for i, part := range parts[1:] {
			key, err := unslug(part)
			if err != nil {
				return view{}, nil, notThere(path)
			}
			keys[i] = key
		}
		return v, keys, nil
	}
	return view{}, nil, notThere(path)
}

func notThere(path string) error {
	return &core.Error{Kind: contract.NotFound, Op: "show", Target: path, Err: errors.New("there is no such page or table"), Hint: "open the dashboard at /"}
}

func curveQuery(k []string) (query, error) {
	table, condition := "evals", "task = "+quote(k[0])
	known := contract.Metrics
	if k[0] == perplexityKey {
		table, condition, known = "perplexity", "true", perplexities()
	}
	if !slices.Contains(known, k[1]) {
		return query{}, &core.Error{Kind: contract.NotFound, Op: "curve", Target: k[1], Err: fmt.Errorf("%s has no such metric", table), Hint: "it has " + strings.Join(known, ", ")}
	}
	return statement("curve", "metric", ident(k[1]), "table", table, "condition", condition, "points", strconv.Itoa(pointsPerLine)), nil
}

func accuracyQuery(k []string) (query, error) {
	return query{"decision_accuracy", map[string]any{"target": k[0], "metric": k[1:2], "bootstrap": resamples}}, nil
}

func questionCurves(k []string) (query, error) {
	block, err := strconv.ParseInt(k[2], 10, 32)
	if err != nil || block < 0 {
		return query{}, &core.Error{Kind: contract.Invalid, Op: "question_curves", Target: k[2], Err: errors.New("this is no number of a block"), Hint: fmt.Sprintf("block 0 holds questions 0 to %d", docsPerBlock-1)}
	}
	first := block * docsPerBlock
	return statement("question_curves", "params", quote(k[0]), "task", quote(k[1]), "first", strconv.FormatInt(first, 10), "last", strconv.FormatInt(first+docsPerBlock-1, 10)), nil
}

func tableQuery(name string, limit int) query {
	return query{"table", map[string]any{"name": name, "limit": limit}}
}

// statement fills in a file of sql/: names and values in turn.
func statement(name string, values ...string) query {
	text, err := statements.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the files are part of the program
	}
	for i := range values {
		if i%2 == 0 {
			values[i] = "{{" + values[i] + "}}"
		}
	}
	return query{"sql", map[string]any{"sql": strings.TrimSpace(strings.NewReplacer(values...).Replace(string(text)))}}
}

func perplexities() []string {
	var out []string
	for _, set := range contract.PerplexitySets {
		out = append(out, set+"-valppl")
	}
	return out
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// slug writes a key as a part of a path that every file system and web server
// takes as it is: bytes but letters, digits, _ . and - become ~ and two hex
// digits; an empty key is ~.
func slug(key string) string {
	if key == "" {
		return "~"
	}
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		isPlain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0
		if isPlain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	return b.String()
}

func unslug(part string) (string, error) {
	if part == "~" {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		if part[i] != '~' {
			b.WriteByte(part[i])
			continue
		}
		if i+2 >= len(part) {
			return "", errors.New("a ~ without two digits")
		}
		n, err := strconv.ParseUint(part[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New("a ~ without two digits")
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
