/*
 * DuckDB hands a streaming result out chunk by chunk, to one thread at a time.
 * Making Arrow arrays of the chunks costs as much as reading Parquet does (most
 * of it page faults), so a few workers take turns: while one fetches a group of
 * chunks, the others convert and join theirs. A ring keeps the order.
 */
#define _GNU_SOURCE /* CPU_COUNT */
#include "fetch.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"

enum {
  CHUNK_ROWS = 2048,
  MAX_GROUP = 60,         /* chunks: 122,880 rows, one row group of DuckDB */
  GROUP_BYTES = 32 << 20, /* wide rows make smaller groups */
  UNKNOWN_ROW = 4 << 10,  /* bytes, when a layout is not known */
  INLINE_GROUPS = 2,
  MAX_WORKERS = 4, /* fetching is serial: more would wait for it */
  RING = MAX_WORKERS + 2,
};

/* A group of chunks, then the arrays made of it: one, unless joining fails. */
struct group {
  duckdb_data_chunk chunks[MAX_GROUP];
  struct ArrowArray arrays[MAX_GROUP];
  int n_chunks, n_arrays, next;
  bool ready;
  char *error;
};

struct fetch {
  duckdb_result *result;
  duckdb_arrow_options options;
  struct layout *layout; /* NULL: chunks leave as they are */

  pthread_mutex_t turn; /* held while chunks are fetched; taken before lock */
  pthread_mutex_t lock; /* guards all below */
  pthread_cond_t changed;
  struct group ring[RING];
  uint64_t first, last; /* the group to hand out, the group to fetch */
  bool ended, stop;
  int64_t row_bytes; /* of the groups so far */
  pthread_t workers[MAX_WORKERS];
  int n_workers;
};

char *fetch_error(duckdb_error_data error) {
  char *text = NULL;
  if (duckdb_error_data_has_error(error)) text = strdup(duckdb_error_data_message(error));
  duckdb_destroy_error_data(&error);
  return text;
}

/* ---- one group --------------------------------------------------------- */

/* Fetches up to n chunks; true: nothing comes after them. */
static bool fetch_group(struct fetch *f, struct group *g, int n) {
  while (g->n_chunks < n) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(*f->result);
    if (chunk == NULL) {
      const char *error = duckdb_result_error(f->result);
      if (error != NULL) g->error = strdup(error);
      return true;
    }
    g->chunks[g->n_chunks++] = chunk;
  }
  return false;
}

static void put(struct group *g, struct batch **b) {
  if (*b != NULL) batch_finish(*b, &g->arrays[g->n_arrays++]);
  *b = NULL;
}

/* Copies a chunk to *b and drops it. */
static bool join(struct fetch *f, struct group *g, struct batch **b, struct ArrowArray *chunk) {
  if (*b != NULL && !batch_fits(*b, chunk)) put(g, b);
  if (*b == NULL) *b = batch_new(f->layout, g->n_chunks);
  bool ok = *b != NULL && batch_append(*b, chunk);
  chunk->release(chunk);
  return ok;
}

static void convert_group(struct fetch *f, struct group *g) {
  struct batch *b = NULL;
  for (int i = 0; i < g->n_chunks; i++) {
    struct ArrowArray chunk = {0};
    if (g->error == NULL) g->error = fetch_error(duckdb_data_chunk_to_arrow(f->options, g->chunks[i], &chunk));
    duckdb_destroy_data_chunk(&g->chunks[i]);
    if (g->error != NULL) continue;
    if (g->n_chunks == 1 || f->layout == NULL) {
      g->arrays[g->n_arrays++] = chunk;
    } else if (!join(f, g, &b, &chunk)) {
      g->error = strdup("Out of Memory Error: no memory for a batch of the result");
    }
  }
  int64_t bytes = b == NULL ? 0 : batch_bytes(b) / (g->n_chunks * CHUNK_ROWS);
  put(g, &b);
  g->n_chunks = 0;
  pthread_mutex_lock(&f->lock);
  if (bytes > f->row_bytes) f->row_bytes = bytes;
  pthread_mutex_unlock(&f->lock);
}

/* The lock is held. The first groups are small, to learn the size of a row. */
static int group_size(const struct fetch *f) {
  int64_t n = GROUP_BYTES / (CHUNK_ROWS * (f->row_bytes + 1));
  if (f->last < INLINE_GROUPS && n > 8) n = 8;
  return n < 1 ? 1 : n > MAX_GROUP ? MAX_GROUP : (int)n;
}

/* ---- workers ----------------------------------------------------------- */

/* Takes the next group in turn; NULL: there is no more to do. */
static struct group *take(struct fetch *f) {
  pthread_mutex_lock(&f->turn);
  pthread_mutex_lock(&f->lock);
  while (!f->stop && !f->ended && f->last - f->first == RING) pthread_cond_wait(&f->changed, &f->lock);
  struct group *g = f->stop || f->ended ? NULL : &f->ring[f->last % RING];
  int n = group_size(f);
  pthread_mutex_unlock(&f->lock);
  if (g != NULL) {
    bool ended = fetch_group(f, g, n);
    pthread_mutex_lock(&f->lock);
    f->last++;
    f->ended = ended;
    pthread_mutex_unlock(&f->lock);
  }
  pthread_mutex_unlock(&f->turn);
  return g;
}

static bool work(struct fetch *f) {
  struct group *g = take(f);
  if (g == NULL) return false;
  convert_group(f, g);
  pthread_mutex_lock(&f->lock);
  g->ready = true;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  return true;
}

static void *run_worker(void *f) {
  while (work(f)) {
  }
  return NULL;
}

/* The CPUs that this process may use; macOS has no affinity. */
static int usable_cpus(void) {
#ifdef __linux__
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
#else
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
#endif
}

/* Without a second CPU there are none, and the reader does the work. */
static void start_workers(struct fetch *f) {
  int n = usable_cpus();
  if (n < 2) return;
  if (n > MAX_WORKERS) n = MAX_WORKERS;
  sigset_t all, old; /* signals are for the threads of the host program */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (f->n_workers < n && pthread_create(&f->workers[f->n_workers], NULL, run_worker, f) == 0) f->n_workers++;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- the reader's side ------------------------------------------------- */

struct fetch *fetch_new(duckdb_result *result, duckdb_arrow_options options, const struct ArrowSchema *schema) {
  struct fetch *f = calloc(1, sizeof *f);
  if (f == NULL) return NULL;
  f->result = result;
  f->options = options;
  f->layout = layout_new(schema);
  f->row_bytes = f->layout == NULL ? UNKNOWN_ROW : layout_row_bytes(f->layout);
  pthread_mutex_init(&f->turn, NULL);
  pthread_mutex_init(&f->lock, NULL);
  pthread_cond_init(&f->changed, NULL);
  return f;
}

/* Waits for the group in front; NULL: the end. */
static struct group *front(struct fetch *f) {
  pthread_mutex_lock(&f->lock);
  struct group *g = &f->ring[f->first % RING];
  while (!g->ready && !(f->ended && f->first == f->last)) pthread_cond_wait(&f->changed, &f->lock);
  if (!g->ready) g = NULL;
  pthread_mutex_unlock(&f->lock);
  return g;
}

/* Makes room for another group. Small results never come to start a thread. */
static void retire(struct fetch *f, struct group *g) {
  pthread_mutex_lock(&f->lock);
  *g = (struct group){0};
  f->first++;
  pthread_cond_broadcast(&f->changed);
  bool more = !f->ended && f->n_workers == 0 && f->first >= INLINE_GROUPS;
  pthread_mutex_unlock(&f->lock);
  if (more) start_workers(f);
}

char *fetch_next(struct fetch *f, struct ArrowArray *out) {
  for (;;) {
    if (f->n_workers == 0 && f->first == f->last) work(f);
    struct group *g = front(f);
    if (g == NULL) return NULL;
    if (g->error != NULL) return strdup(g->error);
    if (g->next < g->n_arrays) {
      *out = g->arrays[g->next++];
      return NULL;
    }
    retire(f, g);
  }
}

void fetch_free(struct fetch *f) {
  if (f == NULL) return;
  pthread_mutex_lock(&f->lock);
  f->stop = true;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  for (int i = 0; i < f->n_workers; i++) pthread_join(f->workers[i], NULL);
  for (int i = 0; i < RING; i++) {
    struct group *g = &f->ring[i];
    for (int k = g->next; k < g->n_arrays; k++) g->arrays[k].release(&g->arrays[k]);
    free(g->error);
  }
  layout_free(f->layout);
  pthread_mutex_destroy(&f->turn);
  pthread_mutex_destroy(&f->lock);
  pthread_cond_destroy(&f->changed);
  free(f);
}
