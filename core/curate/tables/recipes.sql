-- table: recipes
-- summary: The 25 data recipes with their families and features.
-- grain: recipe
-- order: 1
SELECT
    recipe,
    family,
    total_tokens_billions::BIGINT AS total_tokens_billions,
    pct_code::DOUBLE AS pct_code,
    pct_common_crawl::DOUBLE AS pct_common_crawl,
    pct_social_media::DOUBLE AS pct_social_media,
    mean_doc_length_tokens::BIGINT AS mean_doc_length_tokens,
    duplicate_rate_pct::DOUBLE AS duplicate_rate_pct,
    quality_filter_strength::BIGINT AS quality_filter_strength,
    is_mixed_dataset::BIGINT AS is_mixed_dataset,
    num_sources_mixed::BIGINT AS num_sources_mixed,
    educational_content_score::BIGINT AS educational_content_score
FROM facts_recipes
ORDER BY recipe
