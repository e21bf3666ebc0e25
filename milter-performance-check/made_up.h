/*
 * made_up - mails that are in no file (tools.md section 3): a header made for
 * each mail, a body prepared once.
 */
#ifndef MILTER_PERFORMANCE_CHECK_MADE_UP_H
#define MILTER_PERFORMANCE_CHECK_MADE_UP_H

#include "libcore/base/buffer.h"
#include "milter-performance-check/size_distribution.h"

struct made_up_options {
    struct slice helo;
    const struct slice *recipients; /* for To: */
    size_t recipient_count;
    unsigned additional_lines;
    const char *size_distribution; /* NULL, or the sizes of whole mails */
    uint64_t seed;
};

struct made_up;

/* Copies what it needs; NULL with *error: the sizes are not understood, or too much. */
struct made_up *made_up_new(const struct made_up_options *options, struct error *error);
void made_up_free(struct made_up *made_up);
/*
 * The mail of that number: the head goes to the buffer, which is emptied before,
 * the body belongs to made_up and stays.  Each Message-Id is new as long as no number
 * comes twice, also among processes that were forked, and runs.
 */
struct slice made_up_take(struct made_up *made_up, uint64_t number, struct slice sender,
                          struct buffer *head);

#endif
