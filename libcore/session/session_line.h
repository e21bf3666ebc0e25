/*
 * session_line - one packet as a line of a session file, and back
 * (milter-session(5)).
 *
 * A line is a name and words: `header Subject "Hi there"`.  Every payload can
 * be written, also one no MTA or filter would send: what does not read back as
 * the same bytes becomes `packet LETTER BYTES`.
 */
#ifndef LIBCORE_SESSION_SESSION_LINE_H
#define LIBCORE_SESSION_SESSION_LINE_H

#include "libcore/base/word.h"
#include "libcore/wire/packet.h"
#include "libcore/wire/protocol.h"

enum session_side {
    SESSION_SIDE_MTA,    /* commands */
    SESSION_SIDE_FILTER, /* replies and edits */
};

/*
 * Appends the packet as a line, LF included, without a sign of direction in
 * front.  Longer texts take several lines, those after the first indented.
 */
void session_line_append(struct buffer *output, enum session_side side,
                         const struct packet *packet);
enum { SESSION_LINE_HEX = 64 }; /* bytes in a line of hex */
/*
 * The same for bytes that are no packet: "hex 00 01 ...".  How many of them come at a time is not
 * the filter's choice, so only the first SESSION_LINE_HEX are written, and " *" for the others.
 */
void session_line_append_hex(struct buffer *output, struct slice bytes);

/* A blank and a word; one of several lines is written as such, indented. */
void session_line_append_word(struct buffer *output, struct slice text);

/*
 * What the words of a line stand for: the letter, and the payload, which is
 * appended.  All words are literals.  False with *error naming the mistake and
 * what would be right.
 */
bool session_line_encode(enum session_side side, const struct word *words, size_t count,
                         char *letter, struct buffer *payload, struct error *error);
/* "00 01 ff" or "0001ff", appended as bytes. */
bool session_line_encode_hex(const struct word *words, size_t count, struct buffer *bytes,
                             struct error *error);

/*
 * "header NAME VALUE" leaves out the blank behind the colon, as MTAs do for most
 * filters; this one has the value exactly as it stands behind the colon.
 */
#define SESSION_LINE_VERBATIM "header-verbatim"

/* True when that name's words are parts of one text: "body". */
bool session_line_is_text(enum session_side side, struct slice name);
/* True when a line of that side may begin with the name. */
bool session_line_knows(enum session_side side, struct slice name);

#endif
