/*
 * client_text - answers of the controller as text for people.  Owns nothing.
 */
#include "milter-manager/control/client_text.h"

#include "libcore/base/markup.h"
#include "libcore/base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT_TEXT_WIDEST = 48 }; /* characters of a cell of a table; more is cut */

/* ---- cells ---- */

static void client_text_string(struct buffer *text, const json_t *object, const char *key)
{
    const char *string = json_string_value(json_object_get(object, key));

    markup_plain(text, slice_from_string(string == NULL || string[0] == '\0' ? "-" : string));
}

static void client_text_number(struct buffer *text, const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);

    if (json_is_integer(number)) {
        buffer_append_format(text, "%lld", (long long)json_integer_value(number));
    } else {
        buffer_append_byte(text, '-');
    }
}

/* "1.5s", "12s", "3m 20s", "2h 5m", "4d 6h" */
static void client_text_seconds(struct buffer *text, const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    double seconds = json_number_value(number);
    long whole = (long)seconds;

    if (!json_is_number(number) || seconds < 0 || seconds > 1e12) {
        buffer_append_byte(text, '-');
    } else if (whole < 10) {
        buffer_append_format(text, "%.1fs", seconds);
    } else if (whole < 60) {
        buffer_append_format(text, "%lds", whole);
    } else if (whole < 3600) {
        buffer_append_format(text, "%ldm %lds", whole / 60, whole % 60);
    } else if (whole < 86400) {
        buffer_append_format(text, "%ldh %ldm", whole / 3600, whole / 60 % 60);
    } else {
        buffer_append_format(text, "%ldd %ldh", whole / 86400, whole / 3600 % 24);
    }
}

static void client_text_milliseconds(struct buffer *text, const json_t *child, const char *key)
{
    const json_t *latency = json_object_get(child, "latency");
    const json_t *number = json_object_get(latency, key),
                 *count = json_object_get(latency, "count");

    /* Without replies there is no latency. */
    if (json_is_number(number) && !(json_is_integer(count) && json_integer_value(count) == 0)) {
        buffer_append_format(text, "%.1fms", json_number_value(number) * 1e3);
    } else {
        buffer_append_byte(text, '-');
    }
}

static void client_text_memory(struct buffer *text, const json_t *worker, const char *key)
{
    const json_t *number = json_object_get(worker, key);

    if (json_is_integer(number)) {
        buffer_append_format(text, "%.1fMiB", json_number_value(number) / 1048576.0);
    } else {
        buffer_append_byte(text, '-');
    }
}

static void client_text_state(struct buffer *text, const json_t *child, const char *key)
{
    if (json_is_true(json_object_get(child, "switched_off"))) {
        buffer_append_string(text, "switched off");
        return;
    }
    client_text_string(text, child, key);
    if (json_is_true(json_object_get(child, "evaluation_mode"))) {
        buffer_append_string(text, " (evaluated)");
    }
}

static void client_text_uptime(struct buffer *text, const json_t *worker, const char *key)
{
    if (json_is_false(json_object_get(worker, "answered"))) {
        buffer_append_string(text, "no answer");
    } else {
        client_text_seconds(text, worker, key);
    }
}

static void client_text_process(struct buffer *text, const json_t *worker, const char *key)
{
    const json_t *number = json_object_get(worker, key);

    if (json_is_integer(number) && json_integer_value(number) < 0) {
        buffer_append_string(text, "manager");
    } else {
        client_text_number(text, worker, key);
    }
}

/* ---- tables ---- */

typedef void client_text_cell_fn(struct buffer *text, const json_t *object, const char *key);

struct client_text_column {
    const char *title, *key;
    client_text_cell_fn *cell;
    bool right; /* aligned */
};

/* Of UTF-8: bytes that go on with a character do not count. */
static size_t client_text_width(struct slice text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.length; i++) {
        width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    }
    return width;
}

static void client_text_cut(struct buffer *cell)
{
    while (client_text_width(buffer_slice(cell)) > CLIENT_TEXT_WIDEST) {
        do {
            cell->end--;
        } while (((unsigned char)cell->data[cell->end] & 0xC0) == 0x80);
    }
}

static void client_text_pad(struct buffer *text, size_t blanks)
{
    for (size_t i = 0; i < blanks; i++) {
        buffer_append_byte(text, ' ');
    }
}

/* cells: (1 + rows) * count, the titles first. */
static void client_text_lay_out(struct buffer *text, const struct client_text_column *columns,
                                size_t count, const struct buffer *cells, size_t lines)
{
    for (size_t line = 0; line < lines; line++) {
        for (size_t i = 0; i < count; i++) {
            struct slice cell = buffer_slice(&cells[line * count + i]);
            size_t widest = 0;

            for (size_t k = 0; k < lines; k++) {
                size_t width = client_text_width(buffer_slice(&cells[k * count + i]));

                widest = width > widest ? width : widest;
            }
            widest -= client_text_width(cell);
            client_text_pad(text, (i > 0 ? 2 : 0) + (columns[i].right ? widest : 0));
            buffer_append_slice(text, cell);
            client_text_pad(text, columns[i].right || i + 1 == count ? 0 : widest);
        }
        buffer_append_byte(text, '\n');
    }
}

static void client_text_table(struct buffer *text, const struct client_text_column *columns,
                              size_t count, const json_t *rows)
{
    size_t lines = 1 + json_array_size(rows);
    struct buffer *cells = memory_new(lines * count, sizeof(struct buffer));

    for (size_t line = 0; line < lines; line++) {
        for (size_t i = 0; i < count; i++) {
            struct buffer *cell = &cells[line * count + i];

            if (line == 0) {
                buffer_append_string(cell, columns[i].title);
            } else {
                columns[i].cell(cell, json_array_get(rows, line - 1), columns[i].key);
                client_text_cut(cell);
            }
        }
    }
    client_text_lay_out(text, columns, count, cells, lines);
    for (size_t i = 0; i < lines * count; i++) {
        buffer_clear(&cells[i]);
    }
    free(cells);
}

#define CLIENT_TEXT_TABLE(text, columns, rows)                                                     \
    client_text_table(text, columns, sizeof(columns) / sizeof((columns)[0]), rows)

/* ---- what is shown ---- */

static const struct client_text_column client_text_children[] = {
    {"MILTER", "name", client_text_string, false},
    {"STATE", "state", client_text_state, false},
    {"SINCE", "since", client_text_string, false},
    {"REPLIES", "replies", client_text_number, true},
    {"FAILURES", "failures", client_text_number, true},
    {"TIMEOUTS", "timeouts", client_text_number, true},
    {"P95", "p95", client_text_milliseconds, true},
    {"ENDPOINT", "endpoint", client_text_string, false},
};

static const struct client_text_column client_text_workers[] = {
    {"PROCESS", "number", client_text_process, false},
    {"PID", "pid", client_text_number, true},
    {"UPTIME", "uptime", client_text_uptime, true},
    {"SESSIONS", "sessions", client_text_number, true},
    {"MEMORY", "memory", client_text_memory, true},
};

static const struct client_text_column client_text_open[] = {
    {"SESSION", "id", client_text_number, true},
    {"AGE", "age", client_text_seconds, true},
    {"PHASE", "phase", client_text_string, false},
    {"WAITING FOR", "waiting_for", client_text_string, false},
    {"FOR", "waiting", client_text_seconds, true},
    {"QUEUE ID", "queue_id", client_text_string, false},
    {"CLIENT", "client", client_text_string, false},
    {"HELO", "helo", client_text_string, false},
};

static void client_text_heading(const json_t *status, struct buffer *text)
{
    const json_t *configuration = json_object_get(status, "configuration");
    const json_t *mishap = json_object_get(configuration, "last_error");

    buffer_append_string(text, "milter-manager ");
    client_text_string(text, status, "version");
    buffer_append_string(text, ", ");
    client_text_string(text, status, "state");
    buffer_append_string(text, " for ");
    client_text_seconds(text, status, "uptime");
    buffer_append_string(text, " on ");
    client_text_string(text, status, "listen");
    buffer_append_string(text, ", open sessions: ");
    client_text_number(text, status, "sessions_open");
    buffer_append_string(text, "\nconfiguration ");
    client_text_number(text, configuration, "generation");
    buffer_append_string(text, " of ");
    client_text_string(text, configuration, "loaded");
    buffer_append_string(text, ", ");
    client_text_string(text, configuration, "directory");
    buffer_append_byte(text, '\n');
    if (json_is_object(mishap)) {
        buffer_append_string(text, "the reload of ");
        client_text_string(text, mishap, "time");
        buffer_append_string(text, " has FAILED: ");
        client_text_string(text, mishap, "message");
        buffer_append_byte(text, '\n');
    }
}

void client_text_status(const json_t *answer, struct buffer *text)
{
    const json_t *children = json_object_get(answer, "children");

    client_text_heading(answer, text);
    buffer_append_byte(text, '\n');
    CLIENT_TEXT_TABLE(text, client_text_workers, json_object_get(answer, "workers"));
    buffer_append_byte(text, '\n');
    if (json_array_size(children) == 0) {
        buffer_append_string(text, "there are no milters\n");
    } else {
        CLIENT_TEXT_TABLE(text, client_text_children, children);
    }
}

void client_text_sessions(const json_t *answer, struct buffer *text)
{
    const json_t *sessions = json_object_get(answer, "sessions");
    json_int_t open = json_integer_value(json_object_get(answer, "sessions_open"));

    if (json_array_size(sessions) == 0) {
        buffer_append_string(text, "no session is open\n");
        return;
    }
    CLIENT_TEXT_TABLE(text, client_text_open, sessions);
    if (open > (json_int_t)json_array_size(sessions)) {
        buffer_append_format(text, "... and %lld younger ones\n",
                             (long long)open - (long long)json_array_size(sessions));
    }
}

void client_text_reload(const json_t *answer, struct buffer *text)
{
    buffer_append_string(text, "reloaded: generation ");
    client_text_number(text, answer, "generation");
    buffer_append_string(text, " of the configuration is in force\n");
}

void client_text_switch(const json_t *answer, struct buffer *text)
{
    bool off = json_is_true(json_object_get(answer, "switched_off"));

    buffer_append_string(text, "milter ");
    client_text_string(text, answer, "child");
    buffer_append_string(text, off ? " is switched off: new sessions go without it until it is "
                                     "enabled, or the manager is started anew\n"
                                   : " takes part in new sessions, if the configuration enables "
                                     "it\n");
}
