/*
 * follow - logs that grow, read each second until the process is asked to end.
 *
 * How far a log was read is known to the store, by its first bytes; so a log that was renamed,
 * packed, or copied and emptied is found again among the files beside it.
 */
#include "milter-manager-log-analyzer/follow.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    POLL_SECONDS = 1,
    ROTATING_SECONDS = 120, /* so long the old file may still be written, or packed */
    ROTATING_POLL = 5,      /* seconds between looks at the files beside it */
    STILL = 3600,           /* seconds: a file not written for so long need not stay open */
    PRUNE_SECONDS = 3600,
};

struct log {
    char *path;
    bool looked_at;
    struct source *source; /* as it was opened last; NULL: nothing more will be written to it */
    struct source_identity identity;
    struct stat status;     /* of the last look */
    int64_t rotated, asked; /* when; 0: not */
    char complaint[512];    /* the last one: not each second */
};

struct follower {
    struct batch *batch;
    struct log *logs;
    size_t count;
    int64_t pruned;
};

static void complain(struct follower *follower, struct log *log, const struct error *failure)
{
    if (strcmp(log->complaint, failure->message) != 0) {
        const struct update_options *options = follower->batch->options;

        memcpy(log->complaint, failure->message, sizeof(log->complaint));
        options->complain(options->owner, failure->message);
    }
}

/* False: nothing can be stored any more. */
static bool read_source(struct follower *follower, struct log *log, struct source *source,
                        struct error *error)
{
    struct error failure = {0};

    if (batch_read(follower->batch, source, &failure)) {
        log->complaint[0] = '\0';
        return true;
    }
    if (follower->batch->store_failed) {
        *error = failure;
        return false;
    }
    complain(follower, log, &failure);
    return true;
}

/* ---- rotation */

static bool read_beside(struct follower *follower, struct log *log, const char *path,
                        struct error *error)
{
    struct error failure = {0};
    struct source *source = source_open(path, &failure);
    bool known = false;
    bool good;

    /* It may be on its way to another name just now. */
    if (source == NULL) {
        return true;
    }
    good = batch_knows(follower->batch, source, &known, error) &&
           (!known || read_source(follower, log, source, error));
    source_close(source);
    return good;
}

/* Its old content is in mail.log.1, mail.log-20240501, mail.log.1.gz: those that were read before
 * are read to their end. */
static bool read_rotated(struct follower *follower, struct log *log, struct error *error)
{
    char *pattern = memory_format("%s[.-]*", log->path);
    const char *item = pattern;
    const struct option_strings patterns = {.items = &item, .count = 1};
    struct option_strings paths = {0};
    struct error failure = {0};
    bool good = true;

    if (source_find(&patterns, &paths, &failure)) {
        for (size_t i = 0; good && i < paths.count; i++) {
            good = read_beside(follower, log, paths.items[i], error);
        }
    }
    source_find_clear(&paths);
    free(pattern);
    return good;
}

/* The log of the last look is not at its path any more. */
static bool finish_old(struct follower *follower, struct log *log, const struct stat *now,
                       struct error *error)
{
    bool moved = now->st_ino != log->status.st_ino || now->st_dev != log->status.st_dev;

    if (moved && log->source != NULL && !read_source(follower, log, log->source, error)) {
        return false;
    }
    log->rotated = time(NULL);
    log->asked = log->rotated;
    return read_rotated(follower, log, error);
}

/* ---- one look */

static bool look(struct follower *follower, struct log *log, const struct stat *status,
                 struct error *error)
{
    struct error failure = {0};
    struct source *source = source_open(log->path, &failure);
    bool rotated;
    bool good;

    if (source == NULL) {
        complain(follower, log, &failure);
        return true;
    }
    rotated = log->looked_at && log->identity.head_length > 0 &&
              !source_begins_like(source, &log->identity);
    good = (!rotated || finish_old(follower, log, status, error)) &&
           read_source(follower, log, source, error);
    source_close(log->source);
    log->source = source;
    log->status = *status;
    log->looked_at = true;
    source_identify(source, &log->identity);
    if (log->identity.inode == 0 || time(NULL) - status->st_mtim.tv_sec > STILL) {
        source_close(source);
        log->source = NULL;
    }
    return good;
}

static bool is_unchanged(const struct log *log, const struct stat *status)
{
    return log->looked_at && status->st_ino == log->status.st_ino &&
           status->st_dev == log->status.st_dev && status->st_size == log->status.st_size &&
           status->st_mtim.tv_sec == log->status.st_mtim.tv_sec &&
           status->st_mtim.tv_nsec == log->status.st_mtim.tv_nsec;
}

static struct log *find_log(struct follower *follower, const char *path)
{
    for (size_t i = 0; i < follower->count; i++) {
        if (strcmp(follower->logs[i].path, path) == 0) {
            return follower->logs + i;
        }
    }
    follower->logs = memory_resize(follower->logs, follower->count + 1, sizeof(*follower->logs));
    follower->logs[follower->count] = (struct log){.path = memory_copy_string(path)};
    return follower->logs + follower->count++;
}

static bool look_at(struct follower *follower, const char *path, struct error *error)
{
    struct log *log = find_log(follower, path);
    int64_t now = time(NULL);
    struct stat status;

    /* Between two names it is not there. */
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return true;
    }
    if (log->rotated != 0 && now - log->asked >= ROTATING_POLL) {
        log->asked = now;
        log->rotated = now - log->rotated > ROTATING_SECONDS ? 0 : log->rotated;
        if (!read_rotated(follower, log, error)) {
            return false;
        }
    }
    return is_unchanged(log, &status) || look(follower, log, &status, error);
}

static bool look_at_all(struct follower *follower, struct error *error)
{
    struct option_strings paths = {0};
    struct error failure = {0};
    bool good = true;

    /* A file that is not there now will come. */
    if (source_find(follower->batch->options->patterns, &paths, &failure)) {
        for (size_t i = 0; good && i < paths.count; i++) {
            good = look_at(follower, paths.items[i], error);
        }
    }
    source_find_clear(&paths);
    return good && batch_end(follower->batch, error);
}

static bool prune(struct follower *follower, struct error *error)
{
    int64_t now = time(NULL);

    if (now - follower->pruned < PRUNE_SECONDS) {
        return true;
    }
    follower->pruned = now;
    return batch_prune(follower->batch, error);
}

bool follow(struct batch *batch, struct error *error)
{
    const struct update_options *options = batch->options;
    const struct timespec pause = {.tv_sec = POLL_SECONDS};
    struct follower follower = {.batch = batch, .pruned = time(NULL)};
    bool good = true;

    batch->bytes_in_all = 0;
    while (good && *options->stop == 0) {
        good = look_at_all(&follower, error) && prune(&follower, error);
        if (good) {
            options->tick(options->owner, batch->stored);
            batch->stored = false;
            (void)nanosleep(&pause, NULL);
        }
    }
    for (size_t i = 0; i < follower.count; i++) {
        source_close(follower.logs[i].source);
        free(follower.logs[i].path);
    }
    free(follower.logs);
    return good;
}
