#include "stream.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "fetch.h"

struct stream {
  uintptr_t handle;       /* the Go object: schema, reader, connection */
  duckdb_connection conn; /* NULL: batches come from Go */
  duckdb_result result;
  duckdb_arrow_options options;
  struct fetch *fetch;
  atomic_bool cancelled;
  bool done;
  char *error; /* set by the first failure, which stays */
};

static atomic_int_fast64_t live;
static pid_t home;

__attribute__((constructor)) static void remember_process(void) { home = getpid(); }

bool stream_forked(void) { return getpid() != home; }

int64_t ddcore_live_streams(void) { return atomic_load(&live); }

struct stream *stream_new(uintptr_t handle, void *conn) {
  struct stream *s = calloc(1, sizeof *s);
  if (s != NULL) {
    s->handle = handle;
    s->conn = conn;
  }
  return s;
}

static void free_query(struct stream *s) {
  fetch_free(s->fetch);
  s->fetch = NULL;
  duckdb_destroy_result(&s->result);
}

void stream_free(struct stream *s) {
  if (s->fetch != NULL) duckdb_interrupt(s->conn); /* a worker may be at it */
  free_query(s);
  if (s->options != NULL) duckdb_destroy_arrow_options(&s->options);
  free(s->error);
  free(s);
}

void stream_cancel(struct stream *s) {
  atomic_store(&s->cancelled, true);
  if (s->conn != NULL) duckdb_interrupt(s->conn);
}

bool stream_cancelled(struct stream *s) { return atomic_load(&s->cancelled); }

double stream_percent(struct stream *s) { return s->conn == NULL ? -1 : duckdb_query_progress(s->conn).percentage; }

/* ---- start ------------------------------------------------------------- */

/* The length of a format without ",128", which is what a decimal has anyway. */
static size_t format_length(const char *format) {
  const char *bits = strncmp(format, "d:", 2) == 0 ? strstr(format, ",128") : NULL;
  return bits == NULL ? strlen(format) : (size_t)(bits - format);
}

static bool same_types(const struct ArrowSchema *a, const struct ArrowSchema *b) {
  size_t n = format_length(a->format);
  if (n != format_length(b->format) || memcmp(a->format, b->format, n) != 0) return false;
  if (a->n_children != b->n_children) return false;
  if ((a->dictionary == NULL) != (b->dictionary == NULL)) return false;
  if (a->dictionary != NULL && !same_types(a->dictionary, b->dictionary)) return false;
  for (int64_t i = 0; i < a->n_children; i++) {
    if (!same_types(a->children[i], b->children[i])) return false;
  }
  return true;
}

static char *result_schema(struct stream *s, struct ArrowSchema *out) {
  idx_t n = duckdb_column_count(&s->result);
  duckdb_logical_type *types = calloc(n + 1, sizeof *types);
  const char **names = calloc(n + 1, sizeof *names);
  for (idx_t i = 0; i < n; i++) {
    types[i] = duckdb_column_logical_type(&s->result, i);
    names[i] = duckdb_column_name(&s->result, i);
  }
  char *error = fetch_error(duckdb_to_arrow_schema(s->options, types, names, n, out));
  for (idx_t i = 0; i < n; i++) duckdb_destroy_logical_type(&types[i]);
  free(types);
  free(names);
  return error;
}

/* The schema was made when the statement was prepared. DuckDB prepares it again
 * by itself when a table was altered since; a reader that trusts the old schema
 * would then read foreign memory. */
static char *start_fetching(struct stream *s) {
  struct ArrowSchema want = {0}, got = {0};
  char *error = ddgoSchema(s->handle, &want);
  if (error == NULL) error = result_schema(s, &got);
  if (error == NULL && !same_types(&want, &got)) {
    error = strdup("Transaction Error: a table of this query was altered while it started");
  }
  if (error == NULL) {
    s->fetch = fetch_new(&s->result, s->options, &want);
    if (s->fetch == NULL) error = strdup("Out of Memory Error: no memory for a result");
  }
  if (want.release != NULL) want.release(&want);
  if (got.release != NULL) got.release(&got);
  return error;
}

char *stream_start(struct stream *s, void *statement) {
  duckdb_pending_result pending = NULL;
  char *error = NULL;
  /* Without these stream_percent knows nothing; a failure costs no more. */
  duckdb_query(s->conn, "SET enable_progress_bar = true; SET enable_progress_bar_print = false", NULL);
  /* Making the pending result clears an earlier interrupt, so look at the flag
   * after it; a later interrupt is seen by the execution. */
  if (duckdb_pending_prepared_streaming(statement, &pending) == DuckDBError) {
    error = strdup(duckdb_pending_error(pending));
  } else if (stream_cancelled(s)) {
    error = strdup("INTERRUPT Error: Interrupted!");
  } else if (duckdb_execute_pending(pending, &s->result) == DuckDBError) {
    error = strdup(duckdb_result_error(&s->result));
  }
  duckdb_destroy_pending(&pending);
  if (error != NULL) return error;
  s->options = duckdb_result_get_arrow_options(&s->result);
  return start_fetching(s);
}

/* ---- the Arrow stream -------------------------------------------------- */

static const char *const FORKED_STREAM =
    "InvalidError: this stream was opened before the process forked; open it in the child, "
    "or start workers with multiprocessing.get_context('spawn')";

static int fail(struct stream *s, char *text) {
  if (s->error == NULL) {
    s->error = ddgoFailure(s->handle, stream_cancelled(s), text);
  }
  free(text);
  return stream_cancelled(s) ? ECANCELED : EIO;
}

/* A released array must not enter Go in a forked child, where it would hang.
 * DuckDB's arrays are plain C++ and need no guard. */
struct guarded {
  void (*release)(struct ArrowArray *);
  void *private_data;
};

static void release_guarded(struct ArrowArray *a) {
  struct guarded g = *(struct guarded *)a->private_data;
  if (stream_forked()) {
    a->release = NULL; /* leaks in the child; the parent still frees its own */
    return;
  }
  free(a->private_data);
  a->private_data = g.private_data;
  a->release = g.release;
  a->release(a);
}

/* Children too: a consumer may move one out and drop its parent. */
static bool guard(struct ArrowArray *a) {
  for (int64_t i = 0; i < a->n_children; i++) {
    if (!guard(a->children[i])) return false;
  }
  if (a->dictionary != NULL && !guard(a->dictionary)) return false;
  struct guarded *g = malloc(sizeof *g);
  if (g == NULL) return false;
  *g = (struct guarded){a->release, a->private_data};
  a->release = release_guarded;
  a->private_data = g;
  return true;
}

static int next_from_go(struct stream *s, struct ArrowArray *out) {
  char *error = ddgoNext(s->handle, out);
  if (error != NULL) return fail(s, error);
  if (out->release == NULL) {
    s->done = true;
  } else if (!guard(out)) {
    out->release(out);
    return fail(s, strdup("Out of Memory Error: no memory for a batch"));
  }
  return 0;
}

/* A reader may live on when its rows have ended. Its transaction must not: writers
 * of the lake wait for it. */
static void end_query(struct stream *s) {
  ddgoForget(s->handle); /* nobody cancels or polls the connection from here on */
  free_query(s);
  ddgoEnd(s->handle);
}

static int next_from_duckdb(struct stream *s, struct ArrowArray *out) {
  char *error = fetch_next(s->fetch, out);
  if (error != NULL) return fail(s, error);
  s->done = out->release == NULL;
  if (s->done) end_query(s);
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct stream *s = stream->private_data;
  memset(out, 0, sizeof *out);
  if (stream_forked()) return EINVAL;
  if (s->done) return 0;
  if (s->error != NULL || stream_cancelled(s)) return fail(s, NULL);
  return s->conn == NULL ? next_from_go(s, out) : next_from_duckdb(s, out);
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct stream *s = stream->private_data;
  memset(out, 0, sizeof *out);
  if (stream_forked()) return EINVAL;
  char *error = ddgoSchema(s->handle, out);
  return error == NULL ? 0 : fail(s, error);
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  struct stream *s = stream->private_data;
  return stream_forked() ? FORKED_STREAM : s->error;
}

static void release(struct ArrowArrayStream *stream) {
  struct stream *s = stream->private_data;
  stream->release = NULL;
  if (stream_forked()) return; /* belongs to the parent */
  uintptr_t handle = s->handle;
  ddgoForget(handle); /* from here on cancel and progress no longer see s */
  stream_free(s);
  ddgoClose(handle);
  atomic_fetch_sub(&live, 1);
}

void stream_export(struct stream *s, struct ArrowArrayStream *out) {
  *out = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, s};
  atomic_fetch_add(&live, 1);
}
