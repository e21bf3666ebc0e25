/*
 * event_report - reads the header fields that are known.
 *
 * Values come from mails: they may be folded, cut off, or nonsense.
 */
#include "milter-manager-log-analyzer/event_report.h"

#include "milter-manager-log-analyzer/scan.h"

#include <strings.h>

struct report {
    unsigned *counts;
    bool any;
};

static void report_count(struct report *report, struct slice item)
{
    unsigned found;

    if (series_item_find(SERIES_REPORT, item, &found)) {
        report->counts[found]++;
        report->any = true;
    }
}

static void report_count_word(struct report *report, const char *item)
{
    report_count(report, slice_from_string(item));
}

static struct slice trimmed(struct slice text)
{
    scan_blanks(&text);
    while (text.length > 0 && scan_is_blank(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

static bool same_word(struct slice text, const char *word)
{
    return slice_equal_ignoring_case(text, slice_from_string(word));
}

/* A blank of words stands for any number of them in text, which may be folded there. */
static bool take_words(struct slice *text, const char *words)
{
    struct slice rest = *text;

    for (; *words != '\0'; words++) {
        if (*words == ' ') {
            if (!scan_is_blank(scan_peek(&rest))) {
                return false;
            }
            scan_blanks(&rest);
        } else if (!scan_byte(&rest, *words)) {
            return false;
        }
    }
    *text = rest;
    return true;
}

/* What stands behind the words, wherever they are. */
static bool find_words(struct slice text, const char *words, struct slice *behind)
{
    for (; text.length > 0; scan_skip(&text, 1)) {
        if (text.data[0] == words[0]) {
            *behind = text;
            if (take_words(behind, words)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- single fields */

static void report_spam_flag(struct report *report, struct slice value)
{
    if (same_word(trimmed(value), "yes")) {
        report_count_word(report, "spam");
    }
}

/* "tests=A,B,\n C" of SpamAssassin, "tests=[A=1.5, B=2]" of amavis. */
static void report_spam_status(struct report *report, struct slice value)
{
    struct slice rest;
    bool more = true;

    if (!find_words(value, "tests=", &rest)) {
        return;
    }
    (void)scan_byte(&rest, '[');
    while (more) {
        scan_blanks(&rest);
        if (SCAN_HAS(&rest, "URIBL_")) {
            report_count_word(report, "uribl");
            return;
        }
        while (rest.length > 0 && rest.data[0] != ',' && !scan_is_blank(rest.data[0])) {
            scan_skip(&rest, 1);
        }
        scan_blanks(&rest);
        more = scan_byte(&rest, ',');
    }
}

static void report_greylist(struct report *report, struct slice value)
{
    struct slice rest;
    uint64_t seconds;

    if (find_words(value, "Message whitelisted by tarpit ", &rest) &&
        scan_number(&rest, &seconds) && scan_peek(&rest) == 's') {
        report_count_word(report, "tarpitting-pass");
    }
    rest = trimmed(value);
    if (take_words(&rest, "Delayed for")) {
        report_count_word(report, "greylisting-pass");
    }
    if (find_words(value, "Sender is SPF-compliant", &rest) ||
        find_words(value, "Sender passed SPF test", &rest)) {
        report_count_word(report, "spf-pass");
    }
}

static void report_virus(struct report *report, struct slice value)
{
    struct slice rest = trimmed(value);

    if (SCAN_HAS(&rest, "Infected")) {
        report_count_word(report, "virus");
    }
}

/* ---- Authentication-Results (RFC 8601) */

/* "(...)" with others in it, behind its first bracket; one that is cut off ends with the value. */
static struct slice take_comment(struct slice *rest)
{
    const char *begin = rest->data;
    size_t depth = 1;

    while (rest->length > 0) {
        char byte = rest->data[0];

        scan_skip(rest, byte == '\\' && rest->length > 1 ? 2 : 1);
        depth += byte == '(';
        depth -= byte == ')';
        if (depth == 0) {
            return slice_of(begin, (size_t)(rest->data - begin) - 1);
        }
    }
    return slice_of(begin, (size_t)(rest->data - begin));
}

/* Blanks and comments; the first comment is what a result may be explained by. */
static void take_blanks(struct slice *rest, struct slice *comment)
{
    *comment = slice_of("", 0);
    for (;;) {
        scan_blanks(rest);
        if (!scan_byte(rest, '(')) {
            return;
        }
        struct slice one = take_comment(rest);
        if (comment->length == 0) {
            *comment = one;
        }
    }
}

static void skip_quoted(struct slice *rest)
{
    while (rest->length > 0 && !scan_byte(rest, '"')) {
        scan_skip(rest, rest->data[0] == '\\' && rest->length > 1 ? 2 : 1);
    }
}

/* Up to what ends a word here; a quoted string is one, of which nothing is known. */
static struct slice take_word(struct slice *rest, bool name)
{
    const char *begin = rest->data;

    if (scan_byte(rest, '"')) {
        skip_quoted(rest);
        return slice_of("", 0);
    }
    while (rest->length > 0 && !scan_is_blank(rest->data[0]) && rest->data[0] != ';' &&
           rest->data[0] != '(' && !(name && (rest->data[0] == '=' || rest->data[0] == '"'))) {
        scan_skip(rest, 1);
    }
    return slice_of(begin, (size_t)(rest->data - begin));
}

static void report_result(struct report *report, struct slice method, struct slice result,
                          struct slice comment)
{
    const char *version = method.length > 0 ? memchr(method.data, '/', method.length) : NULL;
    const char *what = NULL;
    char item[32];

    if (same_word(result, "pass")) {
        what = "-pass";
    } else if (same_word(result, "fail") || same_word(result, "hardfail") ||
               (same_word(result, "neutral") &&
                same_word(trimmed(comment), "verification failed"))) {
        what = "-fail";
    }
    if (version != NULL) { /* "dkim/1" */
        method.length = (size_t)(version - method.data);
    }
    if (what != NULL && method.length > 0 && method.length + strlen(what) < sizeof(item)) {
        memcpy(item, method.data, method.length);
        memcpy(item + method.length, what, strlen(what));
        report_count(report, slice_of(item, method.length + strlen(what)));
    }
}

/* Whoever says so stands before the first semicolon. */
static void report_authentication(struct report *report, struct slice rest)
{
    struct slice comment;
    bool results = false;

    while (rest.length > 0) {
        take_blanks(&rest, &comment);
        if (scan_byte(&rest, ';')) {
            results = true;
            continue;
        }
        struct slice method = take_word(&rest, true);
        take_blanks(&rest, &comment);
        if (scan_byte(&rest, '=')) {
            take_blanks(&rest, &comment);
            struct slice result = take_word(&rest, false);
            take_blanks(&rest, &comment);
            if (results) {
                report_result(report, method, result, comment);
            }
        }
    }
}

bool event_report_read(struct slice name, struct slice value, unsigned counts[EVENT_REPORT_ITEMS])
{
    static const struct {
        struct slice name;
        void (*read)(struct report *report, struct slice value);
    } fields[] = {
        {SLICE_LITERAL("X-Spam-Status"), report_spam_status},
        {SLICE_LITERAL("X-Spam-Flag"), report_spam_flag},
        {SLICE_LITERAL("X-Spam"), report_spam_flag},
        {SLICE_LITERAL("Authentication-Results"), report_authentication},
        {SLICE_LITERAL("X-Greylist"), report_greylist},
        {SLICE_LITERAL("X-Virus-Status"), report_virus},
    };
    struct report report = {counts, false};

    memset(counts, 0, EVENT_REPORT_ITEMS * sizeof(*counts));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (slice_equal_ignoring_case(name, fields[i].name)) {
            fields[i].read(&report, value);
            break;
        }
    }
    return report.any;
}
