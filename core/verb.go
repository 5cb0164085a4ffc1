package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"ddcore/core/contract"
)

// Verb is something that a user can ask for: a CLI subcommand, a Python method
// and an entry of the reference follow from it.
type Verb struct {
	Name      string // snake_case
	Summary   string // one sentence
	NeedsLake bool
	Args      []Arg
	run       func(context.Context, *Env, json.RawMessage) (*Result, error)
}

// Arg is one argument of a verb.
type Arg struct {
	Name string // snake_case
	Type reflect.Type
	Help string
}

// Verbs lists all verbs.
var Verbs = []Verb{
	verb("ingest", "Read raw files into the lake, unchanged; files that are in it already are passed over.", true, ingest),
	verb("commit", "Make the parts that `ingest --part` has left in a shared lake rows of its tables.", true, commit),
	verb("curate", "Build the curated tables from raw.", true, curateLake),
	verb("tables", "List the tables of the lake with their rows and bytes.", true, tables),
	verb("describe", "Show a table's columns: type, unit, range and meaning.", true, describe),
	verb("table", "Read a table: filters, columns, order.", true, table),
	verb("sql", "Run an SQL query on the lake (read-only).", true, query),
	verb("features", "Make one row per item to predict: features of windows of its curves, metadata and targets.", true, features),
	verb("decision_accuracy", "Tell how often small models order two recipes as the target size does, with bootstrap intervals.", true, decisionAccuracy),
	verb("compute_frontier", "Give the best decision accuracy for its compute: the size and step that no cheaper one equals.", true, computeFrontier),
	verb("recipe_noise", "Measure how far the seeds of a recipe lie apart, beside how far recipes do.", true, recipeNoise),
	verb("save_predictions", "Keep predictions in the lake, as a table of predictions, with their configuration and snapshot.", true, savePredictions),
	verb("export", "Write a table or a query to a Parquet, CSV, JSON or Arrow file.", true, export),
	verb("diff", "Compare the lake with another one, or with another snapshot: tables, columns, rows, values.", true, diff),
	verb("connect", "Give the SQL that attaches the lake, to be read only, in a DuckDB session of another program.", true, connect),
	verb("publish", "Copy the curated tables, checked, to a lake that others can read: in a folder, on S3, over HTTPS.", true, publish),
	verb("verify", "Compare the files of all snapshots with what is there: names, sizes, rows, SHA-256.", true, verify),
	verb("compact", "Merge the small files of tables; older snapshots read as before.", true, compact),
	verb("expire", "Forget old snapshots, and delete the files that only they knew.", true, expire),
	verb("clean", "Delete files that no snapshot knows, as an interrupted write may leave them.", true, clean),
	verb("backup", "Copy the lake, with its history, to a folder; only what has changed is copied again.", true, backup),
	verb("restore", "Make a lake of a backup, where there is none: in a folder, or a shared one.", true, restore),
	verb("snapshots", "List the lake's snapshots, oldest first.", true, snapshots),
	verb("drift", "Compare the curated tables of two snapshots: schema, rows, nulls and means, and what is beyond the limits.", true, drift),
	verb("files", "List the raw files that the lake holds (the manifest).", true, files),
	verb("rejects", "List raw rows that no curated table can use, with the reason.", true, rejects),
	verb("redactions", "Count the personal data that pseudonyms stand for, by raw file and rule.", true, redactions),
	verb("sample", "Write made-up raw files in the shape of DataDecide's, the same for the same options.", false, sampleFiles),
	verb("download_hf", "Download published results from the Hugging Face Hub: pinned, resumed, checked by hash.", false, downloadHF),
	verb("version", "Show the versions of ddcore, DuckDB and Arrow.", false, version),
	verb("doctor", "Check what ddcore needs: extensions, memory, disk, the lake.", false, doctor),
}

func verb[A any](name, summary string, needsLake bool, f func(context.Context, *Env, A) (*Result, error)) Verb {
	return Verb{
		Name: name, Summary: summary, NeedsLake: needsLake, Args: argsOf(reflect.TypeFor[A]()),
		run: func(ctx context.Context, env *Env, raw json.RawMessage) (*Result, error) {
			var a A
			if len(raw) > 0 {
				if err := decode(raw, &a); err != nil {
					return nil, &Error{Kind: contract.Invalid, Op: name, Err: argError(err, reflect.TypeFor[A]())}
				}
			}
			return f(ctx, env, a)
		},
	}
}

func argsOf(t reflect.Type) []Arg {
	var out []Arg
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, argsOf(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, Arg{Name: name, Type: f.Type, Help: f.Tag.Get("help")})
	}
	return out
}

// argError names the arguments that a verb knows.
func argError(err error, t reflect.Type) error {
	var names []string
	for _, a := range argsOf(t) {
		names = append(names, a.Name)
	}
	return fmt.Errorf("%w; its arguments are: %s", err, strings.Join(names, ", "))
}

// FindVerb gives the verb of that name.
func FindVerb(name string) (*Verb, error) {
	var names []string
	for i := range Verbs {
		if Verbs[i].Name == name {
			return &Verbs[i], nil
		}
		names = append(names, Verbs[i].Name)
	}
	return nil, &Error{Kind: contract.Invalid, Op: name, Err: errors.New("there is no such verb"), Hint: "verbs are: " + strings.Join(names, ", ")}
}
