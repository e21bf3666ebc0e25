/*
 * store - the numbers, in an SQLite database (one for each output directory).
 *
 * The only file that knows SQLite.  The schema, which other programs may read:
 *
 *   series(id INTEGER PRIMARY KEY, kind TEXT, name TEXT, item TEXT, UNIQUE(kind, name, item))
 *   minute(series, time, value)            kept 10 days
 *   five_minutes(series, time, value, peak)  10 weeks
 *   hour(series, time, value, peak)          2 years
 *   day(series, time, value, peak)           for ever
 *     time: seconds since 1970 where the span begins (in UTC); value: sum over its minutes; peak:
 * the largest minute in it.  Primary key (series, time). file(id, path, device, inode, head_length,
 * head_hash, offset, clock)  how far logs were read state(key TEXT PRIMARY KEY, value) "updated":
 * up to when pipes were read, ... PRAGMA user_version: version of the schema
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_STORE_H
#define MILTER_MANAGER_LOG_ANALYZER_STORE_H

#include "milter-manager-log-analyzer/event.h"
#include "milter-manager-log-analyzer/source.h"

struct store;

enum store_span { STORE_MINUTE, STORE_FIVE_MINUTES, STORE_HOUR, STORE_DAY, STORE_SPANS };

/* Seconds. */
int64_t store_span_seconds(enum store_span span);

/*
 * DIRECTORY/milter-manager.sqlite; made, or brought to the newest schema, unless reads_only.  NULL
 * with *error: which says what to do with one that is damaged or newer than this program.
 */
struct store *store_open(const char *directory, bool reads_only, struct error *error);
void store_close(struct store *store);

/* ---- counting: all between begin and commit is there as a whole or not at all */

/* Waits for another process that is writing; false with *error. */
bool store_begin(struct store *store, struct error *error);
/* Forgotten when the process ends, or by store_abandon. */
bool store_commit(struct store *store, struct error *error);
void store_abandon(struct store *store);
/* Adds to the minute of that time; collected in memory until store_commit. */
void store_count(struct store *store, int64_t time, const struct event_count *count);
/* Counts collected so far: commit before they are too many. */
size_t store_pending(const struct store *store);

/* How far a log was read.  clock: the time of its last line. */
struct store_position {
    uint64_t offset;
    int64_t clock;
};
/*
 * By the head of its content, wherever it has gone and however it is packed; a file that begins
 * differently from what its inode held before is another one.  False: it was never read.
 */
bool store_find_position(struct store *store, const struct source *source,
                         struct store_position *position, struct error *error);
bool store_set_position(struct store *store, const struct source *source,
                        const struct store_position *position, struct error *error);
/* Up to when pipes have been read, seconds since 1970; 0: never. */
bool store_pipe_time(struct store *store, int64_t *time, struct error *error);
bool store_set_pipe_time(struct store *store, int64_t time, struct error *error);
/* Drops what is older than it is kept; within a transaction. */
bool store_prune(struct store *store, int64_t now, struct error *error);

/* ---- reading */

struct store_row {
    int64_t time;
    enum series_kind kind;
    const char *name; /* of the child; "" */
    unsigned item;
    uint64_t value, peak;
};

typedef void store_row_fn(void *owner, const struct store_row *row);

/* All rows of that span with from <= time < until, by kind, name, item, time. kind SERIES_KINDS:
 * all. name NULL: all. */
bool store_read(struct store *store, enum store_span span, enum series_kind kind, const char *name,
                int64_t from, int64_t until, store_row_fn *row, void *owner, struct error *error);
/* The names of all children ever seen, sorted. */
bool store_children(struct store *store, struct option_strings *names, struct error *error);
/* The newest minute with data, seconds since 1970; 0: none. */
bool store_newest(struct store *store, int64_t *time, struct error *error);

#endif
