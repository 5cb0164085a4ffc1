-- What the tables that read JSON text share.

-- Half of a surrogate pair is text to Python and no JSON to DuckDB: U+FFFD stands
-- for it here, and raw keeps it.
CREATE OR REPLACE TEMP MACRO readable_json(t) AS
    if((contains(t, '\ud') OR contains(t, '\uD')) AND NOT json_valid(t), regexp_replace(t, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'), t);

-- The members of a JSON object as text, for unnest. (json_each would be a join on
-- the whole text: forty times slower.)
CREATE OR REPLACE TEMP MACRO json_items(text) AS map_entries(from_json(text, '"MAP(VARCHAR, VARCHAR)"'));
