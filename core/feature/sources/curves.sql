-- Runs of the ladder. Their length is that of the curve.
SELECT
    run,
    any_value(size)::VARCHAR AS size,
    any_value(multiple)::DOUBLE AS multiple,
    max(step)::DOUBLE AS _length,
    NULL::DOUBLE AS _tokens_per_step,
    NULL::DOUBLE AS _parameters,
    0 AS _rank
FROM lake.main.curves
GROUP BY run
