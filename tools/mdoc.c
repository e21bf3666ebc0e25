/*
 * mdoc - texts with `literals' to mdoc(7) lines: one sentence in a line, a macro
 * line for each literal.  Owns nothing; escapes whatever roff would heed.
 */
#include "tools/mdoc.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WIDTH = 79 };

static const char closing[] = ".,;:!?)";

struct writer {
    FILE *out;
    size_t column; /* 0: at the beginning of a line */
};

static void put(char byte, bool quoted, FILE *out)
{
    if (byte == '\\') {
        (void)fputs("\\e", out);
    } else if (byte == '"' && quoted) {
        (void)fputs("\\(dq", out);
    } else {
        (void)fputc(byte, out);
    }
}

/* In quotes, and never taken for punctuation or for the name of a macro. */
static void argument(const char *text, size_t length, FILE *out)
{
    (void)fputs("\"\\&", out);
    for (size_t i = 0; i < length; i++) {
        put(text[i], true, out);
    }
    (void)fputs(length > 0 && strchr(closing, text[length - 1]) != NULL ? "\\&\"" : "\"", out);
}

void mdoc_argument(const char *text, FILE *out)
{
    argument(text, strlen(text), out);
}

static bool is_section(const char *text, size_t length)
{
    bool blank = false;

    for (size_t i = 0; i < length; i++) {
        blank = blank || text[i] == ' ';
        if (text[i] != ' ' && !isupper((unsigned char)text[i])) {
            return false;
        }
    }
    return blank;
}

/* NAME(8): where the bracket is, 0 when it is no page. */
static size_t page_bracket(const char *text, size_t length)
{
    for (size_t i = 0; i + 3 < length; i++) {
        if (!islower((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL) {
            return 0;
        }
    }
    return length > 3 && text[length - 3] == '(' && isdigit((unsigned char)text[length - 2]) &&
                   text[length - 1] == ')'
               ? length - 3
               : 0;
}

/* .Xx text, without the end of the line. */
static void literal(const char *opening, const char *text, size_t length, FILE *out)
{
    size_t bracket = page_bracket(text, length);

    if (bracket > 0) {
        (void)fprintf(out, ".Xr %s%.*s %c", opening, (int)bracket, text, text[length - 2]);
    } else if (length > 1 && text[0] == '$' && isupper((unsigned char)text[1])) {
        (void)fprintf(out, ".Ev %s%.*s", opening, (int)(length - 1), text + 1);
    } else {
        (void)fprintf(out, "%s %s", is_section(text, length) ? ".Sx" : ".Li", opening);
        argument(text, length, out);
    }
}

static void end_line(struct writer *writer)
{
    if (writer->column > 0) {
        (void)fputc('\n', writer->out);
        writer->column = 0;
    }
}

static bool at_literal(const char *text)
{
    return text[0] == '`' || (text[0] == '(' && text[1] == '`');
}

/* What a blank in front of text means: nothing, the end of the line, or a blank. */
static void blank(struct writer *writer, const char *text)
{
    if (writer->column == 0 || at_literal(text)) {
        return;
    }
    if (strchr(".?!", text[-2]) != NULL || writer->column + 1 + strcspn(text, " `") > WIDTH) {
        end_line(writer);
        return;
    }
    (void)fputc(' ', writer->out);
    writer->column++;
}

/* Writes the words up to the next literal or the end; returns where it stopped. */
static const char *plain(struct writer *writer, const char *text)
{
    for (; *text != '\0' && !at_literal(text); text++) {
        if (*text == ' ') {
            blank(writer, text + 1);
            continue;
        }
        if (writer->column == 0 && strchr(".'", *text) != NULL) {
            (void)fputs("\\&", writer->out);
        }
        put(*text, false, writer->out);
        writer->column++;
    }
    return text;
}

void mdoc_text(const char *text, FILE *out)
{
    struct writer writer = {.out = out};
    const char *last = text + strlen(text) - 1;
    const char *end;

    for (;;) {
        const char *opening = "";

        text = plain(&writer, text);
        if (*text == '(') {
            opening = "( ";
            text++;
        }
        if (*text != '`' || (end = strchr(text + 1, '`')) == NULL) {
            break;
        }
        end_line(&writer);
        literal(opening, text + 1, (size_t)(end - text - 1), out);
        for (text = end + 1; *text != '\0' && strchr(closing, *text) != NULL; text++) {
            (void)fprintf(out, " %c", *text);
        }
        (void)fputc('\n', out);
    }
    if (strchr(".?!", *last) == NULL && writer.column > 0) {
        (void)fputc('.', out);
    }
    end_line(&writer);
}
