/*
 * packet - framing: uint32 length, one letter, payload (milter-protocol section 1).
 *
 * Pure functions on bytes: no I/O, no allocation but the output buffer's.
 */
#include "libcore/wire/packet.h"

#include "libcore/wire/protocol.h"

#include <string.h>

enum { PACKET_LENGTH_SIZE = 4 };

/* What operators connect to by mistake, by its first bytes (field-notes section 3). */
static const struct {
    const char *start;
    const char *speaks;
} packet_strangers[] = {
    {"HTTP", "HTTP"},    {"GET ", "HTTP"},    {"POST", "HTTP"},  {"<!DO", "HTTP"},
    {"<htm", "HTTP"},    {"220 ", "SMTP"},    {"220-", "SMTP"},  {"554 ", "SMTP"},
    {"554-", "SMTP"},    {"421 ", "SMTP"},    {"421-", "SMTP"},  {"500 ", "SMTP"},
    {"EHLO", "SMTP"},    {"HELO", "SMTP"},    {"UNKN", "clamd"}, {"PONG", "clamd"},
    {"stre", "clamd"},   {"COMM", "clamd"},   /* COMMAND READ TIMED OUT */
    {"\x16\x03", "TLS"}, {"\x15\x03", "TLS"}, /* any version */
    {"* OK", "IMAP"},    {"+OK ", "POP3"},    {"SSH-", "SSH"},   {"SPAM", "spamd"},
};

static const char *packet_name_stranger(struct slice input)
{
    for (size_t i = 0; i < sizeof(packet_strangers) / sizeof(packet_strangers[0]); i++) {
        if (slice_starts_with(input, packet_strangers[i].start)) {
            return packet_strangers[i].speaks;
        }
    }
    return NULL;
}

static uint32_t packet_read_length(struct slice input)
{
    const unsigned char *bytes = (const unsigned char *)input.data;

    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void packet_explain_length(struct slice input, uint32_t length, struct error *error)
{
    const char *speaks = packet_name_stranger(input);

    if (speaks != NULL) {
        error_set(error, ERROR_PROTOCOL, "the peer speaks %s, not the milter protocol", speaks);
    } else if (length == 0) {
        error_set(error, ERROR_PROTOCOL, "packet of length zero");
    } else {
        error_set(error, ERROR_PROTOCOL, "packet of %lu bytes is above the limit of %d bytes",
                  (unsigned long)length, PROTOCOL_PACKET);
    }
}

enum packet_result packet_next(struct slice *input, struct packet *packet, struct error *error)
{
    uint32_t length;

    if (input->length < PACKET_LENGTH_SIZE) {
        return PACKET_PARTIAL;
    }
    length = packet_read_length(*input);
    if (length == 0 || length > PROTOCOL_PACKET) {
        packet_explain_length(*input, length, error);
        return PACKET_INVALID;
    }
    if (input->length - PACKET_LENGTH_SIZE < length) {
        return PACKET_PARTIAL;
    }
    packet->letter = input->data[PACKET_LENGTH_SIZE];
    packet->payload = slice_of(input->data + PACKET_LENGTH_SIZE + 1, length - 1);
    slice_skip(input, PACKET_LENGTH_SIZE + (size_t)length);
    return PACKET_READY;
}

void packet_append(struct buffer *output, char letter, struct slice payload)
{
    buffer_append_uint32(output, (uint32_t)(payload.length + 1));
    buffer_append_byte(output, letter);
    buffer_append_slice(output, payload);
}

size_t packet_begin(struct buffer *output, char letter)
{
    size_t mark = buffer_length(output);

    buffer_append_uint32(output, 0);
    buffer_append_byte(output, letter);
    return mark;
}

void packet_end(struct buffer *output, size_t mark)
{
    size_t length = buffer_length(output) - mark - PACKET_LENGTH_SIZE;
    char *start = output->data + output->start + mark;

    start[0] = (char)(length >> 24);
    start[1] = (char)(length >> 16);
    start[2] = (char)(length >> 8);
    start[3] = (char)length;
}
