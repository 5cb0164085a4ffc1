/*
 * ddcore.h - the C ABI of ddcore (libddcore.so). Hand-written: this file is the
 * contract; the other files of capi follow it.
 *
 * Rules that hold for every function:
 *   - it may be called from any thread, by many threads at once;
 *   - no function blocks on another, except that calls share DuckDB's threads;
 *   - in a forked child the Go runtime is dead: ddcore_call and the streams
 *     report an error there, the other functions do nothing;
 *   - after a panic inside ddcore (status 70, "panic" in the message) every
 *     further ddcore_call fails; what was handed out stays readable.
 */
#ifndef DDCORE_H
#define DDCORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The Arrow C data and stream interfaces, as published by Apache Arrow. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};
#endif /* ARROW_C_STREAM_INTERFACE */

/* Changes whenever a function or a struct below changes its meaning. */
#define DDCORE_ABI 1

/*
 * Gives DDCORE_ABI. *duckdb, when duckdb is not NULL, is set to the version of
 * the DuckDB library that the process really bound ("v1.5.5"): compare it,
 * because another DuckDB in the process can take its place when this library
 * was loaded without RTLD_DEEPBIND. The string is static: never free it.
 */
int32_t ddcore_abi(const char **duckdb);

/*
 * Runs one verb and waits for its first rows.
 *
 * request  JSON, UTF-8, NUL-terminated:
 *          {"verb": "sql", "lake": "my.lake", "args": {...}, "options": {...}}.
 *          Stays the caller's; not used after the return.
 * call_id  A number that the caller picks, unique among the calls whose stream
 *          is not yet released. 0: the call can be neither cancelled nor polled.
 * out      Points to memory of the caller; its former content is overwritten.
 *          On status 0 the stream must be released, exactly once, from any
 *          thread, with out->release(out). It owns all that it needs: it stays
 *          valid when the lake is closed, moved or deleted meanwhile. One
 *          thread at a time may read it. Arrays got from it are released on
 *          their own, from any thread, also after the stream.
 *          On another status, out->release is NULL.
 * error    On status 0 set to NULL, otherwise to JSON that the caller gives to
 *          ddcore_free: {"kind", "op", "target", "hint", "message", "table",
 *          "column", "rows"}.
 *
 * The status is 0, or the exit code of the error's kind: 2 invalid,
 * 3 not_found, 4 contract, 5 busy, 6 io, 70 internal, 130 cancelled.
 *
 * An error while the stream is read comes from get_next (errno, ECANCELED if
 * cancelled); get_last_error then begins with the Python class of its kind
 * ("InvalidError: ...") and is valid until the stream's next use.
 */
int32_t ddcore_call(const char *request, uint64_t call_id, struct ArrowArrayStream *out, char **error);

/*
 * Asks the call, or the stream that came of it, to stop; returns at once. The
 * call or the next get_next then fails with "cancelled", usually within
 * milliseconds. Gives 1, or 0 when no such call is under way.
 */
int32_t ddcore_cancel(uint64_t call_id);

/* How far a call is. total <= 0: not known. Strings end with NUL. */
struct ddcore_progress {
  int64_t done;
  int64_t total;
  char unit[16];
  char what[112];
};

/*
 * Fills *out (memory of the caller, nothing to free). Gives 1, or 0 when the
 * call is not under way or has not reported anything; *out is then untouched.
 */
int32_t ddcore_progress(uint64_t call_id, struct ddcore_progress *out);

/* Frees what *error of ddcore_call points to. NULL is allowed. */
void ddcore_free(char *error);

/* The number of streams handed out and not yet released: 0 when all is well. */
int64_t ddcore_live_streams(void);

#ifdef __cplusplus
}
#endif
#endif /* DDCORE_H */
