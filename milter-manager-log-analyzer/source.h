/*
 * source - the bytes of a log: a file that grows, one that was rotated away, a compressed one,
 * standard input.  Gives out whole lines.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SOURCE_H
#define MILTER_MANAGER_LOG_ANALYZER_SOURCE_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"
#include "milter-manager-log-analyzer/source_find.h"

#include <stdint.h>

struct source;

enum { SOURCE_HEAD = 1024, SOURCE_LINE = 65536 /* bytes of a line; longer ones are cut */ };

/* By what a log is known again wherever it has gone: its first bytes, once unpacked. */
struct source_identity {
    uint64_t device, inode; /* 0: a compressed file, or a pipe */
    uint64_t head_length;   /* up to SOURCE_HEAD */
    uint64_t head_hash;     /* of so many bytes */
};

/*
 * "-" is standard input, which is as good as a file where it is one.  Compressed ones (gzip, zstd,
 * xz, bzip2) are known by their content.  NULL with *error.
 */
struct source *source_open(const char *path, struct error *error);
void source_close(struct source *source);
const char *source_path(const struct source *source);
/* False: a pipe, whose lines cannot be read again. */
bool source_seekable(const struct source *source);
/* When the file was written last, seconds since 1970; now for a pipe. */
int64_t source_modified(const struct source *source);
/* Bytes in all, as far as they are known (compressed ones of the file); 0: not known. */
uint64_t source_size(const struct source *source);
/* As it is now: a file that was shorter than SOURCE_HEAD may have grown. */
void source_identify(const struct source *source, struct source_identity *identity);
/*
 * Tells a compressed file from what it will be when somebody writes to it, and from others; never
 * 0.  0: it is not compressed, or a pipe.
 */
uint64_t source_packed_mark(const struct source *source);
/* True when the source begins with the head the identity describes: it is that log, grown.  An
 * empty head is no head. */
bool source_begins_like(const struct source *source, const struct source_identity *identity);

/*
 * Goes to the byte of that offset of the unpacked content, which takes reading up to there when it
 * is compressed; false with *error: it ends before, or has passed already in a pipe (ERROR_USAGE),
 * or cannot be read.
 */
bool source_seek(struct source *source, uint64_t offset, struct error *error);
/* The offset behind the last line given out. */
uint64_t source_offset(const struct source *source);
/* For progress: bytes of the file that have been read. */
uint64_t source_bytes_read(const struct source *source);

enum source_result {
    SOURCE_LINE_READ, /* *line is whole, without its line end; valid until the next call */
    SOURCE_END,       /* no whole line is left now; a file may grow and be asked again */
    SOURCE_FAILED,    /* *error: I/O error, or a compressed file that is damaged: what could be
                         unpacked was given out before, and it is no use to ask again */
};
/*
 * line: may hold any byte but a line feed, also NUL; a carriage return at its end is gone.  cut: it
 * was longer than SOURCE_LINE; what follows up to its end is left out.
 */
enum source_result source_next_line(struct source *source, struct slice *line, bool *cut,
                                    struct error *error);
/* At the end of a rotated or compressed file, a last line without line end is a line. */
bool source_last_line(struct source *source, struct slice *line);
/*
 * To be asked at SOURCE_END of a file that may grow: true when it has been emptied, and perhaps
 * written again, since (copytruncate of logrotate).  It stays at its end until source_seek to 0,
 * and is another log then.
 */
bool source_shrunk(const struct source *source);

#endif
