/*
 * word - the words of a line of text: bare, quoted, encoded, patterns.
 *
 *   word            bare: printable ASCII, no quotes, blanks or '#' in front
 *   "a \"b\"\r\n"   quoted: \n \r \t \\ \" \xHH; anything else as it stands
 *   base64:SGk=     bytes as base64
 *   file:PATH       the content of a file, read by whoever wants it
 *   *  a*b          bare with a '*': any bytes in its place
 *   /regexp/        extended regular expression, anywhere in the bytes
 *
 * Adjacent parts make one word (name="a b"); a backslash at the end of a line
 * lets a word go on behind the blanks of the next.  A bare word that would read as
 * one of the special forms is written quoted.
 */
#ifndef LIBCORE_BASE_WORD_H
#define LIBCORE_BASE_WORD_H

#include "libcore/base/arena.h"
#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

enum word_kind {
    WORD_LITERAL,
    WORD_GLOB,   /* text is the pattern; '*' stands for any bytes */
    WORD_REGEXP, /* text is the expression */
    WORD_FILE,   /* text is the path */
};

struct word {
    enum word_kind kind;
    struct slice text;
};

/*
 * Takes the next word off the front of line; its bytes go to the arena.  Blanks
 * and line ends are between words.  False at the end, and with *error set at a
 * mistake.
 */
bool word_next(struct slice *line, struct arena *arena, struct word *word, struct error *error);

/* Appends text so that word_next reads it back as a literal. */
void word_append(struct buffer *output, struct slice text);
/* Always in quotes. */
void word_append_quoted(struct buffer *output, struct slice text);
/* The value of a hexadecimal digit, -1 for anything else. */
int word_hex_digit(char digit);
/* True when text reads well in quotes: valid UTF-8 without control characters but TAB, CR, LF. */
bool word_is_text(struct slice text);

/* True when the bytes are what the word stands for.  An invalid expression matches nothing. */
bool word_matches(const struct word *word, struct slice bytes);
/* False with *error when the word is a regular expression that does not compile. */
bool word_check(const struct word *word, struct error *error);

#endif
