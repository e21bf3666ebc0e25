/*
 * reply - what the filter side says.  Pure functions; decoded slices point into
 * the payload they came from.
 */
#include "libcore/wire/reply.h"

#include <ctype.h>
#include <string.h>

/* Which fields a reply has, in wire order: the same table decodes and encodes. */
enum reply_field {
    FIELD_END,
    FIELD_INDEX,
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_TEXT,
    FIELD_ARGUMENTS,
    FIELD_BYTES
};

static const enum reply_field reply_fields[REPLIES][4] = {
    [REPLY_NEGOTIATE] = {FIELD_BYTES},
    [REPLY_CODE] = {FIELD_TEXT},
    [REPLY_QUARANTINE] = {FIELD_TEXT},
    [REPLY_ADD_HEADER] = {FIELD_NAME, FIELD_VALUE},
    [REPLY_INSERT_HEADER] = {FIELD_INDEX, FIELD_NAME, FIELD_VALUE},
    [REPLY_CHANGE_HEADER] = {FIELD_INDEX, FIELD_NAME, FIELD_VALUE},
    [REPLY_CHANGE_FROM] = {FIELD_TEXT, FIELD_ARGUMENTS},
    [REPLY_ADD_RECIPIENT] = {FIELD_TEXT},
    [REPLY_ADD_RECIPIENT_WITH_PARAMETERS] = {FIELD_TEXT, FIELD_ARGUMENTS},
    [REPLY_DELETE_RECIPIENT] = {FIELD_TEXT},
    [REPLY_REPLACE_BODY] = {FIELD_BYTES},
};

static bool reply_take_index(struct slice *payload, uint32_t *index)
{
    const unsigned char *bytes = (const unsigned char *)payload->data;

    if (payload->length < 4) {
        return false;
    }
    *index =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    slice_skip(payload, 4);
    return true;
}

static bool reply_take_field(enum reply_field field, struct slice *payload, struct reply *reply)
{
    switch (field) {
    case FIELD_INDEX:
        return reply_take_index(payload, &reply->index);
    case FIELD_NAME:
        return slice_take_string(payload, &reply->name) && reply->name.length > 0;
    case FIELD_VALUE:
        return slice_take_string(payload, &reply->value);
    case FIELD_TEXT:
        return slice_take_string(payload, &reply->text);
    case FIELD_ARGUMENTS:
        if (payload->length > 0 && !slice_take_string(payload, &reply->arguments)) {
            return false;
        }
        return true;
    case FIELD_BYTES:
        reply->text = *payload;
        return true;
    case FIELD_END:
        break;
    }
    return true;
}

static bool reply_code_valid(struct slice text)
{
    return text.length >= 4 && (text.data[0] == '4' || text.data[0] == '5') &&
           isdigit((unsigned char)text.data[1]) && isdigit((unsigned char)text.data[2]) &&
           (text.data[3] == ' ' || text.data[3] == '-');
}

bool reply_decode(const struct packet *packet, struct reply *reply, struct error *error)
{
    struct slice payload = packet->payload;

    *reply =
        (struct reply){.name = {"", 0}, .value = {"", 0}, .text = {"", 0}, .arguments = {NULL, 0}};
    if (!reply_from_letter(packet->letter, &reply->kind)) {
        error_set(error, ERROR_PROTOCOL,
                  isprint((unsigned char)packet->letter) ? "unknown reply '%c'"
                                                         : "unknown reply 0x%02x",
                  (unsigned char)packet->letter);
        return false;
    }
    for (const enum reply_field *field = reply_fields[reply->kind]; *field != FIELD_END; field++) {
        if (!reply_take_field(*field, &payload, reply)) {
            error_set(error, ERROR_PROTOCOL, "malformed %s", reply_info[reply->kind].name);
            return false;
        }
    }
    if (reply->kind == REPLY_CODE && !reply_code_valid(reply->text)) {
        error_set(error, ERROR_PROTOCOL,
                  "reply code must be 4xx or 5xx followed by a text, but was \"%.*s\"",
                  (int)(reply->text.length > 40 ? 40 : reply->text.length), reply->text.data);
        return false;
    }
    return true;
}

static void reply_append_string(struct buffer *output, struct slice text)
{
    buffer_append_slice(output, text);
    buffer_append_byte(output, '\0');
}

static void reply_append_field(struct buffer *output, enum reply_field field,
                               const struct reply *reply)
{
    switch (field) {
    case FIELD_INDEX:
        buffer_append_uint32(output, reply->index);
        break;
    case FIELD_NAME:
        reply_append_string(output, reply->name);
        break;
    case FIELD_VALUE:
        reply_append_string(output, reply->value);
        break;
    case FIELD_TEXT:
        reply_append_string(output, reply->text);
        break;
    case FIELD_ARGUMENTS:
        if (reply->arguments.data != NULL) {
            reply_append_string(output, reply->arguments);
        }
        break;
    case FIELD_BYTES:
        buffer_append_slice(output, reply->text);
        break;
    case FIELD_END:
        break;
    }
}

void reply_append(struct buffer *output, const struct reply *reply)
{
    size_t mark = packet_begin(output, reply_info[reply->kind].letter);

    for (const enum reply_field *field = reply_fields[reply->kind]; *field != FIELD_END; field++) {
        reply_append_field(output, *field, reply);
    }
    packet_end(output, mark);
}

/* One line, without its CRLF. */
static bool reply_line_valid(struct slice line, struct slice code, bool last)
{
    if (line.length < 4 || memcmp(line.data, code.data, 3) != 0 ||
        line.data[3] != (last ? ' ' : '-')) {
        return false;
    }
    return memchr(line.data, '\r', line.length) == NULL &&
           memchr(line.data, '\n', line.length) == NULL;
}

bool reply_text_valid(struct slice text)
{
    struct slice rest = text;
    const char *end;

    if (!reply_code_valid(text)) {
        return false;
    }
    while ((end = memmem(rest.data, rest.length, "\r\n", 2)) != NULL) {
        struct slice line = slice_of(rest.data, (size_t)(end - rest.data));

        if (!reply_line_valid(line, text, false)) {
            return false;
        }
        slice_skip(&rest, line.length + 2);
    }
    return reply_line_valid(rest, text, true);
}

enum verdict reply_verdict(const struct reply *reply)
{
    switch (reply->kind) {
    case REPLY_CONTINUE:
        return VERDICT_CONTINUE;
    case REPLY_ACCEPT:
        return VERDICT_ACCEPT;
    case REPLY_REJECT:
        return VERDICT_REJECT;
    case REPLY_TEMPORARY_FAILURE:
    case REPLY_SHUTDOWN: /* obeyed as a 421 (manager-semantics section 17 row 7) */
        return VERDICT_TEMPORARY_FAILURE;
    case REPLY_DISCARD:
        return VERDICT_DISCARD;
    case REPLY_CODE:
        return reply->text.data[0] == '5' ? VERDICT_REJECT : VERDICT_TEMPORARY_FAILURE;
    case REPLY_SKIP:
        return VERDICT_SKIP;
    default:
        return VERDICT_NONE;
    }
}

enum reply_kind reply_kind_of(enum verdict verdict)
{
    static const enum reply_kind kinds[] = {
        [VERDICT_NONE] = REPLY_CONTINUE,
        [VERDICT_ACCEPT] = REPLY_ACCEPT,
        [VERDICT_SKIP] = REPLY_SKIP,
        [VERDICT_CONTINUE] = REPLY_CONTINUE,
        [VERDICT_TEMPORARY_FAILURE] = REPLY_TEMPORARY_FAILURE,
        [VERDICT_REJECT] = REPLY_REJECT,
        [VERDICT_DISCARD] = REPLY_DISCARD,
    };

    return kinds[verdict];
}
