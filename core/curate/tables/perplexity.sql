-- table: perplexity
-- summary: Validation perplexities, one row per checkpoint.
-- grain: params, recipe, seed, step
-- order: 11
SELECT
    c.params,
    c.recipe,
    c.seed,
    c.step::BIGINT AS step,
    c.tokens,
    c.compute,
    p."eval/wikitext_103-validation/Perplexity" AS "wikitext_103-valppl",
    p."eval/pile-validation/Perplexity" AS "pile-valppl",
    p."eval/m2d2_s2orc-validation/Perplexity" AS "m2d2_s2orc-valppl",
    p."eval/ice-validation/Perplexity" AS "ice-valppl",
    p."eval/dolma_wiki-validation/Perplexity" AS "dolma_wiki-valppl",
    p."eval/dolma_stack-validation/Perplexity" AS "dolma_stack-valppl",
    p."eval/dolma_reddit-validation/Perplexity" AS "dolma_reddit-valppl",
    p."eval/dolma_pes2o-validation/Perplexity" AS "dolma_pes2o-valppl",
    p."eval/dolma_common-crawl-validation/Perplexity" AS "dolma_common-crawl-valppl",
    p."eval/dolma_books-validation/Perplexity" AS "dolma_books-valppl",
    p."eval/c4_en-validation/Perplexity" AS "c4_en-valppl"
FROM checkpoint AS c
JOIN ppl_rows AS p USING (id)
ORDER BY c.id
