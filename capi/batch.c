#include "batch.h"

#include <stdlib.h>
#include <string.h>

enum kind { FIXED, BITS, TEXT32, TEXT64, LIST32, LIST64, NESTED, NOTHING };

struct layout {
  enum kind kind;
  int64_t width; /* FIXED: bytes of a value */
  int64_t n_children;
  struct layout **children;
};

/* ---- layout ------------------------------------------------------------ */

static int64_t decimal_bytes(const char *format) {
  const char *bits = strchr(format, ',');
  bits = bits == NULL ? NULL : strchr(bits + 1, ',');
  return bits == NULL ? 16 : atoi(bits + 1) / 8;
}

/* See "Data type description - format strings" of the Arrow C data interface. */
static bool classify(const char *format, enum kind *kind, int64_t *width) {
  static const struct { const char *prefix; enum kind kind; int64_t width; } table[] = {
      {"b", BITS, 0},   {"n", NOTHING, 0}, {"u", TEXT32, 0},  {"z", TEXT32, 0},  {"U", TEXT64, 0}, {"Z", TEXT64, 0},
      {"c", FIXED, 1},  {"C", FIXED, 1},   {"s", FIXED, 2},   {"S", FIXED, 2},   {"e", FIXED, 2},  {"i", FIXED, 4},
      {"I", FIXED, 4},  {"f", FIXED, 4},   {"l", FIXED, 8},   {"L", FIXED, 8},   {"g", FIXED, 8},  {"tdD", FIXED, 4},
      {"tdm", FIXED, 8}, {"tts", FIXED, 4}, {"ttm", FIXED, 4}, {"ttu", FIXED, 8}, {"ttn", FIXED, 8}, {"tiM", FIXED, 4},
      {"tiD", FIXED, 8}, {"tin", FIXED, 16}, {"+l", LIST32, 0}, {"+m", LIST32, 0}, {"+L", LIST64, 0}, {"+s", NESTED, 0},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (strcmp(format, table[i].prefix) == 0) {
      *kind = table[i].kind;
      *width = table[i].width;
      return true;
    }
  }
  *kind = FIXED;
  if (strncmp(format, "ts", 2) == 0 || strncmp(format, "tD", 2) == 0) {
    *width = 8;
  } else if (strncmp(format, "d:", 2) == 0) {
    *width = decimal_bytes(format);
  } else if (strncmp(format, "w:", 2) == 0) {
    *width = atoi(format + 2);
  } else if (strncmp(format, "+w:", 3) == 0) {
    *kind = NESTED;
  } else {
    return false;
  }
  return true;
}

struct layout *layout_new(const struct ArrowSchema *schema) {
  struct layout *l = calloc(1, sizeof *l);
  if (l == NULL) return NULL;
  l->children = calloc(schema->n_children + 1, sizeof *l->children);
  bool ok = l->children != NULL && classify(schema->format, &l->kind, &l->width);
  for (int64_t i = 0; ok && i < schema->n_children; i++) {
    l->children[l->n_children++] = layout_new(schema->children[i]);
    ok = l->children[i] != NULL;
  }
  if (ok) return l;
  layout_free(l);
  return NULL;
}

void layout_free(struct layout *l) {
  if (l == NULL) return;
  for (int64_t i = 0; i < l->n_children; i++) layout_free(l->children[i]);
  free(l->children);
  free(l);
}

int64_t layout_row_bytes(const struct layout *l) {
  static const int64_t guess[] = {[BITS] = 1, [TEXT32] = 20, [TEXT64] = 24, [LIST32] = 8, [LIST64] = 8};
  int64_t bytes = l->kind == FIXED ? l->width : l->kind == NESTED || l->kind == NOTHING ? 0 : guess[l->kind];
  for (int64_t i = 0; i < l->n_children; i++) bytes += layout_row_bytes(l->children[i]);
  return bytes;
}

/* ---- buffers ----------------------------------------------------------- */

struct buffer {
  char *bytes;
  int64_t size, capacity;
};

/* One array, and its columns or items below it. Once finished it is the
 * private data of the Arrow array, which points into it. */
struct batch {
  enum kind kind;
  int64_t width;
  double scale; /* chunks to come, as a multiple of the first */
  int64_t length, nulls;
  struct buffer valid;   /* empty while there is no null */
  struct buffer offsets; /* texts and lists */
  struct buffer data;
  const void *buffers[3];
  int64_t n_children;
  struct batch **children;
  struct ArrowArray **arrays, dictionary;
};

/* Makes room for n more bytes. The first time it foresees what is to come,
 * since a block that grows costs page faults and the process's memory lock. */
static char *extend(struct buffer *b, int64_t n, double scale) {
  if (b->bytes == NULL || b->size + n > b->capacity) {
    int64_t capacity = b->capacity == 0 ? (int64_t)((double)n * scale) + 64 : b->capacity + b->capacity / 2;
    if (capacity < b->size + n) capacity = b->size + n;
    char *bytes = realloc(b->bytes, capacity);
    if (bytes == NULL) return NULL;
    b->bytes = bytes;
    b->capacity = capacity;
  }
  b->size += n;
  return b->bytes + b->size - n;
}

static bool append(struct buffer *b, const void *src, int64_t n, double scale) {
  char *dst = extend(b, n, scale);
  if (dst != NULL && n > 0) memcpy(dst, src, n);
  return dst != NULL;
}

/* Appends n bits behind the `at` bits of b; src NULL: ones. */
static bool append_bits(struct buffer *b, int64_t at, const uint8_t *src, int64_t n, double scale) {
  int64_t need = (at + n + 7) / 8 - b->size;
  if (need > 0 && extend(b, need, scale) == NULL) return false;
  uint8_t *dst = (uint8_t *)b->bytes + at / 8;
  int shift = at % 8;
  for (int64_t i = 0; i * 8 < n; i++) {
    uint8_t bits = src == NULL ? 0xFF : src[i];
    if (shift == 0) {
      dst[i] = bits;
    } else {
      dst[i] = (uint8_t)((dst[i] & ((1 << shift) - 1)) | bits << shift);
      if (i * 8 + 8 - shift < n) dst[i + 1] = bits >> (8 - shift);
    }
  }
  return true;
}

struct batch *batch_new(const struct layout *l, double scale) {
  struct batch *b = calloc(1, sizeof *b);
  if (b == NULL) return NULL;
  *b = (struct batch){.kind = l->kind, .width = l->width, .scale = scale};
  b->children = calloc(l->n_children + 1, sizeof *b->children);
  b->arrays = calloc(l->n_children + 1, sizeof *b->arrays);
  bool ok = b->children != NULL && b->arrays != NULL;
  for (int64_t i = 0; ok && i < l->n_children; i++) {
    b->children[b->n_children++] = batch_new(l->children[i], scale);
    b->arrays[i] = calloc(1, sizeof **b->arrays);
    ok = b->children[i] != NULL && b->arrays[i] != NULL;
  }
  if (ok) return b;
  batch_free(b);
  return NULL;
}

void batch_free(struct batch *b) {
  if (b == NULL) return;
  for (int64_t i = 0; i < b->n_children; i++) {
    batch_free(b->children[i]);
    free(b->arrays[i]);
  }
  if (b->dictionary.release != NULL) b->dictionary.release(&b->dictionary);
  free(b->children);
  free(b->arrays);
  free(b->valid.bytes);
  free(b->offsets.bytes);
  free(b->data.bytes);
  free(b);
}

int64_t batch_bytes(const struct batch *b) {
  int64_t bytes = b->valid.size + b->offsets.size + b->data.size;
  for (int64_t i = 0; i < b->n_children; i++) bytes += batch_bytes(b->children[i]);
  return bytes;
}

/* ---- append ------------------------------------------------------------ */

/* Where the values of the last text or list end. */
static int64_t last_offset(enum kind kind, const void *offsets, int64_t i) {
  return kind == TEXT64 || kind == LIST64 ? ((const int64_t *)offsets)[i] : ((const int32_t *)offsets)[i];
}

bool batch_fits(const struct batch *b, const struct ArrowArray *a) {
  bool small = b->kind == TEXT32 || b->kind == LIST32;
  if (small && a->length > 0 && b->offsets.size > 0) {
    int64_t have = last_offset(b->kind, b->offsets.bytes, b->length);
    if (have + last_offset(b->kind, a->buffers[1], a->length) > INT32_MAX) return false;
  }
  for (int64_t i = 0; i < b->n_children; i++) {
    if (!batch_fits(b->children[i], a->children[i])) return false;
  }
  return true;
}

static bool append_valid(struct batch *b, const struct ArrowArray *a) {
  const uint8_t *bits = a->null_count != 0 ? a->buffers[0] : NULL;
  if (bits == NULL && b->valid.size == 0) return true;
  if (b->valid.size == 0 && !append_bits(&b->valid, 0, NULL, b->length, b->scale)) return false;
  b->nulls += bits == NULL ? 0 : a->null_count;
  return append_bits(&b->valid, b->length, bits, a->length, b->scale);
}

static bool append_offsets(struct batch *b, const struct ArrowArray *a) {
  bool wide = b->kind == TEXT64 || b->kind == LIST64, first = b->offsets.size == 0;
  int64_t width = wide ? 8 : 4;
  char *dst = extend(&b->offsets, (a->length + first) * width, b->scale);
  if (dst == NULL) return false;
  if (first) {
    memset(dst, 0, width);
    dst += width;
  }
  if (wide) {
    const int64_t *src = a->buffers[1];
    int64_t *to = (int64_t *)dst, base = to[-1];
    for (int64_t i = 0; i < a->length; i++) to[i] = base + src[i + 1];
  } else {
    const int32_t *src = a->buffers[1];
    int32_t *to = (int32_t *)dst, base = to[-1];
    for (int64_t i = 0; i < a->length; i++) to[i] = base + src[i + 1];
  }
  return true;
}

static bool append_values(struct batch *b, const struct ArrowArray *a) {
  switch (b->kind) {
    case FIXED:
      return append(&b->data, a->buffers[1], a->length * b->width, b->scale);
    case BITS:
      return append_bits(&b->data, b->length, a->buffers[1], a->length, b->scale);
    case TEXT32:
    case TEXT64:
      return append_offsets(b, a) &&
             append(&b->data, a->buffers[2], last_offset(b->kind, a->buffers[1], a->length), b->scale);
    case LIST32:
    case LIST64:
      return append_offsets(b, a);
    default:
      return true;
  }
}

bool batch_append(struct batch *b, struct ArrowArray *a) {
  if (a->length == 0) return true;
  if (a->dictionary != NULL && b->dictionary.release == NULL) {
    /* An ENUM: every chunk has the same dictionary. */
    b->dictionary = *a->dictionary;
    a->dictionary->release = NULL;
  }
  if (b->kind == NOTHING) {
    b->nulls += a->length;
  } else if (!append_valid(b, a) || !append_values(b, a)) {
    return false;
  }
  for (int64_t i = 0; i < b->n_children; i++) {
    if (!batch_append(b->children[i], a->children[i])) return false;
  }
  b->length += a->length;
  return true;
}

/* ---- finish ------------------------------------------------------------ */

static void release(struct ArrowArray *a) {
  struct batch *b = a->private_data;
  a->release = NULL;
  for (int64_t i = 0; i < b->n_children; i++) {
    if (b->arrays[i]->release != NULL) b->arrays[i]->release(b->arrays[i]);
    b->children[i] = NULL; /* freed just now, or by who took the child */
  }
  batch_free(b);
}

void batch_finish(struct batch *b, struct ArrowArray *out) {
  static const int64_t zero = 0;
  static const int n_buffers[] = {
      [FIXED] = 2, [BITS] = 2, [TEXT32] = 3, [TEXT64] = 3, [LIST32] = 2, [LIST64] = 2, [NESTED] = 1, [NOTHING] = 0};
  bool text = b->kind == TEXT32 || b->kind == TEXT64;
  bool list = b->kind == LIST32 || b->kind == LIST64;
  b->buffers[0] = b->valid.bytes;
  b->buffers[1] = text || list ? (b->offsets.bytes == NULL ? (const void *)&zero : b->offsets.bytes) : b->data.bytes;
  b->buffers[2] = text ? b->data.bytes : NULL;
  *out = (struct ArrowArray){
      .length = b->length,
      .null_count = b->nulls,
      .n_buffers = n_buffers[b->kind],
      .buffers = b->buffers,
      .n_children = b->n_children,
      .children = b->n_children > 0 ? b->arrays : NULL,
      .dictionary = b->dictionary.release != NULL ? &b->dictionary : NULL,
      .release = release,
      .private_data = b,
  };
  for (int64_t i = 0; i < b->n_children; i++) batch_finish(b->children[i], b->arrays[i]);
}
