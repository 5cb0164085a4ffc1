/* A result on its way out: the C side of stream.go. Private to capi. */
#ifndef DDCORE_STREAM_H
#define DDCORE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "ddcore.h"

struct stream;

/* Makes a stream over the Go object behind handle. conn is a duckdb_connection
 * owned by that object, or NULL when the batches come from Go. */
struct stream *stream_new(uintptr_t handle, void *conn);

/* Executes the bound duckdb_prepared_statement up to its first rows. NULL, or
 * an error text for free(). */
char *stream_start(struct stream *s, void *statement);

/* Hands the stream over: from here on out->release frees it. */
void stream_export(struct stream *s, struct ArrowArrayStream *out);

/* Frees a stream that was not handed over. The Go object stays. */
void stream_free(struct stream *s);

/* Both may be called from any thread while the stream lives. */
void stream_cancel(struct stream *s);
bool stream_cancelled(struct stream *s);
double stream_percent(struct stream *s);

/* True in a child made by fork after this library was loaded. */
bool stream_forked(void);

#endif /* DDCORE_STREAM_H */
