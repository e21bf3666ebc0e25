/*
 * statistics - one row for each mail in a file.
 *
 * A worker's rows have their order already: the file is a merge of them, which holds a few
 * thousand rows of each in memory.
 */
#include "milter-performance-check/statistics.h"

#include "libcore/base/buffer.h"
#include "libcore/base/clock.h"
#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 2048, OUTPUT = 65536 };

struct row {
    uint64_t ended, elapsed, size;
};

struct source {
    int file;         /* unlinked */
    struct row *rows; /* to be written, or read ahead; ROWS of them */
    size_t count, at; /* rows there; the next to be merged */
    off_t read;       /* bytes */
    int failure;      /* errno of a write; then the rest is lost */
};

struct statistics {
    char *path;
    int file;
    struct source *sources;
    unsigned count;
    int64_t offset; /* nanoseconds from clock_nanoseconds to the time of day */
};

static const char *temporary_directory(void)
{
    const char *directory = getenv("TMPDIR");

    return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

static int open_temporary(struct error *error)
{
    char *path = memory_format("%s/milter-performance-check.XXXXXX", temporary_directory());
    int file = mkostemp(path, O_CLOEXEC);

    if (file < 0) {
        error_set_errno(error,
                        "cannot make a temporary file in %s for the statistics (TMPDIR names "
                        "another directory)",
                        temporary_directory());
    } else {
        (void)unlink(path);
    }
    free(path);
    return file;
}

static int64_t time_offset(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)clock_nanoseconds();
}

struct statistics *statistics_new(const char *path, unsigned workers, struct error *error)
{
    struct statistics *statistics = NEW(struct statistics);

    statistics->path = memory_copy_string(path);
    statistics->offset = time_offset();
    /* What stands in it stays until there is something to write. */
    statistics->file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (statistics->file < 0) {
        error_set_errno(error, "cannot open %s to write statistics", path);
        statistics_free(statistics);
        return NULL;
    }
    statistics->sources = memory_new(workers, sizeof(*statistics->sources));
    for (; statistics->count < workers; statistics->count++) {
        struct source *source = statistics->sources + statistics->count;

        source->file = open_temporary(error);
        if (source->file < 0) {
            statistics_free(statistics);
            return NULL;
        }
        source->rows = memory_new(ROWS, sizeof(*source->rows));
    }
    return statistics;
}

void statistics_free(struct statistics *statistics)
{
    if (statistics == NULL) {
        return;
    }
    for (unsigned i = 0; i < statistics->count; i++) {
        (void)close(statistics->sources[i].file);
        free(statistics->sources[i].rows);
    }
    if (statistics->file >= 0) {
        (void)close(statistics->file);
    }
    free(statistics->sources);
    free(statistics->path);
    free(statistics);
}

static bool write_all(int file, const void *data, size_t length)
{
    const char *rest = data;

    while (length > 0) {
        ssize_t written = write(file, rest, length);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            rest += written;
            length -= (size_t)written;
        }
    }
    return true;
}

/* ---- in a worker */

static void spill(struct source *source)
{
    if (source->failure == 0 &&
        !write_all(source->file, source->rows, source->count * sizeof(*source->rows))) {
        source->failure = errno;
    }
    source->count = 0;
}

void statistics_add(struct statistics *statistics, unsigned worker, uint64_t ended,
                    uint64_t elapsed, uint64_t size)
{
    struct source *source = statistics->sources + worker;

    source->rows[source->count++] = (struct row){ended, elapsed, size};
    if (source->count == ROWS) {
        spill(source);
    }
}

bool statistics_flush(struct statistics *statistics, unsigned worker, struct error *error)
{
    struct source *source = statistics->sources + worker;

    spill(source);
    if (source->failure != 0) {
        errno = source->failure;
        error_set_errno(error,
                        "cannot keep all statistics in a temporary file in %s (TMPDIR names "
                        "another directory)",
                        temporary_directory());
    }
    return source->failure == 0;
}

/* ---- the file */

/* Reads ahead; a row cut off by a full disk is no row. False with errno. */
static bool refill(struct source *source)
{
    size_t length = 0;

    source->at = 0;
    source->count = 0;
    while (length < ROWS * sizeof(*source->rows)) {
        ssize_t got = pread(source->file, (char *)source->rows + length,
                            ROWS * sizeof(*source->rows) - length, source->read);

        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0) {
            break;
        }
        if (got > 0) {
            source->read += got;
            length += (size_t)got;
        }
    }
    source->count = length / sizeof(*source->rows);
    return true;
}

/* The source with the earliest row; NULL: none is left. */
static struct source *earliest(struct statistics *statistics)
{
    struct source *first = NULL;

    for (unsigned i = 0; i < statistics->count; i++) {
        struct source *source = statistics->sources + i;

        if (source->at < source->count &&
            (first == NULL || source->rows[source->at].ended < first->rows[first->at].ended)) {
            first = source;
        }
    }
    return first;
}

/* "2026-11-27T12:00:00" and "+01:00"; the same second is not computed again. */
struct stamp {
    int64_t second;
    char text[32], zone[8];
};

static void stamp_set(struct stamp *stamp, int64_t second)
{
    time_t moment = (time_t)second;
    struct tm local;
    char zone[8];

    if (second == stamp->second || localtime_r(&moment, &local) == NULL) {
        return;
    }
    stamp->second = second;
    (void)strftime(stamp->text, sizeof(stamp->text), "%Y-%m-%dT%H:%M:%S", &local);
    (void)strftime(zone, sizeof(zone), "%z", &local);
    (void)snprintf(stamp->zone, sizeof(stamp->zone), "%.3s:%.2s", zone, zone + 3);
}

static void append_row(struct buffer *output, struct stamp *stamp, const struct row *row,
                       int64_t offset)
{
    int64_t microseconds = ((int64_t)row->ended + offset) / 1000;

    stamp_set(stamp, microseconds / 1000000);
    buffer_append_format(output, "%s.%06d%s,%.6f,%" PRIu64 "\n", stamp->text,
                         (int)(microseconds % 1000000), stamp->zone, (double)row->elapsed / 1e9,
                         row->size);
}

static bool write_out(const struct statistics *statistics, struct buffer *output,
                      struct error *error)
{
    struct slice content = buffer_slice(output);

    if (!write_all(statistics->file, content.data, content.length)) {
        error_set_errno(error, "cannot write statistics to %s", statistics->path);
        return false;
    }
    buffer_reset(output);
    return true;
}

static bool fill(struct source *source, struct error *error)
{
    if (!refill(source)) {
        error_set_errno(error, "cannot read the statistics of a worker back");
        return false;
    }
    return true;
}

static bool merge(struct statistics *statistics, struct buffer *output, struct error *error)
{
    struct stamp stamp = {.second = INT64_MIN};
    struct source *source;

    while ((source = earliest(statistics)) != NULL) {
        append_row(output, &stamp, source->rows + source->at, statistics->offset);
        source->at++;
        if ((source->at == source->count && !fill(source, error)) ||
            (buffer_length(output) >= OUTPUT && !write_out(statistics, output, error))) {
            return false;
        }
    }
    return write_out(statistics, output, error);
}

bool statistics_write(struct statistics *statistics, struct error *error)
{
    struct buffer output = {0};
    bool ok = true;

    for (unsigned i = 0; i < statistics->count; i++) {
        statistics->sources[i].read = 0;
        ok = ok && fill(statistics->sources + i, error);
    }
    /* Of an old file nothing stays; devices and pipes have no length. */
    if (ok && ftruncate(statistics->file, 0) != 0 && errno != EINVAL) {
        error_set_errno(error, "cannot write statistics to %s", statistics->path);
        ok = false;
    }
    buffer_append_string(&output, "wall clock time,response time,message size\n");
    ok = ok && merge(statistics, &output, error);
    buffer_clear(&output);
    /* Some file systems say only now that there was no room. */
    if (statistics->file >= 0 && close(statistics->file) != 0 && ok) {
        error_set_errno(error, "cannot write statistics to %s", statistics->path);
        ok = false;
    }
    statistics->file = -1;
    return ok;
}
