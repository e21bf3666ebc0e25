/*
 * made_up - mails that are in no file (tools.md section 3): a header made for
 * each mail, a body prepared once.
 *
 * A mail of a certain size has the end of a long body that is the same for
 * all: so any size costs the same, and the last line is always whole.
 */
#include "milter-performance-check/made_up.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "libcore/mail/outgoing_mail.h"
#include "milter-performance-check/chance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char intro[] = "Hello,\r\n\r\nThis is a test mail.\r\n";
static const char filler[] = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n";
static const char fixed_fields[] = "MIME-Version: 1.0\r\n"
                                   "Content-Type: text/plain; charset=US-ASCII\r\n"
                                   "Content-Transfer-Encoding: 7bit\r\n"
                                   "X-Mailer: milter-performance-check\r\n"
                                   "\r\n";

enum {
    INTRO = sizeof(intro) - 1,
    FILLER = sizeof(filler) - 1,
    HOST = 256,
};

struct made_up {
    struct size_distribution sizes;
    uint64_t seed;
    struct buffer received;   /* up to the date */
    struct buffer null_from;  /* whom mails without a sender are from */
    struct buffer addressees; /* what follows the sender, up to the number in the Message-Id */
    struct buffer rest;       /* what follows the process there, up to the empty line */
    struct buffer body;       /* the intro, then lines */
    time_t second;            /* the one date is of */
    char date[64];
};

static void host_name(char host[HOST])
{
    if (gethostname(host, HOST) != 0) {
        host[0] = '\0';
    }
    host[HOST - 1] = '\0';
    if (!outgoing_mail_is_host(slice_from_string(host))) {
        (void)strcpy(host, "localhost");
    }
}

static void prepare_header(struct made_up *made_up, const struct made_up_options *options)
{
    struct chance chance = chance_begin(options->seed, UINT64_MAX - 1);
    char host[HOST];

    host_name(host);
    buffer_append_string(&made_up->received, ">\r\nReceived: from ");
    buffer_append_slice(&made_up->received, options->helo);
    buffer_append_format(&made_up->received, "\r\n\tby %s (milter-performance-check);\r\n\t", host);
    buffer_append_string(&made_up->null_from, "MAILER-DAEMON@");
    buffer_append_slice(&made_up->null_from, options->helo);
    buffer_append_string(&made_up->addressees, "\r\nTo: ");
    for (size_t i = 0; i < options->recipient_count; i++) {
        buffer_append_string(&made_up->addressees, i == 0 ? "" : ",\r\n\t");
        buffer_append_slice(&made_up->addressees, options->recipients[i]);
    }
    buffer_append_string(&made_up->addressees, "\r\nSubject: test mail\r\nMessage-Id: <");
    buffer_append_format(&made_up->rest, ".%" PRIx64 ".%" PRIx64 ".%" PRIx64 "@%s>\r\n",
                         (uint64_t)time(NULL), clock_nanoseconds(), chance_next(&chance), host);
    buffer_append_string(&made_up->rest, fixed_fields);
}

/* length: at least, of the lines behind the intro. */
static void prepare_body(struct made_up *made_up, uint64_t length)
{
    uint64_t lines = (length + FILLER - 1) / FILLER;
    char *end;

    buffer_append_string(&made_up->body, intro);
    end = buffer_reserve(&made_up->body, (size_t)lines * FILLER);
    for (uint64_t i = 0; i < lines; i++) {
        memcpy(end + i * FILLER, filler, FILLER);
    }
    buffer_commit(&made_up->body, (size_t)lines * FILLER);
}

static bool prepare(struct made_up *made_up, const struct made_up_options *options,
                    struct error *error)
{
    uint64_t length = (uint64_t)options->additional_lines * FILLER;

    if (length > SIZE_DISTRIBUTION_MAXIMUM) {
        error_set(error, ERROR_USAGE, "--n-additional-lines %u makes mails of more than 1 GiB",
                  options->additional_lines);
        return false;
    }
    if (options->size_distribution != NULL) {
        if (!size_distribution_parse(&made_up->sizes, options->size_distribution, error)) {
            return false;
        }
        length = size_distribution_largest(&made_up->sizes);
    }
    made_up->seed = options->seed;
    prepare_header(made_up, options);
    prepare_body(made_up, length);
    return true;
}

struct made_up *made_up_new(const struct made_up_options *options, struct error *error)
{
    struct made_up *made_up = NEW(struct made_up);

    if (!prepare(made_up, options, error)) {
        made_up_free(made_up);
        return NULL;
    }
    return made_up;
}

void made_up_free(struct made_up *made_up)
{
    if (made_up != NULL) {
        size_distribution_clear(&made_up->sizes);
        buffer_clear(&made_up->received);
        buffer_clear(&made_up->null_from);
        buffer_clear(&made_up->addressees);
        buffer_clear(&made_up->rest);
        buffer_clear(&made_up->body);
        free(made_up);
    }
}

/* RFC 5322 section 3.3; not strftime, whose names follow the locale.  Written once a second. */
static const char *date_now(struct made_up *made_up)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm;
    long zone;

    if (now != made_up->second && localtime_r(&now, &tm) != NULL) {
        zone = labs(tm.tm_gmtoff) / 60;
        (void)snprintf(made_up->date, sizeof(made_up->date),
                       "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday], tm.tm_mday,
                       months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                       tm.tm_gmtoff < 0 ? '-' : '+', zone / 60, zone % 60);
        made_up->second = now;
    }
    return made_up->date;
}

static void append_number(struct buffer *buffer, uint64_t number)
{
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(buffer, digits + start, sizeof(digits) - start);
}

static void write_head(struct made_up *made_up, uint64_t number, struct slice sender,
                       struct buffer *head)
{
    const char *date = date_now(made_up);

    buffer_append_string(head, "Return-Path: <");
    buffer_append_slice(head, sender);
    buffer_append_slice(head, buffer_slice(&made_up->received));
    buffer_append_string(head, date);
    buffer_append_string(head, "\r\nDate: ");
    buffer_append_string(head, date);
    buffer_append_string(head, "\r\nFrom: ");
    buffer_append_slice(head, sender.length > 0 ? sender : buffer_slice(&made_up->null_from));
    buffer_append_slice(head, buffer_slice(&made_up->addressees));
    append_number(head, number);
    buffer_append_byte(head, '.');
    append_number(head, (uint64_t)getpid()); /* of the worker: asked after the fork */
    buffer_append_slice(head, buffer_slice(&made_up->rest));
}

static struct slice last_bytes(struct slice text, uint64_t length)
{
    slice_skip(&text, text.length - (size_t)length);
    return text;
}

/* What makes length bytes behind the header: the intro joins the head, where there is room for it.
 */
static struct slice body_of_length(struct made_up *made_up, uint64_t length, struct buffer *head)
{
    struct slice lines = buffer_slice(&made_up->body), body;

    if (length < INTRO) {
        body = last_bytes(slice_from_string(intro), length);
    } else {
        body = last_bytes(lines, length - INTRO);
        if (body.length > 0 && body.data[0] == '\n') {
            body = last_bytes(lines, length); /* the cut would part CR and LF */
        } else {
            buffer_append_string(head, intro);
        }
    }
    if (body.length > 0 && body.data[0] == '\n') {
        slice_skip(&body, 1);
    }
    return body;
}

struct slice made_up_take(struct made_up *made_up, uint64_t number, struct slice sender,
                          struct buffer *head)
{
    uint64_t size;

    buffer_reset(head);
    write_head(made_up, number, sender, head);
    if (made_up->sizes.count == 0) {
        return buffer_slice(&made_up->body);
    }
    size = size_distribution_take(&made_up->sizes, made_up->seed, number);
    return body_of_length(made_up, size > buffer_length(head) ? size - buffer_length(head) : 0,
                          head);
}
