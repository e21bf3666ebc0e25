/*
 * source - cuts the content of a log into lines.
 *
 * Owns one block: lines are parts of it, and only what is left at its end moves to its front when
 * it is filled again.
 */
#include "milter-manager-log-analyzer/source.h"

#include "libcore/base/hash.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/source_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 5 * SOURCE_LINE };

struct source {
    char *path;
    struct source_bytes bytes;
    char *block;
    size_t start, end;            /* of what was not given out yet */
    size_t scanned;               /* up to there is no line end */
    uint64_t offset;              /* of block[start] in the content */
    uint64_t dropped;             /* behind the first SOURCE_LINE bytes of a line that is longer */
    bool at_end;                  /* the last answer was SOURCE_END */
    struct source_identity begin; /* what it began with when it was looked at */
    char head[SOURCE_HEAD];       /* that, of packed ones */
    struct error failure;         /* said when everything before it was given out */
};

/* ---- what is known of it */

static bool is_plain_file(const struct source *source)
{
    return source->bytes.regular && !source->bytes.packed;
}

/* As far as it is there now. */
static size_t read_head(const struct source *source, char head[SOURCE_HEAD], size_t length)
{
    size_t count = 0;

    while (count < length) {
        ssize_t more = pread(source->bytes.fd, head + count, length - count, (off_t)count);

        if (more == 0 || (more < 0 && errno != EINTR)) {
            break;
        }
        count += more > 0 ? (size_t)more : 0;
    }
    return count;
}

void source_identify(const struct source *source, struct source_identity *identity)
{
    struct stat status;
    char head[SOURCE_HEAD];

    *identity = source->begin;
    if (is_plain_file(source)) {
        identity->head_length = read_head(source, head, SOURCE_HEAD);
        identity->head_hash = hash_bytes(HASH_SEED, slice_of(head, identity->head_length));
        if (fstat(source->bytes.fd, &status) == 0) {
            identity->device = status.st_dev;
            identity->inode = status.st_ino;
        }
    }
}

uint64_t source_packed_mark(const struct source *source)
{
    struct stat status;

    if (!source->bytes.regular || !source->bytes.packed || fstat(source->bytes.fd, &status) != 0) {
        return 0;
    }
    const uint64_t known[] = {
        status.st_dev,
        status.st_ino,
        (uint64_t)status.st_size,
        (uint64_t)status.st_mtim.tv_sec,
        (uint64_t)status.st_mtim.tv_nsec,
    };
    return hash_bytes(HASH_SEED, slice_of((const char *)known, sizeof(known))) | 1;
}

bool source_begins_like(const struct source *source, const struct source_identity *identity)
{
    char head[SOURCE_HEAD];
    size_t length = identity->head_length;

    if (length == 0 || length > SOURCE_HEAD || !source->bytes.regular) {
        return false;
    }
    if (is_plain_file(source)) {
        return read_head(source, head, length) == length &&
               hash_bytes(HASH_SEED, slice_of(head, length)) == identity->head_hash;
    }
    return length <= source->begin.head_length &&
           hash_bytes(HASH_SEED, slice_of(source->head, length)) == identity->head_hash;
}

uint64_t source_size(const struct source *source)
{
    struct stat status;

    return source->bytes.regular && fstat(source->bytes.fd, &status) == 0 ? (uint64_t)status.st_size
                                                                          : 0;
}

int64_t source_modified(const struct source *source)
{
    struct stat status;

    return source->bytes.regular && fstat(source->bytes.fd, &status) == 0 ? status.st_mtime
                                                                          : time(NULL);
}

const char *source_path(const struct source *source)
{
    return source->path;
}

bool source_seekable(const struct source *source)
{
    return source->bytes.regular;
}

uint64_t source_offset(const struct source *source)
{
    return source->offset;
}

uint64_t source_bytes_read(const struct source *source)
{
    return source->bytes.read;
}

bool source_shrunk(const struct source *source)
{
    uint64_t read = source->offset + source->dropped + (source->end - source->start);

    return is_plain_file(source) &&
           (source_size(source) < read ||
            (source->begin.head_length > 0 && !source_begins_like(source, &source->begin)));
}

/* ---- the block */

/* What is left moves to the front; false: nothing more is there now, or *error. */
static enum source_result fill(struct source *source, struct error *error)
{
    size_t left = source->end - source->start;

    if (source->failure.code != ERROR_NONE) {
        *error = source->failure;
        return SOURCE_FAILED;
    }
    if (source->at_end && source_shrunk(source)) {
        return SOURCE_END;
    }
    if (source->start > 0) {
        memmove(source->block, source->block + source->start, left);
        source->start = 0;
        source->end = source->scanned = left;
    }
    ssize_t count =
        source_bytes_take(&source->bytes, source->block + left, BLOCK - left, &source->failure);
    if (count < 0) {
        *error = source->failure;
        return SOURCE_FAILED;
    }
    source->at_end = count == 0;
    source->end += (size_t)count;
    return count > 0 ? SOURCE_LINE_READ : SOURCE_END;
}

static void forget_block(struct source *source, uint64_t offset)
{
    source->start = source->end = source->scanned = 0;
    source->offset = offset;
    source->dropped = 0;
    source->at_end = false;
    error_clear(&source->failure);
}

/* The head of what is packed is known only when it is unpacked; a failure is said later. */
static void look_at_head(struct source *source)
{
    struct error later = {0};

    if (is_plain_file(source)) {
        source_identify(source, &source->begin);
        return;
    }
    while (source->end < SOURCE_HEAD && fill(source, &later) == SOURCE_LINE_READ) {
        ;
    }
    size_t length = source->end < SOURCE_HEAD ? source->end : SOURCE_HEAD;
    memcpy(source->head, source->block, length);
    source->begin = (struct source_identity){
        .head_length = length, .head_hash = hash_bytes(HASH_SEED, slice_of(source->head, length))};
}

struct source *source_open(const char *path, struct error *error)
{
    struct source *source = NEW(struct source);

    source->path = memory_copy_string(path);
    if (!source_bytes_open(&source->bytes, source->path, error)) {
        free(source->path);
        free(source);
        return NULL;
    }
    source->block = memory_new(1, BLOCK);
    if (source->bytes.regular) { /* a pipe would make its reader wait here */
        look_at_head(source);
    }
    return source;
}

void source_close(struct source *source)
{
    if (source != NULL) {
        source_bytes_close(&source->bytes);
        free(source->block);
        free(source->path);
        free(source);
    }
}

/* ---- positions */

static bool ends_before(const struct source *source, uint64_t offset, struct error *error)
{
    error_set(error, ERROR_USAGE, "the log %s ends before byte %llu of its content", source->path,
              (unsigned long long)offset);
    return false;
}

/* Reads on to there. */
static bool read_to(struct source *source, uint64_t offset, struct error *error)
{
    for (;;) {
        uint64_t left = source->end - source->start;
        uint64_t step = offset - source->offset < left ? offset - source->offset : left;

        source->start += (size_t)step;
        source->offset += step;
        source->scanned = source->start;
        if (source->offset == offset) {
            return true;
        }
        switch (fill(source, error)) {
        case SOURCE_LINE_READ:
            break;
        case SOURCE_END:
            return ends_before(source, offset, error);
        case SOURCE_FAILED:
            return false;
        }
    }
}

bool source_seek(struct source *source, uint64_t offset, struct error *error)
{
    source->dropped = 0;
    if (is_plain_file(source)) {
        if (offset > source_size(source)) {
            return ends_before(source, offset, error);
        }
        if (lseek(source->bytes.fd, (off_t)offset, SEEK_SET) < 0) {
            error_set_errno(error, "cannot read the log %s from byte %llu on", source->path,
                            (unsigned long long)offset);
            return false;
        }
        forget_block(source, offset);
        source->bytes.read = offset;
        if (offset == 0) {
            look_at_head(source);
        }
        return true;
    }
    if (offset < source->offset) {
        if (!source->bytes.regular) {
            error_set(error, ERROR_USAGE, "what was read from a pipe cannot be read again");
            return false;
        }
        if (!source_bytes_rewind(&source->bytes, error)) {
            return false;
        }
        forget_block(source, 0);
    }
    return read_to(source, offset, error);
}

/* ---- lines */

/* Of a line that is too long only the beginning is kept while its end is looked for. */
static void drop_surplus(struct source *source)
{
    size_t length = source->end - source->start;

    if (length > SOURCE_LINE) {
        source->dropped += length - SOURCE_LINE;
        source->end = source->start + SOURCE_LINE;
    }
    source->scanned = source->end;
}

/* length: what is in the block, without the line end, which takes so many bytes more. */
static void give_line(struct source *source, size_t length, size_t line_end, struct slice *line,
                      bool *cut)
{
    const char *begin = source->block + source->start;

    *cut = source->dropped > 0 || length > SOURCE_LINE;
    source->start += length + line_end;
    source->scanned = source->start;
    source->offset += length + line_end + source->dropped;
    source->dropped = 0;
    if (*cut) {
        length = SOURCE_LINE;
    } else if (length > 0 && begin[length - 1] == '\r') {
        length--;
    }
    *line = slice_of(begin, length);
}

/* A head that was short at first has to be known before the file can be told from another. */
static void learn_head(struct source *source)
{
    if (is_plain_file(source) && source->begin.head_length < SOURCE_HEAD &&
        !source_shrunk(source)) {
        source_identify(source, &source->begin);
    }
}

enum source_result source_next_line(struct source *source, struct slice *line, bool *cut,
                                    struct error *error)
{
    for (;;) {
        const char *from = source->block + source->scanned;
        const char *found = source->end > source->scanned
                                ? memchr(from, '\n', source->end - source->scanned)
                                : NULL;

        if (found != NULL) {
            give_line(source, (size_t)(found - source->block) - source->start, 1, line, cut);
            return SOURCE_LINE_READ;
        }
        drop_surplus(source);
        enum source_result result = fill(source, error);
        if (result != SOURCE_LINE_READ) {
            learn_head(source);
            return result;
        }
    }
}

bool source_last_line(struct source *source, struct slice *line)
{
    bool cut;

    if (source->start == source->end) {
        return false;
    }
    give_line(source, source->end - source->start, 0, line, &cut);
    return true;
}
