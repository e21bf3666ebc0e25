/*
 * packet - framing: uint32 length, one letter, payload (milter-protocol section 1).
 */
#ifndef LIBCORE_WIRE_PACKET_H
#define LIBCORE_WIRE_PACKET_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

enum packet_result {
    PACKET_READY,   /* *packet is filled, *input stands behind it */
    PACKET_PARTIAL, /* more bytes are needed; *input is unchanged */
    PACKET_INVALID, /* *error says why; the connection cannot go on */
};

struct packet {
    char letter;
    struct slice payload; /* inside the input */
};

/*
 * Takes one packet off the front of input.  A length of zero or above
 * PROTOCOL_PACKET is invalid before anything is allocated; bytes that look like
 * HTTP, SMTP, TLS or clamd are named as such.
 */
enum packet_result packet_next(struct slice *input, struct packet *packet, struct error *error);

void packet_append(struct buffer *output, char letter, struct slice payload);
/*
 * For payloads made of parts: begin, append the parts to output, end.  begin
 * returns the mark that end wants.
 */
size_t packet_begin(struct buffer *output, char letter);
void packet_end(struct buffer *output, size_t mark);

#endif
