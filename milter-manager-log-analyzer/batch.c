/*
 * batch - lines of logs, counted and stored in transactions of bounded size.
 */
#include "milter-manager-log-analyzer/batch.h"

#include "libcore/base/clock.h"
#include "milter-manager-log-analyzer/event.h"

#include <time.h>

enum {
    COUNTS = 65536,           /* that are pending: some MiB */
    PIPE_COUNTS = 4 * COUNTS, /* with those of the minutes that are held back */
    BYTES = 64 * 1024 * 1024, /* of input; with the time, what the end of a process can undo */
    MILLISECONDS = 2000,
    PROGRESS_MILLISECONDS = 250,
    LINES = 1024,        /* between looks at the clock; a power of two */
    LATE_LINES = 2 * 60, /* seconds: lines of a pipe may be out of order by so much */
    STILL = 3600,        /* seconds: a file not written for so long is finished */
};

enum stop {
    STOP_END,  /* no more lines */
    STOP_FULL, /* of the batch */
    STOP_NOW,  /* by the option until, or a signal */
    STOP_FAILED,
};

static bool is_pipe(const struct source *source)
{
    return !source_seekable(source);
}

static bool is_past(uint64_t since, uint64_t now, uint64_t milliseconds)
{
    return now - since >= milliseconds * 1000000u;
}

static bool fail(struct batch *batch)
{
    batch->store_failed = true;
    batch->begun = false;
    store_abandon(batch->store);
    return false;
}

/* ---- transactions */

static bool begin(struct batch *batch, struct error *error)
{
    if (batch->begun) {
        return true;
    }
    if (!store_begin(batch->store, time(NULL), error)) {
        return fail(batch);
    }
    batch->begun = true;
    batch->begun_at = clock_nanoseconds();
    batch->begun_bytes = batch->report->bytes;
    return true;
}

bool batch_end(struct batch *batch, struct error *error)
{
    if (!batch->begun) {
        return true;
    }
    /* Also without counts: the store may have noted which logs are still there. */
    if (!store_commit(batch->store, error)) {
        return fail(batch);
    }
    batch->stored = batch->stored || batch->changed;
    batch->begun = false;
    batch->changed = false;
    return true;
}

bool batch_prune(struct batch *batch, struct error *error)
{
    int64_t now = time(NULL), newest = 0;

    return batch_end(batch, error) && store_newest(batch->store, &newest, error) &&
           store_begin(batch->store, now, error) &&
           store_prune(batch->store, newest < now ? newest : now, error) &&
           store_commit(batch->store, error);
}

void batch_clear(struct batch *batch)
{
    if (batch->begun) {
        store_abandon(batch->store);
    }
    log_clock_clear(&batch->clock);
}

static void show_progress(struct batch *batch, uint64_t now)
{
    double part = -1;

    batch->report->seconds = (double)(now - batch->started) / 1e9;
    if (batch->options->progress == NULL || !is_past(batch->shown_at, now, PROGRESS_MILLISECONDS)) {
        return;
    }
    if (batch->bytes_in_all > 0) {
        part = (double)(batch->bytes_before + source_bytes_read(batch->source)) /
               (double)batch->bytes_in_all;
    }
    batch->shown_at = now;
    batch->options->progress(batch->options->owner, batch->report, part > 1 ? 1 : part);
}

static bool is_full(struct batch *batch)
{
    uint64_t now = clock_nanoseconds();

    show_progress(batch, now);
    return store_pending(batch->store) >= COUNTS ||
           batch->report->bytes - batch->begun_bytes >= BYTES ||
           is_past(batch->begun_at, now, MILLISECONDS);
}

static bool is_stopped(const struct batch *batch)
{
    return batch->options->stop != NULL && *batch->options->stop != 0;
}

/* ---- lines */

static void count_record(struct batch *batch, const struct log_record *record)
{
    struct event event;

    batch->newest = record->time > batch->newest ? record->time : batch->newest;
    batch->oldest = record->time < batch->oldest ? record->time : batch->oldest;
    if (!event_read(record, &event)) {
        batch->report->other++;
        return;
    }
    batch->report->counted++;
    for (size_t i = 0; i < event.count; i++) {
        store_count(batch->store, record->time, event.counts + i);
    }
}

/* Of a file: what pipes have brought is known by its time alone. */
static bool is_repeated(const struct batch *batch, bool pipe, int64_t time)
{
    return pipe ? time < batch->from : time >= batch->pipes.begin && time < batch->pipes.until;
}

/* False: the record is not to be read yet. */
static bool take_record(struct batch *batch, bool pipe, const struct log_record *record)
{
    const struct update_options *options = batch->options;
    bool late = options->until != 0 && record->time >= options->until;

    if (late && !pipe) {
        return false;
    }
    if (late || (options->since != 0 && record->time < options->since)) {
        batch->report->out_of_range++;
    } else if (is_repeated(batch, pipe, record->time)) {
        batch->report->repeated++;
    } else if (pipe && record->time >= batch->before) {
        batch->report->unripe++;
    } else {
        count_record(batch, record);
    }
    return true;
}

static bool take_line(struct batch *batch, bool pipe, struct slice line, bool cut)
{
    struct update_report *report = batch->report;
    struct log_record record;
    enum log_line_kind kind = log_line_read(&batch->clock, line, &record);

    if (kind == LOG_LINE_RECORD && !take_record(batch, pipe, &record)) {
        return false;
    }
    report->foreign += kind == LOG_LINE_FOREIGN;
    /* One that is cut may count all the same. */
    report->broken += kind == LOG_LINE_BROKEN && !cut;
    report->cut += kind == LOG_LINE_BROKEN && cut;
    report->lines++;
    report->bytes += line.length + 1;
    return true;
}

/* A last line without line end is one where nothing more comes. */
static bool is_finished(const struct source *source, bool pipe)
{
    struct source_identity identity = {0};

    source_identify(source, &identity);
    return pipe || identity.inode == 0 || source_modified(source) < time(NULL) - STILL;
}

static enum stop end_of_source(struct batch *batch, struct source *source, bool pipe,
                               uint64_t *offset)
{
    struct slice line;

    if (is_finished(source, pipe) && source_last_line(source, &line)) {
        if (!take_line(batch, pipe, line, false)) {
            return STOP_NOW;
        }
        *offset = source_offset(source);
    }
    return STOP_END;
}

/* *offset: behind the last line that was taken. */
static enum stop read_lines(struct batch *batch, struct source *source, uint64_t *offset,
                            struct error *error)
{
    bool pipe = is_pipe(source);
    struct slice line;
    bool cut = false;

    for (;;) {
        enum source_result result = source_next_line(source, &line, &cut, error);

        if (result != SOURCE_LINE_READ) {
            return result == SOURCE_FAILED ? STOP_FAILED
                                           : end_of_source(batch, source, pipe, offset);
        }
        if (!take_line(batch, pipe, line, cut)) {
            return STOP_NOW;
        }
        *offset = source_offset(source);
        if (batch->report->lines % LINES == 0) {
            if (is_stopped(batch)) {
                return STOP_NOW;
            }
            if (is_full(batch)) {
                return STOP_FULL;
            }
        }
    }
}

/* ---- files */

bool batch_knows(struct batch *batch, const struct source *source, bool *known, struct error *error)
{
    struct store_position position;

    if (!begin(batch, error)) {
        return false;
    }
    *known = store_find_position(batch->store, source, &position, error);
    return *known || error->code == ERROR_NONE || fail(batch);
}

/* To where it was read to; *is_new: something may be there behind it. */
static bool go_on(struct batch *batch, struct source *source, struct store_position *position,
                  bool *is_new, struct error *error)
{
    uint64_t packed = source_packed_mark(source);

    if ((!store_find_position(batch->store, source, position, error) &&
         error->code != ERROR_NONE) ||
        !store_pipes(batch->store, &batch->pipes, error)) {
        return fail(batch);
    }
    source_identify(source, &batch->identity);
    /* Shorter than what was read of it: an older copy.  To look behind what was read of a packed
     * one takes unpacking all of it: once; that it is an older copy shows then. */
    *is_new = packed != 0 ? packed != position->packed : position->offset < source_size(source);
    if (!*is_new || position->offset == source_offset(source)) {
        return true;
    }
    batch->clock.previous = position->clock;
    if (source_seek(source, position->offset, error)) {
        return true;
    }
    if (packed == 0 || error->code != ERROR_USAGE) {
        return false;
    }
    error_clear(error);
    *is_new = false;
    return true;
}

/* Under the head of what was read: by now the file may have been emptied and hold another log. */
static bool set_position(struct batch *batch, const struct source *source,
                         struct store_position *position, struct error *error)
{
    struct source_identity grown = {0};

    source_identify(source, &grown);
    if (batch->identity.head_length == 0 || source_begins_like(source, &batch->identity)) {
        batch->identity = grown;
    }
    batch->changed = true;
    return batch->identity.head_length == 0 ||
           store_set_position(batch->store, source_path(source), &batch->identity, position,
                              error) ||
           fail(batch);
}

static bool read_file(struct batch *batch, struct source *source, struct error *error)
{
    for (;;) {
        struct store_position position = {0};
        struct error second = {0};
        enum stop stop;
        uint64_t packed = source_packed_mark(source); /* it may grow meanwhile */
        uint64_t offset;
        bool is_new = false;

        if (!begin(batch, error) || !go_on(batch, source, &position, &is_new, error)) {
            return false;
        }
        if (!is_new) {
            return true;
        }
        batch->clock.latest = source_modified(source);
        offset = position.offset;
        stop = read_lines(batch, source, &offset, error);
        if (offset != position.offset || (stop == STOP_END && packed != 0)) {
            position.offset = offset;
            position.packed = stop == STOP_END && packed != 0 ? packed : position.packed;
            position.clock = batch->clock.previous;
            if (!set_position(batch, source, &position, &second)) {
                *error = second;
                return false;
            }
        }
        if (stop != STOP_FULL) {
            return stop != STOP_FAILED;
        }
        if (!batch_end(batch, error)) {
            return false;
        }
    }
}

/* ---- pipes: nobody else is kept waiting for them */

/* Others, and files, may have brought the same lines meanwhile. */
static bool begin_pipe(struct batch *batch, struct error *error)
{
    struct store_pipes pipes = {0};
    int64_t from;

    if (!begin(batch, error)) {
        return false;
    }
    if (!store_pipes(batch->store, &pipes, error)) {
        return fail(batch);
    }
    from = pipes.files >= pipes.until ? pipes.files + 1 : pipes.until;
    if (pipes.until > batch->pipes.until || pipes.files > batch->pipes.files) {
        batch->from = from > batch->from ? from : batch->from;
        store_forget_before(batch->store, (batch->from + 59) / 60 * 60);
    }
    batch->pipes = pipes;
    return true;
}

static void begin_pipe_batch(struct batch *batch)
{
    batch->begun_at = clock_nanoseconds();
    batch->begun_bytes = batch->report->bytes;
}

/*
 * All lines before the time until have been read; a line that comes later still than that counts,
 * too.  Counts of minutes from hold on stay pending.
 */
static bool end_pipe(struct batch *batch, int64_t until, int64_t hold, struct error *error)
{
    bool too_many = store_pending(batch->store) >= PIPE_COUNTS;

    if (!begin_pipe(batch, error)) {
        return false;
    }
    if (until > batch->pipes.until) {
        batch->pipes.begin = batch->pipes.begin == 0 ? batch->oldest : batch->pipes.begin;
        batch->pipes.until = until;
        if (!store_set_pipes(batch->store, &batch->pipes, error)) {
            return fail(batch);
        }
    }
    if (!store_commit_before(batch->store, too_many ? INT64_MAX : hold, error)) {
        return fail(batch);
    }
    batch->begun = false;
    batch->stored = true;
    begin_pipe_batch(batch);
    return true;
}

static bool read_pipe(struct batch *batch, struct source *source, struct error *error)
{
    struct error second = {0};
    enum stop stop;
    uint64_t offset = 0;
    int64_t minute;
    bool good;

    batch->pipes = (struct store_pipes){0};
    batch->from = 0;
    if (!batch_end(batch, error) || !begin_pipe(batch, error) || !batch_end(batch, error)) {
        return false;
    }
    batch->before = time(NULL) / 60 * 60;
    batch->newest = 0;
    batch->oldest = batch->before;
    begin_pipe_batch(batch);
    while ((stop = read_lines(batch, source, &offset, error)) == STOP_FULL) {
        minute = batch->newest / 60 * 60 - LATE_LINES;
        if (!end_pipe(batch, minute, minute, error)) {
            return false;
        }
    }
    if (batch->newest == 0) {
        return stop != STOP_FAILED;
    }
    /* Of a pipe that broke off, the last minute is not whole: it is for the next run. */
    minute = batch->newest / 60 * 60;
    good = stop == STOP_END ? end_pipe(batch, batch->newest + 1, INT64_MAX, &second)
                            : end_pipe(batch, minute, minute, &second);
    if (!good) {
        *error = second;
        return false;
    }
    store_abandon(batch->store);
    return stop != STOP_FAILED;
}

bool batch_read(struct batch *batch, struct source *source, struct error *error)
{
    bool good;

    log_clock_clear(&batch->clock);
    log_clock_begin(&batch->clock, source_modified(source));
    batch->source = source;
    good = is_pipe(source) ? read_pipe(batch, source, error) : read_file(batch, source, error);
    batch->bytes_before += source_bytes_read(source);
    batch->source = NULL;
    return good;
}
