package dashboard

import (
	"context"
	"math"
	"net/http"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// The routes of the application that the dashboard replaces (by-tomorrow-app),
// with its shape of answers, {"data": [{column: value, …}, …]}. It took them
// from files; here they are read from the lake. Where it made rows up, these
// answer with an error and its status.
const (
	oldRecipe    = "Dolma1.7"
	oldMetric    = "pile-valppl"
	oldSizes     = "10M,60M,150M,530M,1B"
	notThereText = "N/A" // what the old application shows for a null
)

func (s *Server) addOldRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/health", s.health)
	mux.HandleFunc("GET /api/visualize/data", s.old(false, func(r *http.Request) string {
		return "FROM mean_eval_melted WHERE data = " + quote(parameter(r, "data", oldRecipe)) + " AND metric = " + quote(parameter(r, "metric", oldMetric)) + " ORDER BY params, step"
	}))
	mux.HandleFunc("GET /api/visualize/data/small", s.old(false, func(*http.Request) string {
		return "FROM mean_eval_melted WHERE data = " + quote(oldRecipe) + " AND metric = " + quote(oldMetric) + " AND step = 5000 ORDER BY params"
	}))
	mux.HandleFunc("GET /api/visualize/data/unmelted", s.old(true, func(r *http.Request) string {
		return `SELECT params, step, tokens, data, compute, COLUMNS('-valppl$|_primary_metric$') FROM mean_eval WHERE data = ` + quote(parameter(r, "data", oldRecipe)) +
			" AND params IN ('" + strings.ReplaceAll(oldSizes, ",", "', '") + "') ORDER BY params, step"
	}))
	mux.HandleFunc("GET /api/visualize/data/ft", s.old(true, func(*http.Request) string {
		return `SELECT matched_group AS matched_group_id, matched_group_name, ckpt_recipe AS ckpt_data, ckpt_params, ckpt_steps, lr, ckpt_seed AS seed, ft_tok,
			run_id, run_type, method, COLUMNS('^(ft|pt)_.*(_primary_metric|-valppl)$') FROM matched_runs ORDER BY matched_group_id, run_id`
	}))
}

func parameter(r *http.Request, name, missing string) string {
	if v := r.URL.Query().Get(name); v != "" {
		return v
	}
	return missing
}

// health answers for the lake, too: a server without its data is not well.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, done, err := s.slot(r.Context())
	if err == nil {
		defer done()
		err = rowsOf(ctx, s.Call, "SELECT 1", func([]any) {})
	}
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "message": "ddcore is running"})
}

// old answers with the rows of a query; nulls are "N/A" where the old
// application wanted them so.
func (s *Server) old(nullsAreText bool, sql func(*http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, done, err := s.slot(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		defer done()
		rows, err := objects(ctx, s.Call, sql(r), nullsAreText)
		if err != nil {
			fail(w, view{ingest: needsEvals + "; for /ft " + needsRuns}.explain(timedOut(ctx, r, err, s.TimeLimit)))
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"data": rows})
	}
}

func objects(ctx context.Context, call Call, sql string, nullsAreText bool) ([]map[string]any, error) {
	result, err := call(ctx, "sql", map[string]any{"sql": sql})
	if err != nil {
		return nil, err
	}
	defer result.Close()
	rows := []map[string]any{}
	err = result.Each(ctx, func(b arrow.RecordBatch) error {
		for i := range int(b.NumRows()) {
			row := map[string]any{}
			for c, column := range b.Columns() {
				v := value(column, i)
				if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
					v = nil // JSON has no such numbers
				}
				if v == nil && nullsAreText {
					v = notThereText
				}
				row[b.ColumnName(c)] = v
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}
