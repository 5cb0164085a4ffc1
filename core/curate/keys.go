package curate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/lake"
)

// hubViews names the raw rows of Hugging Face that are no rejects.
var hubViews = map[string]string{
	"eval_rows": "hf_eval_results", "macro_rows": "hf_macro_avg", "ppl_raw": "hf_ppl_results", "fit_raw": "hf_scaling_law_fit",
}

func makeRawViews(ctx context.Context, c *lake.Conn, views map[string]string) error {
	for view, table := range views {
		if err := makeRawView(ctx, c, view, table); err != nil {
			return err
		}
	}
	return nil
}

// makeRawView leaves the search for rejects out where there are none.
func makeRawView(ctx context.Context, c *lake.Conn, view, table string) error {
	counts, err := c.Rows(ctx, "SELECT coalesce(sum(n_rows), 0)::BIGINT, coalesce(sum(n_rejects), 0)::BIGINT FROM lake.raw.files WHERE raw_table = ?", table)
	if err != nil {
		return fmt.Errorf("count the rows of %s: %w", table, err)
	}
	if counts[0][0] == int64(0) {
		return makeEmptyView(ctx, c, view, table)
	}
	condition := "true"
	if counts[0][1] != int64(0) {
		condition = "NOT EXISTS (FROM lake.raw.rejects AS x WHERE x._file = r._file AND x._row = r._row)"
	}
	return makeView(ctx, c, view, "SELECT * FROM lake.raw."+table+" AS r WHERE "+condition)
}

// makeEmptyView stands for a table without rows (see lake.Conn.Empty).
func makeEmptyView(ctx context.Context, c *lake.Conn, view, table string) error {
	columns, err := c.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE lake.raw."+table+")")
	if err != nil {
		return fmt.Errorf("columns of %s: %w", table, err)
	}
	nulls := make([]string, len(columns))
	for i, col := range columns {
		nulls[i] = fmt.Sprintf("NULL::%s AS %s", col[1], lake.Ident(col[0].(string)))
	}
	return makeView(ctx, c, view, "SELECT "+strings.Join(nulls, ", ")+" WHERE false")
}

func makeView(ctx context.Context, c *lake.Conn, view, query string) error {
	if err := c.Exec(ctx, "CREATE OR REPLACE TEMP VIEW "+view+" AS "+query); err != nil {
		return fmt.Errorf("view %s: %w", view, err)
	}
	return nil
}

// keysSQL lists the distinct keys of the raw rows that are no rejects, each
// with how often and in which file it stands.
const keysSQL = `
CREATE OR REPLACE TEMP TABLE eval_key AS
    SELECT params, data, seed, step, max(tokens) AS tokens, max(compute) AS compute, count(*) AS n, min(_file) AS _file
    FROM eval_rows GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE macro_raw_key AS
    SELECT params, data, seed, step, task, count(*) AS n, min(_file) AS _file FROM macro_rows GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE ppl_key AS
    SELECT params, data, seed, step, count(*) AS n, min(_file) AS _file FROM ppl_raw GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE eval_task AS
    SELECT task, count(*) AS n, min(_file) AS _file FROM eval_rows GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE fit_name AS
    SELECT task, mix, setup, count(*) AS n, min(_file) AS _file FROM fit_raw GROUP BY ALL`

// hubNames lists every name (kind, name, n, _file) in the raw rows of Hugging
// Face that has no entry in the facts.
const hubNames = `
WITH keys AS (
    SELECT params, data, seed, n, _file FROM eval_key
    UNION ALL SELECT params, data, seed, n, _file FROM ppl_key
    UNION ALL SELECT params, data, seed, n, _file FROM macro_raw_key
)
SELECT 'params', params, n, _file FROM keys WHERE params NOT IN (SELECT params FROM facts_model_sizes)
UNION ALL SELECT 'recipe', data, n, _file FROM keys WHERE data NOT IN (SELECT name FROM facts_recipe_names)
UNION ALL SELECT 'seed', seed, n, _file FROM keys WHERE seed NOT IN (SELECT seed_label FROM facts_seed_names)
UNION ALL SELECT 'task', task, n, _file FROM eval_task WHERE task NOT IN (SELECT task FROM facts_tasks)
UNION ALL SELECT 'task', task, n, _file FROM macro_raw_key
    WHERE task NOT IN (SELECT task FROM facts_tasks) AND task NOT IN ('mmlu', 'olmes_10_macro_avg')
UNION ALL SELECT 'recipe (mix)', mix, n, _file FROM fit_name WHERE mix NOT IN (SELECT name FROM facts_recipe_names)
UNION ALL SELECT 'setup', setup, n, _file FROM fit_name WHERE NOT regexp_full_match(setup, '[235]_param(-.*)?')`

// checkNames stops the build at names that ddcore does not know: they never
// become nulls.
func checkNames(ctx context.Context, c *lake.Conn, unknown string) error {
	rows, err := c.Rows(ctx, "WITH names(kind, name, n, _file) AS ("+unknown+`)
		SELECT kind, name, sum(n)::BIGINT, any_value(f.path ORDER BY f.file_id)
		FROM names LEFT JOIN lake.raw.files AS f ON f.file_id = names._file
		GROUP BY kind, name ORDER BY kind, name LIMIT 20`)
	if err != nil || len(rows) == 0 {
		return err
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %q (%d rows, first in %v)", r[0], r[1], r[2], r[3]))
	}
	return &contract.Error{
		Kind: contract.Violation, Op: "curate", Table: "raw", Column: rows[0][0].(string), Rows: lines[:min(3, len(lines))],
		Err:  errors.New("unknown names: " + strings.Join(lines, "; ")),
		Hint: "correct the file, or add the spelling to ddcore's facts; the former tables are untouched",
	}
}

// checkpointSQL numbers the checkpoints in the order of the published table
// (params as text, recipe, seed, step), and gives tokens and compute to each
// from its size's greatest values, as datadec does; a size that the raw rows
// give no tokens for follows the schedule.
const checkpointSQL = `
CREATE OR REPLACE TEMP TABLE per_step AS
    SELECT params, max(tokens) / nullif(max(step), 0) AS tokens, max(compute) / nullif(max(step), 0) AS compute
    FROM eval_key GROUP BY params;
CREATE OR REPLACE TEMP TABLE raw_checkpoint AS
    SELECT k.params, k.data, k.seed AS seed_label, k.step, n.recipe, s.seed::BIGINT AS seed
    FROM (SELECT params, data, seed, step FROM eval_key UNION SELECT params, data, seed, step FROM ppl_key) AS k
    JOIN (SELECT DISTINCT recipe, name FROM facts_recipe_names) AS n ON n.name = k.data
    JOIN facts_seed_names AS s ON s.seed_label = k.seed;
CREATE OR REPLACE TEMP TABLE checkpoint AS
    SELECT
        (row_number() OVER (ORDER BY params, recipe, seed, step) - 1)::INTEGER AS id,
        k.*,
        step * coalesce(p.tokens, batch_size::BIGINT * 2048) AS tokens,
        step * coalesce(p.compute, 6.0::DOUBLE * params_exact::BIGINT * batch_size::BIGINT * 2048) AS compute
    FROM (SELECT DISTINCT params, recipe, seed, step FROM raw_checkpoint) AS k
    JOIN facts_model_sizes USING (params)
    LEFT JOIN per_step AS p USING (params);
CREATE OR REPLACE TEMP TABLE checkpoint_id AS
    SELECT r.params, r.data, r.seed_label AS seed, r.step, c.id
    FROM raw_checkpoint AS r JOIN checkpoint AS c USING (params, recipe, seed, step);
CREATE OR REPLACE TEMP TABLE ppl_rows AS
    SELECT DISTINCT i.id, r.* EXCLUDE (params, data, seed, step, _file, _row, "__index_level_0__")
    FROM ppl_raw AS r JOIN checkpoint_id AS i USING (params, data, seed, step);
CREATE OR REPLACE TEMP TABLE macro_key AS
    SELECT (row_number() OVER (ORDER BY params, recipe, seed, step, task) - 1)::INTEGER AS id, *
    FROM (
        SELECT DISTINCT k.params, n.recipe, s.seed::BIGINT AS seed, k.step, k.task,
            k.step * coalesce(p.tokens, batch_size::BIGINT * 2048) AS tokens,
            k.step * coalesce(p.compute, 6.0::DOUBLE * params_exact::BIGINT * batch_size::BIGINT * 2048) AS compute
        FROM macro_raw_key AS k
        JOIN (SELECT DISTINCT recipe, name FROM facts_recipe_names) AS n ON n.name = k.data
        JOIN facts_seed_names AS s ON s.seed_label = k.seed
        JOIN facts_model_sizes USING (params)
        LEFT JOIN per_step AS p USING (params)
    );
CREATE OR REPLACE TEMP VIEW fit_rows AS
    SELECT
        n.recipe, f.* EXCLUDE (mix, _file, _row),
        setup[1]::BIGINT AS n_fit_params,
        contains(setup, '1_step') AS one_step,
        contains(setup, 'helper_points') AS has_helper_points,
        contains(setup, 'intermediate') AS is_intermediate,
        coalesce(nullif(regexp_extract(setup, 'step2=([0-9.]+)', 1), '')::DOUBLE, 1) AS step_2_fraction,
        array_to_string(list_concat(['1B'], regexp_extract_all(setup, 'no_([0-9]+[MB])', 1)), ', ') AS held_out,
        if(setup = '3_param-default', '', setup) AS setup_rank
    FROM (SELECT DISTINCT * EXCLUDE (_file, _row), 0 AS _file, 0 AS _row FROM fit_raw) AS f
    JOIN (SELECT DISTINCT recipe, name FROM facts_recipe_names) AS n ON n.name = f.mix`

// repeatSQL finds perplexity rows that stand twice with different values; task
// results are compared where they are parsed.
const repeatSQL = `
SELECT c.params || ' / ' || c.recipe || ' / seed ' || c.seed || ' / step ' || c.step::BIGINT,
    (SELECT string_agg(f.path || ' row ' || r._row, ' and ' ORDER BY f.file_id, r._row)
     FROM ppl_raw AS r JOIN checkpoint_id AS i USING (params, data, seed, step) JOIN lake.raw.files AS f ON f.file_id = r._file
     WHERE i.id = c.id)
FROM (SELECT id FROM ppl_rows GROUP BY id HAVING count(*) > 1) JOIN checkpoint AS c USING (id)
ORDER BY c.id`

func checkRepeats(ctx context.Context, c *lake.Conn) error {
	rows, err := c.Rows(ctx, repeatSQL)
	if err != nil || len(rows) == 0 {
		return err
	}
	var examples []string
	for _, r := range rows[:min(3, len(rows))] {
		examples = append(examples, fmt.Sprintf("%v: %v", r[0], r[1]))
	}
	return conflict("perplexity", int64(len(rows)), examples)
}

// conflict says that raw rows contradict each other.
func conflict(table string, n int64, examples []string) error {
	return &contract.Error{
		Kind: contract.Violation, Op: "curate", Target: table, Table: table, Rows: examples,
		Err:  fmt.Errorf("%d rows stand in raw twice with different values: %s", n, strings.Join(examples, "; ")),
		Hint: "two revisions were ingested side by side: ingest one of them alone into a new lake, or delete a file and ingest its folder with prune; the former tables are untouched",
	}
}
