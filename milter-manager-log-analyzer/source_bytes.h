/*
 * source_bytes - the content of a log, unpacked.
 *
 * Owns the file's descriptor and what unpacks it; knows nothing of lines.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SOURCE_BYTES_H
#define MILTER_MANAGER_LOG_ANALYZER_SOURCE_BYTES_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct archive;

enum { SOURCE_BYTES_PACKED = 65536 /* packed bytes that are read at once */ };

struct source_bytes {
    const char *path; /* the caller's */
    int fd;
    bool regular; /* a file, from its beginning on */
    bool packed;  /* gzip, zstd, xz or bzip2, by its first bytes */
    bool begun;   /* the first bytes of a pipe have been seen */
    struct archive *archive;
    char *block;    /* packed bytes */
    size_t pending; /* in block, read already */
    uint64_t read;  /* bytes of the file that have been read */
    uint64_t given; /* unpacked ones that were given out */
    bool ended;     /* of packed ones */
};

/* path "-": standard input.  It must stay there.  False with *error. */
bool source_bytes_open(struct source_bytes *bytes, const char *path, struct error *error);
void source_bytes_close(struct source_bytes *bytes);
/* Up to size bytes; 0: none is there now; -1 with *error.  Waits for a pipe. */
ssize_t source_bytes_take(struct source_bytes *bytes, char *to, size_t size, struct error *error);
/* Back to the beginning, of a regular file. */
bool source_bytes_rewind(struct source_bytes *bytes, struct error *error);

#endif
