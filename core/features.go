package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/feature"
	"ddcore/core/lake"
	"ddcore/core/tablefile"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
)

// FeaturesArgs are the arguments of features.
type FeaturesArgs struct {
	Source       string         `json:"source" help:"where the curves are: evals (with perplexity), run_history or curves; default: evals"`
	Target       []string       `json:"target" help:"what to predict: a task (its primary metric), <task>_<metric>, <set>-valppl, train_loss, or a metric of curves"`
	TargetAt     string         `json:"target_at" help:"final (default), best, gain (fine-tuned less pretrained), or a place in the run such as 50%"`
	TargetParams string         `json:"target_params" help:"take the target at this size, as the mean over its seeds, and leave out that size's rows"`
	Window       []string       `json:"window" help:"[from:]to in %, steps or tokens, e.g. 20%, 10%:20%, 5000 steps, 2B tokens; nothing after it is read"`
	Tasks        []string       `json:"tasks" help:"the tasks of evals; all for all of them; default: those of the targets, else the ten of OLMES"`
	Metrics      []string       `json:"metrics" help:"the metrics; default: primary_metric, train_loss, or all of curves"`
	Stats        []string       `json:"stats" help:"the features of each series and window, see docs/features.md; default: all"`
	Grid         int64          `json:"grid" help:"into how many equal parts a window is cut for the features at_…; default: 4"`
	Thresholds   map[string]any `json:"thresholds" help:"series = value, for threshold_step"`
	Deltas       []string       `json:"deltas" help:"comparisons to add: windows, tasks, sizes"`
	Metadata     []string       `json:"metadata" help:"columns known before the run to add; an empty list: none; default: size, schedule and recipe"`
	Filters      map[string]any `json:"filters" help:"column = value, or column = list of values: which items; columns as in metadata"`
	Where        string         `json:"where" help:"a condition on the items in SQL, e.g. params_exact < 1e9"`
	Long         bool           `json:"long" help:"one row per item, series and window, with the stats as columns"`
	Save         string         `json:"save" help:"also keep the result as the table features.<name>, with its snapshot and arguments in features.saved"`
}

func features(ctx context.Context, env *Env, a FeaturesArgs) (*Result, error) {
	if err := feature.CheckName(a.Save); err != nil {
		return nil, err
	}
	spec, err := a.spec(env)
	if err != nil {
		return nil, err
	}
	frame, snapshot, err := a.build(ctx, env, spec)
	if err != nil {
		return nil, err
	}
	if a.Save != "" {
		if err := a.save(ctx, env, frame, snapshot); err != nil {
			return nil, err
		}
	}
	return frameResult(frame)
}

func (a FeaturesArgs) spec(env *Env) (feature.Spec, error) {
	spec := feature.Spec{
		Source: a.Source, Tasks: a.Tasks, Metrics: a.Metrics, Stats: a.Stats, Grid: int(a.Grid), Deltas: a.Deltas, Metadata: a.Metadata,
		Targets: a.Target, TargetAt: a.TargetAt, TargetParams: a.TargetParams, Long: a.Long,
		Thresholds: map[string]float64{}, Workers: env.Options.Workers(),
	}
	for _, text := range a.Window {
		w, err := feature.ParseWindow(text)
		if err != nil {
			return spec, err
		}
		spec.Windows = append(spec.Windows, w)
	}
	for series, value := range a.Thresholds {
		n, isNumber := value.(json.Number)
		v, err := n.Float64()
		if !isNumber || err != nil {
			return spec, &Error{Kind: contract.Invalid, Op: "features", Target: "thresholds", Err: fmt.Errorf("%s is %v", series, value), Hint: "a threshold is a number"}
		}
		spec.Thresholds[series] = v
	}
	return spec, nil
}

// build makes the features, and tells of which snapshot.
func (a FeaturesArgs) build(ctx context.Context, env *Env, spec feature.Spec) (*feature.Frame, int64, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, 0, err
	}
	defer s.Close()
	if spec.Where, spec.Params, err = a.conditions(ctx, s.Conn); err != nil {
		return nil, 0, err
	}
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return nil, 0, err
	}
	frame, err := feature.Build(ctx, s.Conn, spec)
	return frame, snapshot, err
}

// conditions writes which items are meant.
func (a FeaturesArgs) conditions(ctx context.Context, c *lake.Conn) (string, []any, error) {
	if len(a.Filters) == 0 {
		return a.Where, nil, nil
	}
	columns, err := feature.Columns(ctx, c, a.Source)
	if err != nil {
		return "", nil, err
	}
	conditions, params, err := SelectArgs{Name: a.Source, Filters: a.Filters, Where: a.Where}.conditions(ctx, c, columns)
	if e := contract.AsError(err); err != nil && e.Op == "table" {
		e.Op = "features"
	}
	return strings.Join(conditions, " AND "), params, err
}

// save keeps the frame in the lake.
func (a FeaturesArgs) save(ctx context.Context, env *Env, frame *feature.Frame, snapshot int64) error {
	arguments, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write the arguments: %w", err)
	}
	w, err := writer(ctx, env, "features")
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Transaction(ctx, "features", "features: "+a.Save, func() error {
		return frame.Save(ctx, w, feature.Record{Name: a.Save, Snapshot: snapshot, Arguments: string(arguments), Version: Version})
	})
}

// frameResult makes a result of a frame, one batch in C's memory.
func frameResult(f *feature.Frame) (*Result, error) {
	fields := make([]arrow.Field, len(f.Columns))
	arrays := make([]arrow.Array, len(f.Columns))
	malloc := mallocator.NewMallocator()
	for k, c := range f.Columns {
		a, err := columnArray(malloc, c)
		if err != nil {
			return nil, err
		}
		defer a.Release()
		arrays[k] = a
		fields[k] = arrow.Field{Name: c.Name, Type: arrays[k].DataType(), Nullable: true, Metadata: arrow.MetadataFrom(c.Metadata())}
	}
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBatch(schema, arrays, int64(f.Rows))
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		return nil, fmt.Errorf("make a result: %w", err)
	}
	return &Result{schema: schema, reader: reader}, nil
}

func columnArray(malloc memory.Allocator, c feature.Column) (arrow.Array, error) {
	kind, err := c.Kind()
	if err != nil {
		return nil, err
	}
	switch {
	case kind == tablefile.Text:
		b := array.NewStringBuilder(malloc)
		defer b.Release()
		b.AppendValues(feature.Values[string](c.Cells))
		return b.NewArray(), nil
	case kind == tablefile.Int64:
		b := array.NewInt64Builder(malloc)
		defer b.Release()
		b.AppendValues(feature.Values[int64](c.Cells))
		return b.NewArray(), nil
	case kind == tablefile.Bool:
		b := array.NewBooleanBuilder(malloc)
		defer b.Release()
		b.AppendValues(feature.Values[bool](c.Cells))
		return b.NewArray(), nil
	default:
		b := array.NewFloat64Builder(malloc)
		defer b.Release()
		b.AppendValues(c.Numbers())
		return b.NewArray(), nil
	}
}
