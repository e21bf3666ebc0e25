/*
 * batch - lines of logs, counted and stored in transactions of bounded size.
 *
 * A batch may be of several files.  Where a file is read from is asked anew in each transaction: so
 * runs at the same time take turns and no line is counted twice.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_BATCH_H
#define MILTER_MANAGER_LOG_ANALYZER_BATCH_H

#include "milter-manager-log-analyzer/log_line.h"
#include "milter-manager-log-analyzer/update.h"

struct batch {
    struct store *store;
    const struct update_options *options;
    struct update_report *report;
    struct source *source; /* that is being read, for progress; NULL: none */
    uint64_t bytes_before; /* of the sources before it */
    uint64_t bytes_in_all; /* of all sources; 0: not known */
    uint64_t started;      /* of the whole, clock_nanoseconds */
    bool changed;          /* something is to be stored */
    bool stored;           /* something was, since whoever is interested made it false */
    bool store_failed;     /* *error is of the store: nothing can go on */
    /* Private. */
    bool begun;
    uint64_t begun_at, begun_bytes;
    uint64_t shown_at;
    struct log_clock clock;
    struct source_identity identity; /* of the file, when it was looked for */
    int64_t from, before;            /* of a pipe: times that count */
    int64_t oldest, newest;          /* of a pipe: lines that count */
    struct store_pipes pipes;        /* as the store had it last */
};

/*
 * Reads on where it was read to before, up to the end, the option until, or the signal to stop.
 * False with *error: batch->store_failed says of whom.
 */
bool batch_read(struct batch *batch, struct source *source, struct error *error);
/* True when the log was read before, perhaps under another name; ask in no other transaction. */
bool batch_knows(struct batch *batch, const struct source *source, bool *known,
                 struct error *error);
/* Stores what is pending, and lets others write. */
bool batch_end(struct batch *batch, struct error *error);
/*
 * Drops what is older than it is kept, at the time of the newest numbers: a clock that is far ahead
 * for once does not cost the finer numbers of years.
 */
bool batch_prune(struct batch *batch, struct error *error);
void batch_clear(struct batch *batch);

#endif
