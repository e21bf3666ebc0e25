/*
 * command - what the MTA side says: payloads taken apart and put together
 * (milter-protocol sections 2 and 5).
 *
 * Liberal in what it takes: empty names, missing final NULs and trailing bytes
 * are kept or ignored, never fatal (manager-semantics section 17 row 16).
 */
#ifndef LIBCORE_WIRE_COMMAND_H
#define LIBCORE_WIRE_COMMAND_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/wire/packet.h"
#include "libcore/wire/protocol.h"

struct command_connect {
    struct slice host;
    char family; /* '4', '6', 'L', 'U' */
    uint16_t port;
    struct slice address; /* text as sent, "IPv6:" prefix included; empty for 'U' */
};

/* Slices point into the payload. */
struct command_packet {
    enum command command;
    struct slice payload; /* untouched, for forwarding byte for byte */
    union {
        struct command_connect connect; /* CONNECT */
        struct {
            struct slice name, value;
        } header;          /* HEADER */
        struct slice text; /* HELO: name; UNKNOWN: the line; BODY, END_OF_MESSAGE: data */
        struct {
            struct slice address;   /* with the brackets the client gave */
            struct slice arguments; /* STR after STR; see slice_take_string */
        } envelope;                 /* MAIL, RCPT */
        struct {
            enum command stage; /* the command the macros belong to */
            bool known;         /* false: no such stage or no NUL at all; ignore the packet */
            struct slice pairs; /* whole pairs: name STR value STR ...; see macro_pair_next */
        } macros;               /* MACRO */
    };
};

/* False with *error for an unknown letter or a payload that makes no sense. */
bool command_decode(const struct packet *packet, struct command_packet *command,
                    struct error *error);

void command_append(struct buffer *output, enum command command, struct slice payload);
void command_append_connect(struct buffer *output, const struct command_connect *connect);
/* HELO and UNKNOWN. */
void command_append_text(struct buffer *output, enum command command, struct slice text);
/* MAIL and RCPT; arguments: STR after STR, may be empty. */
void command_append_envelope(struct buffer *output, enum command command, struct slice address,
                             struct slice arguments);
void command_append_header(struct buffer *output, struct slice name, struct slice value);

#endif
