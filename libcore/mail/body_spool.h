/*
 * body_spool - the body of a message: in memory while small, else in a file.
 *
 * Bytes are opaque (NULs, no line end handling).  Beyond the threshold
 * everything moves to an unlinked temporary file in $TMPDIR or /tmp
 * (manager-semantics section 4).  The spool owns memory and file until
 * body_spool_clear.
 */
#ifndef LIBCORE_MAIL_BODY_SPOOL_H
#define LIBCORE_MAIL_BODY_SPOOL_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

enum { BODY_SPOOL_THRESHOLD = 5242880 }; /* bytes kept in memory by default */

struct body_spool {
    size_t threshold;
    struct buffer memory; /* the body as long as file is -1 */
    int file;
    uint64_t size;
};

/* threshold in bytes; 0 puts the first byte into a file. */
void body_spool_init(struct body_spool *spool, size_t threshold);
/* Closes and frees everything; the spool must be initialised again. */
void body_spool_clear(struct body_spool *spool);
/* Makes the body empty for the next message: closes the file, frees all but a little memory. */
void body_spool_reset(struct body_spool *spool);

/*
 * Appends bytes, which must not be a chunk of this spool.  False when they cannot be stored (disk
 * full, no temporary file); the body is then what it was before the call.
 */
bool body_spool_append(struct body_spool *spool, struct slice bytes, struct error *error);
uint64_t body_spool_size(const struct body_spool *spool);
bool body_spool_in_file(const struct body_spool *spool);
/*
 * target, initialised, gets the body of source and loses its own; source is
 * empty afterwards.  Nothing is copied; readers of both must be initialised again.
 */
void body_spool_move(struct body_spool *target, struct body_spool *source);

/*
 * Copies up to size bytes from offset; *length gets how many, less than size
 * only at the end of the body.  False on an I/O error.
 */
bool body_spool_read(const struct body_spool *spool, uint64_t offset, char *bytes, size_t size,
                     size_t *length, struct error *error);

/*
 * A reader walks through the body with an offset of its own.  There may be
 * several, and the body may grow between two chunks.
 */
struct body_reader {
    const struct body_spool *spool;
    uint64_t offset;
    char *chunk; /* used only while the body is in a file */
    size_t capacity;
};

void body_reader_init(struct body_reader *reader, const struct body_spool *spool);
void body_reader_clear(struct body_reader *reader);
/*
 * The next limit bytes, fewer only at the end of the body as it is now; empty
 * at the end.  No copy is made while the body is in memory; from a file the
 * reader holds limit bytes.  The chunk is valid
 * until the next call for this reader and until the spool is changed.  False
 * on an I/O error; the offset is then unchanged.
 */
bool body_reader_next(struct body_reader *reader, size_t limit, struct slice *chunk,
                      struct error *error);
/* True when nothing is left to read at the moment. */
bool body_reader_at_end(const struct body_reader *reader);

#endif
