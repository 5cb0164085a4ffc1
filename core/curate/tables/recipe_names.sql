-- table: recipe_names
-- summary: Every spelling of every recipe, and where it is used.
-- grain: source, name
-- order: 2
SELECT recipe, source, name
FROM facts_recipe_names
ORDER BY ALL
