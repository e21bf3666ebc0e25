/*
 * source_bytes - reads a file, a pipe or, through libarchive, what is packed in one.
 *
 * The only file that knows libarchive.
 */
#include "milter-manager-log-analyzer/source_bytes.h"

#include "libcore/base/memory.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_for_people(const struct source_bytes *bytes)
{
    return strcmp(bytes->path, "-") == 0 ? "standard input" : bytes->path;
}

/* By the first bytes: a log begins with none of these. */
static bool is_packed(const char *begin, size_t length)
{
    static const struct {
        const char *bytes;
        size_t length;
    } magics[] = {{"\x1f\x8b", 2},
                  {"\x28\xb5\x2f\xfd", 4},
                  {"\xfd"
                   "7zXZ\0",
                   6},
                  {"BZh", 3}};

    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (length >= magics[i].length && memcmp(begin, magics[i].bytes, magics[i].length) == 0) {
            return true;
        }
    }
    return false;
}

/* Standard input may be somebody's who does not want to wait. */
static ssize_t read_fd(struct source_bytes *bytes, char *to, size_t size)
{
    ssize_t count;

    for (;;) {
        count = read(bytes->fd, to, size);
        if (count < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = bytes->fd, .events = POLLIN};
            (void)poll(&wait, 1, -1);
        } else if (count >= 0 || errno != EINTR) {
            break;
        }
    }
    bytes->read += count > 0 ? (uint64_t)count : 0;
    return count;
}

/* ---- what is packed */

static la_ssize_t give_packed(struct archive *archive, void *owner, const void **block)
{
    struct source_bytes *bytes = owner;
    ssize_t count = (ssize_t)bytes->pending;

    if (count == 0) {
        count = read_fd(bytes, bytes->block, SOURCE_BYTES_PACKED);
    }
    bytes->pending = 0;
    *block = bytes->block;
    if (count < 0) {
        archive_set_error(archive, errno, "%s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    return count;
}

static ssize_t packed_failed(struct source_bytes *bytes, struct error *error)
{
    const char *cause = archive_error_string(bytes->archive);

    error_set(error, ERROR_SYSTEM,
              "%s is damaged: behind %llu bytes of its content it cannot be unpacked: %s",
              path_for_people(bytes), (unsigned long long)bytes->given,
              cause == NULL ? "its end is missing" : cause);
    return -1;
}

static bool packed_begin(struct source_bytes *bytes, struct error *error)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;

    if (archive == NULL) {
        error_set(error, ERROR_SYSTEM, "no memory to unpack %s", path_for_people(bytes));
        return false;
    }
    bytes->archive = archive;
    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_filter_zstd(archive);
    (void)archive_read_support_filter_xz(archive);
    (void)archive_read_support_filter_bzip2(archive);
    (void)archive_read_support_format_raw(archive);
    (void)archive_read_support_format_empty(archive);
    if (archive_read_open(archive, bytes, NULL, give_packed, NULL) < ARCHIVE_WARN) {
        return packed_failed(bytes, error) >= 0;
    }
    int result = archive_read_next_header(archive, &entry);
    if (result == ARCHIVE_FATAL || result == ARCHIVE_FAILED || result == ARCHIVE_RETRY) {
        return packed_failed(bytes, error) >= 0;
    }
    /* Less than a header after the first bytes is no packed data to libarchive. */
    if (archive_filter_count(archive) < 2) {
        archive_set_error(archive, EILSEQ, "its header is cut off");
        return packed_failed(bytes, error) >= 0;
    }
    bytes->ended = result == ARCHIVE_EOF;
    return true;
}

static ssize_t packed_take(struct source_bytes *bytes, char *to, size_t size, struct error *error)
{
    if (bytes->archive == NULL && !packed_begin(bytes, error)) {
        return -1;
    }
    if (bytes->ended) {
        return 0;
    }
    la_ssize_t count = archive_read_data(bytes->archive, to, size);
    if (count < 0) {
        return packed_failed(bytes, error);
    }
    bytes->ended = count == 0;
    bytes->given += (uint64_t)count;
    return count;
}

static void packed_end(struct source_bytes *bytes)
{
    if (bytes->archive != NULL) {
        (void)archive_read_free(bytes->archive);
        bytes->archive = NULL;
    }
    bytes->ended = false;
    bytes->pending = 0;
    bytes->given = 0;
}

/* ---- */

bool source_bytes_open(struct source_bytes *bytes, const char *path, struct error *error)
{
    struct stat status;
    char begin[8];

    *bytes = (struct source_bytes){.path = path, .fd = STDIN_FILENO};
    if (strcmp(path, "-") != 0) {
        bytes->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (bytes->fd < 0 || fstat(bytes->fd, &status) != 0) {
        error_set_errno(error, "cannot read the log %s", path_for_people(bytes));
        source_bytes_close(bytes);
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        error_set(error, ERROR_USAGE, "%s is a directory, not a log", path_for_people(bytes));
        source_bytes_close(bytes);
        return false;
    }
    bytes->regular = S_ISREG(status.st_mode) && lseek(bytes->fd, 0, SEEK_CUR) == 0;
    if (bytes->regular) {
        ssize_t count = pread(bytes->fd, begin, sizeof(begin), 0);

        bytes->packed = count > 0 && is_packed(begin, (size_t)count);
        bytes->begun = true;
    }
    bytes->block = memory_new(1, SOURCE_BYTES_PACKED);
    return true;
}

void source_bytes_close(struct source_bytes *bytes)
{
    packed_end(bytes);
    free(bytes->block);
    bytes->block = NULL;
    if (bytes->fd > STDIN_FILENO) {
        close(bytes->fd);
    }
    bytes->fd = -1;
}

/* A pipe shows what it is with its first bytes. */
static ssize_t begin_pipe(struct source_bytes *bytes)
{
    ssize_t count = read_fd(bytes, bytes->block, SOURCE_BYTES_PACKED);

    bytes->begun = count > 0;
    bytes->pending = count > 0 ? (size_t)count : 0;
    bytes->packed = bytes->begun && is_packed(bytes->block, bytes->pending);
    return count;
}

static ssize_t plain_take(struct source_bytes *bytes, char *to, size_t size)
{
    if (bytes->pending > 0) {
        size_t count = bytes->pending < size ? bytes->pending : size;

        memcpy(to, bytes->block, count);
        bytes->pending -= count;
        memmove(bytes->block, bytes->block + count, bytes->pending);
        return (ssize_t)count;
    }
    return read_fd(bytes, to, size);
}

ssize_t source_bytes_take(struct source_bytes *bytes, char *to, size_t size, struct error *error)
{
    ssize_t count = bytes->begun ? 1 : begin_pipe(bytes);

    if (count > 0) {
        if (bytes->packed) {
            return packed_take(bytes, to, size, error);
        }
        count = plain_take(bytes, to, size);
    }
    if (count < 0) {
        error_set_errno(error, "cannot read the log %s", path_for_people(bytes));
    }
    return count;
}

bool source_bytes_rewind(struct source_bytes *bytes, struct error *error)
{
    packed_end(bytes);
    if (lseek(bytes->fd, 0, SEEK_SET) != 0) {
        error_set_errno(error, "cannot read the log %s again", path_for_people(bytes));
        return false;
    }
    bytes->read = 0;
    return true;
}
