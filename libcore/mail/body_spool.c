/*
 * body_spool - the body of a message: in memory while small, else in a file.
 *
 * Owns one buffer or one unlinked file, never both filled.  File access blocks:
 * it is the page cache of the local temporary directory.  Writing goes to the
 * known end of the body, so that a failed append leaves the body as it was.
 */
#include "libcore/mail/body_spool.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BODY_SPOOL_KEPT = 65536 /* memory a spool may keep between messages */
};

void body_spool_init(struct body_spool *spool, size_t threshold)
{
    *spool = (struct body_spool){.threshold = threshold, .file = -1};
}

void body_spool_reset(struct body_spool *spool)
{
    if (spool->memory.capacity > BODY_SPOOL_KEPT) {
        buffer_clear(&spool->memory);
    }
    buffer_reset(&spool->memory);
    if (spool->file >= 0) {
        (void)close(spool->file);
        spool->file = -1;
    }
    spool->size = 0;
}

void body_spool_clear(struct body_spool *spool)
{
    body_spool_reset(spool);
    buffer_clear(&spool->memory);
}

/* For file systems without O_TMPFILE. */
static int body_spool_create_named(const char *directory)
{
    char *path = memory_format("%s/body.XXXXXX", directory);
    int file = mkostemp(path, O_CLOEXEC);

    if (file >= 0) {
        int saved = errno;

        (void)unlink(path);
        errno = saved;
    }
    free(path);
    return file;
}

static int body_spool_create(struct error *error)
{
    const char *directory = getenv("TMPDIR");
    int file;

    if (directory == NULL || directory[0] == '\0') {
        directory = "/tmp";
    }
    file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
        file = body_spool_create_named(directory);
    }
    if (file < 0) {
        error_set_errno(error, "cannot create a temporary file for the body in %s", directory);
    }
    return file;
}

static bool body_spool_write(int file, uint64_t offset, struct slice bytes, struct error *error)
{
    while (bytes.length > 0) {
        ssize_t written = pwrite(file, bytes.data, bytes.length, (off_t)offset);

        if (written > 0) {
            offset += (uint64_t)written;
            slice_skip(&bytes, (size_t)written);
        } else if (written == 0 || errno != EINTR) {
            error_set_errno(error, "cannot write the body to its temporary file");
            return false;
        }
    }
    return true;
}

/* Leaves memory as the place of the body when the move fails. */
static bool body_spool_move_to_file(struct body_spool *spool, struct error *error)
{
    int file = body_spool_create(error);

    if (file < 0) {
        return false;
    }
    if (!body_spool_write(file, 0, buffer_slice(&spool->memory), error)) {
        (void)close(file);
        return false;
    }
    spool->file = file;
    buffer_clear(&spool->memory);
    return true;
}

bool body_spool_append(struct body_spool *spool, struct slice bytes, struct error *error)
{
    if (bytes.length == 0) {
        return true;
    }
    if (spool->file < 0 && bytes.length <= spool->threshold &&
        spool->size <= spool->threshold - bytes.length) {
        buffer_append_slice(&spool->memory, bytes);
        spool->size += bytes.length;
        return true;
    }
    if (spool->file < 0 && !body_spool_move_to_file(spool, error)) {
        return false;
    }
    if (!body_spool_write(spool->file, spool->size, bytes, error)) {
        return false;
    }
    spool->size += bytes.length;
    return true;
}

uint64_t body_spool_size(const struct body_spool *spool)
{
    return spool->size;
}

bool body_spool_in_file(const struct body_spool *spool)
{
    return spool->file >= 0;
}

void body_spool_move(struct body_spool *target, struct body_spool *source)
{
    struct body_spool moved = *source;

    if (target == source) {
        return;
    }
    moved.threshold = target->threshold;
    body_spool_clear(target);
    *target = moved;
    body_spool_init(source, source->threshold);
}

bool body_spool_read(const struct body_spool *spool, uint64_t offset, char *bytes, size_t size,
                     size_t *length, struct error *error)
{
    *length = 0;
    if (offset >= spool->size || size == 0) {
        return true;
    }
    if (size > spool->size - offset) {
        size = (size_t)(spool->size - offset);
    }
    if (spool->file < 0) {
        memcpy(bytes, buffer_slice(&spool->memory).data + offset, size);
        *length = size;
        return true;
    }
    while (*length < size) {
        ssize_t got =
            pread(spool->file, bytes + *length, size - *length, (off_t)(offset + *length));

        if (got > 0) {
            *length += (size_t)got;
        } else if (got == 0) {
            error_set(error, ERROR_SYSTEM, "the temporary file of the body has become shorter");
            return false;
        } else if (errno != EINTR) {
            error_set_errno(error, "cannot read the body from its temporary file");
            return false;
        }
    }
    return true;
}

void body_reader_init(struct body_reader *reader, const struct body_spool *spool)
{
    *reader = (struct body_reader){.spool = spool};
}

void body_reader_clear(struct body_reader *reader)
{
    free(reader->chunk);
    *reader = (struct body_reader){.spool = reader->spool};
}

bool body_reader_next(struct body_reader *reader, size_t limit, struct slice *chunk,
                      struct error *error)
{
    const struct body_spool *spool = reader->spool;
    uint64_t left = reader->offset < spool->size ? spool->size - reader->offset : 0;
    size_t length = left < limit ? (size_t)left : limit;

    *chunk = slice_of("", 0);
    if (length == 0) {
        return true;
    }
    if (spool->file < 0) {
        *chunk = slice_of(buffer_slice(&spool->memory).data + reader->offset, length);
        reader->offset += length;
        return true;
    }
    if (reader->capacity < length) {
        reader->chunk = memory_resize(reader->chunk, length, 1);
        reader->capacity = length;
    }
    if (!body_spool_read(spool, reader->offset, reader->chunk, length, &length, error)) {
        return false;
    }
    *chunk = slice_of(reader->chunk, length);
    reader->offset += length;
    return true;
}

bool body_reader_at_end(const struct body_reader *reader)
{
    return reader->offset >= reader->spool->size;
}
