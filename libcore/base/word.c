/*
 * word - the words of a line of text.  Pure functions; the arena is the caller's.
 */
#include "libcore/base/word.h"

#include "libcore/base/base64.h"
#include "libcore/base/memory.h"
#include "libcore/base/utf8.h"

#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char base64_prefix[] = "base64:";
static const char file_prefix[] = "file:";

static bool is_bare(char byte)
{
    return byte > ' ' && byte < 127 && byte != '"' && byte != '\\';
}

/* ---- reading */

int word_hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

    return found == NULL ? -1 : (int)(found - digits) - (found - digits > 15 ? 6 : 0);
}

static bool take_escape(struct slice *line, struct buffer *text, struct error *error)
{
    static const char letters[] = "nrt\\\"0", bytes[] = "\n\r\t\\\"\0";
    bool hex = line->length >= 3 && line->data[0] == 'x';
    int high = hex ? word_hex_digit(line->data[1]) : -1;
    int low = hex ? word_hex_digit(line->data[2]) : -1;
    const char *found;

    if (high >= 0 && low >= 0) {
        buffer_append_byte(text, (char)(high * 16 + low));
        slice_skip(line, 3);
        return true;
    }
    found = line->length > 0 ? memchr(letters, line->data[0], sizeof(letters) - 1) : NULL;
    if (found == NULL) {
        error_set(error, ERROR_USAGE,
                  "unknown escape \\%.*s; \\n \\r \\t \\\\ \\\" \\xHH are known",
                  line->length > 0 ? 1 : 0, line->length > 0 ? line->data : "");
        return false;
    }
    buffer_append_byte(text, bytes[found - letters]);
    slice_skip(line, 1);
    return true;
}

/* Behind the opening quote, up to and with the closing one, which stands in the same line. */
static bool take_quoted(struct slice *line, struct buffer *text, struct error *error)
{
    while (line->length > 0 && line->data[0] != '\n') {
        char byte = line->data[0];

        slice_skip(line, 1);
        if (byte == '"') {
            return true;
        }
        if (byte != '\\') {
            buffer_append_byte(text, byte);
        } else if (!take_escape(line, text, error)) {
            return false;
        }
    }
    error_set(error, ERROR_USAGE, "the closing \" is missing");
    return false;
}

/* A '/' that is meant is written \/; every other escape is the expression's. */
static bool take_regexp(struct slice *line, struct buffer *text, struct error *error)
{
    slice_skip(line, 1);
    while (line->length > 0 && line->data[0] != '\n') {
        char byte = line->data[0];

        slice_skip(line, 1);
        if (byte == '/' && (line->length == 0 || slice_blank_byte(line->data[0]))) {
            return true;
        }
        if (byte == '\\' && line->length > 0) {
            if (line->data[0] != '/') {
                buffer_append_byte(text, byte);
            }
            byte = line->data[0];
            slice_skip(line, 1);
        }
        buffer_append_byte(text, byte);
    }
    error_set(error, ERROR_USAGE, "the closing / is missing; a text that begins with / is quoted");
    return false;
}

/* A backslash at the end of a line: the word goes on behind the blanks of the next. */
static bool take_line_end(struct slice *line)
{
    size_t end = line->length > 1 && line->data[1] == '\r' ? 2 : 1;

    if (line->data[0] != '\\' || line->length <= end || line->data[end] != '\n') {
        return false;
    }
    slice_skip(line, end + 1);
    while (line->length > 0 && (line->data[0] == ' ' || line->data[0] == '\t')) {
        slice_skip(line, 1);
    }
    return true;
}

static bool take_parts(struct slice *line, struct buffer *text, bool *star, bool *quoted,
                       struct error *error)
{
    while (line->length > 0 && !slice_blank_byte(line->data[0])) {
        char byte = line->data[0];

        if (byte == '"') {
            slice_skip(line, 1);
            *quoted = true;
            if (!take_quoted(line, text, error)) {
                return false;
            }
            continue;
        }
        if (take_line_end(line)) {
            continue;
        }
        if (byte == '\\' || (unsigned char)byte < ' ' || byte == 127) {
            error_set(error, ERROR_USAGE, "the character 0x%02x needs quotes around the word",
                      (unsigned)(unsigned char)byte);
            return false;
        }
        *star = *star || byte == '*';
        buffer_append_byte(text, byte);
        slice_skip(line, 1);
    }
    return true;
}

static bool decode_word(struct buffer *text, struct word *word, struct error *error)
{
    struct slice coded = buffer_slice(text);
    struct buffer bytes = {0};
    bool ok = true;

    if (slice_starts_with(coded, base64_prefix)) {
        slice_skip(&coded, sizeof(base64_prefix) - 1);
        ok = base64_decode(coded, &bytes, error);
        buffer_reset(text);
        buffer_append_slice(text, buffer_slice(&bytes));
        buffer_clear(&bytes);
        word->kind = WORD_LITERAL;
    } else if (slice_starts_with(coded, file_prefix)) {
        buffer_consume(text, sizeof(file_prefix) - 1);
        word->kind = WORD_FILE;
    }
    return ok;
}

bool word_next(struct slice *line, struct arena *arena, struct word *word, struct error *error)
{
    struct buffer text = {0};
    bool star = false, quoted = false, special, ok;

    while (line->length > 0 && slice_blank_byte(line->data[0])) {
        slice_skip(line, 1);
    }
    if (line->length == 0) {
        return false;
    }
    if (line->data[0] == '#') {
        error_set(error, ERROR_USAGE,
                  "a word that begins with # is quoted; a comment has a line of its own");
        return false;
    }
    word->kind = WORD_LITERAL;
    special = line->data[0] != '"';
    if (line->data[0] == '/') {
        word->kind = WORD_REGEXP;
        ok = take_regexp(line, &text, error);
    } else {
        ok = take_parts(line, &text, &star, &quoted, error);
        if (star && !quoted) {
            word->kind = WORD_GLOB;
        }
        ok = ok && (!special || decode_word(&text, word, error));
    }
    word->text = arena_copy(arena, buffer_slice(&text));
    buffer_clear(&text);
    return ok;
}

/* ---- writing */

/* How many bytes at the front stand for themselves in quotes; texts are long. */
static size_t plain_length(struct slice text)
{
    size_t length = 0;

    while (length < text.length && (is_bare(text.data[length]) || text.data[length] == ' ')) {
        length++;
    }
    return length;
}

bool word_is_text(struct slice text)
{
    slice_skip(&text, plain_length(text));
    while (text.length > 0) {
        unsigned char byte = (unsigned char)text.data[0];
        size_t length = utf8_length(text);

        if (length == 0 || byte == 127 ||
            (byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n')) {
            return false;
        }
        slice_skip(&text, length);
        slice_skip(&text, plain_length(text));
    }
    return true;
}

static void append_escaped(struct buffer *output, char byte)
{
    static const char bytes[] = "\n\r\t\\\"", letters[] = "nrt\\\"";
    const char *found = byte != '\0' ? strchr(bytes, byte) : NULL;

    if (found != NULL) {
        buffer_append_byte(output, '\\');
        buffer_append_byte(output, letters[found - bytes]);
    } else {
        buffer_append_format(output, "\\x%02x", (unsigned)(unsigned char)byte);
    }
}

void word_append_quoted(struct buffer *output, struct slice text)
{
    buffer_append_byte(output, '"');
    while (text.length > 0) {
        size_t plain = plain_length(text);
        size_t length = plain > 0 ? plain : utf8_length(text);

        if (plain > 0 || length > 1) {
            buffer_append(output, text.data, length);
        } else {
            append_escaped(output, text.data[0]);
            length = 1;
        }
        slice_skip(&text, length);
    }
    buffer_append_byte(output, '"');
}

void word_append(struct buffer *output, struct slice text)
{
    bool bare = text.length > 0 && text.data[0] != '/' && text.data[0] != '#' &&
                !slice_starts_with(text, base64_prefix) && !slice_starts_with(text, file_prefix);

    for (size_t i = 0; bare && i < text.length; i++) {
        bare = is_bare(text.data[i]) && text.data[i] != '*';
    }
    if (bare) {
        buffer_append_slice(output, text);
    } else {
        word_append_quoted(output, text);
    }
}

/* ---- matching */

/* The text between two stars is looked for at its first place: that is enough for '*'. */
static bool glob_matches(struct slice pattern, struct slice bytes)
{
    const char *star = memchr(pattern.data, '*', pattern.length);
    size_t head = star != NULL ? (size_t)(star - pattern.data) : pattern.length;

    if (bytes.length < head || memcmp(pattern.data, bytes.data, head) != 0) {
        return false;
    }
    slice_skip(&pattern, head);
    slice_skip(&bytes, head);
    while (pattern.length > 0) {
        const char *next, *found;
        size_t part;

        slice_skip(&pattern, 1);
        next = memchr(pattern.data, '*', pattern.length);
        part = next != NULL ? (size_t)(next - pattern.data) : pattern.length;
        if (next == NULL) {
            return bytes.length >= part &&
                   memcmp(bytes.data + bytes.length - part, pattern.data, part) == 0;
        }
        found = part > 0 ? memmem(bytes.data, bytes.length, pattern.data, part) : bytes.data;
        if (found == NULL) {
            return false;
        }
        slice_skip(&bytes, (size_t)(found - bytes.data) + part);
        slice_skip(&pattern, part);
    }
    return bytes.length == 0;
}

static bool compile(const struct word *word, regex_t *regexp, struct error *error)
{
    char *text = memory_copy_bytes(word->text.data, word->text.length);
    int status = regcomp(regexp, text, REG_EXTENDED);
    char why[128];

    if (status != 0) {
        (void)regerror(status, regexp, why, sizeof(why));
        error_set(error, ERROR_USAGE, "the regular expression /%s/ is invalid: %s", text, why);
    }
    free(text);
    return status == 0;
}

bool word_check(const struct word *word, struct error *error)
{
    regex_t regexp;

    if (word->kind != WORD_REGEXP) {
        return true;
    }
    if (!compile(word, &regexp, error)) {
        return false;
    }
    regfree(&regexp);
    return true;
}

/* REG_STARTEND lets the bytes hold NULs. */
static bool regexp_matches(const struct word *word, struct slice bytes)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)bytes.length};
    regex_t regexp;
    bool found;

    if (!compile(word, &regexp, NULL)) {
        return false;
    }
    found = regexec(&regexp, bytes.length > 0 ? bytes.data : "", 1, &range, REG_STARTEND) == 0;
    regfree(&regexp);
    return found;
}

bool word_matches(const struct word *word, struct slice bytes)
{
    switch (word->kind) {
    case WORD_GLOB:
        return glob_matches(word->text, bytes);
    case WORD_REGEXP:
        return regexp_matches(word, bytes);
    default:
        return slice_equal(word->text, bytes);
    }
}
