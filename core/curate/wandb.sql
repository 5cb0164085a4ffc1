-- What the tables of W&B runs read: run copies and history entries, each once.
-- wandb_run_rows, wandb_history_rows and wandb_export_rows are the raw rows that
-- are no rejects.

CREATE OR REPLACE TEMP VIEW wandb_record AS
SELECT * REPLACE (readable_json(record) AS record) FROM wandb_export_rows;

-- Every export's age: its manifest or state says when it was last written.
CREATE OR REPLACE TEMP TABLE wandb_export AS
SELECT export, max(coalesce(record ->> 'updated_at', record ->> 'last_exported_at', '')) AS exported_at
FROM wandb_record
GROUP BY export;

-- Every run that stands in raw, with its copies: the newest export first; files
-- that do not say their age, by the order in which they came in. The order is
-- found among the keys alone: sorting the runs' long texts would take most of the
-- time. A line of an export says its own age in rest, which is as long.
CREATE OR REPLACE TEMP TABLE wandb_age AS
SELECT
    _file,
    _row,
    row_number() OVER (
        PARTITION BY coalesce(project, ''), run_id
        ORDER BY coalesce(l.exported_at, e.exported_at, '') DESC, coalesce(updated_at, '') DESC, _file DESC, _row DESC
    ) AS age
FROM wandb_run_rows
LEFT JOIN wandb_export AS e USING (export)
LEFT JOIN (SELECT _file, _row, readable_json(rest) ->> '$._line.exported_at' AS exported_at FROM wandb_run_rows WHERE layout = 'v3') AS l USING (_file, _row)
WHERE run_id IS NOT NULL;
CREATE OR REPLACE TEMP TABLE wandb_copy AS
SELECT coalesce(project, '') AS project, r.* EXCLUDE (project, rest), a.age
FROM (
    SELECT * REPLACE (readable_json(config) AS config, readable_json(summary) AS summary, readable_json(metadata) AS metadata)
    FROM wandb_run_rows
) AS r
JOIN wandb_age AS a USING (_file, _row);

-- The runs by number, in the order of their names; also those that only history
-- knows. History of a layout that does not name the project belongs to the run
-- of that id.
CREATE OR REPLACE TEMP TABLE wandb_history_key AS
SELECT project, run_id, count(*) AS n, min(_file) AS _file
FROM wandb_history_rows
WHERE run_id IS NOT NULL
GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE wandb_key AS
SELECT (row_number() OVER (ORDER BY project, run_id))::INTEGER AS run, *
FROM (
    SELECT project, run_id FROM wandb_copy WHERE age = 1
    UNION
    SELECT coalesce(project, ''), run_id
    FROM wandb_history_key
    WHERE project IS NOT NULL OR run_id NOT IN (SELECT run_id FROM wandb_copy)
);
CREATE OR REPLACE TEMP TABLE wandb_history_run AS
SELECT h.project, h.run_id, min(k.run) AS run
FROM wandb_history_key AS h
JOIN wandb_key AS k ON k.run_id = h.run_id AND k.project = coalesce(h.project, k.project)
GROUP BY ALL;

-- Copies whose bytes differ are compared value by value: the order of keys is no
-- difference. A difference is a value of an older copy that the newest lacks.
CREATE OR REPLACE TEMP TABLE wandb_differing AS
SELECT project, run_id
FROM wandb_copy
GROUP BY ALL
HAVING count(DISTINCT (run_name, state, created_at, config, summary)) > 1;
CREATE OR REPLACE TEMP TABLE wandb_difference AS
WITH leaf AS (
    SELECT project, run_id, age, part || substr(fullkey, 2) AS key, j.type || ' ' || coalesce(j.atom::VARCHAR, '') AS value
    FROM (
        SELECT project, run_id, age, unnest(['config', 'summary', 'run']) AS part,
            unnest([config, summary, json_object('name', run_name, 'state', state, 'created_at', created_at)::VARCHAR]) AS text
        FROM wandb_copy
        SEMI JOIN wandb_differing USING (project, run_id)
    ), json_tree(text) AS j
),
older AS (
    SELECT project, run_id, key, value FROM leaf WHERE age > 1
    EXCEPT
    SELECT project, run_id, key, value FROM leaf WHERE age = 1
)
SELECT project, run_id, count(DISTINCT key) AS n, array_to_string(list(DISTINCT key ORDER BY key)[:5], ', ') AS keys
FROM older
GROUP BY ALL;

-- The runs as their newest copies have them.
CREATE OR REPLACE TEMP TABLE wandb_run AS
WITH copies AS (
    SELECT project, run_id, count(*) AS n_copies,
        array_to_string(list(DISTINCT coalesce(export, layout) ORDER BY coalesce(export, layout)), ', ') AS exports
    FROM wandb_copy
    GROUP BY ALL
)
SELECT k.run, c.* EXCLUDE (age), n.n_copies, n.exports, coalesce(d.n, 0) AS n_differences, d.keys AS differences
FROM wandb_copy AS c
JOIN wandb_key AS k USING (project, run_id)
JOIN copies AS n USING (project, run_id)
LEFT JOIN wandb_difference AS d USING (project, run_id)
WHERE c.age = 1;

-- History entries, each with its run's number.
CREATE OR REPLACE TEMP TABLE wandb_logged AS
SELECT r.run, h.step, h.timestamp, h.runtime, h.train_loss, h.learning_rate, h.total_tokens, readable_json(h.metrics) AS metrics, h._file
FROM wandb_history_rows AS h
JOIN wandb_history_run AS r ON r.run_id = h.run_id AND r.project IS NOT DISTINCT FROM h.project;

-- How new each file is: by the export that lies in the same folder, then by the
-- order in which they came in.
CREATE OR REPLACE TEMP TABLE wandb_file AS
SELECT f.file_id AS _file, row_number() OVER (ORDER BY coalesce(max(e.exported_at), ''), f.file_id) AS newness
FROM lake.raw.files AS f
LEFT JOIN (
    SELECT split_part(m.folders, ' ', 1) AS folder, x.exported_at
    FROM wandb_record AS r
    JOIN lake.raw.files AS m ON m.file_id = r._file
    JOIN wandb_export AS x USING (export)
) AS e ON e.folder = split_part(f.folders, ' ', 1)
WHERE f.raw_table = 'wandb_history'
GROUP BY f.file_id;

-- Steps that stand there more than once are few, or all (two exports): only their
-- rows are compared. Equal ones are one. An entry of the same step and time with
-- other values was exported again: the newest file has it.
CREATE OR REPLACE TEMP TABLE wandb_repeated AS
SELECT run, step FROM wandb_logged GROUP BY ALL HAVING count(*) > 1;
CREATE OR REPLACE TEMP TABLE wandb_version AS
SELECT *, row_number() OVER same_time AS version
FROM (
    SELECT e.* EXCLUDE (_file), max(newness) AS newness, count(*) AS n
    FROM wandb_logged AS e
    JOIN wandb_file USING (_file)
    SEMI JOIN wandb_repeated AS r ON r.run = e.run AND r.step = e.step
    GROUP BY ALL
)
WINDOW same_time AS (PARTITION BY run, step, timestamp ORDER BY newness DESC, train_loss, learning_rate, total_tokens, metrics, runtime);

-- History entries, each once. A step that was logged at two times (a run that was
-- resumed) keeps both, by their occurrence.
CREATE OR REPLACE TEMP VIEW wandb_entry AS
SELECT * EXCLUDE (version, n, newness), row_number() OVER (PARTITION BY run, step ORDER BY timestamp) AS occurrence
FROM wandb_version
WHERE version = 1
UNION ALL
SELECT * EXCLUDE (_file), 1
FROM wandb_logged AS e
ANTI JOIN wandb_repeated AS r ON r.run = e.run AND r.step = e.step
WHERE e.step IS NOT NULL;

-- '10M', '1G' and '100Mt' are numbers of tokens.
CREATE OR REPLACE TEMP MACRO tokens_number(t) AS params_number(replace(rtrim(t, 't'), 'G', 'B'));

-- Times as W&B writes them: ISO text (UTC where it names no zone) or seconds.
CREATE OR REPLACE TEMP MACRO wandb_time(t) AS CASE
    WHEN regexp_full_match(t, '[0-9]+([.][0-9]+)?') THEN to_timestamp(t::DOUBLE)
    WHEN regexp_matches(t, ':[0-9.]+(Z|[+-][0-9:]+)$') THEN try_cast(t AS TIMESTAMPTZ)
    ELSE try_cast(t || '+00' AS TIMESTAMPTZ)
END;

-- Which rule knows a run by its id; filled from Go.
CREATE OR REPLACE TEMP TABLE wandb_rule (run INTEGER, run_type VARCHAR, rule VARCHAR, fields VARCHAR);

-- The recipes and sizes that ids of known shapes name: those that ddcore does
-- not know stop the build.
CREATE OR REPLACE TEMP VIEW wandb_name AS
SELECT kind, name, count(*) AS n, min(_file) AS _file
FROM (
    SELECT
        unnest(['recipe', 'recipe', 'params', 'params']) AS kind,
        unnest(json_extract_string(fields, ['ckpt_recipe', 'comparison_recipe', 'ckpt_params', 'comparison_params'])) AS name,
        _file
    FROM wandb_rule
    JOIN wandb_run USING (run)
    WHERE run_type NOT IN ('old', 'other')
)
WHERE name IS NOT NULL
GROUP BY ALL;
