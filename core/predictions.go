package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/feature"
	"ddcore/core/lake"
)

// SavePredictionsArgs are the arguments of save_predictions.
type SavePredictionsArgs struct {
	Predictions string `json:"predictions" help:"the file of predictions, .parquet or .csv: columns model and predicted, usually actual, lower, upper, fold and what names the item"`
	Name        string `json:"name" help:"keep them as the table predictions.<name>; a former one of that name is replaced"`
	ReadAt      *int64 `json:"read_at" help:"the snapshot that the predictions were made from; default: the newest"`
	Config      string `json:"config" help:"how they were made, as JSON: kept in predictions.saved with the snapshot"`
}

type savedRow struct {
	Table    string `col:"table_name"`
	Rows     int64  `col:"n_rows"`
	Snapshot int64  `col:"snapshot"`
}

// savePredictions keeps predictions beside what they were made from. No other
// verb reads them.
func savePredictions(ctx context.Context, env *Env, a SavePredictionsArgs) (*Result, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	record := feature.Record{Name: a.Name, Arguments: a.Config, Version: Version}
	var err error
	if record.Snapshot, err = a.snapshot(ctx, env); err != nil {
		return nil, err
	}
	w, err := writer(ctx, env, "save_predictions")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	var rows int64
	err = w.Transaction(ctx, "save_predictions", "predictions: "+a.Name, func() error {
		rows, err = a.write(ctx, w, record)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rowsResult([]savedRow{{"predictions." + a.Name, rows, record.Snapshot}})
}

func refusePredictions(target string, err error, hint string) error {
	return &Error{Kind: contract.Invalid, Op: "save_predictions", Target: target, Err: err, Hint: hint}
}

func (a SavePredictionsArgs) check() error {
	if err := feature.CheckName(a.Name); err != nil || a.Name == "" {
		return refusePredictions("name", fmt.Errorf("%q is no name for a table", a.Name), "use a-z, 0-9 and _, beginning with a letter, and not saved")
	}
	if a.Config != "" && !json.Valid([]byte(a.Config)) {
		return refusePredictions("config", errors.New("it is no JSON"), "write how the predictions were made as a JSON object")
	}
	return nil
}

// snapshot is the one that the predictions were made from; the lake must be there.
func (a SavePredictionsArgs) snapshot(ctx context.Context, env *Env) (int64, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	newest, err := s.Snapshot(ctx)
	switch {
	case err != nil || a.ReadAt == nil:
		return newest, err
	case *a.ReadAt < 0 || *a.ReadAt > newest:
		return 0, refusePredictions("read_at", fmt.Errorf("there is no snapshot %d", *a.ReadAt), "`snapshots` lists the snapshots")
	}
	return *a.ReadAt, nil
}

// readers are DuckDB's functions for each kind of file. Types of CSV columns are
// told from all rows, not from the first ones.
var readers = map[string]string{".parquet": "read_parquet(?)", ".csv": "read_csv(?, header = true, sample_size = -1)"}

// write makes the table and its record, in the caller's transaction.
func (a SavePredictionsArgs) write(ctx context.Context, w *lake.Writer, r feature.Record) (rows int64, err error) {
	from, ok := readers[strings.ToLower(filepath.Ext(a.Predictions))]
	if !ok {
		return 0, refusePredictions(a.Predictions, errors.New("its ending tells no format"), "write predictions as .parquet or .csv")
	}
	if _, err := os.Stat(a.Predictions); err != nil {
		return 0, &Error{Kind: contract.NotFound, Op: "save_predictions", Target: a.Predictions, Err: err}
	}
	if err := a.checkColumns(ctx, w, from); err != nil {
		return 0, err
	}
	table := "lake.predictions." + lake.Ident(a.Name)
	if err := w.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS lake.predictions"); err != nil {
		return 0, fmt.Errorf("save predictions.%s: %w", a.Name, err)
	}
	if err := w.Exec(ctx, "CREATE OR REPLACE TABLE "+table+" AS SELECT * FROM "+from, a.Predictions); err != nil {
		return 0, fmt.Errorf("save predictions.%s: %w", a.Name, err)
	}
	if err := r.Write(ctx, w, "predictions"); err != nil {
		return 0, err
	}
	found, err := w.Rows(ctx, "SELECT count(*) FROM "+table)
	if err != nil {
		return 0, err
	}
	return found[0][0].(int64), nil
}

// checkColumns refuses a file that lacks what every prediction has.
func (a SavePredictionsArgs) checkColumns(ctx context.Context, w *lake.Writer, from string) error {
	columns, err := w.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+from+")", a.Predictions)
	if err != nil {
		return refusePredictions(a.Predictions, err, "is it a whole file of the format that its ending names?")
	}
	types := map[string]string{}
	for _, c := range columns {
		types[c[0].(string)] = c[1].(string)
	}
	numbers := []string{"DOUBLE", "FLOAT", "BIGINT"}
	for _, wanted := range []struct {
		name  string
		types []string
	}{{"model", []string{"VARCHAR"}}, {"predicted", numbers}, {"actual", append(numbers, "")}} { // actual is not known for new runs
		if got := types[wanted.name]; !slices.Contains(wanted.types, got) {
			return refusePredictions(a.Predictions, fmt.Errorf("column %s is %s", wanted.name, cmp.Or(got, "missing")),
				"predictions have the columns model (text), predicted (number) and, where it is known, actual (number)")
		}
	}
	return nil
}
