/* Joins DuckDB's chunks of at most 2,048 rows into one Arrow batch. */
#ifndef DDCORE_BATCH_H
#define DDCORE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ddcore.h"

/* How a column is laid out; one per field of the schema, nested alike. */
struct layout;

/* Gives NULL when the schema holds a type that cannot be joined (unions,
 * views): such results leave chunk by chunk. */
struct layout *layout_new(const struct ArrowSchema *schema);
void layout_free(struct layout *layout);

/* Roughly how many bytes a row takes. */
int64_t layout_row_bytes(const struct layout *layout);

/* A batch that grows by about `scale` chunks like the first. NULL: no memory. */
struct batch;
struct batch *batch_new(const struct layout *layout, double scale);
void batch_free(struct batch *batch);
int64_t batch_bytes(const struct batch *batch);

/* False when the offsets of a text or list column would pass 2^31. */
bool batch_fits(const struct batch *batch, const struct ArrowArray *chunk);

/* Copies the rows of one chunk; false: no memory. The chunk stays the caller's,
 * except that a dictionary is moved out of the first. */
bool batch_append(struct batch *batch, struct ArrowArray *chunk);

/* Hands the batch over: from here on out->release frees it. */
void batch_finish(struct batch *batch, struct ArrowArray *out);

#endif /* DDCORE_BATCH_H */
