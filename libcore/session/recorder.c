/*
 * recorder - writes a conversation down as the text of a session file.  Owns
 * the text.
 */
#include "libcore/session/recorder.h"

#include "libcore/session/session_file.h"
#include "libcore/session/session_line.h"
#include "libcore/wire/negotiation.h"

#include <string.h>

static void append_comment(struct buffer *text, const char *comment)
{
    while (*comment != '\0') {
        size_t length = strcspn(comment, "\n");

        buffer_append_format(text, "# %.*s\n", (int)length, comment);
        comment += comment[length] == '\n' ? length + 1 : length;
    }
}

void recorder_init(struct recorder *recorder, size_t limit, recorder_clock_fn *clock,
                   const char *comment)
{
    *recorder =
        (struct recorder){.limit = limit, .clock = clock, .started = clock != NULL ? clock() : 0};
    buffer_append_string(&recorder->text, SESSION_FILE_VERSION_LINE "\n");
    append_comment(&recorder->text, comment != NULL ? comment : "");
}

void recorder_clear(struct recorder *recorder)
{
    buffer_clear(&recorder->text);
}

/* Goes back to before when the line does not fit. */
static void recorder_check_limit(struct recorder *recorder, size_t before)
{
    if (buffer_length(&recorder->text) <= recorder->limit) {
        return;
    }
    recorder->text.end = recorder->text.start + before;
    buffer_append_format(&recorder->text, "# the rest is left out: more than %zu bytes\n",
                         recorder->limit);
    recorder->full = true;
}

static void recorder_begin_line(struct recorder *recorder, char sign)
{
    recorder->any = true;
    if (recorder->clock != NULL) {
        buffer_append_format(&recorder->text, "@%.6f ", recorder->clock() - recorder->started);
    }
    buffer_append_format(&recorder->text, "%c ", sign);
}

/*
 * Where the value holds its own blank it is left out, so that a file is the
 * same whatever was negotiated; a value without one is written as it is.
 */
static bool recorder_spaced_header(const struct recorder *recorder, const struct packet *packet,
                                   struct slice *name, struct slice *value)
{
    *value = packet->payload;
    return recorder->leading_space && packet->letter == command_info[COMMAND_HEADER].letter &&
           slice_take_string(value, name) && value->length > 0 &&
           memchr(value->data, '\0', value->length) == value->data + value->length - 1;
}

static void recorder_append_header(struct recorder *recorder, struct slice name, struct slice value)
{
    bool spaced = slice_starts_with(value, " ");

    buffer_append_format(&recorder->text, "%s", spaced ? "header" : SESSION_LINE_VERBATIM);
    session_line_append_word(&recorder->text, name);
    value.length--; /* the NUL */
    if (spaced) {
        slice_skip(&value, 1);
    }
    session_line_append_word(&recorder->text, value);
    buffer_append_byte(&recorder->text, '\n');
}

void recorder_comment(struct recorder *recorder, const char *text)
{
    size_t before = buffer_length(&recorder->text);

    if (!recorder->full) {
        append_comment(&recorder->text, text);
        recorder_check_limit(recorder, before);
    }
}

void recorder_command(struct recorder *recorder, const struct packet *packet)
{
    size_t before = buffer_length(&recorder->text);
    struct slice name, value;

    if (recorder->full) {
        return;
    }
    recorder_begin_line(recorder, '>');
    if (recorder_spaced_header(recorder, packet, &name, &value)) {
        recorder_append_header(recorder, name, value);
    } else {
        session_line_append(&recorder->text, SESSION_SIDE_MTA, packet);
    }
    recorder_check_limit(recorder, before);
}

void recorder_command_anyway(struct recorder *recorder, const struct packet *packet)
{
    size_t before = buffer_length(&recorder->text);

    if (!recorder->full) {
        recorder_begin_line(recorder, '!');
        session_line_append(&recorder->text, SESSION_SIDE_MTA, packet);
        recorder_check_limit(recorder, before);
    }
}

void recorder_bytes(struct recorder *recorder, struct slice bytes)
{
    size_t before = buffer_length(&recorder->text);

    if (!recorder->full && bytes.length > 0) {
        /* The first of them are what is wrong; the rest may be much. */
        bytes.length = bytes.length < SESSION_LINE_HEX ? bytes.length : SESSION_LINE_HEX;
        recorder_begin_line(recorder, '!');
        session_line_append_hex(&recorder->text, bytes);
        recorder_check_limit(recorder, before);
    }
}

void recorder_close(struct recorder *recorder)
{
    size_t before = buffer_length(&recorder->text);

    if (!recorder->full) {
        recorder_begin_line(recorder, '>');
        buffer_append_string(&recorder->text, "close\n");
        recorder_check_limit(recorder, before);
    }
}

static void recorder_note_negotiation(struct recorder *recorder, const struct packet *packet)
{
    struct negotiation answer;
    struct error error = {0};

    if (packet->letter == reply_info[REPLY_NEGOTIATE].letter &&
        negotiation_decode(packet->payload, &answer, &error)) {
        recorder->leading_space = (answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
    }
}

void recorder_replies(struct recorder *recorder, struct slice bytes)
{
    while (bytes.length > 0 && !recorder->full) {
        size_t before = buffer_length(&recorder->text);
        struct error error = {0};
        struct packet packet;

        recorder_begin_line(recorder, '<');
        if (packet_next(&bytes, &packet, &error) == PACKET_READY) {
            recorder_note_negotiation(recorder, &packet);
            session_line_append(&recorder->text, SESSION_SIDE_FILTER, &packet);
        } else {
            session_line_append_hex(&recorder->text, bytes);
            bytes.length = 0;
        }
        recorder_check_limit(recorder, before);
    }
}
