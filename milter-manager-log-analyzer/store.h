/*
 * store - the numbers, in an SQLite database (one for each output directory).
 *
 * The store's files alone know SQLite.  The schema, which other programs may read:
 *
 *   series(id, kind, name, item)              what is counted: series.h
 *   minute(series, time, value)               kept 10 days
 *   five_minutes(series, time, value, peak)   10 weeks
 *   hour(series, time, value, peak)           2 years
 *   day(series, time, value, peak)            for ever
 *     time: seconds since 1970 where the span begins (in UTC); value: the sum over its minutes;
 *     peak: the largest minute in it.  Of a gauge both are the largest.
 *   file(id, path, device, inode, head_length, head_hash, offset, clock, packed, seen)
 *     how far logs were read; packed: by what a compressed file is known that was read to its end;
 *     seen: when they were there last
 *   state(key, value)                         "pipe begin", "pipe until": when pipes were read
 *   PRAGMA user_version: version of the schema
 *
 * Names of children are bytes: they are text here, as markup_plain writes them.
 *
 * Who writes keeps a reader waiting only while a batch is written to the disk, and a reader sees
 * batches as a whole.  (No write-ahead log: who may only read could not open it.)
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_STORE_H
#define MILTER_MANAGER_LOG_ANALYZER_STORE_H

#include "milter-manager-log-analyzer/event.h"
#include "milter-manager-log-analyzer/source.h"

struct store;

enum store_span { STORE_MINUTE, STORE_FIVE_MINUTES, STORE_HOUR, STORE_DAY, STORE_SPANS };

/* Seconds. */
int64_t store_span_seconds(enum store_span span);
/* How long spans are kept, in seconds; 0: for ever. */
int64_t store_span_kept(enum store_span span);
const char *store_span_name(enum store_span span); /* "five_minutes" */

/*
 * DIRECTORY/milter-manager.sqlite; made, or brought to the newest schema, unless reads_only.  NULL
 * with *error: which says what to do with one that is damaged or newer than this program.
 */
struct store *store_open(const char *directory, bool reads_only, struct error *error);
void store_close(struct store *store);

/*
 * Names of children that are kept apart; what comes under further ones counts for STORE_OTHERS.
 * A log is written by whoever may: it must not make any number of pages.
 */
enum { STORE_CHILDREN = 500 };
#define STORE_OTHERS "(others)"

/* ---- counting: all between begin and commit is there as a whole or not at all */

/*
 * Waits for another process that is writing; false with *error.  now: seconds since 1970, by which
 * it is decided how finely numbers are still kept.
 */
bool store_begin(struct store *store, int64_t now, struct error *error);
/* Adds to the minute of that time; collected in memory, also without store_begin. */
void store_count(struct store *store, int64_t time, const struct event_count *count);
/* Counts collected so far: commit before they are too many. */
size_t store_pending(const struct store *store);
/* Writes what was counted, and ends what was begun.  After a failure nothing of it is there. */
bool store_commit(struct store *store, struct error *error);
/* The same, but counts of minutes from that time on stay pending. */
bool store_commit_before(struct store *store, int64_t before, struct error *error);
/* Drops pending counts of minutes before that time: somebody else has stored them. */
void store_forget_before(struct store *store, int64_t before);
/* Forgets all since store_begin, as the end of the process does. */
void store_abandon(struct store *store);

/* How far a log was read. */
struct store_position {
    int64_t id; /* for store_set_position; 0: it was never read */
    uint64_t offset;
    int64_t clock;   /* the time of its last line, at most that of store_begin */
    uint64_t packed; /* source_packed_mark of the file that was unpacked to its end; 0: none */
};
/*
 * By the head of its content, wherever it has gone and however it is packed; a file that begins
 * differently from what its inode held before is another one.  False: it was never read, or *error.
 */
bool store_find_position(struct store *store, const struct source *source,
                         struct store_position *position, struct error *error);
/*
 * identity: of the content that was read: the file may have been emptied meanwhile, and hold
 * another log.  Sets position->id when it was 0.
 */
bool store_set_position(struct store *store, const char *path,
                        const struct source_identity *identity, struct store_position *position,
                        struct error *error);
/* What pipes cannot tell by positions: times, seconds since 1970; 0: never. */
struct store_pipes {
    int64_t begin, until; /* pipes have been read from then on, up to before then */
    int64_t files;        /* the youngest line of all files */
};
bool store_pipes(struct store *store, struct store_pipes *pipes, struct error *error);
/* begin and until. */
bool store_set_pipes(struct store *store, const struct store_pipes *pipes, struct error *error);
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

/*
 * All rows of that span with from <= time < until, by kind, name, item (as they are called) and
 * time.  kind SERIES_KINDS: all.  name NULL: all.
 */
bool store_read(struct store *store, enum store_span span, enum series_kind kind, const char *name,
                int64_t from, int64_t until, store_row_fn *row, void *owner, struct error *error);
/* The names of all children ever seen, sorted; each is the caller's to free. */
bool store_children(struct store *store, struct option_strings *names, struct error *error);
/* The newest minute with data (the newest span, where minutes are gone), seconds since 1970; 0:
 * none. */
bool store_newest(struct store *store, int64_t *time, struct error *error);
/* The day that the oldest data are of; 0: none. */
bool store_oldest(struct store *store, int64_t *time, struct error *error);

#endif
