/*
 * The few prototypes of duckdb.h (DuckDB 1.5.5) that the streams use. duckdb.h
 * itself lies in a Go module whose include path cgo does not hand on to us.
 * test_abi.py compiles this file together with the real duckdb.h, so that a
 * prototype which no longer agrees is found.
 */
#ifndef DDCORE_DUCKDB_MIN_H
#define DDCORE_DUCKDB_MIN_H

#include <stdbool.h>

#include "ddcore.h"

#ifndef DUCKDB_API_EXCLUDE_TYPES_FOR_TEST
typedef uint64_t idx_t;
typedef enum { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;
typedef struct _duckdb_connection *duckdb_connection;
typedef struct _duckdb_prepared_statement *duckdb_prepared_statement;
typedef struct _duckdb_pending_result *duckdb_pending_result;
typedef struct _duckdb_data_chunk *duckdb_data_chunk;
typedef struct _duckdb_logical_type *duckdb_logical_type;
typedef struct _duckdb_arrow_options *duckdb_arrow_options;
typedef struct _duckdb_error_data *duckdb_error_data;
typedef struct {
  idx_t deprecated[3];
  void *columns;
  char *message;
  void *internal_data;
} duckdb_result;
typedef struct {
  double percentage;
  uint64_t rows_processed;
  uint64_t total_rows_to_process;
} duckdb_query_progress_type;
#endif

_Static_assert(sizeof(duckdb_result) == 48, "duckdb_result is passed by value");
_Static_assert(sizeof(duckdb_query_progress_type) == 24, "returned by value");

const char *duckdb_library_version(void);
duckdb_state duckdb_query(duckdb_connection connection, const char *sql, duckdb_result *out);
void duckdb_interrupt(duckdb_connection connection);
duckdb_query_progress_type duckdb_query_progress(duckdb_connection connection);

duckdb_state duckdb_pending_prepared_streaming(duckdb_prepared_statement statement, duckdb_pending_result *out);
duckdb_state duckdb_execute_pending(duckdb_pending_result pending, duckdb_result *out);
const char *duckdb_pending_error(duckdb_pending_result pending);
void duckdb_destroy_pending(duckdb_pending_result *pending);

const char *duckdb_result_error(duckdb_result *result);
void duckdb_destroy_result(duckdb_result *result);
idx_t duckdb_column_count(duckdb_result *result);
const char *duckdb_column_name(duckdb_result *result, idx_t column);
duckdb_logical_type duckdb_column_logical_type(duckdb_result *result, idx_t column);
void duckdb_destroy_logical_type(duckdb_logical_type *type);

duckdb_data_chunk duckdb_fetch_chunk(duckdb_result result);
void duckdb_destroy_data_chunk(duckdb_data_chunk *chunk);

duckdb_arrow_options duckdb_result_get_arrow_options(duckdb_result *result);
void duckdb_destroy_arrow_options(duckdb_arrow_options *options);
duckdb_error_data duckdb_to_arrow_schema(duckdb_arrow_options options, duckdb_logical_type *types, const char **names,
                                         idx_t columns, struct ArrowSchema *out);
duckdb_error_data duckdb_data_chunk_to_arrow(duckdb_arrow_options options, duckdb_data_chunk chunk,
                                             struct ArrowArray *out);
const char *duckdb_error_data_message(duckdb_error_data error);
bool duckdb_error_data_has_error(duckdb_error_data error);
void duckdb_destroy_error_data(duckdb_error_data *error);

#endif /* DDCORE_DUCKDB_MIN_H */
