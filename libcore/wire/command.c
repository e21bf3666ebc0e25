/*
 * command - what the MTA side says: payloads taken apart and put together.
 *
 * Pure functions; decoded slices point into the payload they came from.
 */
#include "libcore/wire/command.h"

#include "libcore/wire/macro.h"

#include <ctype.h>
#include <string.h>

/* A STR whose NUL is missing at the end of the payload is taken as it is. */
static struct slice command_take_text(struct slice *payload)
{
    struct slice text;

    if (!slice_take_string(payload, &text)) {
        text = *payload;
        *payload = slice_of("", 0);
    }
    return text;
}

static bool command_decode_connect(struct slice payload, struct command_packet *command,
                                   struct error *error)
{
    struct command_connect *connect = &command->connect;

    *connect = (struct command_connect){.family = 'U', .address = {"", 0}};
    if (!slice_take_string(&payload, &connect->host) || payload.length == 0) {
        error_set(error, ERROR_PROTOCOL, "connect without address family");
        return false;
    }
    connect->family = payload.data[0];
    slice_skip(&payload, 1);
    if (strchr("46LU", connect->family) == NULL || connect->family == '\0') {
        error_set(error, ERROR_PROTOCOL, "connect with unknown address family 0x%02x",
                  (unsigned)(unsigned char)connect->family);
        return false;
    }
    if (connect->family == 'U') {
        return true;
    }
    if (payload.length < 2) {
        error_set(error, ERROR_PROTOCOL, "connect of family '%c' without port", connect->family);
        return false;
    }
    connect->port =
        (uint16_t)((unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1]);
    slice_skip(&payload, 2);
    connect->address = command_take_text(&payload);
    return true;
}

static bool command_decode_text(struct slice payload, struct command_packet *command,
                                struct error *error)
{
    (void)error;
    command->text = command_take_text(&payload);
    return true;
}

static bool command_decode_envelope(struct slice payload, struct command_packet *command,
                                    struct error *error)
{
    (void)error;
    command->envelope.address = command_take_text(&payload);
    command->envelope.arguments = payload;
    return true;
}

static bool command_decode_header(struct slice payload, struct command_packet *command,
                                  struct error *error)
{
    if (!slice_take_string(&payload, &command->header.name)) {
        error_set(error, ERROR_PROTOCOL, "header without value");
        return false;
    }
    command->header.value = command_take_text(&payload);
    return true;
}

static bool command_decode_data(struct slice payload, struct command_packet *command,
                                struct error *error)
{
    (void)error;
    command->text = payload;
    return true;
}

/* Only commands that are answered have macros of their own. */
static bool command_is_stage(enum command command)
{
    return command_info[command].replied && command != COMMAND_NEGOTIATE;
}

/* Half a pair at the end is cut off: what is passed on must not trip the next reader. */
static struct slice command_whole_pairs(struct slice pairs)
{
    struct slice rest = pairs, name, value;

    while (macro_pair_next(&rest, &name, &value)) {
    }
    return slice_of(pairs.data, pairs.length - rest.length);
}

static bool command_decode_macros(struct slice payload, struct command_packet *command,
                                  struct error *error)
{
    struct slice pairs = payload;

    if (payload.length == 0) {
        error_set(error, ERROR_PROTOCOL, "macro packet without stage");
        return false;
    }
    slice_skip(&pairs, 1);
    command->macros.pairs = command_whole_pairs(pairs);
    command->macros.known = command_from_letter(payload.data[0], &command->macros.stage) &&
                            command_is_stage(command->macros.stage) &&
                            (pairs.length == 0 || memchr(pairs.data, '\0', pairs.length) != NULL);
    return true;
}

typedef bool command_decode_fn(struct slice payload, struct command_packet *command,
                               struct error *error);

static command_decode_fn *const command_decoders[COMMANDS] = {
    [COMMAND_NEGOTIATE] = command_decode_data,  [COMMAND_MACRO] = command_decode_macros,
    [COMMAND_CONNECT] = command_decode_connect, [COMMAND_HELO] = command_decode_text,
    [COMMAND_MAIL] = command_decode_envelope,   [COMMAND_RCPT] = command_decode_envelope,
    [COMMAND_UNKNOWN] = command_decode_text,    [COMMAND_HEADER] = command_decode_header,
    [COMMAND_BODY] = command_decode_data,       [COMMAND_END_OF_MESSAGE] = command_decode_data,
};

bool command_decode(const struct packet *packet, struct command_packet *command,
                    struct error *error)
{
    command_decode_fn *decode;

    if (!command_from_letter(packet->letter, &command->command)) {
        error_set(error, ERROR_PROTOCOL,
                  isprint((unsigned char)packet->letter) ? "unknown command '%c'"
                                                         : "unknown command 0x%02x",
                  (unsigned char)packet->letter);
        return false;
    }
    command->payload = packet->payload;
    decode = command_decoders[command->command];
    return decode == NULL || decode(packet->payload, command, error);
}

void command_append(struct buffer *output, enum command command, struct slice payload)
{
    packet_append(output, command_info[command].letter, payload);
}

static void command_append_string(struct buffer *output, struct slice text)
{
    buffer_append_slice(output, text);
    buffer_append_byte(output, '\0');
}

void command_append_connect(struct buffer *output, const struct command_connect *connect)
{
    size_t mark = packet_begin(output, command_info[COMMAND_CONNECT].letter);

    command_append_string(output, connect->host);
    buffer_append_byte(output, connect->family);
    if (connect->family != 'U') {
        buffer_append_uint16(output, connect->port);
        command_append_string(output, connect->address);
    }
    packet_end(output, mark);
}

void command_append_text(struct buffer *output, enum command command, struct slice text)
{
    size_t mark = packet_begin(output, command_info[command].letter);

    command_append_string(output, text);
    packet_end(output, mark);
}

void command_append_envelope(struct buffer *output, enum command command, struct slice address,
                             struct slice arguments)
{
    size_t mark = packet_begin(output, command_info[command].letter);

    command_append_string(output, address);
    buffer_append_slice(output, arguments);
    packet_end(output, mark);
}

void command_append_header(struct buffer *output, struct slice name, struct slice value)
{
    size_t mark = packet_begin(output, command_info[COMMAND_HEADER].letter);

    command_append_string(output, name);
    command_append_string(output, value);
    packet_end(output, mark);
}
