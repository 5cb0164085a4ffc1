package curate

import (
	"context"
	_ "embed"
	"fmt"
)

// olmesSQL makes what the tables of post-training evaluations read.
//
//go:embed olmes.sql
var olmesSQL string

// olmesViews names the rows of the raw tables that are no rejects.
var olmesViews = map[string]string{
	"olmes_metrics_rows": "olmes_metrics", "olmes_prediction_rows": "olmes_predictions", "olmes_input_rows": "olmes_inputs", "olmes_request_rows": "olmes_requests",
}

// prepareOlmes makes the temporary tables of result dumps: each record once.
func (b *builder) prepareOlmes(ctx context.Context) error {
	if err := makeRawViews(ctx, b.w.Conn, olmesViews); err != nil {
		return err
	}
	if err := b.w.Exec(ctx, olmesSQL); err != nil {
		return fmt.Errorf("list the records of OLMES dumps: %w", err)
	}
	return nil
}
