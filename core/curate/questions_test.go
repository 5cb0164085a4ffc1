package curate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"
	_ "ddcore/core/curate" // its tables
	"ddcore/core/lake"

	"github.com/stretchr/testify/require"
)

var questionViews = []string{"question_results", "question_curves", "questions", "question_agreement", "question_orders"}

// followed is one question of one run, through training: the result at step 10,
// 20 … is 1, 0, - (no metric) or . (no checkpoint).
type followed struct {
	recipe  string
	seed    int
	doc     int
	results string
}

// result is a row of instances; nil is null.
type result struct {
	recipe  string
	seed    int
	step    int
	task    string
	doc     int
	isRight *int
	logits  *float64
}

func spread(runs []followed) (out []result) {
	for _, r := range runs {
		for i, c := range r.results {
			row := result{recipe: r.recipe, seed: r.seed, step: 10 * (i + 1), task: "arc_easy", doc: r.doc}
			switch c {
			case '.':
				continue
			case '-':
			default:
				row.isRight = new(int(c - '0'))
				row.logits = new(float64(c-'0') - 3)
			}
			out = append(out, row)
		}
	}
	return out
}

// lakeOf makes a lake with the views over tables of these rows. The metrics that
// are not the task's primary one say the opposite.
func lakeOf(t *testing.T, results []result) *lake.Conn {
	t.Helper()
	ctx := context.Background()
	w, err := lake.Write(ctx, filepath.Join(t.TempDir(), "test.lake"), "test", lake.Options{}, nil)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	rows := make([]string, len(results))
	for i, r := range results {
		rows[i] = fmt.Sprintf("('%s', %d, %d, '%s', %d, %s, %s)", r.recipe, r.seed, r.step, r.task, r.doc, text(r.isRight), text(r.logits))
	}
	require.NoError(t, w.Exec(ctx, `
		CREATE TABLE lake.main.tasks AS
		SELECT * FROM (VALUES ('boolq', 'acc_raw'), ('csqa', 'acc_uncond'), ('arc_easy', 'acc_per_char')) AS t(task, primary_metric_name);
		CREATE TABLE lake.main.instances AS
		SELECT
			recipe, '4M' AS params, seed::BIGINT AS seed, step::BIGINT AS step, task, doc_id::BIGINT AS doc_id,
			if(task = 'boolq', v, 1 - v)::DOUBLE AS acc_raw,
			if(task = 'csqa', v, 1 - v)::DOUBLE AS acc_uncond,
			if(task = 'arc_easy', v, 1 - v)::DOUBLE AS acc_per_char,
			logits::DOUBLE AS logits_per_char_corr
		FROM (VALUES `+strings.Join(rows, ", ")+`) AS t(recipe, seed, step, task, doc_id, v, logits);
		CREATE TABLE lake.main.instance_task_metrics AS
		SELECT recipe, params, seed, step, task, metric, avg(derived_value) AS derived_value
		FROM (UNPIVOT lake.main.instances ON acc_raw, acc_uncond, acc_per_char INTO NAME metric VALUE derived_value)
		GROUP BY ALL`))
	for _, name := range questionViews {
		require.NoError(t, w.Exec(ctx, "CREATE VIEW lake.main."+name+" AS "+contract.FindTable(name).SQL))
	}
	return w.Conn
}

func text[T any](v *T) string {
	if v == nil {
		return "NULL"
	}
	return fmt.Sprint(*v)
}

func expect(t *testing.T, c *lake.Conn, sql string, want ...string) {
	t.Helper()
	rows, err := c.Rows(context.Background(), sql)
	require.NoError(t, err)
	var got []string
	for _, r := range rows {
		got = append(got, strings.TrimSuffix(fmt.Sprintln(r...), "\n"))
	}
	require.Equal(t, want, got, sql)
}

func TestQuestionsAreFollowed(t *testing.T) {
	c := lakeOf(t, spread([]followed{
		{"C4", 0, 0, "0011"},
		{"C4", 0, 1, "1011"},
		{"C4", 0, 2, "0110"},
		{"C4", 0, 3, "1111"},
		{"C4", 0, 4, "0000"},
		{"C4", 0, 5, "1.1-"},
		{"C4", 0, 6, "1-0."},
		{"C4", 0, 7, "----"},
		{"C4", 0, 8, "1010"},
		{"C4", 2, 0, "0001"},
	}))
	expect(t, c, `SELECT seed, doc_id, n_checkpoints, last_step, is_learnt, learnt_step, first_correct_step, n_forgotten, share_right
		FROM main.questions ORDER BY seed, doc_id`,
		"0 0 4 40 true 30 30 0 0.5",
		"0 1 4 40 true 30 10 1 0.75",
		"0 2 4 40 false <nil> 20 1 0.5",
		"0 3 4 40 true 10 10 0 1",
		"0 4 4 40 false <nil> <nil> 0 0",
		"0 5 2 30 true 10 10 0 1",
		"0 6 2 30 false <nil> 10 1 0.5",
		"0 8 4 40 false <nil> 10 2 0.5",
		"2 0 4 40 true 40 40 0 0.25")
}

func TestQuestionCurves(t *testing.T) {
	c := lakeOf(t, spread([]followed{{"C4", 0, 0, "01-."}, {"C4", 2, 0, "11-1"}}))
	expect(t, c, "SELECT step, n_seeds, accuracy, logits_per_char_corr FROM main.question_curves ORDER BY step",
		"10 2 0.5 -2.5", "20 2 1 -2", "30 0 <nil> <nil>", "40 1 1 -2")
}

// TestPrimaryMetric: each task by its own, and an unknown task not at all.
func TestPrimaryMetric(t *testing.T) {
	var rows []result
	for _, task := range []string{"arc_easy", "boolq", "csqa", "unknown"} {
		rows = append(rows, result{recipe: "C4", step: 10, task: task, isRight: new(1)}, result{recipe: "C4", step: 10, task: task, doc: 1, isRight: new(0)})
	}
	expect(t, lakeOf(t, rows), "SELECT task, doc_id, primary_metric, is_right FROM main.question_results ORDER BY ALL",
		"arc_easy 0 1 true", "arc_easy 1 0 false", "boolq 0 1 true", "boolq 1 0 false", "csqa 0 1 true", "csqa 1 0 false")
}

func TestSeedsAgree(t *testing.T) {
	const sql = "SELECT recipe, step, n_seeds, n_pairs, n_questions, round(agreement, 9), round(chance_agreement, 9), round(kappa, 9) FROM main.question_agreement ORDER BY recipe, step"
	c := lakeOf(t, spread([]followed{
		// At step 10 the seeds 0 and 2 are equal and 14 differs in two of four; at 20
		// seed 2 has no result of question 3: 6 of 10 comparisons agree, and
		// (4 x 1/2 + 3 x 5/9 + 3 x 5/9) / 10 = 8/15 would by chance.
		{"C4", 0, 0, "11"},
		{"C4", 0, 1, "11"},
		{"C4", 0, 2, "00"},
		{"C4", 0, 3, "00"},
		{"C4", 2, 0, "11"},
		{"C4", 2, 1, "11"},
		{"C4", 2, 2, "00"},
		{"C4", 2, 3, "0-"},
		{"C4", 14, 0, "11"},
		{"C4", 14, 1, "00"},
		{"C4", 14, 2, "11"},
		{"C4", 14, 3, "00"},
		// All right: chance agrees as well. At step 20 no question has two results.
		{"Dolma1.7", 0, 0, "11"},
		{"Dolma1.7", 0, 1, "1-"},
		{"Dolma1.7", 2, 0, "1."},
		{"Dolma1.7", 2, 1, "11"},
		// One seed.
		{"Falcon", 0, 0, "11"},
		// Opposite.
		{"RefinedWeb", 0, 0, "1"},
		{"RefinedWeb", 0, 1, "0"},
		{"RefinedWeb", 2, 0, "0"},
		{"RefinedWeb", 2, 1, "1"},
	}))
	expect(t, c, sql,
		"C4 10 3 3 4 0.666666667 0.5 0.333333333",
		"C4 20 3 3 4 0.6 0.533333333 0.142857143",
		"Dolma1.7 10 2 1 2 1 1 <nil>",
		"RefinedWeb 10 2 1 2 0 0.5 -1")
}

func TestQuestionsOrderRecipes(t *testing.T) {
	const sql = "SELECT step, doc_id, n_recipes, n_pairs, n_agree, n_oppose, n_tied, round(accuracy_order, 9), round(logits_order, 9) FROM main.question_orders ORDER BY step, doc_id"
	runs := []followed{
		// Accuracies 3/4, 2/4, 1/4 and 1/4: the last two make no pair.
		{"A", 0, 0, "1"},
		{"A", 0, 1, "1"},
		{"A", 0, 2, "1"},
		{"A", 0, 3, "0"},
		{"B", 0, 0, "1"},
		{"B", 0, 1, "0"},
		{"B", 0, 2, "1"},
		{"B", 0, 3, "0"},
		{"C", 0, 0, "1"},
		{"C", 0, 1, "0"},
		{"C", 0, 2, "0"},
		{"C", 0, 3, "0"},
		{"D", 0, 0, "0"},
		{"D", 0, 1, "0"},
		{"D", 0, 2, "0"},
		{"D", 0, 3, "1"},
	}
	expect(t, lakeOf(t, spread(runs)), sql,
		"10 0 4 5 2 0 3 0.4 0.4",
		"10 1 4 5 3 0 2 0.6 0.6",
		"10 2 4 5 4 0 1 0.8 0.8",
		"10 3 4 5 0 2 3 -0.4 -0.4")
	// Two seeds of A are one recipe; a recipe that lacks a question is not in its pairs.
	runs = []followed{
		{"A", 0, 0, "11"},
		{"A", 2, 0, "01"},
		{"A", 0, 1, "11"},
		{"A", 2, 1, "11"},
		{"B", 0, 0, "0."},
		{"B", 0, 1, "0."},
		{"C", 0, 0, "-."},
		{"C", 0, 1, "0."},
	}
	expect(t, lakeOf(t, spread(runs)), sql,
		"10 0 2 1 1 0 0 1 1",
		"10 1 3 2 2 0 0 1 1")
}
