/* What the library exports. Each function looks for a fork before it enters Go,
 * whose runtime does not survive one. */
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "duckdb_min.h"
#include "stream.h"

#define INVALID 2 /* contract.Kinds; test_abi.py compares */

static const char *const FORKED_CALL =
    "{\"kind\": \"invalid\", \"op\": \"call\", \"target\": \"\", "
    "\"hint\": \"start workers with multiprocessing.get_context('spawn'), or import ddcore in the child only\", "
    "\"message\": \"ddcore cannot be used in a forked child of a process that has loaded it: "
    "start workers with multiprocessing.get_context('spawn'), or import ddcore in the child only\", "
    "\"table\": \"\", \"column\": \"\", \"rows\": []}";

int32_t ddcore_abi(const char **duckdb) {
  if (duckdb != NULL) *duckdb = duckdb_library_version();
  return DDCORE_ABI;
}

int32_t ddcore_call(const char *request, uint64_t call_id, struct ArrowArrayStream *out, char **error) {
  *error = NULL;
  out->release = NULL;
  if (stream_forked()) {
    *error = strdup(FORKED_CALL);
    return INVALID;
  }
  return ddgoCall((char *)request, call_id, out, error);
}

int32_t ddcore_cancel(uint64_t call_id) { return stream_forked() ? 0 : ddgoCancel(call_id); }

int32_t ddcore_progress(uint64_t call_id, struct ddcore_progress *out) {
  return stream_forked() ? 0 : ddgoProgress(call_id, out);
}

void ddcore_free(char *error) { free(error); }
