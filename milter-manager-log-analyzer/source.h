/*
 * source - the bytes of a log: a file that grows, one that was rotated away, a compressed one,
 * standard input.  Gives out whole lines.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SOURCE_H
#define MILTER_MANAGER_LOG_ANALYZER_SOURCE_H

#include "libcore/base/error.h"
#include "libcore/base/options.h"
#include "libcore/base/slice.h"

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
 * The files that patterns mean, oldest first: names as they are, "mail.log*" as a shell would, and
 * of a rotated set mail.log.3.gz before mail.log.2.gz before mail.log.1 before mail.log (also with
 * dates: mail.log-20240501).  False with *error naming what is not there.
 */
bool source_find(const struct option_strings *patterns, struct option_strings *paths,
                 struct error *error);

/* "-" is standard input.  Compressed ones (gzip, zstd, xz, bzip2) are known by their content. */
struct source *source_open(const char *path, struct error *error);
void source_close(struct source *source);
const char *source_path(const struct source *source);
/* False: standard input or another pipe, whose lines cannot be read again. */
bool source_seekable(const struct source *source);
/* When the file was written last, seconds since 1970; now for a pipe. */
int64_t source_modified(const struct source *source);
/* Bytes in all, as far as they are known (compressed ones of the file); 0: not known. */
uint64_t source_size(const struct source *source);
void source_identify(const struct source *source, struct source_identity *identity);
/* True when the source begins with the head the identity describes: it is that log, grown. */
bool source_begins_like(const struct source *source, const struct source_identity *identity);

/* Goes to the byte of that offset of the unpacked content; false with *error: it ends before. */
bool source_seek(struct source *source, uint64_t offset, struct error *error);
/* The offset behind the last line given out. */
uint64_t source_offset(const struct source *source);
/* For progress: bytes of the file that have been read. */
uint64_t source_bytes_read(const struct source *source);

enum source_result {
    SOURCE_LINE_READ, /* *line is whole, without its line end; valid until the next call */
    SOURCE_END,       /* no whole line is left now; a file may grow and be asked again */
    SOURCE_FAILED,    /* *error: I/O error, or a compressed file that is damaged */
};
/* cut: the line was longer than SOURCE_LINE; what follows up to its end is left out. */
enum source_result source_next_line(struct source *source, struct slice *line, bool *cut,
                                    struct error *error);
/* At the end of a rotated or compressed file, a last line without line end is a line. */
bool source_last_line(struct source *source, struct slice *line);

#endif
