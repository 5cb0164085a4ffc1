/* Reads a streaming DuckDB result as Arrow batches, on several threads. */
#ifndef DDCORE_FETCH_H
#define DDCORE_FETCH_H

#include "duckdb_min.h"

struct fetch;

/* Reads *result, which must outlive it. NULL: no memory. */
struct fetch *fetch_new(duckdb_result *result, duckdb_arrow_options options, const struct ArrowSchema *schema);

/* Gives the next batch, or leaves out->release NULL at the end. NULL, or
 * DuckDB's error text for free(). */
char *fetch_next(struct fetch *f, struct ArrowArray *out);

/* Ends the threads and frees what they had ready. A query that is still
 * running must be interrupted before. */
void fetch_free(struct fetch *f);

/* Takes the text out of a DuckDB error and frees it; NULL when there is none. */
char *fetch_error(duckdb_error_data error);

#endif /* DDCORE_FETCH_H */
